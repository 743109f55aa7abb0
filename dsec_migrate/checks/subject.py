"""What a check looks at, and what it answers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.compose.document import Document
from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.project import Project, Service, Variable
from dsec_migrate.detectors.finding import COPY, Action, Confidence, Exposure, Finding, Site
from dsec_migrate.git import Commit
from dsec_migrate.lifecycle.file_state import FileState, State
from dsec_migrate.lifecycle.secret_values import Held
from dsec_migrate.planning.excluded import check_of
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.secret import Secret

PLAIN = frozenset({Exposure.LITERAL, Exposure.DEFAULT, Exposure.EMBEDDED})
"""The secret's text is in the file itself."""


class Weight(str, Enum):
    """``high``: anyone who can read the file or reach the port has the secret; ``medium``: takes a second fault;
    ``low``: good practice."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Item(NamedTuple):
    """Something to do. ``subject`` names what it is about (``service.VARIABLE``, a secret, a file); with the check and
    the file, it identifies the item independent of its line. ``fix`` is what to do, commands in backticks. No text
    holds a value."""

    site: Site
    subject: str
    reason: str
    fix: str
    weight: Weight


class Done(NamedTuple):
    """What is as it should be, in one sentence."""

    what: str


class Known(NamedTuple):
    """A value that the project passes to a service, and its location. ``name`` is the variable, empty for a secret
    that is read from a file; ``subject`` is what to call it. Without ``is_value``, it is a file with its own format."""

    site: Site
    subject: str
    service: str
    name: str
    value: Secret
    is_value: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class Subject:
    """One project. ``arguments`` are the secrets of its commands, labels and builds; ``states`` and ``held`` tell of
    the secrets that it defines; ``changed`` since when each has its value (seconds of the epoch); ``leaked`` which
    values the history of git has, by name or ``service.VARIABLE``. ``tracked`` are service and variable of findings
    whose value stands in an env file that git tracks. ``call`` are the words that name the project on the command line.
    ``today`` counts seconds of the epoch, ``maximum_age`` days. ``is_history_whole``: all of git's was looked at;
    ``unanswered``: git does not tell what it has."""

    project: Project
    findings: tuple[Finding, ...]
    arguments: tuple[Variable, ...] = ()
    states: tuple[tuple[str, State], ...] = ()
    held: tuple[Held, ...] = ()
    changed: Mapping[str, float] = field(default_factory=dict)
    leaked: Mapping[str, Commit] = field(default_factory=dict)
    tracked: frozenset[tuple[str, str]] = frozenset()
    call: tuple[str, ...] = ()
    today: float = 0.0
    maximum_age: int = 365
    is_history_whole: bool = True
    unanswered: UserError | None = None

    # --- findings ---

    def of_check(self, check: str) -> Iterator[Finding]:
        """The plaintext findings that a check reports: certain or likely ones. A line that several services share is
        reported once."""
        told: set[tuple[Site, str]] = set()
        for finding in self.findings:
            key = (finding.site, finding.variable)
            if not self.is_sure(finding) or not self.is_plain(finding) or key in told:
                continue
            variable = self.variable_of(finding)
            if variable is not None and check_of(variable.declaration) == check:
                told.add(key)
                yield finding

    def is_sure(self, finding: Finding) -> bool:
        """Whether it is a secret that has not been moved, certainly or likely."""
        return finding.kind in {"plaintext", COPY} and finding.verdict.confidence is not Confidence.POSSIBLE

    def is_plain(self, finding: Finding) -> bool:
        """Whether its text is in a file of the project, or in one that git tracks."""
        return finding.verdict.exposure in PLAIN or (finding.service, finding.variable) in self.tracked

    def variable_of(self, finding: Finding) -> Variable | None:
        """The variable, argument or hidden line of a finding; None where it is not one of them."""
        if finding.path:
            return None
        service = self.project.services[finding.service]
        named = self._arguments.get((finding.service, finding.variable, finding.site))
        hidden = (
            one for one in service.hidden if _site(one.declaration.document, one.declaration.start) == finding.site
        )
        return named or service.variables.get(finding.variable) or next(hidden, None)

    @cached_property
    def _arguments(self) -> Mapping[tuple[str, str, Site], Variable]:
        return {
            (one.service, one.name, _site(one.declaration.document, one.declaration.start)): one
            for one in self.arguments
        }

    def open_item(self, finding: Finding, weight: Weight) -> Item:
        """What to do about a finding: the command that moves it, or why it is skipped."""
        name = finding.name
        if finding.action is Action.MIGRATE:
            note = "" if finding.applicability == "safe" else ", after reviewing its output without --write"
            fix = f"`{self.command('--only', name, '--write')}`{note}"
        else:
            fix = f"by hand: {finding.note}" if finding.note else "by hand"
        return Item(finding.site, name, finding.verdict.why, fix, weight)

    def command(self, *words: str) -> str:
        """``dsec-migrate`` for this project, with these words."""
        return shlex.join(("dsec-migrate", *self.call, *words))

    def verb(self, verb: str, *words: str) -> str:
        """Another verb of ``dsec-migrate`` for this project."""
        return shlex.join(("dsec-migrate", verb, *words[:1], *self.call, *words[1:]))

    # --- values ---

    @cached_property
    def known(self) -> tuple[Known, ...]:
        """Every value of a secret that is known here: those of findings, and those of secrets."""
        return (*self._values_of_findings(), *self._values_of_secrets())

    def _values_of_findings(self) -> Iterator[Known]:
        told: set[tuple[str, str]] = set()
        for finding in self.findings:
            variable = self.variable_of(finding)
            key = (finding.service, finding.variable)
            if variable is None or finding.verdict.confidence is Confidence.POSSIBLE or key in told:
                continue
            told.add(key)
            for value in _parts(finding, variable):
                subject = f"{finding.service}.{finding.variable}"
                yield Known(finding.site, subject, finding.service, finding.variable, Secret(value))

    def _values_of_secrets(self) -> Iterator[Known]:
        for one in self.held:
            value = one.value
            if value is not None and value.reveal().strip():
                for service in one.services or ("",):
                    yield Known(self.secret_site(one.name), one.name, service, "", value, one.is_value)

    # --- places ---

    def secret_site(self, name: str) -> Site:
        """Where the project defines a secret; the beginning of its file where nothing does."""
        for document, root in reversed(self.project.roots):
            secrets = root.get("secrets")
            entry = secrets.effective().get(name) if isinstance(secrets, MappingNode) else None
            if entry is not None:
                return _site(document, entry.key.outer_start)
        return Site(str(self.project.source.path), 1, 1)

    def service_site(self, service: Service, key: str = "") -> Site:
        """Where a service sets ``key`` last; its own name where it does not."""
        for layer in reversed(service.layers):
            entry = layer.service.own(key) if key else None
            if entry is not None:
                return _site(layer.document, entry.key.outer_start)
        for document, root in self.project.roots:
            services = root.get("services")
            entry = services.effective().get(service.name) if isinstance(services, MappingNode) else None
            if entry is not None:
                return _site(document, entry.key.outer_start)
        return _site(service.layers[-1].document, service.layers[-1].service.start)

    # --- secrets ---

    @property
    def files(self) -> Iterator[tuple[str, FileState]]:
        """The secrets that come from files."""
        for name, state in self.states:
            if isinstance(state, FileState):
                yield name, state

    def renewal(self, name: str) -> str:
        """How to change a reported value: a secret of the project with ``rotate``."""
        one = next((one for one in self.held if one.name == name), None)
        if one is not None and not one.is_value:
            return f"get a new one from where it is issued, and save it to {one.file}"
        if one is not None:
            return f"`{self.verb('rotate', name, '--generate', '32')}`"
        return "set a random value there"

    @cached_property
    def env_files(self) -> Mapping[Path, Site]:
        """Env files, including ``.env``, that provide a secret, each with the first line that does."""
        found: dict[Path, Site] = {}
        project = self.project
        texts = {str(text.source.path) for text in project.env_texts}
        for finding in self.findings:
            if finding.verdict.confidence is Confidence.POSSIBLE:
                continue
            if finding.site.file in texts:
                found.setdefault(Path(finding.site.file), finding.site)
            variable = self.variable_of(finding)
            names = [one.name for one in variable.effective.references] if variable is not None else []
            # without its own value, it has that of its name
            for name in names or [finding.variable]:
                place = project.environment.places.get(name)
                if place is not None and project.environment.files.get(name):
                    found.setdefault(place[0], Site(str(place[0]), place[1], 1))
        return found

    @property
    def directory(self) -> Path:
        return self.project.directory


def _site(document: Document, offset: int) -> Site:
    return Site(*document.place(offset))


def _parts(finding: Finding, variable: Variable) -> Iterator[str]:
    """The secret parts of a text, or what the references of a whole one give."""
    text, effective = variable.declaration.text or "", variable.effective
    if finding.verdict.exposure is Exposure.EMBEDDED:
        parts = (text[start:end] for start, end in finding.verdict.parts)
        yield from (part.replace("$$", "$") for part in parts if part and "${" not in part)
    elif effective.value and not effective.unset and (effective.whole_reference or not effective.references):
        yield effective.value
