"""What a call may change: the project's own folder and what the call names. A repository is data: a link or path in
it that leads elsewhere is no permission to write there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass


@dataclass(frozen=True)
class Boundary:
    """Real paths, without links. ``own`` are folders with everything below them, and single files: the project's folder
    and what the call names. ``repository`` is the top level of the git repository around the project, empty without
    one. ``owner`` owns the project's folder and the files that root creates in it; None where that is the caller.
    """

    own: tuple[str, ...] = ()
    repository: str = ""
    owner: os.stat_result | None = None

    @classmethod
    def around(
        cls,
        folder: Path,
        named: Iterable[Path] = (),
        secrets_dir: str = "",
    ) -> Boundary:
        """The boundary of the project in ``folder``, for a call that names the folders and files ``named`` and
        ``secrets_dir``, with the variables of the call substituted: values that the repository sets in `.env` do not
        count as named by the call."""
        # a named file counts as itself, not as the target of a link at its path
        places = [os.path.realpath(folder), *(_place(path) for path in named)]
        places += [_place(path) for path in _of_secrets(folder, secrets_dir)]
        return cls(tuple(dict.fromkeys(places)), _repository(places[0]), _owner(places[0]))

    def holds(self, path: Path) -> bool:
        """Whether ``path``, with links resolved, is in the project's folder or in what the call names."""
        return _is_in(os.path.realpath(path), self.own)

    def is_at_home(self, real: str) -> bool:
        """Whether a real path is in the project's folder itself."""
        return _is_in(real, self.own[:1])

    def surrounds(self, path: Path) -> bool:
        """Whether it is at least in the project's repository: far enough for secrets and what keeps them out of git."""
        return _is_in(os.path.realpath(path), (*self.own, *filter(None, (self.repository,))))

    def is_of_caller(self, status: os.stat_result) -> bool:
        """Whether the caller owns a file; for root, the project's owner counts as well."""
        if not hasattr(os, "geteuid"):
            return True
        return status.st_uid == os.geteuid() or (self.owner is not None and status.st_uid == self.owner.st_uid)

    def inside(self, path: Path) -> Path:
        """The real path of a file or folder to change or create. Raises UserError where it is outside the project and
        its repository."""
        real = Path(os.path.realpath(path))
        if not self.surrounds(real):
            raise outside(path)
        return real


def outside(path: Path) -> UserError:
    real = Path(os.path.realpath(path))
    leads = "" if real == Path(os.path.abspath(path)) else f": it leads to {real}"  # noqa: PTH100
    folder = real if real.is_dir() else real.parent
    return UserError(
        f"this is outside the project and will not be changed{leads}",
        str(path),
        help=f"to change it, pass --allow {folder}",
    )


def _owner(folder: str) -> os.stat_result | None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    try:
        status = os.stat(folder)  # noqa: PTH116
    except OSError:
        return None
    return status if status.st_uid != 0 else None


def _is_in(real: str, places: Iterable[str]) -> bool:
    # git's own files belong to no project: a hook there is a program that git runs
    return not any(part.lower() == ".git" for part in Path(real).parts) and any(
        real == place or real.startswith(place.rstrip(os.sep) + os.sep) for place in places
    )


def _of_secrets(folder: Path, named: str) -> Iterator[Path]:
    """The folder of ``--secrets-dir`` where the option as typed leads out of the project: what the repository sets, by
    a link or in `.env`, does not count as named by the call."""
    base = os.path.abspath(folder)  # noqa: PTH100
    path = Path(os.path.normpath(base / Path(named).expanduser()))
    if named and not path.is_relative_to(base):
        yield path


def _place(path: Path) -> str:
    if path.is_dir():
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118


def _repository(folder: str) -> str:
    for parent in (Path(folder), *Path(folder).parents):
        if os.path.lexists(parent / ".git"):
            return str(parent)
    return ""


__all__ = ["Boundary", "outside"]
