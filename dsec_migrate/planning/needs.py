"""Which declarations share a secret: what each needs, and what belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dsec_migrate.compose.document import Document
from dsec_migrate.compose.project import Argument, BuildArgument, Declaration, EnvFileDeclaration, Project
from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.vocabulary import is_distinctive_in
from dsec_migrate.images import datastores
from dsec_migrate.planning.components import Component
from dsec_migrate.planning.decision import Decision
from dsec_migrate.planning.passes.fix import Fix
from dsec_migrate.planning.sources.holding import Holding
from dsec_migrate.text.records import dataclass, field


@dataclass(eq=False, repr=False)
class Need:
    """One declaration's value on its way to a secret. ``layer`` names the file of a value that overrides
    another."""

    declaration: Declaration
    finding: Decision
    holding: Holding
    layer: str = ""
    services: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    readers: list[Fix] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the secret is named after."""
        if isinstance(self.declaration, Argument):
            return self.declaration.noun
        if isinstance(self.finding.result, Fix) and self.finding.result.parts:
            return self.finding.result.new_name.removesuffix("_FILE")
        return (
            self.declaration.name.strip("./")
            if isinstance(self.declaration, BuildArgument)
            else self.finding.variable.name
        )

    @property
    def fix(self) -> Fix:
        result = self.finding.result
        assert isinstance(result, Fix)
        return result


def collect(project: Project, components: Iterable[Component]) -> list[Need]:
    """What each declaration needs, in the order of the files and of their texts."""
    needs: dict[int, Need] = {}
    for component in components:
        for finding in component.findings:
            assert isinstance(finding.result, Fix)
            first = _first_file(finding)
            for declaration, holding in (*finding.layers, (finding.variable.declaration, finding.result.holding)):
                layer = (
                    ""
                    if declaration.document is first
                    else declaration.document.source.path.name.lstrip(".").rsplit(".", 1)[0]
                )
                need = needs.setdefault(declaration.key, Need(declaration, finding, holding, layer))
                need.services.append(finding.case.service.name)
                need.variables.append(finding.variable.name)
                need.readers.append(finding.result)
    return sorted(needs.values(), key=lambda need: (project.order(need.declaration.document), need.declaration.start))


def _first_file(finding: Decision) -> Document:
    """The file whose value keeps the plain name: the first Compose file, otherwise the first env file."""
    declarations = [*(declaration for declaration, _ in finding.layers), finding.variable.declaration]
    return next(
        (declaration.document for declaration in declarations if not isinstance(declaration, EnvFileDeclaration)),
        declarations[0].document,
    )


class _Origin(NamedTuple):
    """Where a value comes from: the environment ``variables`` that set it, none for a literal. A placeholder of a data
    store has the ``store`` (a service), which has its own accounts."""

    variables: frozenset[str]
    store: str


@dataclass(eq=False, repr=False)
class _Group:
    """Declarations that share a secret."""

    needs: list[Need] = field(default_factory=list)
    variables: frozenset[str] = frozenset()
    store: str = ""

    def takes(self, origin: _Origin) -> bool:
        """Whether a value of that origin may be this one: two variables of the environment, and two data stores, have
        two passwords, however equal they are."""
        is_nested = self.variables <= origin.variables or origin.variables <= self.variables
        return is_nested and (not origin.store or self.store in {"", origin.store})

    def add(self, need: Need, origin: _Origin) -> None:
        self.needs.append(need)
        self.variables |= origin.variables
        self.store = self.store or origin.store


def group_needs(needs: Sequence[Need]) -> list[list[Need]]:
    """Declarations that share one secret, in text order.

    The same reference (``${X}``, an alias), the same variable with the same literal value, or the same distinctive
    value under another name; never two references whose variables happen to be equal, nor two placeholders.
    """
    leaders: dict[object, list[_Group]] = {}
    groups: list[_Group] = []
    for need in needs:
        origin, shared = _origin(need), ("alias", id(need.declaration.content))
        keys = list(_group_keys(need, origin))
        group = next((one for key in keys for one in leaders.get(key, ()) if key == shared or one.takes(origin)), None)
        if group is None:
            group = _Group()
            groups.append(group)
        group.add(need, origin)
        for key in keys:
            known = leaders.setdefault(key, [])
            if group not in known:
                known.append(group)
    return [group.needs for group in groups]


def _origin(need: Need) -> _Origin:
    case = need.finding.case
    if need.declaration.text is None:
        return _Origin(case.project.environment.origins(need.declaration.name), "")
    references = case.project.effect(need.declaration).references
    variables = frozenset().union(*(case.project.environment.origins(reference.name) for reference in references))
    is_store = not variables and not case.service.is_built and datastores.find(case.service.image) is not None
    value = need.holding.value
    is_placeholder = value is not None and not is_distinctive_in(case.project, value.reveal())
    return _Origin(variables, case.service.name if is_store and is_placeholder else "")


def _group_keys(need: Need, origin: _Origin) -> Iterator[object]:
    holding = need.holding
    if holding.source is SourceKind.ENVIRONMENT:
        yield (SourceKind.ENVIRONMENT, holding.variable)
        return
    assert holding.value is not None
    if not isinstance(need.declaration, Argument):
        yield ("alias", id(need.declaration.content))
        yield ("variable", need.name, origin.variables, holding.source, holding.value)
    reference = need.finding.case.project.effect(need.declaration).whole_reference
    if reference is not None or need.declaration.text is None:
        yield ("reference", origin.variables, holding.source, holding.value)
    if is_distinctive_in(need.finding.case.project, holding.value.reveal()):
        yield ("value", holding.source, holding.value)
