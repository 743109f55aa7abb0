"""The decisions about a project, one after the other, and the way back. Nothing is read, shown or written here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dsec_migrate.cli.interactive.decision_units import Unit
from dsec_migrate.config.options import SourceKind, Unknown, matches
from dsec_migrate.text.records import dataclass, field, replace


@dataclass(frozen=True)
class Wish:
    """How one unit is to move, where that is not left to the program."""

    name: str = ""
    source: SourceKind | None = None
    delivery: Unknown | None = None


@dataclass(frozen=True)
class Rule:
    """All that ``pattern`` names stays for good."""

    pattern: str
    reason: str


@dataclass(frozen=True)
class Step:
    """One decision as it is kept: about the unit with these ``keys``, or the ``rule``. ``is_accepted`` is None where
    there is only a wish so far."""

    keys: tuple[str, ...] = ()
    is_accepted: bool | None = None
    wish: Wish = Wish()
    rule: Rule | None = None


@dataclass(frozen=True)
class State:
    """``accepted`` and ``wishes`` are by the number of the unit, in the order of the decisions; ``position`` is the
    number of the unit that is asked about, that of all units where none is left."""

    accepted: Mapping[int, bool] = field(default_factory=dict)
    wishes: Mapping[int, Wish] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    position: int = 0


class Session:
    """Begins at the first unit. Each method that decides something can be taken back with :meth:`undo`."""

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
        """The one that is asked about. Raises IndexError where all is decided."""
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
        """Whether there is anything to keep."""
        return bool(self.state.accepted or self.state.wishes or self.state.rules)

    def named_by(self, pattern: str) -> tuple[int, ...]:
        """Numbers of the units that a rule with this pattern would leave."""
        return tuple(number for number, unit in enumerate(self.units) if _names(pattern, unit))

    # --- decisions ---

    def accept(self) -> None:
        """Raises ValueError where the unit cannot move as things are."""
        if not self.unit.is_movable and self.wish == Wish():
            raise ValueError(f"{self.unit.name} stays")
        self._decide({self.state.position: True})

    def skip(self) -> None:
        self._decide({self.state.position: False})

    def accept_safe(self) -> int:
        """Accepts all that is undecided and needs no check; returns how many these are."""
        safe = [number for number in self.undecided if self.units[number].is_safe]
        if safe:
            self._decide(dict.fromkeys(safe, True))
        return len(safe)

    def skip_all(self, rule: Rule) -> int:
        """Leaves all that the rule names, what was accepted before included; returns how many these are."""
        named = self.named_by(rule.pattern)
        self._decide(dict.fromkeys(named, False), rules=(*self.state.rules, rule))
        return len(named)

    def want(self, wish: Wish) -> None:
        """The unit that is asked about is to move in this way, which is known to be possible, once it is accepted."""
        self._former.append(self.state)
        self.state = replace(self.state, wishes={**self.state.wishes, self.state.position: wish})

    def undo(self) -> bool:
        """Takes the latest decision back; False where there is none."""
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
        """All decisions, as they are kept: rules first, since what they leave is not told once more."""
        yield from (Step(rule=rule) for rule in self.state.rules)
        ruled = {number for rule in self.state.rules for number in self.named_by(rule.pattern)}
        for number in dict.fromkeys((*self.state.accepted, *self.state.wishes)):
            is_accepted = self.state.accepted.get(number)
            wish = self.state.wishes.get(number, Wish())
            if number not in ruled or is_accepted or wish != Wish():
                yield Step(self.units[number].keys, is_accepted, wish)

    def restore(self, steps: Iterable[Step]) -> int:
        """Decides what was decided earlier; returns how many of the steps are dropped: their findings are gone, stand
        together with others by now, or cannot move any more."""
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
    """Whether a rule with this pattern leaves the unit: what moves together stays together."""
    return any(matches((pattern,), *variable) for variable in unit.variables)
