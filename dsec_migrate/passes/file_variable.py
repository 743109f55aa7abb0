"""The variable X becomes X_FILE, with the path of the mounted secret as its value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from functools import lru_cache

from dsec_migrate import images
from dsec_migrate.document import Alias, Content, Document, Mapping, Scalar, Sequence, follow, walk
from dsec_migrate.extensions import readable_copy
from dsec_migrate.finding import Exposure
from dsec_migrate.images import Image
from dsec_migrate.options import Unknown
from dsec_migrate.passes import Case, Delivery, Proposal
from dsec_migrate.patterns import Pattern
from dsec_migrate.plan import Applicability
from dsec_migrate.project import OVERRIDE, RESET, EnvFileSlot, Layer, Service, Slot, has_unusual_line_ends
from dsec_migrate.stores import Left, hold

SUFFIX = "_FILE"

# keys whose text is run inside the container, where `$$X` is the container's variable
_RUN_INSIDE = ("healthcheck", "command", "entrypoint", "post_start", "pre_stop")
_NAME = Pattern(r"[A-Za-z_][A-Za-z0-9_.-]*")


def propose(case: Case) -> Proposal | Left:
    service, variable, options = case.service, case.variable, case.options
    obstacle = _obstacle(case)
    if obstacle is not None:
        return obstacle
    row = None if service.is_built else images.find(service.image)
    others = {image: images.find(image) for image in _images_without_later_files(case)}
    for image, known in ((service.image, row), *others.items()):
        if known is not None and variable.name not in known.supported:
            return Left(f"the image {images.repository(image)} reads no {variable.name}{SUFFIX}")
    if row is None and options.unknown is Unknown.KEEP:
        return Left(f"nobody knows whether {_program(service)} reads {variable.name}{SUFFIX} (--unknown keep)")
    if any(slot.text is None and isinstance(slot, EnvFileSlot) for slot in variable.slots):
        return Left("a line of an env file passes it on from the shell: it has no value there")
    if row is None and case.verdict.exposure is Exposure.EMBEDDED and _is_escaped_text(variable.slot):
        return Left("it is part of a text that runs over several lines with escapes: move it by hand")
    holding = hold(options, case.project, service, variable)
    if isinstance(holding, Left):
        return holding
    copy = readable_copy(case.project, variable.slot, holding.value.reveal() if holding.value is not None else "")
    if copy is not None:
        return Left(f"its value can be read in an x- block as well ({copy}), which Compose prints")
    doubts = tuple(_doubts(case, row))
    if row is None:
        doubts = (
            f"check that {_program(service)} reads {variable.name}{SUFFIX}: nobody has recorded that it does",
            *doubts,
        )
    doubts += tuple(
        f"check that the image {images.repository(image)}, which runs without the later files, reads "
        f"{variable.name}{SUFFIX}: nobody has recorded that it does"
        for image, known in others.items()
        if known is None
    )
    if holding.follows:
        have = "has" if len(holding.follows) == 1 else "have"
        doubts += (f"{', '.join(holding.follows)} in the shell or in .env {have} no effect on it any more",)
    remarks = tuple(_remarks(variable.slot))
    if doubts and options.safe:
        return Left(f"not known to be safe (--safe): {doubts[0]}")
    return Proposal(
        Delivery.FILE_VARIABLE,
        variable.name + SUFFIX,
        Applicability.REVIEW if doubts else Applicability.SAFE,
        holding,
        (*doubts, *remarks),
        is_known_image=row is not None,
        is_read_by_root=_runs_as_root(service)
        and all(known is not None and known.is_read_by_root for known in (row, *others.values())),
    )


def _images_without_later_files(case: Case) -> Iterator[str]:
    """Images that a file names and a later one replaces: they run where that one is not loaded."""
    named = [layer for layer in case.service.layers if layer.service.get("image") is not None]
    for layer in named[:-1]:
        node = layer.service.get("image")
        if isinstance(node, Scalar) and not layer.users and layer.document is not named[-1].document:
            image = case.project.resolve(node.value).value
            if image and images.repository(image) != images.repository(case.service.image):
                yield image


def _obstacle(case: Case) -> Left | None:
    service, variable = case.service, case.variable
    name = variable.name
    if service.name in case.project.twins:
        return Left("its service stands in an included file too: Compose takes both only while they are equal")
    if not _NAME.fullmatch(name):
        return Left("its name has characters that a variable of a program seldom has")
    if name + SUFFIX in service.variables:
        return Left(f"{name}{SUFFIX} is set beside it: remove one of the two by hand", "half-done")
    odd = next((slot for slot in variable.slots if has_odd_line_ends(slot.document)), None)
    if odd is not None:
        file = "the file" if odd.document is case.project.document else str(odd.document.source.path)
        return Left(f"{file} has line ends other than LF and CRLF: save it with ordinary ones first")
    replacing = next((layer for layer in service.layers[1:] if _replaces(layer.service)), None)
    if replacing is not None:
        file, line, _ = replacing.document.place(replacing.service.effective()["secrets"].key.start)
        return Left(f"{file}:{line} replaces its list of secrets: add the secret there by hand")
    named = next((slot.place for slot in variable.slots if _has_shared_name(slot)), None)
    if named is not None:
        return Left(f"its name ({named}) is shared through an alias")
    neighbour = next(_neighbours(case), None)
    if neighbour is not None:
        return Left(neighbour)
    use = next(_uses_inside(service, name), None)
    if use is not None:
        key, place = use
        return Left(f"its {key} ({place}) reads ${name} inside the container, where it would be gone")
    shared = next(_shared_lists(service), None)
    if shared is not None:
        return Left(f"its list of secrets is also that of another service, through the alias at {shared}")
    return None


@lru_cache(maxsize=64)
def has_odd_line_ends(document: Document) -> bool:
    return has_unusual_line_ends(document.source.text)


def _neighbours(case: Case) -> Iterator[str]:
    """Other files that would bring the variable back, lack the secret's definition, or read the same env file."""
    project, service, name = case.project, case.service, case.variable.name
    own = project.family or tuple(text.source.path for text in project.compose_texts)
    for layer in service.layers:
        body = _name_of_body(layer) or service.name
        extending = project.folders.extending(layer.document.source.path, body, own)
        if extending is not None:
            yield f"{extending} extends its service and would lack the definition of the secret"
    is_overlay = not service.is_built and not service.image
    for document in project.documents:
        place = project.folders.brings_back(document.source.path, service.name, name, own, is_overlay=is_overlay)
        if place is not None:
            yield f"{place} sets it as well and would bring it back: migrate both files in one call"
    for slot in case.variable.slots:
        if isinstance(slot, EnvFileSlot):
            if any(t is not slot.document and t.path.samefile(slot.document.source.path) for t in project.env_texts):
                yield f"{slot.document.source.path} is read in two formats, in which its lines mean different values"
            reader = project.folders.reading(slot.document.source.path, project.directory, own)
            if reader is not None:
                yield f"{reader} reads {slot.document.source.path} as well and would lack the secret"


