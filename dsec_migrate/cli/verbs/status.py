"""``status``: the state of a project's secrets, and the plaintext that remains."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from dsec_migrate import transaction
from dsec_migrate.cli.parameters import switch
from dsec_migrate.cli.verbs.task import ENV_FILES, FILES, LAYERS, SECRETS_DIR, ProjectCall, Result, Task
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import Project
from dsec_migrate.detectors.finding import Confidence, Exposure
from dsec_migrate.lifecycle.file_state import (
    ExternalState,
    FileState,
    State,
    VariableState,
    describe,
    describe_access,
)
from dsec_migrate.lifecycle.history import ages, leaked
from dsec_migrate.lifecycle.secret_state import builders, states, users
from dsec_migrate.migrate.load import load
from dsec_migrate.migrate.pipeline import migrate
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.secret_files import journal_folders
from dsec_migrate.reports.hiding import hider
from dsec_migrate.reports.shown import problem
from dsec_migrate.text.errors import UserError, told

_PLAIN = {Exposure.LITERAL, Exposure.DEFAULT, Exposure.EMBEDDED}


class Call(ProjectCall):
    """Show the state of a project's secrets and the plaintext that remains. Changes nothing."""

    files: Sequence[Path] = FILES
    layers: Sequence[Path] = LAYERS
    env_files: Sequence[Path] = ENV_FILES
    secrets_dir: str | None = SECRETS_DIR
    check: bool = switch("--check", "Exit with 1 if a secret has no value here or git tracks its file.")


def run(call: Call) -> int:
    return perform(Task.of(call), is_gate=call.check).tell()


def perform(task: Task, *, is_gate: bool = False) -> Result:
    """Changes nothing. ``--check`` fails for secrets that have no value here or whose files git tracks, and where git
    does not answer."""
    errors: list[UserError] = []
    missing = 0
    for files in task.projects:
        try:
            found, unanswered = _tell_project(files, task)
        except Exception as error:
            errors.append(told(error, files.name))
            continue
        missing += sum(map(_is_missing, found))
        errors += [unanswered] if is_gate and unanswered is not None else []
    if is_gate:
        why = [f"{missing} to do"] if missing else []
        why += [f"{len(errors)} with errors"] if errors else []
        task.page.blank()
        task.page.sentence(f"check failed: {', '.join(why)}" if why else "check passed")
    return Result(task.page, errors, is_gate and missing > 0)


def _is_missing(state: State) -> bool:
    """Whether something must be done before the project can run, or a value is exposed."""
    if isinstance(state, FileState):
        return state.needs_value or state.is_error
    return isinstance(state, VariableState) and state.value_is != "set"


def _tell_project(files: ProjectFiles, task: Task) -> tuple[list[State], UserError | None]:
    """The states of the project's secrets, and why git does not answer, if so."""
    root = load(files, task.options, task.shell)
    outcome = migrate(files, task.options, task.shell, check=True)
    page = task.page
    page.hide = hider(outcome.masks)
    if outcome.errors:
        raise problem(outcome.errors[0], page.hide)
    page.rule(files.name) if len(task.projects) > 1 else page.heading(files.name)
    found = [(unit, name, state) for unit in root.units() for name, state in states(unit)]
    if found:
        page.heading("Secrets")
        known = {id(unit): ages(unit, task.options) for unit in root.units()}
        page.table(
            [
                (name, _source(state), _condition(unit, name, state), _access(state), known[id(unit)].get(name, ""))
                for unit, name, state in found
            ]
        )
    problems = [(name, sentence) for unit, name, state in found for sentence in _sentences(unit, name, state)]
    for unit in root.units():
        problems += leaked(unit, task.options)
    if outcome.unanswered is not None and all("git does not answer" not in sentence for _, sentence in problems):
        why = outcome.unanswered
        problems.append(("", f"cannot tell whether git tracks the env files: {why.what}; {why.help}"))
    if problems:
        page.heading("To do")
        for name, sentence in problems:
            page.sentence(f"{name}: {sentence}" if name else sentence, indent="      ", first="  ")
    _tell_plaintext(task, root, outcome)
    unanswered = (state.unanswered for _, _, state in found if isinstance(state, FileState))
    return [state for _, _, state in found], next(filter(None, (outcome.unanswered, *unanswered)), None)


def _source(state: State) -> str:
    if isinstance(state, FileState):
        return f"file {_shown(state.secret.path)}"
    if isinstance(state, VariableState):
        return f"variable {state.variable}"
    return f"driver {state.driver}" if state.driver else f"external {state.external_name}"


def _condition(project: Project, name: str, state: State) -> str:
    words = []
    if isinstance(state, FileState):
        words.append(state.kind.value if state.kind.value != "file" else "empty" if state.is_empty else "there")
    elif isinstance(state, VariableState):
        words.append(state.value_is)
    if not _is_used(project, name):
        words.append("unused")
    if isinstance(state, FileState) and state.is_tracked:
        words.append("TRACKED BY GIT")
    return ", ".join(words)


def _access(state: State) -> str:
    return describe_access(state) if isinstance(state, FileState) else ""


def _sentences(project: Project, name: str, state: State) -> list[str]:
    sentences = [] if isinstance(state, ExternalState) else list(describe(state))
    if not _is_used(project, name):
        sentences.append("no service mounts it and no build uses it")
    return sentences


def _is_used(project: Project, name: str) -> bool:
    return name in users(project) or name in builders(project)


def _tell_plaintext(task: Task, root: Project, outcome: ProjectOutcome) -> None:
    page = task.page
    plain = [
        finding
        for finding in outcome.findings
        if finding.verdict.confidence is not Confidence.POSSIBLE
        and (finding.verdict.exposure in _PLAIN or (finding.service, finding.variable) in outcome.tracked)
    ]
    originals = [kept for folder in journal_folders(root, task.options) for kept in _originals(folder, root)]
    if not plain and not originals:
        page.blank()
        page.sentence("no secret is in plaintext in the project's files")
        return
    page.heading("In plaintext")
    rows = [(f"{f.site.file}:{f.site.line}", f.name) for f in plain]
    page.table([*dict.fromkeys(rows), *originals])
    if originals:
        forget = shlex.join(("dsec-migrate", "undo", *outcome.said.arguments, "--forget", "--write"))
        page.sentence(f"`{forget}` deletes the original files; after that, the migration cannot be undone")


def _originals(folder: Path, root: Project) -> list[tuple[str, str]]:
    kept = transaction.remaining_originals(folder, root.boundary)
    return [(_shown(copy), f"the original {_shown(path)}") for path, copy in kept]


def _shown(path: Path) -> str:
    here = os.getcwd()  # noqa: PTH109
    return os.path.relpath(path, here) if Path(os.path.abspath(path)).is_relative_to(here) else str(path)  # noqa: PTH100
