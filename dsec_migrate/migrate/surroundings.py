"""Other projects, of the command or nearby, that read what a run changes: an env file, a base, a part, a Dockerfile.

A stack that was not named must not break because another one was migrated. So each reader of a file that would change
is loaded with the new texts, and must get the same values as before; else the file is kept, with the reader in the
reason.

Only projects that may read the file (:mod:`dsec_migrate.compose.discovery.nearby`) are loaded, each once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

from dsec_migrate.compose import builds, dotenv
from dsec_migrate.compose import project as projects
from dsec_migrate.compose.discovery.nearby import Nearby, Reader
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.document import Document, plain
from dsec_migrate.compose.project import Project, Service, definitions, references_of
from dsec_migrate.compose.project.mounted import sources
from dsec_migrate.compose.sibling_files import DEFAULT_NAMES
from dsec_migrate.detectors.finding import Finding
from dsec_migrate.planning.bare_dockerfile import is_dockerfile
from dsec_migrate.planning.changes import Plan, PlannedSecret
from dsec_migrate.planning.handed_on import reader_of
from dsec_migrate.planning.secret_files import resolve_path
from dsec_migrate.text.errors import UserError, VerificationError
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Source
from dsec_migrate.verify.containers import check_values

Planned = tuple[Project, Plan]
Texts = Mapping[str, str]
"""New texts of files, by their real paths."""

_TAKES = "takes variables from"


class Surroundings:
    """``call`` are the projects of the command; ``load`` reads one. Nearby projects are searched for on demand, and
    each text is read once."""

    def __init__(self, call: Sequence[ProjectFiles], load: Callable[[ProjectFiles], Project]) -> None:
        self._load = load
        self._nearby = Nearby()
        self._call = {tuple(map(os.path.realpath, files.paths)) for files in call}
        self._readers: dict[int, Reader | None] = {}

    def join(self, company: Iterable[ProjectFiles]) -> None:
        """Adds the projects of the command that are next: those that share files are examined together."""
        for files in company:
            self._nearby.add(files)

    def unproved(self, planned: Sequence[Planned], new_texts: Callable[[Project, Plan], Texts]) -> dict[str, str]:
        """The files, by real path, whose change would take something from another project, each with the reason to keep
        it.

        ``planned`` is a family; ``new_texts`` returns the new texts of the files that a plan changes.
        """
        root = planned[-1][0]
        changed = {one.document.source.real_path for _, plan in planned for one in plan.patches}
        readers = {real: list(self.readers(real, root)) for real in sorted(changed)}
        found = _read_twice([project for project, _ in planned], changed)
        if not any(readers.values()):
            return found
        texts = {real: text for project, plan in planned for real, text in new_texts(project, plan).items()}
        for real, others in readers.items():
            for reader in others:
                problem = _problem(reader, texts, planned)
                if problem:
                    found[real] = f"{reader.name} {reader.uses[real]} as well, and {problem}"
                    break
        return found

    def readers(self, real: str, root: Project) -> Iterator[Reader]:
        """The projects that read a file, except ``root`` itself and those that share its Compose files."""
        self._nearby.look_around(real, root)
        for reader in self._others(self._nearby.candidates(real), real, root):
            if real in reader.uses:
                yield reader

    def _others(self, numbers: Set[int], real: str, root: Project) -> Iterator[Reader]:
        own = {text.source.real_path for unit in root.units() for text in unit.documents}
        bases = {text.source.real_path for unit in root.units() for text in unit.extended} - own
        for number in sorted(numbers):
            paths = tuple(map(os.path.realpath, self._nearby.projects[number].paths))
            is_own = any(path in own for path in paths) or (paths == (real,) and is_dockerfile(Path(real)))
            # a base is seldom a project by itself, unless Compose looks for its name or the command names it
            is_base = any(path in bases for path in paths) and not (
                paths in self._call or os.path.basename(paths[0]) in DEFAULT_NAMES  # noqa: PTH119
            )
            reader = None if is_own or is_base else self._reader(number, root)
            if reader is not None:
                yield reader

    def taking(self, root: Project) -> Callable[[Path, Set[str]], str]:
        """Finds another project that takes one of some variables from a file, and how; empty where none does."""

        def ask(path: Path, names: Set[str]) -> str:
            real = os.path.realpath(path)
            for reader in self.readers(real, root):
                takes = {name for unit in reader.project.units() for name in read_variables(unit)}
                if takes & names or not reader.uses[real].startswith(_TAKES):
                    return f"{reader.name} {reader.uses[real]}"
            for reader in self._others(self._nearby.mounting(real), real, root):
                for unit in reader.project.units():
                    handed_on = reader_of(unit, path)
                    if handed_on is not None:
                        return f"{handed_on.reason} ({reader.name})"
            return ""

        return ask

    def unasked(self, root: Project) -> UserError | None:
        """A note for a change where nearby projects may not have been checked; None where all were."""
        folder = self._nearby.cut(root)
        if not folder:
            return None
        what = f"there are too many folders in {folder} to search for other projects that read the changed files"
        return UserError(what, help="name such projects in the same command to have them checked")

    def forget(self, changed: Iterable[str]) -> None:
        """Files that were written (real paths): projects that read them are loaded again."""
        written = set(changed)
        for number, reader in list(self._readers.items()):
            own = {text.source.real_path for text in reader.project.documents} if reader is not None else set()
            if reader is not None and written & (own | reader.uses.keys()):
                del self._readers[number]

    def _reader(self, number: int, root: Project) -> Reader | None:
        if number not in self._readers:
            files = self._nearby.projects[number]
            try:
                project = self._load(files)
                uses = _uses(project, root)
            except (UserError, RecursionError):
                self._readers[number] = None
            else:
                self._readers[number] = Reader(project, _shown(files, root), uses)
        return self._readers[number]


def _shown(files: ProjectFiles, root: Project) -> str:
    """The path of a project's file, relative to the same folder as the paths of ``root``."""
    return _seen(os.path.realpath(files.paths[0]), root)


