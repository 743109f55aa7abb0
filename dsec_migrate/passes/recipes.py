"""What a build secret changes in a Dockerfile: for an argument, for a file that is copied, for a part of a RUN."""

from __future__ import annotations

import posixpath
import re

from dsec_migrate import scripts
from dsec_migrate.building import AGENT, RecipeChange
from dsec_migrate.dockerfile import Dockerfile, Instruction, follow, handling, stages, words
from dsec_migrate.passes import agent
from dsec_migrate.patterns import Pattern
from dsec_migrate.project import BuildArgument, BuildFile, BuildPart, DockerfileText, Project
from dsec_migrate.source import Span
from dsec_migrate.stores import Left

# no shell takes these for anything but themselves
_PLAIN = Pattern(r"[\w@%+=:,./-]+")
_OTHER_SHELL = Pattern(r"(?i)powershell|pwsh|cmd(?:\.exe)?\b|fish|python|perl")
# programs that read a file without being told
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


def change(project: Project, slot: BuildArgument, recipe: DockerfileText) -> RecipeChange | Left:
    """For one secret of a build; the reason where there is no change that is sure to be exact."""
    path = recipe.source.path
    if isinstance(slot, BuildFile):
        found = _of_file(project, slot, recipe.content)
    elif isinstance(slot, BuildPart):
        found = _of_part(slot, recipe.content)
    else:
        found = _of_argument(slot, recipe.content)
    return Left(f"{path}: {found}") if isinstance(found, str) else found


def _of_argument(slot: BuildArgument, dockerfile: Dockerfile) -> RecipeChange | str:
    journey = follow(dockerfile, slot.name)
    if journey.obstacle:
        return journey.obstacle
    return RecipeChange(
        tuple((each.instruction, each.declared.word) for each in journey.declarations),
        tuple((run, f"env={slot.name}") for run in journey.runs),
    )


def _of_part(slot: BuildPart, dockerfile: Dockerfile) -> RecipeChange | str:
    """A secret in the words of a RUN becomes a variable."""
    run = slot.instruction
    assert run is not None
    if run.keyword == "ENV":
        return (
            f"line {run.line}: ENV keeps it in the image: take it out there, and give it to the services that need it"
        )
    value = run.text[slice(*slot.part)]
    if any(one.keyword == "SHELL" and _OTHER_SHELL.search(one.text) for one in dockerfile.instructions):
        return f"line {run.line}: another shell than sh runs it: use `RUN --mount=type=secret` by hand"
    if run.words() is not None or run.trigger is not None:
        return f"line {run.line}: no shell runs these words: use `RUN --mount=type=secret` by hand"
    (quotes,) = scripts.quotes_at(run.text, [slot.part.start])
    if _PLAIN.fullmatch(value) is None or quotes not in {"", '"'}:
        return f"line {run.line}: no change of this text is sure to be exact: use `RUN --mount=type=secret` by hand"
    named = (run, slot.part, f"${{{slot.variable}}}")
    return RecipeChange((), ((run, f"env={slot.variable}"),), (named,))


def _of_file(project: Project, slot: BuildFile, dockerfile: Dockerfile) -> RecipeChange | str:
    """A file that is copied into the image is mounted where it is used."""
    copy = slot.instruction
    assert copy is not None
    name = posixpath.basename(slot.name)
    if slot.is_broad:
        return f"line {copy.line} copies its folder with it into the image: add {slot.name} to the .dockerignore"
    stage = next((stage for stage in stages(dockerfile) if any(one is copy for one in stage.instructions)), None)
    if stage is None or copy.trigger is not None:
        return f"line {copy.line}: it is copied where no stage is"
    target = _target(copy, stage.instructions, name, dockerfile.escape)
    if target is None:
        return f"line {copy.line}: nobody knows the folder that it is copied to: use an absolute path"
    is_key = agent.KEY.fullmatch(name) is not None
    reader = _READERS.get(name) or (_WITH_KEYS if is_key else None)
    mounted: list[tuple[Instruction, str]] = []
    gone: list[tuple[Instruction, Span, str]] = []
    user, is_behind, is_named = "", False, False
    for instruction in stage.instructions:
        if instruction is copy:
            is_behind = True
        elif instruction.keyword == "USER":
            user = instruction.text
        elif not is_behind or instruction.keyword != "RUN":
            if is_behind and name in instruction.text:
                return f"line {instruction.line}: {instruction.keyword} needs the file, too"
        else:
            steps = list(handling(instruction.text, _names(target))) if instruction.words() is None else []
            gone += ((instruction, step, "") for step in steps)
            rest = _without(instruction.text, steps)
            if re.search(rf"(?:\b(?:rm|chmod|chown|mv|cp|sed)\b|>)[^;&|\n]*{re.escape(name)}", rest):
                return f"line {instruction.line} changes or removes the file: take that away, a mount goes by itself"
            if name in rest or (reader is not None and reader.search(rest)):
                is_named = is_named or name in rest
                mounted.append((instruction, user))
    if not mounted:
        return f"line {copy.line} copies it, and no RUN is known to need it: take the line out by hand"
    is_served = is_key and not is_named and "/.ssh/" in target
    is_served = is_served and agent.serves(project, dockerfile, slot.text or "")
    hows = ((run, _how(AGENT if is_served else f"target={target}", who)) for run, who in mounted)
    return RecipeChange(((copy, slot.part),), tuple(hows), tuple(gone))


def _names(target: str) -> tuple[str, ...]:
    """How a shell may call a file below a home."""
    home, _, rest = target.rpartition("/.")
    name = f"/.{rest}"
    # whose home it is, nobody asks: it is the file's
    return (target, f"~{name}", f"$HOME{name}", f"${{HOME}}{name}") if home else (target,)


def _without(text: str, parts: list[Span]) -> str:
    for part in reversed(parts):
        text = text[: part.start] + text[part.end :]
    return text


def _target(copy: Instruction, before: tuple[Instruction, ...], name: str, escape: str) -> str | None:
    """The path in the image that the file gets."""
    texts = [copy.text[slice(*word)] for word in words(copy.text, escape)]
    if "$" in texts[-1]:
        return None
    folder = ""
    for instruction in before:
        if instruction is copy:
            break
        if instruction.keyword == "WORKDIR":
            folder = posixpath.join(folder, instruction.text) if "$" not in instruction.text else ""
    path = posixpath.join(folder, texts[-1])
    if not path.startswith("/"):
        return None
    is_folder = len(texts) > 2 or texts[-1].endswith("/") or texts[-1] in {".", ".."}
    normal = posixpath.normpath(path)
    if is_folder or normal == posixpath.normpath(folder or "/"):
        return posixpath.join(normal, name)
    # without a slash at its end it may be a folder that is there
    return normal if "." in posixpath.basename(normal) or posixpath.basename(normal) == name else None


def _how(mount: str, user: str) -> str:
    """A mount that a user other than root can read, too (a file is 0400 of root without, a socket 0600: observed)."""
    number = user.partition(":")[0]
    if number in {"", "root", "0"}:
        return mount
    mode = "0666" if mount == AGENT else "0444"
    return f"{mount},uid={number}" if number.isdigit() else f"{mount},mode={mode}"
