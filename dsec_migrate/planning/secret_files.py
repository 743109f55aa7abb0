"""The files beside the Compose file: the path of each secret, and what keeps it out of git and images."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from dsec_migrate.compose.project import Project, resolve
from dsec_migrate.config.options import Options, SourceKind
from dsec_migrate.planning.changes import NewFile, PlannedSecret
from dsec_migrate.planning.ignore_lines import in_images, out_of_git, out_of_images, told_by_git
from dsec_migrate.planning.naming import Style, style_of
from dsec_migrate.planning.sources import external_secrets
from dsec_migrate.stores import age
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import replace
from dsec_migrate.text.reserved_names import JOURNAL, UNDO
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import read_bytes

SECRET_SCRIPT_MODE = 0o700
README = "README.md"
# limits the search for journals: a secrets folder is near its project
_MOST_FOLDERS, _DEEPEST_FOLDER = 10_000, 6
_NOT_SEARCHED = frozenset({".git", "node_modules", "__pycache__", "venv", ".venv", UNDO})


class Disk:
    """The files on disk, together with those that earlier projects of this run will write."""

    def __init__(self) -> None:
        self._claimed: dict[Path, bytes] = {}

    def read(self, path: Path) -> bytes | None:
        """The content of a file, or None if it does not exist. Raises UserError if it cannot be read."""
        claimed = self._claimed.get(path)
        if claimed is not None:
            return claimed
        try:
            return read_bytes(path)
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            return None
        except OSError as error:
            raise UserError(
                f"cannot read this file: {error.strerror or type(error).__name__}",
                str(path),
                help="make it readable, or choose another folder with --secrets-dir",
            ) from None

    def claim(self, path: Path, content: bytes) -> None:
        self._claimed[path] = content

    def attempt(self) -> Disk:
        """A copy, for a plan that may be dropped."""
        other = Disk()
        other._claimed = dict(self._claimed)
        return other

    def settle(self, attempt: Disk) -> None:
        """Adopts what a plan that is kept will write."""
        self._claimed = attempt._claimed


def resolve_path(project: Project, text: str) -> Path:
    """The file that a ``file:`` of the project means: interpolated, `~` expanded, relative to the project directory."""
    value = resolve(text, project.environment).value or text
    return Path(os.path.normpath(project.directory / Path(value).expanduser()))


def assign(project: Project, secret: PlannedSecret, style: Style, disk: Disk) -> PlannedSecret:
    """``secret`` with its file. If other content has that name, the name is prefixed with the Compose file's stem.

    Raises UserError if that name is taken as well.
    """
    assert secret.value is not None
    _check_folder(project, style.directory)
    content = secret.value.content()
    stem = project.source.path.name.rsplit(".", 1)[0]
    file = ""
    for name in (secret.name, f"{stem}.{secret.name}"):
        file = style.file(name)
        path = resolve_path(project, file)
        present = disk.read(path)
        if present is None or present == content:
            disk.claim(path, content)
            return replace(secret, file=file, path=path, has_file=present is not None)
    raise UserError(
        f"the secret {secret.name} needs a file, but {file} has other content",
        str(project.source.path),
        help="move that file away, or choose another folder with --secrets-dir",
    )


def secrets_folder(project: Project, options: Options) -> Path:
    """The folder of the project's new secrets; the default one if an expression has no value."""
    directory = style_of(project.secrets, options.secrets_dir).directory
    folder = resolve(directory, project.environment)
    known = Style().directory if folder.value is None or folder.unset else folder.value
    return Path(os.path.normpath(project.directory / Path(known).expanduser()))


def journal_folders(project: Project, options: Options) -> list[Path]:
    """The folders in which runs for the project may have left a journal: those of its secrets, old and new."""
    found: dict[Path, None] = {}
    for unit in reversed(list(project.units())):
        if unit.secrets or options.secrets_dir:
            found[secrets_folder(unit, options)] = None
        found[unit.directory / Style().directory] = None
        for data in unit.secrets.values():
            file = data.get("file")
            if isinstance(file, str) and file:
                found[resolve_path(unit, file).parent] = None
    there = [folder for folder in found if os.path.isdir(os.path.join(folder, JOURNAL))]  # noqa: PTH112, PTH118
    return [Path(os.path.normpath(folder)) for folder in there]


def journals_below(top: Path) -> Iterator[Path]:
    """Folders at or below ``top`` with a journal; links are not followed."""
    waiting = [(os.fspath(top), 0)]
    count = 0
    while waiting and count < _MOST_FOLDERS:
        folder, depth = waiting.pop()
        count += 1
        try:
            with os.scandir(folder) as entries:
                inner = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for entry in inner:
            if entry.name == JOURNAL:
                yield Path(folder)
            elif entry.name not in _NOT_SEARCHED and depth < _DEEPEST_FOLDER:
                waiting.append((entry.path, depth + 1))


def _check_folder(project: Project, directory: str) -> None:
    """Raises UserError if an expression for the folder has an unset variable, which would change the path."""
    folder = resolve(directory, project.environment)
    if folder.value is None or folder.unset:
        names = ", ".join(name for name in folder.unset if name) or "its expression is not valid"
        raise UserError(
            f"the secrets folder is unknown here: {names} {'is not set' if folder.unset else ''}".rstrip(),
            str(project.source.path),
            help="set it in .env or in the shell, add a default (${NAME:-./secrets}), or pass --secrets-dir",
        )


