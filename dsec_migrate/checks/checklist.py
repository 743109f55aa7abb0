"""The answers to all checks for one project, without its exceptions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.checks.baseline import Baseline
from dsec_migrate.checks.catalogue import IDS, Check
from dsec_migrate.checks.subject import PLAIN, Done, Item, Subject
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.config import project_file
from dsec_migrate.config.exclusions import Exclusions, Rule, problems, reason_for
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Confidence
from dsec_migrate.git import Commit, NoAnswerError
from dsec_migrate.lifecycle.history import changes, commits, in_tracked_files
from dsec_migrate.lifecycle.secret_state import states
from dsec_migrate.lifecycle.secret_values import held
from dsec_migrate.migrate.copies import plans_with_copies
from dsec_migrate.migrate.families import Unit, plan_units, planned
from dsec_migrate.migrate.load import load, surroundings_of
from dsec_migrate.migrate.surroundings import Surroundings
from dsec_migrate.outcome import Masks
from dsec_migrate.planning import excluded
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.reports.hiding import hider
from dsec_migrate.reports.masking import masks
from dsec_migrate.reports.shown import problem
from dsec_migrate.text.errors import UserError, VerificationError, told
from dsec_migrate.text.records import dataclass, field, replace
from dsec_migrate.text.source import Source


class Point(NamedTuple):
    """One check and its answers: ``items`` are to be done, ``done`` is as it should be. ``excepted`` are items with the
    reasons of their exceptions; ``known`` counts those in the baseline."""

    check: Check
    items: tuple[Item, ...]
    done: tuple[str, ...]
    excepted: tuple[tuple[Item, str], ...] = ()
    known: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class Checklist:
    """``path`` is the project as the user named it. Checks that do not apply have no point."""

    path: str
    points: tuple[Point, ...] = ()
    errors: tuple[UserError, ...] = ()
    warnings: tuple[UserError, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """What is the same for all projects of a command, which ``call`` names. ``looks_back``: search the git history, at
    most until ``until`` (seconds of a monotonic clock). ``is_gate``: a project does not pass if git does not answer."""

    checks: Sequence[Check]
    options: Options
    shell: Mapping[str, str] = field(repr=False)
    call: tuple[ProjectFiles, ...] = ()
    baseline: Baseline | None = None
    looks_back: bool = True
    until: float = 0.0
    is_gate: bool = False

    @cached_property
    def _surroundings(self) -> Surroundings:
        found = surroundings_of(self.call, self.options, self.shell)
        found.join(self.call)
        return found

    @cached_property
    def _paths(self) -> frozenset[Path]:
        return frozenset(path for files in self.call for path in files.paths)

    def look(self, files: ProjectFiles) -> Checklist:
        """All checks of one project. Changes nothing; anything that goes wrong is an error of the project."""
        try:
            return self._look(files)
        except Exception as error:
            return Checklist(files.name, errors=(told(error, files.name),), warnings=files.warnings)

    def _look(self, files: ProjectFiles) -> Checklist:
        said = project_file.read(files.directory, self.options.settings, excepts=self.options.exceptions)
        root = load(files, self.options, self.shell, Folders(self._paths))
        try:
            units = planned(root, self.options, Disk(), self._surroundings)
        except VerificationError:
            # the migration itself reports why it would skip something for another reason
            units = list(plan_units(root, self.options, Disk()))
        errors = [error for unit in units for error in unit.errors]
        errors += _unknown_checks(files, said.exceptions)
        texts = [{str(source.path): source for source in _sources(unit)} for unit in units]
        errors += (
            error
            for sources in texts
            for source in sources.values()
            if said.has_comments
            for error in problems(source, IDS)
        )
        subjects = [self._subject(files, unit, said.maximum_age) for unit in units]
        rules = Exclusions((*said.exceptions, *_skipped(said.skips)), said.has_comments)
        hide = hider(self._masks(units, subjects))
        points = []
        unanswered = [subject.unanswered for subject in subjects if subject.unanswered is not None]
        for check in self.checks:
            asked = zip(texts, subjects, strict=True)
            try:
                answers = [(sources, answer) for sources, subject in asked for answer in check.look(subject)]
            except NoAnswerError as error:
                unanswered.append(error)
                continue
            point = self._point(check, answers, rules, hide)
            if point.items or point.done or point.excepted or point.known:
                points.append(point)
        warnings = [*files.warnings, *(warning for unit in units for warning in unit.warnings)]
        (errors if self.is_gate else warnings).extend(unanswered[:1])
        if not all(subject.is_history_whole for subject in subjects):
            warnings.append(
                UserError(
                    "only a part of the git history was searched within the time limit",
                    help=f"run `{subjects[-1].verb('audit')}` for this project alone to search more",
                )
            )
        return Checklist(
            hide(files.name),
            tuple(points),
            tuple(problem(error, hide) for error in errors),
            tuple(problem(warning, hide) for warning in warnings),
        )

    def _point(
        self,
        check: Check,
        answers: Iterable[tuple[Mapping[str, Source], Item | Done]],
        rules: Exclusions,
        hide: Callable[[str], str],
    ) -> Point:
        items: dict[Item, None] = {}
        done: dict[str, None] = {}
        excepted: dict[Item, str] = {}
        known = 0
        for sources, answer in answers:
            if isinstance(answer, Done):
                done[hide(answer.what)] = None
                continue
            item = _shown(answer, hide)
            reason = _exception(check, item, sources, rules)
            if reason is not None:
                excepted[item] = reason
            elif self.baseline is not None and self.baseline.entry(check.id, item) in self.baseline.known:
                known += 1
            else:
                items[item] = None
        return Point(check, tuple(items), tuple(done), tuple(excepted.items()), known)

    def _subject(self, files: ProjectFiles, unit: Unit, maximum_age: int) -> Subject:
        project, plan = unit.project, unit.plan
        exposed, unanswered = in_tracked_files([(project, plan)])
        (plan,), silence = plans_with_copies([(project, plan)], self.options, tracked=unanswered is None)
        unanswered = unanswered or silence
        subject = Subject(
            project,
            plan.findings,
            plan.arguments,
            tuple(states(project)),
            tuple(held(project, self.options)),
            changes(project, self.options),
            {},
            exposed,
            _words(files, self.options),
            time.time(),
            maximum_age,
            unanswered=unanswered,
        )
        if not self.looks_back:
            return subject
        if time.monotonic() > self.until:
            return replace(subject, is_history_whole=False)
        try:
            leaked, is_whole = _leaked(subject)
        except NoAnswerError as error:
            return replace(subject, unanswered=error)
        return replace(subject, leaked=leaked, is_history_whole=is_whole)

    def _masks(self, units: Sequence[Unit], subjects: Sequence[Subject]) -> Masks:
        found = sum((masks(unit.project, unit.plan) for unit in units), Masks())
        values = tuple(one.value for subject in subjects for one in subject.held if one.value is not None)
        return found + Masks({}, values)


def _leaked(subject: Subject) -> tuple[Mapping[str, Commit], bool]:
    """Values in the git history, except those that are in a current file anyway; and whether all of it was searched."""
    stands = {
        f"{one.service}.{one.variable}"
        for one in subject.findings
        if one.verdict.exposure in PLAIN or one.verdict.confidence is Confidence.POSSIBLE
    }
    values = {one.subject: one.value for one in subject.known if one.subject not in stands}
    return commits(subject.project, values)


def _shown(item: Item, hide: Callable[[str], str]) -> Item:
    return item._replace(
        site=item.site._replace(file=hide(item.site.file)),
        subject=hide(item.subject),
        reason=hide(item.reason),
        fix=hide(item.fix),
    )


def _exception(check: Check, item: Item, sources: Mapping[str, Source], rules: Exclusions) -> str | None:
    """The reason why an item is excepted; ``sources`` are the texts of its project by path."""
    service, _, name = item.subject.partition(".")
    path = Path(item.site.file)
    names = (item.subject, service, name, item.site.file, path.name)
    # only texts of the project have comments
    source = sources.get(item.site.file) or Source(path, b"", "")
    return reason_for(check.id, source, item.site.line, names, rules)


def _sources(unit: Unit) -> Iterator[Source]:
    """The texts of a project that may contain exceptions."""
    project = unit.project
    yield from (text.source for text in (*project.compose_texts, *project.env_texts, *project.dockerfiles.values()))
    for path in project.environment.paths:
        try:
            yield Source.read(path, is_env_file=True)
        except UserError:
            # it was read before; if it was removed meanwhile, it excepts nothing
            continue


def _skipped(skips: Iterable[tuple[str, str]]) -> Iterator[Rule]:
    """What a migration skips on purpose is not an item either."""
    for pattern, reason in skips:
        yield from (Rule(check, pattern, reason) for check in (*excluded.CHECKS, "secrets-from-files"))


def _unknown_checks(files: ProjectFiles, rules: Iterable[Rule]) -> Iterator[UserError]:
    for rule in rules:
        if rule.check not in {*IDS, "*"}:
            path = str(files.directory / project_file.NAME)
            yield UserError(
                f"unknown check {rule.check}", path, help="run `dsec-migrate audit --list` to list all checks"
            )


def _words(files: ProjectFiles, options: Options) -> tuple[str, ...]:
    """The project as named on the command line."""
    named = [str(path) for path in files.paths]
    words = [files.name] if files.name else named
    if len(named) > 1 and not Path(files.name).is_file():
        words = [word for path in named for word in ("-f", path)]
    return (*words, *(word for path in options.env_files for word in ("--env-file", str(path))))
