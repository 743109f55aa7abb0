"""Where a file that a build copies into a stage is: there, in the stages that start from it, and in those that copy
from one of them.

Facts (BuildKit, Docker Engine 28): ``FROM name`` starts with all files of an earlier stage; ``COPY --from`` names an
earlier stage by name or number, its sources are paths from the root, and of a folder it copies the contents.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from dsec_migrate.dockerfile.reader import Dockerfile, Instruction
from dsec_migrate.dockerfile.stages import Stage, stages
from dsec_migrate.dockerfile.variables import words
from dsec_migrate.text.patterns import Pattern

_IN_BULK = Pattern(
    r"(?:^|[\s;&|(\"'])(?:/(?:usr/)?bin/)?(?P<program>cp|mv|rsync|tar|zip|ln|scp)[\"',]*\s+(?P<words>[^;&|\n)]{1,1000})"
)
_PACKS = Pattern(r"-{0,2}(?:[a-zA-Z]*c[a-zA-Z]*\b|create)")
_CHANGES_FOLDER = Pattern(r"(?:^|[\s;&|(\"'])cd\s")
_FROM = Pattern(r"(?:\A|,)\s*from=([^,]*)")


class Presence(NamedTuple):
    """The file is at ``path`` after the first ``start`` instructions of ``stage``, whose user is ``user`` there (as in
    USER, empty where there is none)."""

    stage: Stage
    start: int
    path: str
    user: str


class Travels(NamedTuple):
    """``obstacle`` is the first instruction where the file cannot be followed, with the line, or empty."""

    presences: tuple[Presence, ...]
    obstacle: str


def travels(dockerfile: Dockerfile, copy: Instruction, path: str) -> Travels:
    """Every location of the file that ``copy`` puts at ``path`` (absolute) into its stage."""
    known = stages(dockerfile)
    first = next(stage for stage in known if any(one is copy for one in stage.instructions))
    start = next(number for number, one in enumerate(first.instructions, 1) if one is copy)
    found = [Presence(first, start, path, _user(known, first, start))]
    # each new location is followed in turn
    for presence in found:
        for number, instruction in enumerate(presence.stage.instructions[presence.start :], presence.start):
            folder = _folder(known, presence.stage, number)
            if _takes_a_folder(instruction, presence.path, folder, dockerfile.source.text):
                what = f"line {instruction.line}: RUN takes the folder that the file is in to another place"
                return Travels(tuple(found), what)
        for stage in known[presence.stage.number + 1 :]:
            try:
                arrivals = list(_arrivals(dockerfile, known, presence, stage))
            except _UnknownError as error:
                return Travels(tuple(found), str(error))
            places = {(one.stage.number, one.path) for one in found}
            found += (one for one in arrivals if (one.stage.number, one.path) not in places)
    return Travels(tuple(found), "")


class _UnknownError(Exception):
    """An instruction after which it is unknown whether, or where, the file is copied."""


def _arrivals(dockerfile: Dockerfile, known: Sequence[Stage], presence: Presence, stage: Stage) -> Iterator[Presence]:
    """The locations of the file of ``presence`` in a later ``stage``."""
    if stage.base == presence.stage.number:
        yield Presence(stage, 0, presence.path, _user(known, stage, 0))
    for number, instruction in enumerate(stage.instructions, 1):
        inner = instruction.trigger or instruction
        if any(_is_of(source, presence.stage) for source in _mounted(inner)):
            raise _UnknownError(f"line {instruction.line}: {inner.keyword} mounts the stage that has the file")
        source = inner.flag("from") if inner.keyword == "COPY" else None
        if source is None or not ("$" in source or _is_of(source, presence.stage)):
            continue
        parts = inner.words() or [inner.text[slice(*word)] for word in words(inner.text, dockerfile.escape)]
        folder = _folder(known, stage, number - 1)
        for word in parts[:-1]:
            rest = _below(word, presence.path)
            if rest is None:
                continue
            target = parts[-1]
            path = posixpath.join(folder or "", target)
            is_certain = bool(rest) and not set("$*?[") & set(word + target) and path.startswith("/")
            if not is_certain or "$" in source or inner is not instruction:
                raise _UnknownError(f"line {instruction.line}: COPY also takes the file from that stage")
            yield Presence(
                stage, number, posixpath.normpath(posixpath.join(path, rest or "")), _user(known, stage, number)
            )


def _takes_a_folder(instruction: Instruction, path: str, folder: str | None, source: str) -> bool:
    """Whether a RUN copies, moves, packs or links a folder above the file, which then has another location as well."""
    inner = instruction.trigger or instruction
    if inner.keyword != "RUN":
        return False
    texts = [" ".join(inner.words() or [])] if inner.words() is not None else []
    texts += [inner.text, *(source[each.content.start : each.content.end] for each in inner.heredocs)]
    # the meaning of a relative path after `cd` is unknown
    has_moved = any(_CHANGES_FOLDER.search(text) for text in texts)
    for match in (match for text in texts for match in _IN_BULK.finditer(text)):
        words_of_it = [word.strip("\"',[]") for word in match["words"].split()]
        plain = [word for word in words_of_it if word and not word.startswith("-")]
        if match["program"] == "tar" and not _PACKS.match(match["words"]):
            continue
        # the last one is the destination, except for an archive
        sources = plain if match["program"] in {"tar", "zip"} else plain[:-1]
        for word in sources:
            if not word.startswith("/") and (folder is None or has_moved):
                if word in {".", "./", "..", "*", "./*"} or "$" in word:
                    return True
                continue
            if (rest := _below(posixpath.join(folder or "/", word), path)) is not None and (rest or "$" in word):
                return True
    return False


def _below(word: str, path: str) -> str | None:
    """The part of ``path`` below the folder that a word of COPY names; empty where it is the file itself; None where
    the word names something else."""
    source = posixpath.normpath("/" + word.strip("\"'")).replace("//", "/")
    if "$" in source:
        return ""
    parts = path.strip("/").split("/")
    for count in range(len(parts) + 1):
        if fnmatchcase("/" + "/".join(parts[:count]), source):
            return "/".join(parts[count:])
    return None


def _mounted(instruction: Instruction) -> Iterator[str]:
    """The stages that a RUN mounts."""
    for flag in instruction.flags:
        match = _FROM.search(flag.value) if flag.name == "mount" and flag.value else None
        if match is not None:
            yield match[1]


def _is_of(source: str, stage: Stage) -> bool:
    return source == str(stage.number) or (stage.name is not None and source.lower() == stage.name.lower())


def _lineage(known: Sequence[Stage], stage: Stage, count: int) -> Iterator[Instruction]:
    """The instructions that lead to the first ``count`` of a stage, including those of the stages it starts from."""
    if stage.base is not None:
        base = known[stage.base]
        yield from _lineage(known, base, len(base.instructions))
    yield from stage.instructions[:count]


def _user(known: Sequence[Stage], stage: Stage, count: int) -> str:
    users = [one.text for one in _lineage(known, stage, count) if one.keyword == "USER"]
    return users[-1] if users else ""


def _folder(known: Sequence[Stage], stage: Stage, count: int) -> str | None:
    """The working directory there; None where it is unknown."""
    folder: str | None = None
    for instruction in _lineage(known, stage, count):
        if instruction.keyword == "WORKDIR":
            text = instruction.text
            folder = None if "$" in text else posixpath.join(folder or "", text)
            folder = folder if folder is not None and folder.startswith("/") else None
    return folder


def folder_of(dockerfile: Dockerfile, instruction: Instruction) -> str | None:
    """The working directory of ``instruction`` (WORKDIR, also of the stage that its stage starts from); None where it
    is unknown."""
    known = stages(dockerfile)
    for stage in known:
        for number, one in enumerate(stage.instructions):
            if one is instruction:
                return _folder(known, stage, number)
    return None
