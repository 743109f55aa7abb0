"""What a build secret changes in a Dockerfile: for an argument, for a file that is copied, for a part of a RUN."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from dsec_migrate.compose.project import BuildArgument, BuildFile, BuildPart, DockerfileText, Project
from dsec_migrate.dockerfile import (
    Dockerfile,
    Instruction,
    Presence,
    folder_of,
    follow,
    handling,
    stages,
    travels,
    words,
)
from dsec_migrate.planning import shell_texts
from dsec_migrate.planning.build_changes import AGENT, DockerfileChange
from dsec_migrate.planning.passes import agent
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.source import Span

# these have no special meaning in a shell
_PLAIN = Pattern(r"[\w@%+=:,./-]+")
_OTHER_SHELL = Pattern(r"(?i)powershell|pwsh|cmd(?:\.exe)?\b|fish|python|perl")
# programs that read a file by default
_READERS = {
    ".npmrc": Pattern(r"(?<![\w./-])(?:npm|npx|yarn|pnpm|bun|corepack)(?![\w-])"),
    ".yarnrc": Pattern(r"(?<![\w./-])yarn(?![\w-])"),
    ".netrc": Pattern(r"(?<![\w./-])(?:git|curl|wget|go|pip3?|uv|composer)(?![\w-])"),
    ".git-credentials": Pattern(r"(?<![\w./-])(?:git|go|pip3?|npm|yarn|pnpm|composer|cargo)(?![\w-])"),
    ".pypirc": Pattern(r"(?<![\w./-])(?:twine|pip3?|uv|poetry|python3?)(?![\w-])"),
    "auth.json": Pattern(r"(?<![\w./-])composer(?![\w-])"),
    "settings.xml": Pattern(r"(?<![\w./-])(?:mvnw?|\./mvnw)(?![\w-])"),
    ".pgpass": Pattern(r"(?<![\w./-])(?:psql|pg_dump|pg_dumpall|pg_restore|pg_basebackup)(?![\w-])"),
    ".my.cnf": Pattern(r"(?<![\w./-])(?:mysql|mysqldump|mariadb|mariadb-dump|mysqladmin)(?![\w-])"),
    "credentials": Pattern(r"(?<![\w./-])(?:aws|sam|terraform|cdk|serverless)(?![\w-])"),
    "auth.conf": Pattern(r"(?<![\w./-])(?:apt|apt-get)(?![\w-])"),
}
_WITH_KEYS = Pattern(r"(?<![\w./-])(?:git|ssh|scp|sftp|rsync|go|npm|yarn|pnpm|pip3?|composer|cargo|bundle)(?![\w.-])")


def change(project: Project, declaration: BuildArgument, text: DockerfileText) -> DockerfileChange | Skipped:
    """The change for one build secret; the reason if there is no exact change."""
    path = text.source.path
    if isinstance(declaration, BuildFile):
        found = _of_file(project, declaration, text.content)
    elif isinstance(declaration, BuildPart):
        found = _of_part(declaration, text.content)
    else:
        found = _of_argument(declaration, text.content)
    return Skipped(f"{path}: {found}") if isinstance(found, str) else found


def _of_argument(declaration: BuildArgument, dockerfile: Dockerfile) -> DockerfileChange | str:
    journey = follow(dockerfile, declaration.name)
    if journey.obstacle:
        return journey.obstacle
    return DockerfileChange(
        tuple((each.instruction, each.declared.word) for each in journey.declarations),
        tuple((run, f"env={declaration.name}") for run in journey.runs),
    )


def _of_part(declaration: BuildPart, dockerfile: Dockerfile) -> DockerfileChange | str:
    """A secret in the words of a RUN becomes a variable."""
    run = declaration.instruction
    assert run is not None
    if run.keyword == "ENV":
        return f"line {run.line}: ENV keeps it in the image: remove it there, and pass it to the services that need it"
    value = run.text[slice(*declaration.part)]
    if any(one.keyword == "SHELL" and _OTHER_SHELL.search(one.text) for one in dockerfile.instructions):
        return f"line {run.line}: it runs in a shell other than sh: use `RUN --mount=type=secret` by hand"
    if run.words() is not None or run.trigger is not None:
        return f"line {run.line}: it runs without a shell: use `RUN --mount=type=secret` by hand"
    (quotes,) = shell_texts.quotes_at(run.text, [declaration.part.start])
    if _PLAIN.fullmatch(value) is None or quotes not in {"", '"'}:
        return f"line {run.line}: it cannot be edited exactly: use `RUN --mount=type=secret` by hand"
    named = (run, declaration.part, f"${{{declaration.variable}}}")
    return DockerfileChange((), ((run, f"env={declaration.variable}"),), (named,))


def _of_file(project: Project, declaration: BuildFile, dockerfile: Dockerfile) -> DockerfileChange | str:
    """A file that is copied into the image is mounted instead where it is used."""
    copy = declaration.instruction
    assert copy is not None
    name = posixpath.basename(declaration.name)
    if declaration.is_broad:
        if copy.words() is not None:
            return f"line {copy.line} names it in a list: remove it there, and mount it where a RUN needs it"
        return f"line {copy.line} copies its whole folder into the image: add {declaration.name} to .dockerignore"
    is_in_stage = any(one is copy for stage in stages(dockerfile) for one in stage.instructions)
    if not is_in_stage or copy.trigger is not None:
        return f"line {copy.line}: it is not copied in a build stage"
    target = _target(copy, folder_of(dockerfile, copy), name, dockerfile.escape)
    if target is None:
        return f"line {copy.line}: it is copied to an unknown folder: use an absolute path"
    journey = travels(dockerfile, copy, target)
    if journey.obstacle:
        return journey.obstacle
    is_key = agent.KEY.fullmatch(name) is not None
    mounted: list[_Mounted] = []
    gone: list[tuple[Instruction, Span, str]] = []
    for presence in journey.presences:
        used = _used(presence, name, is_key=is_key)
        if isinstance(used, str):
            return used
        mounted += used.mounted
        gone += used.gone
    if not mounted:
        return f"line {copy.line} copies it, and no RUN is known to need it: remove the line by hand"
    is_served = is_key and all("/.ssh/" in one.path and not one.is_named for one in mounted)
    is_served = is_served and agent.serves(project, dockerfile, declaration.text or "")
    hows = ((one.run, _how(AGENT if is_served else f"target={one.path}", one.user)) for one in mounted)
    return DockerfileChange(((copy, declaration.part),), tuple(hows), tuple(gone))


class _Mounted(NamedTuple):
    """A RUN that needs the file at ``path``, as ``user``; ``is_named``: its text names it."""

    run: Instruction
    path: str
    user: str
    is_named: bool


class _Used(NamedTuple):
    mounted: list[_Mounted]
    gone: list[tuple[Instruction, Span, str]]


def _used(presence: Presence, name: str, *, is_key: bool) -> _Used | str:
    """What a stage does with the file; or why a mount is not equivalent."""
    reader = _READERS.get(name) or (_WITH_KEYS if is_key else None)
    found = _Used([], [])
    user = presence.user
    for instruction in presence.stage.instructions[presence.start :]:
        if instruction.keyword == "USER":
            user = instruction.text
        elif instruction.keyword != "RUN":
            if name in instruction.text:
                return f"line {instruction.line}: {instruction.keyword} also needs the file"
        else:
            own = _names(presence.path)
            steps = list(handling(instruction.text, own)) if instruction.words() is None else []
            found.gone.extend((instruction, step, "") for step in steps)
            rest = _without(instruction.text, steps)
            if re.search(rf"(?:\b(?:rm|chmod|chown|mv|cp|sed)\b|>)[^;&|\n]*{re.escape(name)}", rest):
                return f"line {instruction.line} changes or removes the file: remove that step, a mount needs none"
            if name in rest or (reader is not None and reader.search(rest)):
                found.mounted.append(_Mounted(instruction, presence.path, user, name in rest))
    return found


def _names(target: str) -> tuple[str, ...]:
    """The names that a shell may use for a file in a home directory."""
    home, _, rest = target.rpartition("/.")
    name = f"/.{rest}"
    # whose home it is does not matter: it is the file's
    return (target, f"~{name}", f"$HOME{name}", f"${{HOME}}{name}") if home else (target,)


def _without(text: str, parts: list[Span]) -> str:
    for part in reversed(parts):
        text = text[: part.start] + text[part.end :]
    return text


def _target(copy: Instruction, folder: str | None, name: str, escape: str) -> str | None:
    """The path of the file in the image; ``folder`` is the one to which relative paths refer there."""
    texts = [copy.text[slice(*word)] for word in words(copy.text, escape)]
    if "$" in texts[-1]:
        return None
    folder = folder or ""
    path = posixpath.join(folder, texts[-1])
    if not path.startswith("/"):
        return None
    is_folder = len(texts) > 2 or texts[-1].endswith("/") or texts[-1] in {".", ".."}
    normal = posixpath.normpath(path)
    if is_folder or normal == posixpath.normpath(folder or "/"):
        return posixpath.join(normal, name)
    # without a trailing slash it may be an existing folder
    return normal if "." in posixpath.basename(normal) or posixpath.basename(normal) == name else None


def _how(mount: str, user: str) -> str:
    """A mount that a user other than root can read (by default a file is root's with 0400, a socket 0600: observed)."""
    number = user.partition(":")[0]
    if number in {"", "root", "0"}:
        return mount
    mode = "0666" if mount == AGENT else "0444"
    return f"{mount},uid={number}" if number.isdigit() else f"{mount},mode={mode}"
