"""Lines of `.env` that set a moved value and that nothing in the project reads any more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.compose import environment
from dsec_migrate.compose.document import Document, Scalar
from dsec_migrate.compose.dotenv import Entry
from dsec_migrate.compose.project import Argument, EnvFileText, Project, claim_on, references_of
from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.finding import Candidate
from dsec_migrate.detectors.judge import judge
from dsec_migrate.planning.changes import Move, Plan, PlannedSecret
from dsec_migrate.planning.handed_on import reader_of
from dsec_migrate.planning.patches import Remove
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.source import Source, Span

Planned = tuple[Project, Plan]


class UnusedLine(NamedTuple):
    """``secret`` is the name of the secret that now holds the value."""

    text: EnvFileText
    line: Entry
    secret: str


class KeptLine(NamedTuple):
    """A line of ``path`` that nothing in the project reads any more, and who else may read it."""

    path: str
    number: int
    reason: str


# another project that reads one of these variables of the file at a path, and how; empty where there is none
Others = Callable[[Path, Set[str]], str]


def unused_lines(units: Sequence[Planned], others: Others) -> tuple[list[UnusedLine], list[KeptLine]]:
    """For the projects of a family, which also read their parent's `.env`. Lines that Compose itself or another stack
    in the folder reads are never included."""
    supplied: dict[str, str] = {}
    for project, plan in units:
        for name, secret in _supplied(project, plan):
            supplied.setdefault(name, secret)
    supplied = {name: secret for name, secret in supplied.items() if not name.startswith("COMPOSE_")}
    if not supplied:
        return [], []
    read = {name for project, plan in units for name in _still_read(project, plan)}
    root = units[-1][0]
    unused: list[UnusedLine] = []
    kept: list[KeptLine] = []
    for path in root.environment.paths:
        try:
            source = Source.read(path, is_env_file=True)
            entries = environment.read_entries(source, root.environment.shell)
        except UserError:
            continue
        lines = [one for one in entries if one.name in supplied and one.name not in read and one.value is not None]
        reason = _reason_to_keep([project for project, _ in units], path, supplied.keys(), others) if lines else ""
        if reason:
            kept += (KeptLine(str(path), line.line, reason) for line in lines)
            continue
        text = EnvFileText(source, ())
        unused += (UnusedLine(text, line, supplied[line.name]) for line in lines)
    return unused, kept


def _reason_to_keep(units: Sequence[Project], path: Path, names: Set[str], others: Others) -> str:
    """Who reads the lines of a `.env` besides Compose; empty if nobody is known."""
    root, real = units[-1], os.path.realpath(path)
    claim = claim_on(root, path, real)
    if claim is not None:
        return claim.reason
    if any(text.source.real_path == real for unit in units for text in unit.env_texts):
        return "services use it as their env file"
    reader = root.folders.reading(path, root.directory, root.family)
    if reader is not None:
        return f"{reader} uses it as an env file"
    handed_on = next((found for unit in units if (found := reader_of(unit, path)) is not None), None)
    return handed_on.reason if handed_on is not None else others(path, names)


def _supplied(project: Project, plan: Plan) -> Iterator[tuple[str, str]]:
    """Environment variables that set the value of a moved line, each with the secret that now holds it."""
    secrets = {secret.name: secret for secret in plan.secrets}
    for move in plan.moves:
        if (secret := secrets.get(move.secret)) is not None:
            yield from ((name, secret.name) for name in supplies(project, move, secret))


def supplies(project: Project, move: Move, secret: PlannedSecret) -> list[str]:
    """The variables of the project's env file that set the value of this line and no longer have any effect on it."""
    if secret.source is SourceKind.ENVIRONMENT:
        return []
    return [name for name in _mentioned(project, move) if name in project.environment.places]


def _mentioned(project: Project, move: Move) -> list[str]:
    declaration = move.declaration
    names = [declaration.name] if declaration.text is None else [r.name for r in project.effect(declaration).references]
    return list(dict.fromkeys(names))


def _secret_names(project: Project, plan: Plan) -> dict[str, str]:
    """Variables that hold (a part of) a moved value, set or not, each with the secret that now holds it: in the URL
    `${USER}:${PASSWORD}@db` the second one."""
    secrets = {secret.name: secret for secret in plan.secrets}
    found: dict[str, str] = {}
    for move in plan.moves:
        secret = secrets.get(move.secret)
        if secret is None or secret.source is SourceKind.ENVIRONMENT:
            continue
        is_all = move.declaration.text is None or project.effect(move.declaration).whole_reference is not None
        for name in _mentioned(project, move):
            value = project.environment.variables.get(name)
            text = None if value is None else value.replace("$", "$$")
            if is_all or judge(Candidate("", name, text, value)) is not None:
                found.setdefault(name, secret.name)
    return found