def _name_of_body(layer: Layer) -> str | None:
    """The name under which the layer's file lists the mapping."""
    return _names_of_bodies(layer.document).get(id(layer.service))


@lru_cache(maxsize=64)
def _names_of_bodies(document: Document) -> MappingType[int, str]:
    """The names of a file's services by the identity of their mappings, the first where an alias repeats one."""
    names: dict[int, str] = {}
    for root in document.roots:
        services = root.get("services") if isinstance(root, Mapping) else None
        for name, entry in services.effective().items() if isinstance(services, Mapping) else ():
            names.setdefault(id(follow(entry.value)), name)
    return names


def _is_escaped_text(slot: Slot) -> bool:
    """Configuration written as one quoted scalar over several lines: no reader of a masked diff could check the file,
    and no program is known to take such a text from one."""
    node = slot.content
    raw = slot.document.source.text[node.start : node.end]
    return isinstance(node, Scalar) and node.style == '"' and "\n" in raw and "\\" in raw


def _program(service: Service) -> str:
    if service.is_built or not service.image:
        return f"the program of {service.name}"
    return f"the image {images.repository(service.image)}"


def _doubts(case: Case, row: Image | None) -> Iterator[str]:
    value = case.variable.effective.value or ""
    for file in case.service.env_files:
        if file.text is None:
            yield f"{file.path} is not there now: make sure that it does not set {case.variable.name} as well"
    if row is None:
        if value.endswith("\n"):
            yield "its value ends in a newline, which many programs strip from a file"
        return
    if not row.is_sure:
        yield f"that {row.names[0]} reads {case.variable.name}{SUFFIX} is reported only"
    if value.endswith("\n") and row.final_newlines == "stripped":
        yield "its value ends in a newline, which the image strips from a file"
    if _is_given(case.service.get("entrypoint")):
        yield "the service has an entrypoint of its own, so the image's may not read the file"
    word = _first_word(case.service.get("command"))
    if word is not None and not row.starts_with(word):
        yield "the service runs another command, with which the image's entrypoint may not read the file"


