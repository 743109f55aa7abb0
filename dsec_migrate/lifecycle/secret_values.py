"""The secrets of a migrated project with the values on this host, for ``push``, ``lock`` and ``rotate``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.vocabulary import is_distinctive_in
from dsec_migrate.lifecycle.secret_state import file_of, users, whole_files
from dsec_migrate.outcome import Masks
from dsec_migrate.planning.naming import style_of
from dsec_migrate.planning.secret_files import resolve_path
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass
from dsec_migrate.text.secret import Secret
from dsec_migrate.text.source import read_bytes


@dataclass(frozen=True, repr=False, eq=False)
class Held:
    """A secret that the project defines. ``file`` is where its value is, or where it would be; None for one that comes
    from ``variable``. ``external_name`` is its name in Swarm. ``services`` mount it. Without ``is_value``, it is a file
    with its own format."""

    name: str
    file: Path | None
    variable: str
    external_name: str
    is_external: bool
    services: tuple[str, ...]
    value: Secret | None
    is_value: bool = True
    driver: str = ""


def held(project: Project, options: Options) -> Iterator[Held]:
    """In the order of the project's files. Raises UserError where a file exists but cannot be read."""
    mounted, whole = users(project), whole_files(project)
    style = style_of(project.secrets, options.secrets_dir)
    for name, data in project.secrets.items():
        file, variable = file_of(project, data), str(data.get("environment") or "")
        is_external = bool(data.get("external"))
        driver = str(data.get("driver") or "")
        if file is None and not variable and not driver:
            file = resolve_path(project, style.file(name))
        value = read(file) if file is not None else None
        if variable and project.environment.variables.get(variable):
            value = Secret(project.environment.variables[variable])
        named = data.get("name")
        external_name = (project.resolve(named).value if isinstance(named, str) else None) or name
        services = tuple(service.name for service in mounted.get(name, ()))
        yield Held(name, file, variable, external_name, is_external, services, value, name not in whole, driver)


def check_own(project: Project, secrets: Iterable[Held]) -> None:
    """Raises UserError where the file of a value is outside the project and the paths of the command, for instance
    through a link: a repository must not decide which file of this host gets into git."""
    for one in secrets:
        if one.value is not None and one.file is not None and not project.boundary.holds(one.file):
            real = Path(os.path.realpath(one.file))
            raise UserError(
                f"the value of {one.name} is in a file outside the project ({real})",
                str(one.file),
                help=f"to allow it, pass --allow {real.parent}",
            )


def masks(root: Project, options: Options) -> Masks:
    """The values on this host that are distinctive: they are masked in all output."""
    values: dict[Secret, None] = {}
    for unit in root.units():
        with suppress(UserError):
            # a file that cannot be read cannot be shown either
            for one in held(unit, options):
                for line in one.value.reveal().splitlines() if one.value is not None else ():
                    if is_distinctive_in(unit, line.strip()):
                        values[Secret(line.strip())] = None
    return Masks(values=tuple(values))


def read(path: Path) -> Secret | None:
    """The bytes of a file, whether text or not; None where there is none."""
    try:
        return Secret.of(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(
            f"cannot read the secret's file: {error.strerror or type(error).__name__}",
            str(path),
            help="make it readable",
        ) from None
