"""Turns keys into decisions: asks about one unit after the other, until all are decided or the user quits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol, TypeVar

from dsec_migrate.cli.interactive import screen
from dsec_migrate.cli.interactive.choices import final, spoken, words_of
from dsec_migrate.cli.interactive.decision_units import Unit, key_of
from dsec_migrate.cli.interactive.keys import END, ESCAPE
from dsec_migrate.cli.interactive.planner import Planner, moves, reason_against, secret_names
from dsec_migrate.cli.interactive.progress import Progress
from dsec_migrate.cli.interactive.session import Rule, Session, Wish
from dsec_migrate.config.options import Mount, Options, SourceKind, Target, Unknown, literally
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.planning.naming import is_valid
from dsec_migrate.planning.passes.fix import Delivery
from dsec_migrate.reports.diff import render
from dsec_migrate.reports.hiding import hider
from dsec_migrate.reports.look import Look
from dsec_migrate.reports.shown import shown
from dsec_migrate.reports.style import Paint, Style, paragraph, wrapped
from dsec_migrate.text.records import replace
from dsec_migrate.text.visible import harmless

_MOVE = "Move it? [y,n,a,s,r,o,d,v,w,u,q,?] "
_STAYS = "Skip it? [n,a,s,o,d,w,u,q,?] "
_SOURCES = {"f": SourceKind.FILE, "v": SourceKind.ENVIRONMENT, "s": SourceKind.EXTERNAL}
_DELIVERIES = {"p": Unknown.REWRITE, "s": Unknown.WRAP}
# words that end many names, with a different meaning each time
_COMMON = {"KEY", "PASS", "PASSWD", "PASSWORD", "SECRET", "TOKEN"}


_Kind = TypeVar("_Kind", bound=Enum)


class Screen(Protocol):
    """What the dialogue needs of a terminal."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def has_screens(self) -> bool: ...
    def show(self, text: str) -> None: ...
    def key(self, seconds: float | None = None) -> str: ...
    def line(self, prompt: str, fix: str = "") -> str | None: ...
    def flash(self, lines: Sequence[str]) -> None: ...


class End(Enum):
    """How a dialogue about one project ends."""

    WRITE = "write"
    """Everything accepted is to be written."""
    NEXT = "next"
    """Nothing is written; continues with the next project."""
    QUIT = "quit"
    """Nothing is written, and the conversation ends."""


