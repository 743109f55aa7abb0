"""Configs whose ``content`` is a secret become secrets with the same target: the container finds the same file at the
same path.

Facts of Compose 2.40: the content is interpolated and copied into the container, to ``/NAME`` or to its target (``y``
is ``/y``), with mode 0444 if none is set; a secret with an absolute target is mounted there, read-only, with the
mode of its file on the host. So only a config without an owner and with mode 0444 is equivalent to a secret.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dsec_migrate.compose.document import Document, Entry, Mapping, ParsedNode, Scalar, Sequence, walk
from dsec_migrate.compose.project import Layer, Project, Service, claim_on, has_unusual_line_ends
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, by_path, config_path, targets_in_use
from dsec_migrate.config.options import Mount, Options, SourceKind, Target
from dsec_migrate.detectors.finding import Action, Confidence, Finding
from dsec_migrate.planning import chosen, secret_files, secret_readers, service_secrets
from dsec_migrate.planning.changes import Applicability, Change, MountOptions, PlannedSecret
from dsec_migrate.planning.naming import is_valid, style_of
from dsec_migrate.planning.patches import Remove, without
from dsec_migrate.planning.secrets import member_of
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret

KEY = "configs"

_REVIEW = "the file is mounted read-only; until now it was a copy that root in the container could change"
_PLAIN_PATH = Pattern(r"/[\w./@+-]+")
_PLAIN_NAME = Pattern(r"[A-Za-z0-9][\w.-]*")


class Use(NamedTuple):
    """An entry ``item`` of a service's ``configs:``, and the ``path`` of the file in its containers."""

    service: Service
    layer: Layer
    item: ParsedNode
    path: str


class Content(NamedTuple):
    """A config that can become a secret: its content in the containers, and who uses it."""

    finding: Finding
    document: Document
    root: Mapping
    entry: Entry
    value: Secret
    uses: tuple[Use, ...]

    @property
    def name(self) -> str:
        return self.entry.name


class Moved(NamedTuple):
    """A config that becomes ``secret``, and its ``finding``."""

    content: Content
    secret: PlannedSecret
    finding: Finding

    @property
    def change(self) -> Change:
        return Change((), (self.finding,), Applicability.REVIEW)


def candidates(project: Project, options: Options, found: Iterable[Finding]) -> list[Content]:
    """The findings that are such a config, as far as the project itself shows."""
    rows = [one for one in found if one.path.startswith(f"{KEY}.") and one.path.endswith(".content")]
    if not rows or not _is_meant(options) or not _is_alone(project):
        return []
    contents = (_content(project, row) for row in rows if _is_asked(options, row))
    return [one for one in contents if one is not None]


def move(
    project: Project,
    options: Options,
    contents: Iterable[Content],
    others: Iterable[PlannedSecret],
    disk: secret_files.Disk,
) -> list[Moved]:
    """The configs that become secrets, each under the chosen name, or its own if that is free. ``others`` are the
    secrets of the plan.

    Raises UserError when no file name is free.
    """
    taken = {*project.secrets, *targets_in_use(project), *project.reserved, *(one.name for one in others)}
    style, member = style_of(project.secrets, options.secrets_dir), member_of(project)
    moved: list[Moved] = []
    for one in contents:
        value = one.value.reveal()
        told = [one.document.source.text[slice(*span)] for span in one.finding.spans]
        name = chosen.of_config(project, options, one.finding.path, one.name, taken, told)
        if name in taken or project.folders.defines_otherwise(member, name, value.encode()):
            continue
        services = tuple(dict.fromkeys(use.service.name for use in one.uses))
        taken.add(name)
        secret = PlannedSecret(name, SourceKind.FILE, one.value, services, (), mode=secret_readers.READABLE_BY_ALL)
        secret = secret_files.assign(project, secret, style, disk)
        finding = replace(
            one.finding,
            action=Action.MIGRATE,
            applicability=Applicability.REVIEW.value,
            secret=secret.name,
            source=secret.source.value,
            note=_REVIEW,
        )
        moved.append(Moved(one, secret, finding))
    return moved


def needs(moved: Iterable[Moved]) -> Iterator[service_secrets.Other]:
    for one in moved:
        for use in one.content.uses:
            yield service_secrets.Other(use.service.name, use.layer, one.secret.name, KEY)


