"""The value of a template, a line of an env file or a bare name, in its context."""

from __future__ import annotations

from collections.abc import Mapping as MappingType

from dsec_migrate.compose.dotenv import Entry as EnvFileEntry
from dsec_migrate.compose.environment import Environment
from dsec_migrate.compose.interpolation import InterpolationError, Reference, interpolate, references
from dsec_migrate.text.records import dataclass, field


@dataclass(frozen=True, repr=False, eq=False)
class Value:
    """The current value of one template. ``value`` is what the container receives, None for nothing. ``is_named``: the
    project's name may be part of it."""

    template: str | None = field(repr=False)
    value: str | None = field(repr=False)
    references: tuple[Reference, ...] = field(default=(), repr=False)
    unset: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    is_named: bool = False

    @property
    def whole_reference(self) -> Reference | None:
        """The reference that makes up the whole template (``${X}``, ``${X:-d}``), if there is one."""
        first = self.references[0] if self.references else None
        if first and self.template is not None and (first.start, first.end) == (0, len(self.template)):
            return first
        return None


def resolve(template: str | None, environment: Environment) -> Value:
    if template is None or "$" not in template:
        return Value(template, template)
    try:
        found = references(template)
        names = {reference.name for reference in found}
        shell = tuple(sorted(name for name in names if environment.is_from_shell(name)))
        result = interpolate(template, environment.variables)
    except InterpolationError as error:
        return Value(template, None, unset=(error.name or "",))
    is_named = any(map(environment.has_project_name, names))
    return Value(template, result.value, found, result.unset, shell, is_named)


def passed_through(name: str, environment: Environment, *, is_listed: bool = True) -> Value:
    """A variable without a value takes the project environment's; where that has none, it is removed. ``is_listed``: it
    stands in a list, or several layers say what the service's variables are, which makes a list of mappings."""
    environment = environment if is_listed else environment.outermost
    value = environment.variables.get(name)
    return Value(
        None,
        value,
        unset=() if value is not None else (name,),
        shell=(name,) if environment.is_from_shell(name) else (),
        is_named=environment.has_project_name(name),
    )


def line_value(line: EnvFileEntry, environment: Environment, above: MappingType[str, Value]) -> Value:
    """What a line of an env file means where the project's environment comes first, then ``above``: the service's own
    variables and the lines before it. What those have from the shell, or from nowhere, this one has too."""
    environment = environment.outermost
    if line.value is None:
        return passed_through(line.name, environment)
    if line.template is None or "$" not in line.template:
        return Value(line.template, line.value)
    try:
        found = references(line.template)
    except InterpolationError:
        return Value(line.template, line.value)
    unset: dict[str, None] = {}
    shell: set[str] = set()
    is_named = False
    for reference in found:
        source = above.get(reference.name)
        if reference.name in environment.variables:
            is_named |= environment.has_project_name(reference.name)
            shell.update({reference.name} if environment.is_from_shell(reference.name) else ())
        elif source is not None:
            unset.update(dict.fromkeys(source.unset))
            shell.update(source.shell)
            is_named |= source.is_named
        elif not reference.operator:
            unset[reference.name] = None
    return Value(line.template, line.value, found, tuple(unset), tuple(sorted(shell)), is_named)


def references_of(template: str) -> frozenset[str]:
    """The names that ``template`` refers to; none where Compose would refuse it."""
    try:
        return frozenset(reference.name for reference in references(template))
    except InterpolationError:
        return frozenset()
