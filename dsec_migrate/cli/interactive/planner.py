"""What a run with certain choices would do: planned and verified as any other run, but never written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from dsec_migrate.cli.interactive.choices import options_of
from dsec_migrate.cli.interactive.decision_units import Unit, key_of, units_of
from dsec_migrate.cli.interactive.session import Session, Wish
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config import project_file
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Action
from dsec_migrate.migrate.pipeline import migrate
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.text.records import replace


class Planner:
    """Of one project. ``shell`` are the variables that ``${…}`` sees before any file."""

    def __init__(self, files: ProjectFiles, options: Options, shell: Mapping[str, str]) -> None:
        self.files = files
        self.options = options
        self._shell = shell
        self.outcome = lru_cache(maxsize=8)(self._outcome)

    def _outcome(self, options: Options) -> ProjectOutcome:
        return migrate(self.files, options, self._shell)

    def everything(self) -> ProjectOutcome:
        """As if everything were accepted, possible secrets included. Its errors are those of the project."""
        return self.outcome(self.options if self.options.only else replace(self.options, only=("*",)))

    def units(self) -> tuple[Unit, ...]:
        everything = self.everything()
        if everything.status:
            return ()
        return units_of(everything, self._asked())

    def settled(self) -> int:
        """The number of variables that the project's settings skip, so that they are not asked about."""
        asked = self._asked()
        findings = self.everything().findings
        return len({key_of(one) for one in findings if asked.reason_to_skip(one.service, one.variable)})

    def _asked(self) -> Options:
        said = project_file.read(self.files.directory, self.options.settings, excepts=self.options.exceptions)
        return replace(self.options, skip_settled=said.skips)

    def expected(self, session: Session, wish: Wish | None = None) -> ProjectOutcome:
        """If the current unit moves (with ``wish``, else with what is known of it), and all undecided ones that are
        certainly secrets."""
        state = session.state
        if wish is not None:
            state = replace(state, wishes={**state.wishes, state.position: wish})
        open_ = [number for number in session.undecided if not session.units[number].is_possible]
        chosen = {*session.accepted, *open_, state.position}
        return self.outcome(options_of(self.options, session.units, chosen, state))

    def so_far(self, session: Session) -> ProjectOutcome:
        """If everything accepted moves, and the current unit."""
        current = () if session.is_done else (session.state.position,)
        return self.outcome(options_of(self.options, session.units, {*session.accepted, *current}, session.state))

    def alone(self, session: Session) -> ProjectOutcome:
        """If only the current unit moves, under its expected name."""
        plain = replace(self.options, prune_env=False, templates=False, manager=None, encrypt_to=(), stack_output=None)
        state = replace(session.state, rules=())
        options = options_of(plain, session.units, {state.position}, state)
        pinned = self._pinned(self.expected(session), session.unit, options)
        outcome = self.outcome(pinned)
        return outcome if not outcome.status or pinned == options else self.outcome(options)

    def _pinned(self, expected: ProjectOutcome, unit: Unit, options: Options) -> Options:
        if options.name_for(*unit.variables[0]):
            return options
        new = {secret.name for secret in expected.plan.secrets if secret.is_new}
        names = secret_names(expected, unit.keys)
        # merged files may each have a secret, named after the file
        is_one = len(names) == 1 and names[0] in new
        return replace(options, rename=(*options.rename, (unit.name, names[0]))) if is_one else options


def moves(outcome: ProjectOutcome, unit: Unit) -> bool:
    return not outcome.status and all(
        finding.action is Action.MIGRATE for finding in outcome.findings if key_of(finding) in unit.keys
    )


def reason_against(outcome: ProjectOutcome, unit: Unit) -> str:
    """Why the unit would not move with these choices; empty where it would."""
    if outcome.errors:
        return "; ".join(filter(None, (outcome.errors[0].what, outcome.errors[0].help)))
    if outcome.failure:
        return outcome.failure
    kept = [f for f in outcome.findings if key_of(f) in unit.keys and f.action is Action.KEEP]
    return kept[0].note if kept else ""


def secret_names(outcome: ProjectOutcome, keys: Collection[str]) -> list[str]:
    return list(dict.fromkeys(f.secret for f in outcome.findings if key_of(f) in keys and f.secret is not None))
