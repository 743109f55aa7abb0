"""Build secrets of a plan: what changes in Dockerfiles and in the ``build:`` of those who are built from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dsec_migrate import builds, standalone
from dsec_migrate.building import AddSyntax, DropWord, MountInRun, NameInRun
from dsec_migrate.changes import (
    AddMounts,
    LengthenBuild,
    MountOptions,
    Operation,
    PlannedSecret,
)
from dsec_migrate.document import Entry
from dsec_migrate.document import Mapping as MappingNode
from dsec_migrate.mounts import Need
from dsec_migrate.passes import Proposal
from dsec_migrate.planning.components import Component
from dsec_migrate.planning.pending import Pending
from dsec_migrate.project import BuildArgument, BuildFile, BuildPart, DockerfileText, Layer, Project


class _Use(NamedTuple):
    """An argument of a service's build, and the secret that takes its place."""

    finding: Pending
    slot: BuildArgument
    secret: PlannedSecret


def place(
    project: Project, moved: Iterable[Component], by_slot: Mapping[int, PlannedSecret], *, is_named: bool
) -> tuple[list[Operation], list[Need]]:
    """The operations, and who needs which definition. ``is_named``: Dockerfiles get a line for their frontend."""
    groups: dict[tuple[int, int | str], list[_Use]] = {}
    for component in moved:
        for finding in component.findings:
            slot = finding.variable.slot
            if isinstance(slot, BuildArgument) and slot.recipe is not None:
                use = _Use(finding, slot, by_slot[slot.key])
                place = slot.key if isinstance(slot, BuildPart) else slot.name
                groups.setdefault((id(slot.recipe), place), []).append(use)
    operations: list[Operation] = []
    if is_named:
        texts = {id(use.slot.recipe): use.slot.recipe for uses in groups.values() for use in uses if use.slot.recipe}
        # a directive counts above everything else only, and there may be others
        operations += (AddSyntax(text) for text in texts.values() if text.content.syntax is None)
    mounts: dict[tuple[int, str], tuple[Layer, MappingNode, dict[str, MountOptions]]] = {}
    short: dict[int, tuple[Layer, Entry, dict[str, dict[str, MountOptions]]]] = {}
    needs: list[Need] = []
    for uses in groups.values():
        secret_id = _secret_id(uses)
        operations += _in_dockerfile(project, uses, secret_id)
        for use in uses:
            build, layer, name = use.slot.build, use.slot.layer, use.secret.name
            assert layer is not None
            options = MountOptions(target=secret_id if secret_id != name else None)
            key = "secrets"
            if is_of_agent(use.finding):
                # with the path of the key, `docker compose config --format json` of 2.40 fails
                key, name, options = "ssh", "default", MountOptions()
            else:
                service = use.finding.case.service.name
                needs.append(Need(layer, {service: None}, {name: None}, {"build": None}))
            if build is not None:
                mounts.setdefault((id(build), key), (layer, build, {}))[2][name] = options
            elif (entry := layer.service.own("build")) is not None:
                short.setdefault(id(entry), (layer, entry, {}))[2].setdefault(key, {})[name] = options
    operations += (
        AddMounts(
            layer.document,
            build,
            tuple(names),
            own_options={name: (options,) for name, options in names.items() if options.target is not None},
            key=key,
        )
        for (_, key), (layer, build, names) in mounts.items()
    )
    operations += (
        LengthenBuild(layer.document, layer.service, entry, {key: tuple(names.items()) for key, names in lists.items()})
        for layer, entry, lists in short.values()
    )
    return operations, needs


def is_of_agent(finding: Pending) -> bool:
    """Whether a build gets it through the builder's agent of SSH, as no secret."""
    result = finding.result
    return isinstance(result, Proposal) and result.recipe is not None and result.recipe.is_of_agent


def _secret_id(uses: Sequence[_Use]) -> str:
    """What the Dockerfile calls the secret: as the project does, where all who build it have the same one."""
    names = {use.secret.name for use in uses}
    return names.pop() if len(names) == 1 else re.sub(r"\W+", "_", uses[0].slot.name.strip("./-")).lower()


def _in_dockerfile(project: Project, uses: Sequence[_Use], secret_id: str) -> Iterator[Operation]:
    slot, result = uses[0].slot, uses[0].finding.result
    recipe = slot.recipe
    assert isinstance(result, Proposal)
    change = result.recipe
    assert change is not None
    assert recipe is not None
    yield from (DropWord(recipe, *dropped) for dropped in change.dropped)
    yield from (NameInRun(recipe, *named) for named in change.named)
    # who builds it without the secret did so without the argument
    is_required = {use.finding.case.service.name for use in uses} >= set(builders(project, recipe))
    for run, how in change.mounted:
        yield MountInRun(recipe, run, secret_id, how, is_required)


def builders(project: Project, recipe: DockerfileText) -> Iterator[str]:
    """The services that are built from a Dockerfile."""
    for service in project.services.values():
        build = builds.find(project, service) if service.is_built else None
        if build is not None and builds.recipe(project, build) is recipe:
            yield service.name


def notes(project: Project, moved: Iterable[Component]) -> Iterator[str]:
    """What a change of the Dockerfile does not undo."""
    names: dict[str, None] = {}
    services: dict[str, None] = {}
    for component in moved:
        for finding in component.findings:
            slot = finding.variable.slot
            if isinstance(slot, BuildArgument) and slot.recipe is not None and isinstance(finding.result, Proposal):
                is_file = isinstance(slot, BuildFile)
                names[slot.name.removeprefix("./") if is_file else slot.name.strip("./-")] = None
                services.update(dict.fromkeys(builders(project, slot.recipe)))
    if not names:
        return
    is_alone = standalone.is_in_memory(project.source.path)
    how = "--no-cache" if is_alone else f"`docker compose build --no-cache {' '.join(services)}`"
    yield (
        f"images that were built with {', '.join(names)} keep the value in their history: build anew with {how}, "
        f"delete the old images{_tags(project, services)} wherever they are, and change the value where it comes from"
    )


def _tags(project: Project, services: Iterable[str]) -> str:
    images = dict.fromkeys(project.services[name].image for name in services if project.services[name].image)
    return f" ({', '.join(images)})" if images else ""
