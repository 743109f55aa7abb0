"""No secret is short enough to be guessed.

A value of less than 12 characters, or of one kind of character, can be guessed if the program allows enough attempts,
or if a hash of it leaks.

What to do: set a random value of 32 letters and digits.

Source: NIST SP 800-63B asks for 15 characters where a password is the only factor.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.checks.strength import is_common, is_guessable, once
from dsec_migrate.checks.subject import Done, Item, Subject, Weight


def look(subject: Subject) -> Iterator[Item | Done]:
    for known in once(subject.known):
        value = known.value.reveal()
        if is_common(value) or not is_guessable(value):
            continue
        fix = subject.renewal(known.subject)
        yield Item(known.site, known.subject, "its value is short, or of one kind of character", fix, Weight.MEDIUM)
