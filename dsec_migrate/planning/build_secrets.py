"""Build secrets of a plan: what changes in Dockerfiles and in the ``build:`` of the services built from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dsec_migrate.compose import builds
from dsec_migrate.compose.document import Entry, Scalar
from dsec_migrate.compose.document import Mapping as MappingNode
from dsec_migrate.compose.project import BuildArgument, BuildFile, BuildPart, DockerfileText, Layer, Project
from dsec_migrate.planning import bare_dockerfile
from dsec_migrate.planning.build_changes import AGENT
from dsec_migrate.planning.changes import MountOptions, PlannedSecret
from dsec_migrate.planning.components import Component
from dsec_migrate.planning.decision import Decision
from dsec_migrate.planning.passes.fix import Fix
from dsec_migrate.planning.patches import InsertItem, InsertWord, Kept, Patch, Remove, ReplacePart, SetValue, Word
from dsec_migrate.planning.service_secrets import Need

SYNTAX = "# syntax=docker/dockerfile:1"


class _Use(NamedTuple):
    """An argument of a service's build, and the secret that replaces it."""

    finding: Decision
    declaration: BuildArgument
    secret: PlannedSecret


def place(
    project: Project, moved: Iterable[Component], by_declaration: Mapping[int, PlannedSecret], *, is_named: bool
) -> tuple[list[Patch], list[Need]]:
    """The patches, and who needs which definition. ``is_named``: Dockerfiles receive a ``# syntax=`` line."""
    groups: dict[tuple[int, int | str], list[_Use]] = {}
    for component in moved:
        for finding in component.findings:
            declaration = finding.variable.declaration
            if isinstance(declaration, BuildArgument) and declaration.dockerfile is not None:
                use = _Use(finding, declaration, by_declaration[declaration.key])
                place = declaration.key if isinstance(declaration, BuildPart) else declaration.name
                groups.setdefault((id(declaration.dockerfile), place), []).append(use)
    patches: list[Patch] = []
    if is_named:
        texts = {
            id(use.declaration.dockerfile): use.declaration.dockerfile
            for uses in groups.values()
            for use in uses
            if use.declaration.dockerfile
        }
        # a directive is honored only above everything else, and there may be others
        patches += (InsertWord(text, None, SYNTAX, SYNTAX) for text in texts.values() if text.content.syntax is None)
    mounts: dict[tuple[int, str], tuple[Layer, MappingNode, dict[str, MountOptions]]] = {}
    short: dict[int, tuple[Layer, Entry, dict[str, dict[str, MountOptions]]]] = {}
    needs: list[Need] = []
    for uses in groups.values():
        secret_id = _secret_id(uses)
        patches += _in_dockerfile(project, uses, secret_id)
        for use in uses:
            build, layer, name = use.declaration.build, use.declaration.layer, use.secret.name
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
    patches += (
        InsertItem(layer.document, build, key, options.item(name), origin=f"the build secret {name}")
        for (_, key), (layer, build, names) in mounts.items()
        for name, options in names.items()
    )
    for layer, entry, lists in short.values():
        assert isinstance(entry.value, Scalar)
        items = {key: [options.item(name) for name, options in names.items()] for key, names in lists.items()}
        value = {"context": Kept(entry.value), **items}
        patches.append(SetValue(layer.document, entry.value, value, "the secrets of a build"))
    return patches, needs


def agent_keys(moved: Iterable[Component], by_declaration: Mapping[int, PlannedSecret]) -> frozenset[str]:
    """The names of secrets that builds access through an SSH agent."""
    findings = (finding for component in moved for finding in component.findings)
    return frozenset(
        by_declaration[finding.variable.declaration.key].name for finding in findings if is_of_agent(finding)
    )


def is_of_agent(finding: Decision) -> bool:
    """Whether a build accesses it through the builder's SSH agent instead of a secret."""
    result = finding.result
    return isinstance(result, Fix) and result.dockerfile is not None and result.dockerfile.is_of_agent


def _secret_id(uses: Sequence[_Use]) -> str:
    """The ID of the secret in the Dockerfile: the project's name for it if all builds share the same secret."""
    names = {use.secret.name for use in uses}
    return names.pop() if len(names) == 1 else re.sub(r"\W+", "_", uses[0].declaration.name.strip("./-")).lower()


def _in_dockerfile(project: Project, uses: Sequence[_Use], secret_id: str) -> Iterator[Patch]:
    declaration, result = uses[0].declaration, uses[0].finding.result
    dockerfile = declaration.dockerfile
    assert isinstance(result, Fix)
    change = result.dockerfile
    assert change is not None
    assert dockerfile is not None
    origin = f"the build secret {secret_id}"
    yield from (Remove(dockerfile, Word(*dropped), origin=origin) for dropped in change.dropped)
    for run, span, text in change.named:
        if text or span != (0, len(run.text)):
            yield ReplacePart(dockerfile, run, span, text, origin)
        else:
            yield Remove(dockerfile, run, origin=origin)
    # builds without the secret were builds without the argument before
    is_required = {use.finding.case.service.name for use in uses} >= set(builders(project, dockerfile))
    for run, how in change.mounted:
        # the key stays outside the build: the builder's agent holds it
        mount = how if how.startswith(AGENT) else f"type=secret,id={secret_id},{how}"
        yield InsertWord(dockerfile, run, f"--mount={mount}{',required=true' if is_required else ''}", origin)


def builders(project: Project, dockerfile: DockerfileText) -> Iterator[str]:
    """The services that are built from a Dockerfile."""
    for service in project.services.values():
        build = builds.find(project, service) if service.is_built else None
        if build is not None and builds.dockerfile_of(project, build) is dockerfile:
            yield service.name


def notes(project: Project, moved: Iterable[Component]) -> Iterator[str]:
    """What a change of the Dockerfile does not undo."""
    names: dict[str, None] = {}
    services: dict[str, None] = {}
    for component in moved:
        for finding in component.findings:
            declaration = finding.variable.declaration
            if (
                isinstance(declaration, BuildArgument)
                and declaration.dockerfile is not None
                and isinstance(finding.result, Fix)
            ):
                is_file = isinstance(declaration, BuildFile)
                names[declaration.name.removeprefix("./") if is_file else declaration.name.strip("./-")] = None
                services.update(dict.fromkeys(builders(project, declaration.dockerfile)))
    if not names:
        return
    is_alone = bare_dockerfile.is_in_memory(project.source.path)
    how = "--no-cache" if is_alone else f"`docker compose build --no-cache {' '.join(services)}`"
    yield (
        f"images built with {', '.join(names)} keep the value in their history: rebuild them with {how}, "
        f"delete the old images{_tags(project, services)} wherever they are, and change the value at its source"
    )


def _tags(project: Project, services: Iterable[str]) -> str:
    images = dict.fromkeys(project.services[name].image for name in services if project.services[name].image)
    return f" ({', '.join(images)})" if images else ""
