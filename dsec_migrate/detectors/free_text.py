"""Secret parts of any text, to mask it in output: command lines, labels, comments, whole lines of YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dsec_migrate.detectors import connection_string, password_hash, program_word
from dsec_migrate.detectors.all_detectors import OF_TEXTS, OF_WORDS
from dsec_migrate.detectors.assignments import assignments, is_plain, is_shell
from dsec_migrate.detectors.finding import MARKS, Confidence
from dsec_migrate.detectors.literal_parts import Template, template
from dsec_migrate.detectors.names import meaning
from dsec_migrate.text.patterns import Pattern


class Passage(NamedTuple):
    """The characters ``start`` to ``end`` of a text are a secret; ``why`` is a short sentence that holds no value."""

    start: int
    end: int
    confidence: Confidence
    why: str


# at the start of a line: a mapping entry, a list item or a shell assignment, also after comment characters
_VARIABLE = Pattern(
    r"(?m)^[ \t#>-]{0,40}(?:export[ \t]{1,4})?(?P<quote>[\"']?)(?P<name>[A-Za-z_][A-Za-z0-9_.-]{1,100})[\"']?"
    r"(?:(?P<sign>=)(?![=>])|[ \t]{0,4}:[ \t]{1,40})"
)
_DEFAULTS = frozenset({":-", "-"})
_ALIAS = Pattern(r"\*[A-Za-z][\w-]*")
_QUOTES = frozenset({'"', "'"})
# a comment, an escaped quote (a part of a longer text), tags of Compose
_NO_VALUES = ("#", "\\", "!reset", "!override")


def find(text: str) -> list[Passage]:
    """The secrets in ``text`` recognized by their format or their context. Linear in its length."""
    parsed = template(text)
    view = parsed.view
    has_marks = MARKS.search(view) is not None
    found = [
        Passage(start, end, one.CONFIDENCE, one.WHY)
        for one in (OF_TEXTS if has_marks else OF_WORDS)
        for start, end in one.find(view)
        if not is_shell(view[start:end])
    ]
    if has_marks:
        found += (
            Passage(*span, Confidence.CERTAIN, connection_string.WHY) for span in connection_string.passwords(view)
        )
        found += (
            Passage(one.start, one.end, Confidence.LIKELY, "a credential is assigned in the text")
            for one in assignments(view)
            if not one.is_prose and not _ALIAS.fullmatch(view, one.start, one.end)
        )
    if parsed.references:
        found += (
            Passage(*span, Confidence.LIKELY, "a credential is the default of a reference") for span in defaults(parsed)
        )
        # of a range that holds references, only the defaults and the text around them are secret
        found = [
            one._replace(start=start, end=end) for one in found for start, end in parsed.expose(one.start, one.end)[1]
        ]
    found += (Passage(*span, Confidence.LIKELY, "the hash of a credential") for span in password_hash.find(text))
    return found


def defaults(parsed: Template) -> Iterator[tuple[int, int]]:
    """The default of each reference whose name suggests a secret: ``${ADMIN_PASSWORD:-changeme}``."""
    for reference in parsed.references:
        value, told = reference.branch, meaning(reference.name)
        if reference.operator not in _DEFAULTS or not told.is_telling or told.is_switch:
            continue
        if program_word.is_value(value) and not is_plain(value, told.kind):
            yield reference.end - 1 - len(value), reference.end - 1


def variables(text: str) -> Iterator[tuple[str, int, int]]:
    """Each line of ``text`` that sets a variable, also in comments: its name, and where its value starts and ends."""
    for match in _VARIABLE.finditer(text):
        name, start = match["name"], match.end()
        # `# Password: ask for it` is a sentence
        if not match["sign"] and not (name.isupper() or "_" in name or "." in name):
            continue
        end = text.find("\n", start)
        value = text[start : len(text) if end < 0 else end].partition(" #")[0].rstrip()
        if value[:1] in _QUOTES and value.find(value[0], 1) > 0:
            start, value = start + 1, value[1 : value.find(value[0], 1)]
        elif match["quote"] and value.endswith(match["quote"]):
            value = value[:-1]
        if value and not value.startswith(_NO_VALUES) and not is_shell(value):
            yield name, start, start + len(value)