def targets(moved: Iterable[Moved]) -> service_secrets.Readers:
    """Where each service mounts them."""
    found: dict[service_secrets.Reading, tuple[MountOptions, ...]] = {}
    for one in moved:
        for use in one.content.uses:
            reading = (use.service.name, one.secret.name)
            found[reading] = (*found.get(reading, ()), MountOptions(target=use.path))
    return found


def drops(moved: Iterable[Moved]) -> Iterator[Remove]:
    """What is removed: the definitions, and the entries of the services, with the whole block if nothing else is in
    it."""
    definitions: dict[int, list[Content]] = {}
    lists: dict[int, list[Use]] = {}
    for one in moved:
        definitions.setdefault(id(one.content.root), []).append(one.content)
        for use in one.content.uses:
            lists.setdefault(id(use.layer.service), []).append(use)
    for contents in definitions.values():
        block = contents[0].root.own(KEY)
        assert block is not None
        yield from without(contents[0].document, block, [one.entry for one in contents], "the definition of a config")
    for uses in lists.values():
        layer, service = uses[0].layer, uses[0].service
        listed = layer.service.own(KEY)
        assert listed is not None
        yield from without(layer.document, listed, [use.item for use in uses], f"the configs of {service.name}")


def told(found: Iterable[Finding], moved: Iterable[Moved], options: Options) -> Iterator[Finding]:
    """The findings, with the outcome of those that move, and the reason for one that failed verification."""
    becomes = {id(one.content.finding): one.finding for one in moved}
    unproved = {variable: said for service, variable, said in options.unproved if not service}
    for finding in found:
        if finding.path in unproved:
            said = unproved[finding.path]
            note = f"its change failed verification (a bug: please report it): {said}"
            yield replace(finding, note=note)
        else:
            yield becomes.get(id(finding), finding)


# --- what is exact ---


def _is_meant(options: Options) -> bool:
    """Whether a run creates file secrets for Compose, without options that a mounted file cannot have."""
    return (
        options.target is Target.COMPOSE
        and options.source is SourceKind.FILE
        and options.mount is Mount.SECRETS
        and options.manager is None
        and options.stack_output is None
        and not options.needs_long_syntax
        and not options.safe
    )


def _is_asked(options: Options, finding: Finding) -> bool:
    return (
        finding.action is Action.KEEP
        and not finding.is_excepted
        and finding.verdict.confidence is not Confidence.POSSIBLE
        and options.is_asked_for("", finding.path)
        and options.source_for("", finding.path) is SourceKind.FILE
        and not any(place == ["", finding.path] for *place, _ in options.unproved)
    )


def _is_alone(project: Project) -> bool:
    """Whether the project is a single file: others may add to a config or a service."""
    if len(project.documents) != 1 or len(project.document.roots) != 1 or project.extended or project.is_part:
        return False
    if (
        project.included
        or len(set(project.family)) > 1
        or project.duplicate_services
        or not project.is_whole
        or project.problems
    ):
        return False
    source = project.source
    if has_unusual_line_ends(source.text) or not source.text.endswith("\n"):
        return False
    if claim_on(project, source.path, source.real_path) is not None:
        return False
    # an override file that is not loaded now may set the config, or list it
    return not any(KEY in neighbour.text for neighbour in project.folders.neighbours(source.path))


def _content(project: Project, finding: Finding) -> Content | None:
    root = project.document.roots[0]
    block = root.own(KEY) if isinstance(root, Mapping) and not root.flow else None
    if not isinstance(root, Mapping) or block is None or not _is_plain_block(block.value):
        return None
    assert isinstance(block.value, Mapping)
    name = finding.path.removeprefix(f"{KEY}.").removesuffix(".content")
    entry = block.value.own(name)
    if entry is None or not _is_plain_block(entry.value) or not _PLAIN_NAME.fullmatch(name) or not is_valid(name):
        return None
    assert isinstance(entry.value, Mapping)
    text = entry.value.own("content")
    if text is None or len(entry.value.entries) != 1 or not isinstance(text.value, Scalar):
        return None
    if text.value.anchor is not None or text.value.tag is not None or not isinstance(text.value.resolved(), str):
        return None
    meant = project.resolve(text.value.value)
    if meant.references or meant.unset or not meant.value:
        # its content follows the environment: a file would not
        return None
    if SECRETS_MOUNT in meant.value:
        # this is how the Compose file says which secrets are used
        return None
    uses: list[Use] = []
    for service in project.services.values():
        own = list(_uses(project, service, name))
        if None in own:
            return None
        uses += (use for use in own if use is not None)
    return Content(finding, project.document, root, entry, Secret(meant.value), tuple(uses)) if uses else None