def _still_read(project: Project, plan: Plan) -> Iterator[str]:
    moved = {id(move.declaration.content) for move in plan.moves}
    for _, text in _templates_after(project, plan):
        yield from references_of(text)
    for service in project.services.values():
        for variable in service.variables.values():
            yield from (
                declaration.name
                for declaration in variable.declarations
                if declaration.text is None and id(declaration.content) not in moved
            )
        for file in service.env_files:
            for entry in file.entries:
                yield from entry.references
    for data in project.secrets.values():
        yield str(data.get("environment") or "")
    yield from (secret.variable for secret in plan.secrets)
    # another stack in the folder reads the same `.env`
    for neighbour in project.folders.interpolating(project.directory, project.family):
        yield from (name for line in neighbour.text.splitlines() if "$" in line for name in references_of(line))


def prune(units: Sequence[Planned], others: Others) -> Plan:
    """The lines to remove for ``--prune-env``."""
    unused, _ = unused_lines(units, others)
    removed = (Remove(text, line, origin=f"the unused line of {secret}") for text, line, secret in unused)
    return Plan(patches=tuple(removed))


def remaining_lines(units: Sequence[Planned], others: Others) -> Iterator[tuple[str, int, str, bool, str]]:
    """Lines of `.env` that set a moved value and are kept: file, line, the secret's name, and whether nothing in the
    project reads the line any more. Then what still reads such a line. The fields are those of
    ``outcome.Remaining``."""
    gone = set(_gone(units))
    lines, kept = unused_lines(units, others)
    unused = {(str(line.text.path), line.line.line) for line in lines}
    reasons = {(line.path, line.number): f"stays: {line.reason}" for line in kept}
    told: set[tuple[str, int]] = set()
    for project, plan in units:
        names = _secret_names(project, plan)
        for name, secret in _supplied(project, plan):
            path, number = project.environment.places[name]
            place = (str(path), number)
            if place not in unused and place not in reasons and name not in names:
                # a user name, for example, that others read too
                continue
            if place not in told and (os.path.realpath(path), number) not in gone:
                told.add(place)
                yield str(path), number, secret, place in unused, reasons.get(place, "")
    for project, plan in units:
        yield from _other_uses(project, plan, _secret_names(project, plan))


def _gone(units: Sequence[Planned]) -> Iterator[tuple[str, int]]:
    """Lines that the plans remove or move: the same file may also be an env file of a service."""
    for _, plan in units:
        for patch in plan.patches:
            if patch.line is not None:
                yield patch.document.source.real_path, patch.line.line


def _other_uses(project: Project, plan: Plan, secrets: dict[str, str]) -> Iterator[tuple[str, int, str, bool, str]]:
    """Strings into which Compose still interpolates a moved value: commands, labels, other services' variables."""
    for (document, node), text in _templates_after(project, plan) if secrets else ():
        for name in sorted(references_of(text) & secrets.keys()):
            file, line, _ = document.place(node.start)
            path = document.path_at(node.start) or ()
            yield file, line, secrets[name], False, f"{'.'.join(path)} reads ${{{name}}}"


def _templates_after(project: Project, plan: Plan) -> Iterator[tuple[tuple[Document, Scalar], str]]:
    """Each scalar with a ``$`` that does not move, and what remains of it."""
    gone: dict[int, list[Span]] = {}
    moved: set[int] = set()
    for read in plan.reads:
        if read.test is not None:
            moved.add(id(read.node))
        elif not read.variable:
            gone.setdefault(id(read.node), []).extend(read.spans)
    for move in plan.moves:
        if isinstance(move.declaration, Argument):
            gone.setdefault(id(move.declaration.content), []).append(move.declaration.part)
        else:
            moved.add(id(move.declaration.content))
    for document in project.compose_texts:
        for node in document.templates:
            if id(node) not in moved:
                yield (document, node), _without(node.value, gone.get(id(node), ()))


def _without(text: str, spans: Iterable[Span]) -> str:
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]} {text[end:]}"
    return text