class Dialogue:
    """A dialogue about one project. ``command`` makes the lines of a command with further words."""

    def __init__(
        self,
        planner: Planner,
        session: Session,
        progress: Progress,
        terminal: Screen,
        style: Style,
        command: Callable[[Sequence[tuple[str, str]], int], Sequence[str]],
        *,
        write: bool,
    ) -> None:
        self.session = session
        self._planner = planner
        self._progress = progress
        self._terminal = terminal
        self._style = style
        self._command = command
        self._write = write
        self._has_enough = False

    @property
    def options(self) -> Options:
        """The options of a run that does what was decided."""
        return final(self._planner.options, self.session)

    def run(self) -> End:
        self._tell_settled()
        self._resume()
        while True:
            end = self._finish() if self.session.is_done or self._has_enough else self._ask()
            if end is not None:
                return end

    # --- one unit ---

    def _ask(self) -> End | None:
        terminal, session = self._terminal, self.session
        expected = self._planner.expected(session)
        text = screen.render_unit(
            session, expected, self._planner.alone(session), self._style, terminal.width, terminal.height
        )
        terminal.show(text)
        state = session.state
        prompt = self._style.bold(_MOVE if moves(expected, session.unit) else _STAYS)
        while session.state is state:
            terminal.show(prompt)
            key = terminal.key()
            terminal.show(f"{key if key.isprintable() else ''}\n")
            if key in {END, "q"}:
                return self._quit(is_gone=key == END)
            action = self._actions().get(key)
            if action is None:
                self._say("unknown key; ? lists the keys")
                continue
            action()
        self._keep()
        return None

    def _actions(self) -> dict[str, Callable[[], None]]:
        return {
            "y": self._accept,
            "n": self.session.skip,
            "a": self._accept_safe,
            "s": self._skip_all,
            "r": self._rename,
            "o": self._choose_source,
            "d": self._choose_delivery,
            "v": self._show_value,
            "w": self._show_change,
            "u": self._undo,
            "?": lambda: self._terminal.show(screen.render_help(self._style, self._terminal.width)),
        }

    def _accept(self) -> None:
        outcome = self._planner.expected(self.session)
        if not moves(outcome, self.session.unit):
            self._say(f"it cannot move: {self._reason(outcome)}")
        else:
            self.session.accept()

    def _accept_safe(self) -> None:
        count = self.session.accept_safe()
        self._say(
            f"accepted {count} that need no check"
            if count
            else "none of the remaining findings is safe without a check"
        )

    def _undo(self) -> None:
        if not self.session.undo():
            self._say("there is nothing to undo")

    def _skip_all(self) -> None:
        unit = self.session.unit
        pattern = self._terminal.line("Skip permanently (pattern): ", harmless(self._hide(self._proposal(unit))))
        if not pattern:
            return
        if self.session.state.position not in self.session.named_by(pattern):
            self._say(f"{pattern} does not match {unit.name}")
            return
        count = len(self.session.named_by(pattern))
        reason = self._terminal.line(f"Why ({count} {'finding' if count == 1 else 'findings'}): ")
        if not reason:
            self._say("a reason is required to skip permanently")
            return
        said = f"{pattern} {reason}"
        if self._hide(said) != said:
            self._say("that would reveal a value: it must not be in the file with the reason")
            return
        self.session.skip_all(Rule(pattern, reason))

    def _proposal(self, unit: Unit) -> str:
        name = unit.variables[0][1]
        word = name.rpartition("_")[2]
        general = f"*_{word}"
        is_telling = "_" in name and word not in _COMMON and len(self.session.named_by(general)) > 1
        return general if is_telling else literally(name)

    # --- how it moves ---

    def _rename(self) -> None:
        names = secret_names(self._planner.expected(self.session), self.session.unit.keys)
        name = self._terminal.line("Name of the secret: ", names[0] if names else "")
        if not name or name in names:
            return
        if not is_valid(name):
            self._say("a name consists of letters, digits, and - _ . between them, at most 64 characters")
            return
        self._try(replace(self.session.wish, name=name))

    def _choose_source(self) -> None:
        known = self._sources()
        if not known:
            self._say("with these options, all values come from one source")
            return
        others = {SourceKind.EXTERNAL: "[s]warm stores it", SourceKind.ENVIRONMENT: "a [v]ariable of the shell or .env"}
        told = ", ".join(others[kind] for kind in known if kind in others)
        kind = self._choose(f"Source: a [f]ile, {told}? ", _SOURCES)
        if kind not in known:
            return
        wish = replace(self.session.wish, source=kind)
        outcome = self._planner.expected(self.session, wish)
        names = secret_names(outcome, self.session.unit.keys)
        found = {secret.source for secret in outcome.plan.secrets if secret.name in names}
        if found and found != {kind}:
            self._say(
                "its value is in the files, so no variable provides it"
                if kind is SourceKind.ENVIRONMENT
                else "the project already has a secret for it, from a variable"
            )
            return
        self._try(wish)

    def _sources(self) -> tuple[SourceKind, ...]:
        """The sources that a secret of the project may have."""
        options = self._planner.options
        if options.manager is not None or options.mount is Mount.VOLUME:
            return ()
        return (SourceKind.FILE, SourceKind.EXTERNAL if options.target is Target.SWARM else SourceKind.ENVIRONMENT)

    def _choose_delivery(self) -> None:
        how = self._choose("Delivery: does the [p]rogram read the file, or a [s]hell on its behalf? ", _DELIVERIES)
        if how is None:
            return
        wish = replace(self.session.wish, delivery=how)
        outcome = self._planner.expected(self.session, wish)
        rows = [finding for finding in outcome.findings if key_of(finding) in self.session.unit.keys]
        is_wrapped = any(finding.delivery == Delivery.WRAPPER.value for finding in rows)
        if moves(outcome, self.session.unit) and is_wrapped is not (how is Unknown.WRAP):
            self._say("the image reads it from no file" if is_wrapped else "there is no other delivery for this one")
            return
        self._try(wish)

    def _choose(self, prompt: str, kinds: Mapping[str, _Kind]) -> _Kind | None:
        self._terminal.show(prompt)
        key = self._terminal.key()
        self._terminal.show(f"{key if key.isprintable() else ''}\n")
        return kinds.get(key)

    def _try(self, wish: Wish) -> None:
        """Records the wish, if the unit can move with it."""
        outcome = self._planner.expected(self.session, wish)
        if moves(outcome, self.session.unit):
            self.session.want(wish)
        else:
            self._say(f"not possible: {self._reason(outcome)}")

    def _reason(self, outcome: ProjectOutcome) -> str:
        return reason_against(outcome, self.session.unit)

    # --- to look at ---

    def _show_value(self) -> None:
        outcome = self._planner.alone(self.session)
        outcome = outcome if moves(outcome, self.session.unit) else self._planner.expected(self.session)
        lines = screen.render_value(outcome, self.session.unit, self._terminal.width, self._terminal.height)
        if not lines:
            self._say("its value is not known here")
        elif not self._terminal.has_screens:
            self._say("this terminal keeps its output, so the value is not shown")
        else:
            self._terminal.flash(lines)

    def _show_change(self) -> None:
        outcome = self._planner.so_far(self.session)
        paints: dict[str, Paint] = {"-": self._style.red, "+": self._style.green, "@": self._style.dim}
        diffs = render(shown(outcome), Look())
        for diff in reversed(diffs):
            lines = []
            for line in diff.splitlines():
                paint = self._style.bold if line.startswith(("--- ", "+++ ")) else paints.get(line[:1], str)
                lines += [paint(row) for row in wrapped(line, self._terminal.width)]
            self._terminal.show("\n" + "\n".join(lines) + "\n")
        if not diffs:
            self._say("nothing accepted so far changes a file")

    def _hide(self, text: str) -> str:
        return hider(self._planner.everything().masks)(text)

    def _say(self, text: str) -> None:
        lines = paragraph(harmless(self._hide(text)), min(self._terminal.width, 100), "  ")
        self._terminal.show("\n".join(lines) + "\n")

    # --- the end ---

    def _finish(self) -> End | None:
        outcome = self._planner.outcome(self.options)
        terminal = self._terminal
        terminal.show(screen.render_summary(self.session, outcome, self._style, terminal.width))
        if outcome.status:
            self._say(f"not possible: {self._reason_of(outcome)}")
        elif not self._has_work(outcome):
            self._say("nothing would change")
        elif not self._write:
            self._tell_command()
        can_write = self._write and not outcome.status and self._has_work(outcome)
        self._has_enough = False
        while True:
            asks = "Write? [y/N; w shows the whole change, u undoes] "
            other = "[w shows the whole change, u undoes, Enter ends] "
            terminal.show("\n" + self._style.bold(asks if can_write else other))
            key = terminal.key()
            terminal.show(f"{key if key.isprintable() else ''}\n")
            if key == "w":
                self._show_change()
            elif key == "u":
                if self.session.undo():
                    self._keep()
                    return None
                self._say("there is nothing to undo")
            elif key == "y" and can_write:
                return End.WRITE
            elif key in {"n", "q", "\n", "\r", END, ESCAPE} or can_write:
                self._tell_kept("nothing written")
                return End.QUIT if key in {"q", END} else End.NEXT

    @staticmethod
    def _has_work(outcome: ProjectOutcome) -> bool:
        return bool(outcome.rewritten or outcome.plan.files)

    def _reason_of(self, outcome: ProjectOutcome) -> str:
        error = outcome.errors[0] if outcome.errors else None
        text = f"{error.what}; {error.help}" if error is not None and error.help else error.what if error else ""
        return text or outcome.failure

    def _tell_command(self) -> None:
        pairs = list(words_of(self._planner.options, spoken(self._planner.options, self.session)))
        lines = self._command(pairs, self._terminal.width)
        self._terminal.show("\nThe same as a command; add --write to apply it:\n\n")
        self._terminal.show("".join(harmless(self._hide(line)) + "\n" for line in lines))

    def _quit(self, *, is_gone: bool = False) -> End | None:
        if is_gone:
            self._tell_kept("nothing written")
            return End.QUIT
        if not self.session.is_begun:
            self._say("nothing decided, nothing written")
            return End.QUIT
        end = "[w]rite those accepted" if self._write else "[w] show them as options"
        self._terminal.show(f"Quit: [k]eep the decisions, {end}, [d]rop them, or continue? ")
        key = self._terminal.key()
        self._terminal.show(f"{key if key.isprintable() else ''}\n")
        if key in {"k", END}:
            self._tell_kept("nothing written")
            return End.QUIT
        if key == "d":
            self._progress.forget()
            self._say("decisions dropped, nothing written")
            return End.QUIT
        self._has_enough = key == "w"
        return None

    # --- to go on later ---

    def _tell_settled(self) -> None:
        count = self._planner.settled()
        if count:
            self._say(f"{count} {'finding is' if count == 1 else 'findings are'} already skipped on purpose")

    def _resume(self) -> None:
        steps = self._progress.load()
        if not steps:
            return
        # another run may have other options
        valid = [step for step in steps if step.wish.source is None or step.wish.source in self._sources()]
        dropped = self.session.restore(valid) + len(steps) - len(valid)
        count = len(self.session.state.accepted)
        more = f"; {dropped} dropped because their findings are gone or changed" if dropped else ""
        self._say(f"resuming: {count} of {len(self.session.units)} decided earlier{more}")

    def _keep(self) -> None:
        if self.session.is_begun:
            self._progress.save(self.session.steps())
        else:
            self._progress.forget()

    def tell_stopped(self) -> None:
        """After Ctrl-C."""
        self._terminal.show("\n")
        self._tell_kept("stopped, nothing written")

    def _tell_kept(self, first: str) -> None:
        count = len(self.session.state.accepted)
        if self.session.is_begun:
            are = "1 decision is" if count == 1 else f"{count} decisions are"
            self._say(f"{first}; {are} kept in {_short(self._progress.path)} for the next --interactive")
        else:
            self._say(first)


def _short(path: Path) -> str:
    """A path below the user's home with ``~``."""
    try:
        return f"~/{path.relative_to(Path.home()).as_posix()}"
    except (ValueError, RuntimeError):
        return str(path)