def _is_plain_block(node: ParsedNode) -> bool:
    """Whether a node is a block mapping that nothing else uses."""
    is_own = isinstance(node, Mapping) and not node.flow and node.anchor is None and node.tag is None
    return is_own and isinstance(node, Mapping) and all(entry.name != "<<" for entry in node.entries)


def _uses(project: Project, service: Service, name: str) -> Iterator[Use | None]:
    """The entries that name the config; None for one that has no exact equivalent."""
    for layer in service.layers:
        body = layer.service
        entry = body.effective().get(KEY)
        if entry is None:
            continue
        listed = entry.value
        if not isinstance(listed, Sequence) or any(not isinstance(item, (Scalar, Mapping)) for item in listed.items):
            yield None
            continue
        for item in listed.items:
            source = item.get("source") if isinstance(item, Mapping) else item
            if not isinstance(source, Scalar) or "$" in source.value:
                yield None
            elif source.value == name:
                yield _use(project, service, layer, item, name) if _is_own(service, body, entry) else None


def _is_own(service: Service, body: Mapping, entry: Entry) -> bool:
    """Whether a service has its own list, and will have its own list of secrets."""
    lists = [found for key in (KEY, "secrets") if (found := body.effective().get(key)) is not None]
    parts = [part for found in lists for part in (found.value, *walk(found.value))]
    return (
        len(service.layers) == 1
        and body.anchor is None
        and not body.flow
        and entry.owner is body
        and all(found.owner is body and isinstance(found.value, Sequence) for found in lists)
        and all(isinstance(part, (Scalar, Mapping, Sequence)) for part in parts)
        and all(part.anchor is None and part.tag is None for part in parts)
    )


def _use(project: Project, service: Service, layer: Layer, item: ParsedNode, name: str) -> Use | None:
    path = f"/{name}"
    if isinstance(item, Mapping):
        if not {entry.name for entry in item.entries} <= {"source", "target", "mode"}:
            return None
        target, mode = item.get("target"), item.get("mode")
        if mode is not None and not (isinstance(mode, Scalar) and mode.value in {"0444", "0o444"}):
            return None
        if target is not None:
            if not isinstance(target, Scalar) or not isinstance(target.resolved(), str) or "$" in target.value:
                return None
            path = config_path(target.value)
    if not _PLAIN_PATH.fullmatch(path) or posixpath.normpath(path) != path or path in by_path(service):
        return None
    if sum(use_path == path for use_path in _paths(service)) > 1 or _is_below_a_volume(service, path):
        return None
    if project.folders.extending(project.source.path, service.name, (project.source.path,)) is not None:
        return None
    return Use(service, layer, item, path)


def _paths(service: Service) -> Iterator[str]:
    for layer in service.layers:
        listed = layer.service.get(KEY)
        for item in listed.items if isinstance(listed, Sequence) else ():
            target = item.get("target") if isinstance(item, Mapping) else None
            source = item.get("source") if isinstance(item, Mapping) else item
            said = target if isinstance(target, Scalar) else source
            if isinstance(said, Scalar):
                yield config_path(said.value)


def _is_below_a_volume(service: Service, path: str) -> bool:
    """Whether the file would be mounted below another mount, in which a file would remain. String volumes are matched
    loosely."""
    if service.get("volumes_from") is not None:
        return True
    for layer in service.layers:
        for key in ("volumes", "tmpfs"):
            node = layer.service.get(key)
            for part in walk(node) if node is not None else ():
                texts = part.value.split(":") if isinstance(part, Scalar) else ()
                if any("$" in text or _holds(text, path) for text in texts):
                    return True
                if not isinstance(part, (Scalar, Mapping, Sequence)):
                    return True
    return False


def _holds(folder: str, path: str) -> bool:
    return folder.startswith("/") and f"{path}/".startswith(f"{posixpath.normpath(folder).rstrip('/')}/")
