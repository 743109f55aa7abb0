"""Decisions as options: a conversation ends in a run with these, and the same words produce the same files."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence

from dsec_migrate.cli.interactive.decision_units import Unit
from dsec_migrate.cli.interactive.session import Session, State
from dsec_migrate.cli.request import Request
from dsec_migrate.config.options import Options, literally
from dsec_migrate.text.records import replace


def options_of(base: Options, units: Sequence[Unit], chosen: Collection[int], state: State) -> Options:
    """``base`` for a run in which only the units ``chosen`` (by number) move, with the wishes and the rules of
    ``state``."""
    rules = tuple((rule.pattern, rule.reason) for rule in state.rules)
    options = replace(base, skip_because=(*base.skip_because, *rules))
    for number in sorted(chosen):
        wish, unit = state.wishes.get(number), units[number]
        if wish is None:
            continue
        if wish.name:
            options = replace(options, rename=(*options.rename, (unit.name, wish.name)))
        if wish.source is not None:
            pairs = tuple((literally(key), wish.source) for key in unit.keys)
            options = replace(options, source_of=(*options.source_of, *pairs))
        if wish.delivery is not None:
            ways = tuple((literally(key), wish.delivery) for key in unit.keys)
            options = replace(options, delivery_of=(*options.delivery_of, *ways))
    if not chosen:
        return replace(options, skip=(*base.skip, "*"))
    # findings that appeared meanwhile were not decided on
    return replace(options, only=_names(units, sorted(chosen)))


def final(base: Options, session: Session) -> Options:
    return options_of(base, session.units, session.accepted, session.state)


def spoken(base: Options, session: Session) -> Options:
    """Options equivalent to the final ones, but shorter if fewer units are skipped than moved."""
    options, units, accepted = final(base, session), session.units, session.accepted
    others = [number for number in range(len(units)) if number not in accepted]
    rest = replace(options, only=base.only)
    skipped = _names(
        units,
        # a rule already covers it
        [number for number in others if all(rest.is_asked_for(*variable) for variable in units[number].variables)],
    )
    # possible secrets must be named
    needs_names = not base.only and any(units[number].is_possible for number in accepted)
    if not accepted or needs_names or (not base.only and len(options.only) < len(skipped)):
        return options
    return replace(rest, skip=(*base.skip, *skipped))


def _names(units: Sequence[Unit], numbers: Iterable[int]) -> tuple[str, ...]:
    return tuple(literally(key) for number in numbers for key in units[number].keys)


def words_of(base: Options, options: Options) -> Iterator[tuple[str, str]]:
    """The options in addition to ``base``, as pairs of an option and its value."""
    for name, row in Request.parameters.items():
        if row.is_repeated and name in Options.__annotations__:
            known, wanted = getattr(base, name), getattr(options, name)
            # of sources and ways the last that fits counts, so one may be said again
            is_longer = wanted[: len(known)] == known
            added = wanted[len(known) :] if is_longer else [one for one in wanted if one not in known]
            yield from ((row.spellings[-1], row.word(one)) for one in added)


def command_lines(program: str, pairs: Sequence[tuple[str, str]], rest: Sequence[str], width: int) -> list[str]:
    """A shell command, continued over lines of ``width`` columns where its words allow it."""
    parts = [*(f"{option} {shlex.quote(text)}" for option, text in pairs), *map(shlex.quote, rest)]
    lines, line = [], program
    for part in parts:
        if len(line) + len(part) + 3 > width:
            lines.append(f"{line} \\")
            line = f"  {part}"
        else:
            line = f"{line} {part}"
    return [*lines, line]
