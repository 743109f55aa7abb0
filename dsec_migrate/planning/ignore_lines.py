"""What keeps values out of git and out of images: lines of ignore files, and what git reports about them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from dsec_migrate import git
from dsec_migrate.compose import builds
from dsec_migrate.compose.project import Project
from dsec_migrate.planning.changes import NewFile, PlannedSecret
from dsec_migrate.text import ignore_files
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.reserved_names import JOURNAL, UNDO
from dsec_migrate.text.secret import Secret

Read = Callable[[Path], bytes | None]


class Disk(Protocol):
    """The files on disk and the planned ones, as ``secret_files.Disk`` keeps them."""

    def read(self, path: Path) -> bytes | None: ...

    def claim(self, path: Path, content: bytes) -> None: ...


def out_of_git(
    project: Project, folder: Path, secrets: Sequence[PlannedSecret], kept: Sequence[str], disk: Disk
) -> Iterator[NewFile]:
    """What keeps the files of one folder out of git, except those that are ``kept``: a ``.gitignore`` in a new folder,
    and lines in that of the project.

    Raises UserError if git would still track a new value.
    """
    base, place = _real(project.directory), _real(folder)
    top = _repository_around(place)
    file = project.directory / ignore_files.NAME

    def is_ignored(name: str) -> bool:
        outermost = top or (base if place.is_relative_to(base) else place)
        return ignore_files.is_ignored_by_git(outermost, place / name, read)

    def read(path: Path) -> bytes | None:
        # planned files are known by the project's own paths
        known = {base / ignore_files.NAME: file, place / ignore_files.NAME: folder / ignore_files.NAME}
        return disk.read(known.get(path, path))

    names = [secret.path.name for secret in secrets if secret.path is not None]
    # git does not follow a .gitignore that is a link
    if not file.is_symlink():
        replaced = ignore_but(project, folder, kept, disk) if kept else None
        if replaced is not None:
            yield replaced.as_new_file(disk)
        else:
            yield from _with_lines(file, _lines(base, place, names, "/"), is_ignored, disk)
    if _is_new(folder) and disk.read(folder / ignore_files.NAME) is None:
        disk.claim(folder / ignore_files.NAME, ignore_files.OWN.encode())
        yield NewFile(folder / ignore_files.NAME, Secret(ignore_files.OWN), 0o644, append=True, is_secret=False)
    for secret in secrets if top is not None else ():
        if secret.path is not None and not secret.has_file and not is_ignored(secret.path.name):
            raise UserError(
                "git would track the file of a secret: a later or deeper .gitignore rule re-includes it",
                str(secret.path),
                help=f"run `git check-ignore -v {secret.path}` to find the rule, or choose another --secrets-dir",
            )


def out_of_images(project: Project, folder: Path, names: Sequence[str], disk: Disk) -> Iterator[NewFile]:
    """The lines that keep files of one folder out of the project's build contexts, in ignore files that the call may
    change."""
    for context, ignore in _ignore_files(project, disk.read):
        if _may_change(project, ignore):
            yield from _out_of_context(ignore, context, folder, names, disk)


def in_images(project: Project, paths: Sequence[Path], read: Read) -> Iterator[str]:
    """Which build contexts contain secret files because their ignore file is outside what the run may change."""
    for context, ignore in _ignore_files(project, read):
        if _may_change(project, ignore):
            continue
        base, text = _real(context), (read(ignore) or b"").decode("utf-8", "replace")
        inside = [place.relative_to(base).as_posix() for path in paths if (place := _real(path)).is_relative_to(base)]
        if any(not ignore_files.is_ignored_by_docker(text, name) for name in inside):
            yield (
                f"the build context {context} contains secret files, and {ignore} is outside the project: add their "
                f"folder to it, or pass `--allow {shlex.quote(str(context))}`"
            )


def _may_change(project: Project, ignore: Path) -> bool:
    return not project.boundary.own or project.boundary.surrounds(ignore)


def _ignore_files(project: Project, read: Read) -> Iterator[tuple[Path, Path]]:
    """The build contexts, each with its ignore file."""
    for context, dockerfile in _build_contexts(project):
        own = Path(f"{dockerfile}.dockerignore")
        yield context, own if read(own) is not None else context / ".dockerignore"


def _out_of_context(path: Path, context: Path, folder: Path, names: Sequence[str], disk: Disk) -> Iterator[NewFile]:
    """The lines that the ``.dockerignore`` of a build context lacks."""
    base, place = _real(context), _real(folder)
    text = (disk.read(path) or b"").decode("utf-8", "replace")

    def is_ignored(name: str) -> bool:
        return ignore_files.is_ignored_by_docker(text, (place / name).relative_to(base).as_posix())

    yield from _with_lines(path, _lines(base, place, names, ""), is_ignored, disk)


def _lines(base: Path, place: Path, names: Sequence[str], anchor: str) -> Mapping[str, Sequence[str]]:
    """The lines of an ignore file in ``base`` that ignore files in ``place``, each with the names that it covers; none
    if that is outside."""
    if not place.is_relative_to(base):
        return {}
    relative = ignore_files.literally(place.relative_to(base).as_posix())
    if relative == ".":
        return {f"{anchor}{ignore_files.literally(name)}": [name] for name in names}
    if _is_ours(place, names):
        return {f"{anchor}{relative}/": names}
    return {f"{anchor}{relative}/{ignore_files.literally(name)}": [name] for name in names}


def _with_lines(
    path: Path, wanted: Mapping[str, Sequence[str]], is_ignored: Callable[[str], bool], disk: Disk
) -> Iterator[NewFile]:
    """The lines that the file lacks, or that a later line re-includes."""
    content = (disk.read(path) or b"").decode("utf-8", "replace")
    present = {line.strip() for line in content.splitlines()}
    missing = [line for line, names in wanted.items() if not (_is_there(line, present) and all(map(is_ignored, names)))]
    if not missing:
        return
    newline = "\r\n" if "\r\n" in content else "\n"
    start = newline if content and not content.endswith("\n") else ""
    addition = start + "".join(line + newline for line in missing)
    disk.claim(path, (content + addition).encode())
    yield NewFile(path, Secret(addition), 0o644, append=True, is_secret=False)


@dataclass(frozen=True, repr=False)
class IgnoreFile:
    """An ignore file and its new text."""

    path: Path
    text: str

    def as_new_file(self, disk: Disk) -> NewFile:
        """For a plan, with the current content."""
        present = (disk.read(self.path) or b"").decode("utf-8", "replace")
        disk.claim(self.path, self.text.encode())
        if self.text.startswith(present):
            return NewFile(self.path, Secret(self.text[len(present) :]), 0o644, append=True, is_secret=False)
        return NewFile(self.path, Secret(self.text), 0o644, is_secret=False, replaces=Secret(present))


def ignore_but(project: Project, folder: Path, kept: Sequence[str], disk: Disk) -> IgnoreFile | None:
    """The project's .gitignore, changed so that git tracks only the files of the folder that match one of the ``kept``
    patterns or are re-included already; None if it does so now, or the folder is outside. A line that ignores the whole
    folder is replaced, one that ignores it among others is negated: nothing in an ignored folder can be re-included."""
    base, place = _real(project.directory), _real(folder)
    if not place.is_relative_to(base) or place == base:
        return None
    relative = ignore_files.literally(place.relative_to(base).as_posix())
    path = project.directory / ignore_files.NAME
    text = (disk.read(path) or b"").decode("utf-8", "replace")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    first, known = f"/{relative}/*", [line for line in lines if line.startswith(f"!/{relative}/") and line[-1] != "/"]
    wanted = [first, *dict.fromkeys((*known, *(f"!/{relative}/{pattern}" for pattern in kept)))]

    def hides(text: str) -> bool:
        """Whether a line for the folder, or one above it, hides what git should track."""
        samples = (place / pattern.replace("*", "x") for pattern in kept)
        own = {base / ignore_files.NAME: text.encode()}
        return any(ignore_files.is_ignored_by_git(base, sample, own.get) for sample in samples)

    if first in lines and all(line in lines[lines.index(first) :] for line in wanted) and not hides(text):
        return None
    whole = {f"{before}{relative}{after}" for before in ("", "/", "./", "**/") for after in ("", "/", "/*", "/**")}
    rest = [line for line in lines if line.strip() not in whole and line not in wanted]
    if hides("\n".join([*rest, *wanted])):
        wanted.insert(0, f"!/{relative}/")
    if len(rest) == len(lines):
        # nothing prevents it: keep the existing lines
        start = newline if text and not text.endswith("\n") else ""
        return IgnoreFile(path, text + start + "".join(f"{line}{newline}" for line in wanted))
    return IgnoreFile(path, "".join(f"{line}{newline}" for line in (*rest, *wanted)))


def told_by_git(paths: Mapping[Path, bool]) -> Iterator[str]:
    """Which secret files git tracks, or that this is unknown. ``paths`` says of each whether it exists.

    Raises UserError if git tracks one that does not exist yet: the next commit would contain the value.
    """
    if all(_repository_around(_real(folder)) is None for folder in {path.parent for path in paths}):
        return
    try:
        tracked = sorted(git.tracked(paths))
    except git.NoAnswerError as error:
        yield f"unknown whether git tracks the secret files: {error.what}; {error.help}"
        return
    for path in tracked:
        if not paths[path]:
            what = "git tracks a file of that name: the next commit would contain the value of the secret"
            raise UserError(
                what, str(path), help=f"run `{_untracking(path)}`, or choose another folder with --secrets-dir"
            )
        yield (
            f"git tracks {path}: run `{_untracking(path)}` to remove it from the next commit, and change the value, "
            "since the history contains it"
        )


def _untracking(path: Path) -> str:
    return f"git -C {shlex.quote(str(path.parent))} rm --cached -- {shlex.quote(path.name)}"


def seen_by_git(paths: Sequence[Path]) -> Iterator[str]:
    """What to do if git would track files with values that were just written."""
    try:
        ignored, tracked = git.ignored(paths), git.tracked(paths)
    except git.NoAnswerError as error:
        yield f"unknown whether git tracks the secret files: {error.what}; {error.help}"
        return
    for path in paths:
        if path in tracked:
            yield f"git tracks {path}: the next commit would contain the value; `{_untracking(path)}` keeps it out"
        elif not ignored.get(path, True):
            yield f"git does not ignore {path}: `git add` would stage it; add it, or its folder, to .gitignore"


def _is_new(folder: Path) -> bool:
    """Whether the run creates the folder; a run that was killed at once may have left it, with an empty journal."""
    return not folder.is_dir() or {JOURNAL} <= {entry.name for entry in folder.iterdir()} <= {JOURNAL, UNDO}


def _is_ours(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder contains only secrets, so that all of it can be ignored."""
    if folder.name in {"secrets", ".secrets"} or not folder.is_dir():
        return True
    own = (".git", "README", JOURNAL, UNDO)
    return all(entry.name in names or entry.name.startswith(own) for entry in folder.iterdir())


def _is_there(line: str, present: set[str]) -> bool:
    """Whether the line is present in some spelling, or one for all files."""
    bare = line.strip("/")
    spellings = {f"{before}{bare}{after}" for before in ("", "/", "./", "**/") for after in ("", "/", "/*", "/**")}
    return bool(spellings & present) or "*" in present


def _build_contexts(project: Project) -> Iterator[tuple[Path, Path]]:
    """Local build contexts that exist, each with its Dockerfile."""
    found = (builds.find(project, service) for service in project.services.values())
    keys = ((build.context, build.dockerfile or build.context / "Dockerfile") for build in found if build is not None)
    yield from (key for key in dict.fromkeys(keys) if key[0].is_dir())


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _repository_around(place: Path) -> Path | None:
    return next((folder for folder in (place, *place.parents) if os.path.lexists(folder / ".git")), None)
