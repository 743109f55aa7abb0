"""The decisions about a project, in order, and how to undo them. Nothing is read, shown or written here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dsec_migrate.cli.interactive.decision_units import Unit
from dsec_migrate.config.options import SourceKind, Unknown, matches
from dsec_migrate.text.records import dataclass, field, replace


@dataclass(frozen=True)
class Wish:
    """How one unit is to move, where the user chose."""

    name: str = ""
    source: SourceKind | None = None
    delivery: Unknown | None = None


@dataclass(frozen=True)
class Rule:
    """Everything that ``pattern`` matches is skipped permanently."""

    pattern: str
    reason: str


@dataclass(frozen=True)
class Step:
    """One decision as it is stored: about the unit with these ``keys``, or the ``rule``. ``is_accepted`` is None where
    there is only a wish so far."""

    keys: tuple[str, ...] = ()
    is_accepted: bool | None = None
    wish: Wish = Wish()
    rule: Rule | None = None


@dataclass(frozen=True)
class State:
    """``accepted`` and ``wishes`` are keyed by the number of the unit, in the order of the decisions; ``position`` is
    the number of the current unit, or the number of all units where none remains."""

    accepted: Mapping[int, bool] = field(default_factory=dict)
    wishes: Mapping[int, Wish] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    position: int = 0


class Session:
    """Starts at the first unit. Each decision can be reverted with :meth:`undo`."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = tuple(units)
        self.state = State()
        self._former: list[State] = []

    # --- what is known ---

    @property
    def is_done(self) -> bool:
        return self.state.position >= len(self.units)

    @property
    def unit(self) -> Unit:
        """The current unit. Raises IndexError where all are decided."""
        return self.units[self.state.position]

    @property
    def wish(self) -> Wish:
        return self.state.wishes.get(self.state.position, Wish())

    @property
    def accepted(self) -> tuple[int, ...]:
        """Numbers of the units that move, in the order of the files."""
        return tuple(sorted(number for number, is_accepted in self.state.accepted.items() if is_accepted))

    @property
    def undecided(self) -> tuple[int, ...]:
        return tuple(number for number in range(len(self.units)) if number not in self.state.accepted)

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to store."""
        return bool(self.state.accepted or self.state.wishes or self.state.rules)

    def named_by(self, pattern: str) -> tuple[int, ...]:
        """Numbers of the units that a rule with this pattern would skip."""
        return tuple(number for number, unit in enumerate(self.units) if _names(pattern, unit))

    # --- decisions ---

    def accept(self) -> None:
        """Raises ValueError where the unit cannot move."""
        if not self.unit.is_movable and self.wish == Wish():
            raise ValueError(f"{self.unit.name} cannot move")
        self._decide({self.state.position: True})

    def skip(self) -> None:
        self._decide({self.state.position: False})

    def accept_safe(self) -> int:
        """Accepts all undecided units that need no check; returns their number."""
        safe = [number for number in self.undecided if self.units[number].is_safe]
        if safe:
            self._decide(dict.fromkeys(safe, True))
        return len(safe)

    def skip_all(self, rule: Rule) -> int:
        """Skips everything that the rule matches, accepted units included; returns their number."""
        named = self.named_by(rule.pattern)
        self._decide(dict.fromkeys(named, False), rules=(*self.state.rules, rule))
        return len(named)

    def want(self, wish: Wish) -> None:
        """Makes the current unit move in this way, known to be possible, once it is accepted."""
        self._former.append(self.state)
        self.state = replace(self.state, wishes={**self.state.wishes, self.state.position: wish})

    def undo(self) -> bool:
        """Reverts the latest decision; False where there is none."""
        if not self._former:
            return False
        self.state = self._former.pop()
        return True

    def _decide(self, decided: Mapping[int, bool], rules: tuple[Rule, ...] | None = None) -> None:
        self._former.append(self.state)
        earlier = {number: known for number, known in self.state.accepted.items() if number not in decided}
        accepted = {**earlier, **decided}
        left = [number for number in range(len(self.units)) if number not in accepted]
        position = next((number for number in left if number >= self.state.position), (*left, len(self.units))[0])
        self.state = replace(
            self.state, accepted=accepted, position=position, rules=self.state.rules if rules is None else rules
        )

    # --- to go on later ---

    def steps(self) -> Iterator[Step]:
        """All decisions as they are stored: rules first, since what they skip is not stored again."""
        yield from (Step(rule=rule) for rule in self.state.rules)
        ruled = {number for rule in self.state.rules for number in self.named_by(rule.pattern)}
        for number in dict.fromkeys((*self.state.accepted, *self.state.wishes)):
            is_accepted = self.state.accepted.get(number)
            wish = self.state.wishes.get(number, Wish())
            if number not in ruled or is_accepted or wish != Wish():
                yield Step(self.units[number].keys, is_accepted, wish)

    def restore(self, steps: Iterable[Step]) -> int:
        """Repeats earlier decisions; returns how many of the steps are dropped because their findings are gone, are now
        joined with others, or can no longer move."""
        numbers = {frozenset(unit.keys): number for number, unit in enumerate(self.units)}
        dropped = 0
        for step in steps:
            if step.rule is not None:
                if self.named_by(step.rule.pattern):
                    self.skip_all(step.rule)
                else:
                    dropped += 1
                continue
            number = numbers.get(frozenset(step.keys))
            if number is None or (step.is_accepted and not self.units[number].is_movable and step.wish == Wish()):
                dropped += 1
                continue
            self.state = replace(self.state, position=number)
            if step.wish != Wish():
                self.want(step.wish)
            if step.is_accepted is not None:
                self._decide({number: step.is_accepted})
        left = self.undecided
        self.state = replace(self.state, position=left[0] if left else len(self.units))
        return dropped


def _names(pattern: str, unit: Unit) -> bool:
    """Whether a rule with this pattern skips the unit: what moves together is skipped together."""
    return any(matches((pattern,), *variable) for variable in unit.variables)
