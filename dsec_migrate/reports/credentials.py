"""Where a value stands as a credential: the only places where one is masked that is short, or a word like any other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dsec_migrate.patterns import Pattern
from dsec_migrate.reports.hiding import Range

_TELLING = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|pw|secret|token|credentials?|"
    r"(?:api|secret|access|private|master|encryption|signing)[_-]?key)\d?"
)
# between an option and its value: a sign, a blank, the next item of a list
_GAP = r"""["']?(?:=|[ \t]*,\s*|[ \t]+|\s*\n\s*-[ \t]+)["']?"""
# what stands before the value, to its very start
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
_BEFORE = frozenset("pP \t\"'=:,-+")


def credentials(text: str, values: Iterable[str]) -> Iterator[Range]:
    """The places of each of ``values`` in ``text`` where it stands behind a password option, in a URL, or is assigned
    to what is called a password."""
    for value in values:
        position = text.find(value)
        while position >= 0:
            end = position + len(value)
            if text[position - 1 : position] in _BEFORE and _ends(text, end) and _is_credential(text, position, end):
                yield position, end
            position = text.find(value, position + 1)


def _ends(text: str, end: int) -> bool:
    behind = text[end : end + 1]
    return not (behind.isalnum() or behind == "_")


def _is_credential(text: str, start: int, end: int) -> bool:
    if text[start - 1] == ":" and text[end : end + 1] == "@":
        return True
    return _LEAD.search(text, max(0, start - _LONGEST_LEAD), start) is not None