def _seen(path: Path | str, root: Project) -> str:
    folder, name = os.path.split(path)
    place = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
    return os.path.normpath(root.directory / os.path.relpath(place, os.path.realpath(root.directory)))


def _uses(project: Project, root: Project) -> dict[str, str]:
    """How a project uses each file that it reads, by real path; shown relative to the folder of ``root``."""
    uses: dict[str, str] = {}
    for unit in project.units():
        for path in unit.environment.paths:
            uses.setdefault(os.path.realpath(path), f"{_TAKES} {_seen(path, root)}")
        for service in unit.services.values() if any(s.is_built for s in unit.services.values()) else ():
            build = builds.find(unit, service)
            if build is not None and build.dockerfile is not None:
                uses[os.path.realpath(build.dockerfile)] = f"builds from {_seen(build.dockerfile, root)}"
        for text in unit.env_texts:
            uses[text.source.real_path] = f"reads {_seen(text.path, root)}"
        for document in unit.extended:
            uses[document.source.real_path] = f"extends services of {_seen(document.source.path, root)}"
        for document in project.documents if unit is project else ():
            uses[document.source.real_path] = "is a separate project"
        for document in unit.documents if unit is not project else ():
            uses[document.source.real_path] = f"includes {_seen(document.source.path, root)}"
    return uses


def _read_twice(units: Sequence[Project], changed: Set[str]) -> dict[str, str]:
    """The files that several projects of a family read: each of them plans its own change."""
    found: dict[str, str] = {}
    for unit in units:
        others = [other for other in units if other is not unit]
        for text in (*unit.env_texts, *unit.extended):
            real = text.source.real_path
            other = next((one for one in others if any(t.source.real_path == real for t in _read_by(one))), None)
            if real in changed and other is not None:
                name = os.path.normpath(text.source.path)
                found[real] = f"{other.source.path} reads {name} as well, with other services: move it by hand"
    return found


def _read_by(unit: Project) -> tuple[Document, ...]:
    return (*unit.env_texts, *unit.extended)


# --- whether another project is the same with the new texts ---


def _problem(reader: Reader, texts: Texts, planned: Sequence[Planned]) -> str:
    """What the other project would lose; empty where it keeps everything."""
    before = reader.project
    if any(real in texts and use.startswith("builds") for real, use in reader.uses.items()):
        return "would lack the build secret"
    if _loses_variables(before, texts):
        return "would lack a variable"
    try:
        after = projects.reload(before, texts)
    except UserError:
        return "would no longer load"
    olds, news = list(before.units()), list(after.units())
    if len(olds) != len(news):
        return "would no longer load"
    others = {name for unit in olds for name in unit.secrets}
    if _undefined(after) - _undefined(before):
        return "would lack the secret"
    if _undefined(after, "configs") - _undefined(before, "configs"):
        return "would lack the config"
    for old, new in zip(olds, news, strict=True):
        if len(new.problems) > len(old.problems):
            return "would no longer load"
        if _meaning(old) == _meaning(new):
            continue
        if not _is_served(old, new, _seen_by(old, new, planned)):
            return "would not get the same values"
        if _lacks_file(old, new, planned):
            return "would lack the secret"
        if (new.secrets.keys() - old.secrets.keys()) & others:
            return "has a secret of the same name"
    return ""