def new_files(project: Project, options: Options, secrets: Sequence[PlannedSecret], disk: Disk) -> Iterator[NewFile]:
    """The files to write, in the order in which they reach the disk: ignore files first."""
    on_disk = [secret for secret in secrets if secret.path is not None]
    if not on_disk:
        return
    folders = {secret.path.parent: None for secret in on_disk if secret.path}
    for folder in folders:
        own = [secret for secret in on_disk if secret.path and secret.path.parent == folder]
        names = [secret.path.name for secret in own if secret.path]
        journals = [] if all(secret.is_in_place for secret in own) else [JOURNAL, UNDO]
        yield from out_of_git(project, folder, own, _meant_for_git(options), disk)
        # these are ignored by their own .gitignore
        yield from out_of_images(project, folder, [*names, *journals], disk)
    for secret in on_disk:
        assert secret.path is not None
        assert secret.value is not None
        if not secret.has_file:
            yield NewFile(secret.path, secret.value, secret.mode)
    if options.encrypt_to:
        yield from _encrypted(on_disk, options.encrypt_to, disk)
    if fed := [secret for secret in on_disk if secret.source is SourceKind.EXTERNAL]:
        path = next(iter(folders)) / external_secrets.SCRIPT
        text = external_secrets.script(project_name(project), fed)
        yield from _script(path, text, disk)


def _encrypted(secrets: Sequence[PlannedSecret], recipients: Sequence[str], disk: Disk) -> Iterator[NewFile]:
    """An encrypted file beside each plain one that has none yet, and who can decrypt them. Raises UserError."""
    folders: dict[Path, None] = {}
    for secret in secrets:
        if secret.path is None or secret.value is None or secret.is_in_place:
            continue
        folders[secret.path.parent] = None
        path = age.encrypted(secret.path)
        if disk.read(path) is None:
            text = age.encrypt(secret.value.content(), recipients)
            disk.claim(path, text.encode())
            yield NewFile(path, Secret(text), 0o644, is_secret=False)
    for folder in folders:
        path = folder / age.RECIPIENTS
        present = (disk.read(path) or b"").decode("utf-8", "replace")
        missing = [one for one in recipients if one not in age.read_recipients(present)]
        if missing:
            addition = "".join(f"{one}\n" for one in missing)
            disk.claim(path, f"{present}{addition}".encode())
            yield NewFile(path, Secret(addition), 0o644, append=True, is_secret=False)


def _script(path: Path, text: str, disk: Disk) -> Iterator[NewFile]:
    """The script, or the lines that an earlier one lacks: it skips what exists, so it can run again."""
    present = (disk.read(path) or b"").decode("utf-8", "replace")
    if not present:
        disk.claim(path, text.encode())
        yield NewFile(path, Secret(text), SECRET_SCRIPT_MODE, is_secret=False)
        return
    head = text[: text.index(external_secrets.CALL)]
    if not present.startswith(head):
        raise UserError(
            "a script of that name exists that dsec-migrate did not write",
            str(path),
            help="move it away, or choose another folder with --secrets-dir",
        )
    known = set(present.splitlines())
    lines = "".join(f"{line}\n" for line in text[len(head) :].splitlines() if line not in known)
    if lines:
        disk.claim(path, (present + lines).encode())
        yield NewFile(path, Secret(lines), SECRET_SCRIPT_MODE, append=True, is_secret=False)


def notes(project: Project, secrets: Sequence[PlannedSecret]) -> Iterator[str]:
    """Notes about the secrets folders."""
    paths = [secret.path for secret in secrets if secret.path is not None and not secret.is_in_place]
    if paths and os.name == "nt":
        yield "file modes have no effect on Windows: protect the secrets folder with its access control list"
    for folder in dict.fromkeys(path.parent for path in paths):
        if (mode := _open_mode(folder)) is not None:
            quoted = shlex.quote(str(folder))
            yield f"{folder} is accessible to other users on this host (mode {mode:04o}): run `chmod 700 {quoted}`"
        base = Path(os.path.abspath(project.directory))  # noqa: PTH100
        if not Path(os.path.abspath(folder)).is_relative_to(base):  # noqa: PTH100
            yield f"{folder} is outside the project: make sure that git does not track it"
    yield from in_images(project, paths, Disk().read)
    yield from told_by_git({secret.path: secret.has_file for secret in secrets if secret.path is not None})
    external_paths = [secret.path for secret in secrets if secret.path and secret.source is SourceKind.EXTERNAL]
    if external_paths:
        files = " ".join(str(path) for path in external_paths)
        yield f"after the script has created the secrets in Swarm, delete their files: shred -u {files}"


def _open_mode(folder: Path) -> int | None:
    """The mode of a folder that other users on this host can access."""
    try:
        found = os.stat(folder).st_mode  # noqa: PTH116
    except OSError:
        return None
    mode = stat.S_IMODE(found)
    return mode if os.name != "nt" and stat.S_ISDIR(found) and mode & 0o077 else None


def project_name(project: Project) -> str:
    """The project name that Compose uses."""
    return project.environment.project_name or "project"


def _meant_for_git(options: Options) -> tuple[str, ...]:
    """Patterns of the files in the secrets folder that git should track."""
    encrypted = (f"*{age.SUFFIX}", age.RECIPIENTS) if options.encrypt_to else ()
    return (*encrypted, README) if options.templates else encrypted


def written_anew(path: Path, text: str, mark: str, disk: Disk) -> tuple[NewFile, ...]:
    """A generated file, recognized by its ``mark``, with its new text; none if it is up to date.

    Raises UserError if another file has that name.
    """
    present = disk.read(path)
    if present is not None and mark.encode() not in present:
        raise UserError(
            "a file of that name exists that dsec-migrate did not write",
            str(path),
            help="move it, or choose another name",
        )
    if present == text.encode():
        return ()
    disk.claim(path, text.encode())
    former = Secret.of(present) if present is not None else None
    return (NewFile(path, Secret(text), 0o644, is_secret=False, replaces=former),)
