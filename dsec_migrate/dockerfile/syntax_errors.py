"""What BuildKit refuses in a Dockerfile: such a file is not edited, since no build can check the result.

Checked with ``docker buildx build --call=check`` of Docker Engine 28 (BuildKit 0.25). A bare RUN, CMD or ENTRYPOINT is
accepted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from dsec_migrate.dockerfile.reader import Dockerfile, Instruction
from dsec_migrate.dockerfile.variables import words
from dsec_migrate.text.structured import json_of

_LEAST = {
    "ADD": 2, "ARG": 1, "CMD": 0, "COPY": 2, "ENTRYPOINT": 0, "ENV": 1, "EXPOSE": 1, "FROM": 1, "HEALTHCHECK": 1,
    "LABEL": 1, "MAINTAINER": 1, "ONBUILD": 1, "RUN": 0, "SHELL": 1, "STOPSIGNAL": 1, "USER": 1, "VOLUME": 1,
    "WORKDIR": 1,
}  # fmt: skip
_WITH_FLAGS = frozenset({"ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"})
_LISTS = frozenset({"ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"})
_PAIRS = frozenset({"ENV", "LABEL"})


class Mistake(NamedTuple):
    line: int
    what: str


@lru_cache(maxsize=64)
def mistake(dockerfile: Dockerfile) -> Mistake | None:
    """The first error, None where there is none that can be seen from the text."""
    is_inside = False
    for instruction in dockerfile.instructions:
        what = _of(instruction, dockerfile.escape)
        is_inside = is_inside or instruction.keyword == "FROM"
        if not what and not is_inside and instruction.keyword != "ARG":
            what = f"{instruction.keyword} is above the first FROM"
        if what:
            return Mistake(instruction.line, what)
    return None if is_inside else Mistake(1, "it has no FROM")


def _of(instruction: Instruction, escape: str) -> str:
    keyword = instruction.keyword
    if keyword not in _LEAST:
        # the word itself may be anything, also a value
        return "there is no such instruction"
    if instruction.flags and keyword not in _WITH_FLAGS:
        return f"{keyword} has no flags"
    if any(not each.ends for each in instruction.heredocs):
        return "its here-document is not terminated"
    if instruction.trigger is not None:
        # the rest is checked where it is built
        inner = instruction.trigger.keyword
        return f"{inner} is no trigger" if inner in {"FROM", "MAINTAINER", "ONBUILD"} else ""
    found = [instruction.text[slice(*word)] for word in words(instruction.text, escape)]
    listed = instruction.words() if keyword in _LISTS else None
    if keyword in _LISTS and listed is None and _is_other_list(instruction.text):
        return f"{keyword} requires a JSON list of strings"
    if len(found if listed is None else listed) < _LEAST[keyword]:
        return f"{keyword} needs {'more arguments' if found else 'an argument'}"
    if keyword == "SHELL" and listed is None:
        return "SHELL requires a JSON list of strings"
    if keyword == "FROM" and not (len(found) == 1 or (len(found) == 3 and found[1].lower() == "as")):
        return "FROM requires an image, or an image AS a name"
    if keyword in _PAIRS and "=" in found[0] and any("=" not in word for word in found):
        return f"{keyword} takes NAME=value"
    if keyword in _PAIRS and "=" not in found[0] and len(found) == 1:
        return f"{keyword} needs a value"
    if keyword in {*_PAIRS, "ARG"} and any(word.startswith("=") for word in found):
        return f"{keyword} takes a name before the ="
    return _of_check([word.upper() for word in found]) if keyword == "HEALTHCHECK" else ""


def _of_check(found: list[str]) -> str:
    if found[0] == "NONE":
        return "HEALTHCHECK NONE takes no arguments" if len(found) > 1 else ""
    return "" if found[0] == "CMD" and len(found) > 1 else "HEALTHCHECK requires CMD and a command, or NONE"


def _is_other_list(text: str) -> bool:
    """A JSON list with an item that is not a string: what is not JSON counts as shell form."""
    if not text.startswith("["):
        return False
    try:
        return isinstance(json_of(text), list)
    except ValueError:
        return False
