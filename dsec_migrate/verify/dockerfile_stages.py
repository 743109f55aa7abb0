"""What the RUN instructions of a Dockerfile see before and after: arguments, and files that were copied.

Read with the second reader (``buildkit``), stage by stage, as BuildKit builds them: a stage that starts from an
earlier one has its arguments and files; ``COPY --from`` copies what is below its sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dsec_migrate.verify.buildkit import Node

_HEAD = re.compile(r"(\S+)(?:\s+as\s+(\S+))?\s*\Z", re.IGNORECASE)


class _Stage(NamedTuple):
    name: str
    base: int | None
    nodes: list[Node]


def lacking(old: Sequence[Node], new: Sequence[Node], arguments: set[str], files: set[str]) -> Iterator[Node]:
    """RUN instructions of ``old`` that name one of ``arguments``, which were declared for them, or one of ``files``
    (base names), which were copied for them, and whose counterparts in ``new`` do not receive it. A removed
    instruction lacks nothing."""
    counterparts = dict(_pairs(old, new))
    for argument in sorted(arguments):
        named = re.compile(rf"\$\{{?{re.escape(argument)}(?!\w)")
        for node in _having(old, "ARG", re.compile(rf"(?<![^\s]){re.escape(argument)}(?![^=\s])")):
            counterpart = counterparts.get(id(node))
            is_named = any(map(named.search, (node.arguments, *node.contents)))
            if is_named and counterpart is not None and not _mounts(counterpart, f"env={argument}"):
                yield node
    for file in sorted(files):
        named = re.compile(rf"(?<![\w.-]){re.escape(file)}(?![\w.-])")
        for node in _having(old, "COPY", named):
            counterpart = counterparts.get(id(node))
            if named.search(node.arguments) and counterpart is not None and named.search(counterpart.arguments):
                given = any(
                    flag.startswith("mount=") and ("type=ssh" in flag or named.search(flag))
                    for flag in counterpart.flags
                )
                if not given:
                    yield node


def _having(nodes: Sequence[Node], keyword: str, word: re.Pattern[str]) -> Iterator[Node]:
    """The RUN instructions after a ``keyword`` with ``word``, in its stage and in those that it reaches."""
    stages: list[_Stage] = []
    for node in nodes:
        if node.keyword == "FROM":
            match = _HEAD.match(node.arguments)
            image, name = (match[1], match[2] or "") if match is not None else (node.arguments, "")
            bases = [number for number, stage in enumerate(stages) if stage.name and stage.name == image.lower()]
            stages.append(_Stage(name.lower(), bases[-1] if bases else None, []))
        elif stages:
            stages[-1].nodes.append(node)
    having: set[int] = set()
    for number, stage in enumerate(stages):
        has = stage.base in having
        for node in stage.nodes:
            if node.keyword == "RUN" and has:
                yield node
            elif node.keyword in {keyword, "ADD" if keyword == "COPY" else keyword}:
                source = next((flag[5:].lower() for flag in node.flags if flag.startswith("from=")), None)
                if source is None:
                    has = has or word.search(node.arguments) is not None
                else:
                    from_those = {stages[one].name for one in having} | {str(one) for one in having}
                    # a folder may contain it: whether it does shows in which instructions name the file
                    has = has or source in from_those - {""}
        if has:
            having.add(number)


def _pairs(old: Sequence[Node], new: Sequence[Node]) -> Iterator[tuple[int, Node]]:
    """The identity of each old RUN with the new one of the same words; the first of several with the first."""
    rest = [node for node in new if node.keyword == "RUN"]
    for node in old:
        same = [one for one in rest if (one.arguments, one.contents) == (node.arguments, node.contents)]
        if node.keyword == "RUN" and same:
            rest.remove(same[0])
            yield id(node), same[0]


def _mounts(node: Node, option: str) -> bool:
    return any(flag.startswith("mount=type=secret") and option in flag.split(",") for flag in node.flags)
