"""The age of a project's values, and which of them git has seen in plaintext, for ``status``."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dsec_migrate import git
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Exposure
from dsec_migrate.detectors.vocabulary import is_distinctive_in
from dsec_migrate.lifecycle.secret_values import Held, held
from dsec_migrate.lifecycle.state_file import Entry, StateFile
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.secret_files import secrets_folder
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.secret import Secret

_DAY_SECONDS = 86_400


def changes(project: Project, options: Options) -> Mapping[str, float]:
    """By name, since when each secret has its value (seconds since the epoch), as far as known: from the state file,
    else from the secret's file."""
    found: dict[str, float] = {}
    for one, entry in _entries(project, options):
        seconds = entry.changed or _changed(one)
        if seconds:
            found[one.name] = seconds
    return found


def ages(project: Project, options: Options) -> Mapping[str, str]:
    """By name, the same in words, and which rotation is in progress."""
    found: dict[str, str] = {}
    since = changes(project, options)
    for one, entry in _entries(project, options):
        if one.name in since:
            seconds = since[one.name]
            word = "rotated" if len(entry.hashes) > 1 and entry.changed else "since"
            found[one.name] = f"{word} {datetime.date.fromtimestamp(seconds).isoformat()}, {_days(seconds)}"
        if entry.phase:
            found[one.name] = f"{found.get(one.name, '')}; a rotation is in progress ({entry.phase})".lstrip("; ")
    return found


def _entries(project: Project, options: Options) -> Iterator[tuple[Held, Entry]]:
    for one in held(project, options):
        folder = one.file.parent if one.file is not None else secrets_folder(project, options)
        yield one, StateFile(folder, project.boundary).entry(one.name)


def _changed(one: Held) -> float:
    if one.file is None or one.value is None:
        return 0.0
    return os.stat(one.file).st_mtime  # noqa: PTH116


def _days(seconds: float) -> str:
    days = max(int((time.time() - seconds) // _DAY_SECONDS), 0)
    return "today" if not days else f"{days} day{'s' * (days != 1)}"


def in_tracked_files(units: Iterable[tuple[Project, Plan]]) -> tuple[frozenset[tuple[str, str]], UserError | None]:
    """Service and variable of each finding whose value is in an env file that git tracks; and why git does not answer,
    if so."""
    found: set[tuple[str, str]] = set()
    try:
        for project, plan in units:
            found.update(_in_tracked_files(project, plan))
    except git.NoAnswerError as error:
        return frozenset(found), error
    return frozenset(found), None


def _in_tracked_files(project: Project, plan: Plan) -> Iterator[tuple[str, str]]:
    """Raises git.NoAnswerError."""
    names = {name for name in project.environment.files if not project.environment.is_from_shell(name)}
    files = git.tracked(project.environment.paths) if names and plan.findings else ()
    arguments = {(variable.service, variable.name): variable for variable in plan.arguments}
    for finding in plan.findings if files else ():
        if not finding.service:
            continue
        known = project.services[finding.service].variables
        variable = known.get(finding.variable) or arguments.get((finding.service, finding.variable))
        if variable is None:
            # a later file overrides it
            continue
        effective = variable.effective
        used = {reference.name for reference in effective.references} or {finding.variable}
        if finding.verdict.exposure in {Exposure.INTERPOLATED, Exposure.PASS_THROUGH} and used & names:
            yield finding.service, finding.variable


def leaked(project: Project, options: Options) -> Iterator[tuple[str, str]]:
    """Names of secrets whose current value is in the git history, each with a sentence; last, with an empty name, a
    note if the history was not searched completely."""
    secrets = {one.name: one for one in held(project, options) if one.value is not None}
    try:
        found, is_whole = commits(project, {name: one.value for name, one in secrets.items() if one.value is not None})
    except git.NoAnswerError as error:
        yield "", f"the git history was not searched: {error.what}; {error.help}"
        return
    for name, commit in found.items():
        another = f"run `dsec-migrate rotate {name}` to change it"
        if not secrets[name].is_value:
            another = f"get a new one from where it is issued, and save it to {secrets[name].file}"
        yield (
            name,
            (
                f"its value is in the git history ({commit.name}, {commit.day}) and has not been changed since: "
                f"anyone with access to the repository has it; {another}"
            ),
        )
    if not is_whole:
        yield "", f"only a part of the git history was searched, within {git.HISTORY_TIMEOUT_SECONDS} seconds"


def commits(project: Project, values: Mapping[str, Secret]) -> tuple[Mapping[str, git.Commit], bool]:
    """By name, the latest commit that added a value; and whether the whole history was searched. Only values that are
    distinctive enough to be recognized. Raises git.NoAnswerError."""
    revealed = {name: value.reveal() for name, value in values.items()}
    texts = {name: tuple(_forms(text)) for name, text in revealed.items() if is_distinctive_in(project, text)}
    return git.committed(project.directory, texts) if texts else ({}, True)


def _forms(value: str) -> Sequence[bytes]:
    """The value as it may appear in a line of a Compose or env file."""
    longest = max(value.splitlines() or [""], key=len)
    forms = {longest, longest.replace("$", "$$"), longest.replace("\\", "\\\\").replace('"', '\\"')}
    return [form.encode("utf-8", "surrogateescape") for form in forms if form]
