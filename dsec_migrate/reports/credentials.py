"""Finds where a value appears as a credential: the only places where a short or ordinary word is masked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dsec_migrate.reports.hiding import Range, occurrences
from dsec_migrate.text.patterns import Pattern

_TELLING = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|pw|secret|token|credentials?|"
    r"(?:api|secret|access|private|master|encryption|signing)[_-]?key)\d?"
)
# between an option and its value: an equals sign, a space, the next item of a list
_GAP = r"""["']?(?:=|[ \t]*,\s*|[ \t]+|\s*\n\s*-[ \t]+)["']?"""
# the text directly before the value
_LEAD = Pattern(
    rf"""(?:
      (?<![\w-])-p                                                    # mysql -pVALUE
    | (?<![\w-])--?(?:[\w-]*[_-])?(?:{_TELLING}|requirepass|masterauth){_GAP}
    | (?<![\w-])-[aw]{_GAP}                                           # redis-cli -a VALUE, ldapsearch -w VALUE
    | (?:(?<![A-Za-z])|_){_TELLING}\\?["']?[ \t]*[=:][ \t]*\\?["']?   # X_PASSWORD=VALUE, "password": "VALUE"
    | [A-Za-z]{_TELLING}=["']?                                        # PGPASSWORD=VALUE
    | (?<![\w-])(?:-u|--user){_GAP}[^\s:"']+:                         # curl -u user:VALUE
    | \$\{{\w*{_TELLING}\w*:?[-+=]                                    # the default of a reference
    | \bidentified[ ]+by[ ]+["']
    )\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_LONGEST_LEAD = 120
_MANY = 50
_WORD = Pattern(r"""[^\s"'`=:,;@|&(){}\[\]]+""")
_BEFORE = frozenset("pP \t\"'=:,-+")


def credentials(text: str, values: Iterable[str]) -> Iterator[Range]:
    """The ranges of each of ``values`` in ``text`` where it follows a password option, is in a URL, or is assigned to a
    name of a password."""
    known = set(values)
    places = _words(text, known) if len(known) > _MANY else occurrences(text, known)
    for start, end in places:
        if text[start - 1 : start] in _BEFORE and _ends(text, end) and _is_credential(text, start, end):
            yield start, end


def _words(text: str, values: set[str]) -> Iterator[Range]:
    """The words of ``text`` that are one of many ``values``, in one pass; also after ``-p``, or as a default."""
    for match in _WORD.finditer(text):
        word = match.group()
        lead = next(
            (lead for lead in ("", "-p", "-", "+") if word.startswith(lead) and word[len(lead) :] in values), None
        )
        if lead is not None:
            yield match.start() + len(lead), match.end()


def _ends(text: str, end: int) -> bool:
    behind = text[end : end + 1]
    return not (behind.isalnum() or behind == "_")


def _is_credential(text: str, start: int, end: int) -> bool:
    if text[start - 1] == ":" and text[end : end + 1] == "@":
        return True
    return _LEAD.search(text, max(0, start - _LONGEST_LEAD), start) is not None