def _remarks(slot: Slot) -> Iterator[str]:
    """What its owner may wonder about, though nothing needs a check."""
    node = slot.content
    if slot.entry is not None and isinstance(node, Scalar) and not node.style and slot.text not in (None, node.value):
        yield "unquoted, it is a number to YAML: the secret is what the container gets, not what the file shows"


def _is_given(node: Content | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and node.is_null)


def _first_word(node: Content | None) -> str | None:
    if isinstance(node, Sequence) and node.items:
        first = node.items[0]
        return first.value if isinstance(first, Scalar) else ""
    if isinstance(node, Scalar) and not node.is_null:
        words = node.value.split(None, 1)
        return words[0] if words else None
    return None


def _runs_as_root(service: Service) -> bool:
    """Whether the process that reads the file is root with its capabilities, as far as the files say, each alone."""
    users = [user for layer in service.layers if _is_given(user := layer.service.get("user"))]
    is_root = all(isinstance(user, Scalar) and user.value in {"root", "0", "0:0", "root:root"} for user in users)
    return is_root and service.get("cap_drop") is None and service.get("userns_mode") is None


def _uses_inside(service: Service, name: str) -> Iterator[tuple[str, str]]:
    pattern: re.Pattern[str] | None = None
    for layer in service.layers:
        for key in _RUN_INSIDE:
            node = layer.service.get(key)
            if node is None:
                continue
            for part in walk(node):
                if isinstance(part, Scalar) and "$$" in part.value and name in part.value:
                    pattern = pattern or re.compile(
                        rf"(?<!\$)(?:\$\$)+(?:{re.escape(name)}\b|\{{[#!]?{re.escape(name)}\b)"
                    )
                    if pattern.search(part.value):
                        file, line, _ = layer.document.place(part.start)
                        yield key, f"{file}:{line}"


def _replaces(service: Mapping) -> bool:
    node = service.get("secrets")
    return node is not None and node.tag in {OVERRIDE, RESET}


def _has_shared_name(slot: Slot) -> bool:
    """Whether the variable's name is an alias, or others take it through an anchor: renaming would reach them."""
    key = slot.entry.key if slot.entry is not None else None
    if isinstance(key, Alias):
        return True
    return key is not None and key.anchor is not None and bool(slot.document.aliases_of(key))


def _shared_lists(service: Service) -> Iterator[str]:
    """Aliases that take the service's own ``secrets:`` list elsewhere: what it gets, they would get too."""
    for layer in service.layers:
        entry = layer.service.effective().get("secrets")
        if entry is not None and isinstance(entry.value, Sequence) and entry.value.anchor is not None:
            for alias in layer.document.aliases_of(entry.value):
                file, line, _ = layer.document.place(alias.start)
                yield f"{file}:{line}"