def _undefined(root: Project, key: str = "secrets") -> set[str]:
    """The secrets (or ``configs``) that services mount and that nothing defines: Compose rejects the project."""
    units = list(root.units())
    defined = {name for unit in units for name in definitions((body for _, body in unit.roots), key)}
    return {name for unit in units for one in unit.services.values() for name in sources(one, key)} - defined


def _lacks_file(old: Project, new: Project, planned: Sequence[Planned]) -> bool:
    """Whether a newly defined secret refers to a file that no plan creates: a relative path means another file in
    another folder."""
    made = {(one.name, os.path.realpath(one.path)) for _, plan in planned for one in plan.secrets if one.path}
    for name in new.secrets.keys() - old.secrets.keys():
        file = new.secrets[name].get("file")
        if isinstance(file, str) and (name, os.path.realpath(resolve_path(new, file))) not in made:
            return True
    return False


def _seen_by(old: Project, new: Project, planned: Sequence[Planned]) -> Plan:
    """The part of a plan for service definitions that a project shares, as if it were its own plan."""
    findings: list[Finding] = []
    secrets: list[PlannedSecret] = []
    for project, plan in planned:
        users: dict[tuple[str, int], list[str]] = {}
        for service in old.services.values():
            for place in _bodies(service):
                users.setdefault(place, []).append(service.name)
        names = {
            service.name: {name for place in _bodies(service) for name in users.get(place, ())}
            for service in project.services.values()
        }
        findings += (
            replace(finding, service=name)
            for finding in plan.findings
            for name in sorted(names.get(finding.service, ()))
        )
        for secret in plan.secrets:
            file = new.secrets.get(secret.name, {}).get("file")
            if secret.path is None or not isinstance(file, str):
                secrets.append(secret)
            elif os.path.realpath(resolve_path(new, file)) == os.path.realpath(secret.path):
                # a relative path means another file in another folder
                secrets.append(replace(secret, file=file))
    return Plan(
        findings=tuple(findings),
        secrets=tuple(secrets),
        moves=tuple(move for _, plan in planned for move in plan.moves),
    )


def _bodies(service: Service) -> Iterator[tuple[str, int]]:
    """The locations of a service's mappings: file and offset."""
    return ((layer.document.source.real_path, layer.service.start) for layer in service.layers)


def _is_served(old: Project, new: Project, plan: Plan) -> bool:
    try:
        check_values(old, new, plan)
    except VerificationError:
        return False
    return True


def _meaning(unit: Project) -> object:
    """What a project defines for its services, and the values that they receive."""
    return {
        name: (
            [plain(layer.service) for layer in service.layers],
            {variable.name: variable.effective.value for variable in service.variables.values()},
        )
        for name, service in unit.services.items()
    }


def _loses_variables(project: Project, texts: Mapping[str, str]) -> bool:
    """Whether a changed `.env` of the project lacks a variable that it reads."""
    for unit in project.units():
        for path in unit.environment.paths:
            new = texts.get(os.path.realpath(path))
            if new is None:
                continue
            lines = [(line.name, line.template) for line in dotenv.parse(Source.read(path).text, {})]
            left = {(line.name, line.template) for line in dotenv.parse(new, {})}
            if {name for name, template in lines if (name, template) not in left} & read_variables(unit):
                return True
    return False


def read_variables(unit: Project) -> set[str]:
    """The variables that a project takes from its environment."""
    read = {str(data.get("environment") or "") for data in unit.secrets.values()}
    for document in unit.compose_texts:
        read.update(name for node in document.templates for name in references_of(node.value))
    for service in unit.services.values():
        read.update(
            v.name
            for v in service.variables.values()
            if any(declaration.text is None for declaration in v.declarations)
        )
        read.update(name for file in service.env_files for entry in file.entries for name in entry.references)
    return read
