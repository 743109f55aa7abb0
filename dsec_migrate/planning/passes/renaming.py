"""The variable is renamed to the form in which its image reads a file: X_FILE, X__FILE, FILE__X, or X with a path."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.compose import builds
from dsec_migrate.compose.document import Content, Scalar, Sequence, is_given, walk
from dsec_migrate.compose.project import Declaration, EnvFileDeclaration, Service
from dsec_migrate.config.options import SourceKind, Target, Unknown
from dsec_migrate.detectors.finding import Exposure
from dsec_migrate.images import image_table
from dsec_migrate.images.image_table import UNKNOWN_WAY, Image, Way
from dsec_migrate.planning import secret_readers
from dsec_migrate.planning.changes import MountOptions
from dsec_migrate.planning.passes import build_context, obstacles, uses
from dsec_migrate.planning.passes.build_context import Reads
from dsec_migrate.planning.passes.fix import Case, Delivery, Fix, Unsuited
from dsec_migrate.planning.passes.settling import hold_value, weigh
from dsec_migrate.planning.sources.holding import Skipped

SUFFIX = "_FILE"


def unread(case: Case) -> str | None:
    """Why the program is not configured to read a file, None if it is."""
    row, name = _row(case), case.variable.name
    way = _way(row, name)
    if way is None:
        return f"the image {image_table.repository(case.service.image)} {_reads(row, name)}"
    if row is not None and row.is_private and _reader(case, row) is None:
        return f"the image {image_table.repository(case.service.image)} refuses a file that other users can read"
    elsewhere = next(
        (other for other in (row.unless if row is not None else ()) if other in case.service.variables), None
    )
    if elsewhere is not None:
        return f"{elsewhere} makes the image {image_table.repository(case.service.image)} look elsewhere"
    found = reads_of(case)
    if found is not None and found.plain and not found.file and not found.makes_names:
        return f"{found.plain[0]} reads {name}, and nothing in the build context reads {way.name}"
    is_read = found is not None and found.file
    if row is None and not is_read and _if_unknown(case) is Unknown.WRAP:
        return f"no evidence that {_program(case.service)} reads {way.name} (--unknown wrap)"
    return None


def propose(case: Case) -> Fix | Skipped | Unsuited:
    """For a program that reads a file, or may (:func:`unread`)."""
    reason = unread(case)
    if reason is not None:
        return Unsuited(reason)
    way = way_of(case)
    return Unsuited() if way is not None and way.target else _rename(case)


def _rename(case: Case) -> Fix | Skipped:
    service, variable = case.service, case.variable
    row = _row(case)
    way = _way(row, variable.name)
    found = reads_of(case)
    is_read = found is not None and bool(found.file)
    assert way is not None
    obstacle = obstacles.find(case, way.name)
    if obstacle is not None:
        return obstacle
    others = {image: case.project.images.find(image) for image in _images_without_later_files(case)}
    for image, known in others.items():
        if known is not None and _way(known, variable.name) != way:
            return Skipped(f"the image {image_table.repository(image)} {_reads(known, variable.name)}")
    if row is None and not is_read and _if_unknown(case) is Unknown.KEEP:
        return Skipped(f"no evidence that {_program(service)} reads {way.name} (--unknown keep)")
    if any(
        declaration.text is None and isinstance(declaration, EnvFileDeclaration)
        for declaration in variable.declarations
    ):
        return Skipped("the env file passes it through from the shell and sets no value")
    if row is None and case.verdict.exposure is Exposure.EMBEDDED and _is_escaped_text(variable.declaration):
        return Skipped("it is part of a multi-line string with escapes: move it by hand")
    holding = hold_value(case)
    if isinstance(holding, Skipped):
        return holding
    reads = uses.find(case, obstacles.RUN_INSIDE, holding.value)
    if isinstance(reads, Skipped):
        return reads
    doubts = [*_doubts(case, row, way, is_read=is_read)]
    doubts += (
        f"check that the image {image_table.repository(image)}, which runs without the override files, reads "
        f"{way.name}: no evidence that it does"
        for image, known in others.items()
        if known is None
    )
    weighed = weigh(case, holding, doubts, row)
    if isinstance(weighed, Skipped):
        return weighed
    applicability, notes = weighed
    scripts = {id(read.node) for read in reads if read.test is None}
    return Fix(
        Delivery(way.delivery),
        way.name,
        way.value,
        applicability,
        holding,
        (
            *notes,
            *_remarks(variable.declaration),
            *((f"{found.file[0]} reads {way.name}",) if found and found.file else ()),
        ),
        is_known_image=row is not None or is_read,
        is_read_by_root=secret_readers.is_root_alone(
            service, (row, *others.values()), lambda text: id(text) in scripts
        ),
        reads=reads,
        reader=_reader(case, row) if row is not None and not others else None,
    )


def _if_unknown(case: Case) -> Unknown:
    """What to do if it is unknown what the image reads."""
    return case.options.delivery_for(case.service.name, case.variable.name) or case.options.unknown


def _row(case: Case) -> Image | None:
    return None if case.service.is_built else case.project.images.find(case.service.image)


def _reader(case: Case, row: Image) -> MountOptions | None:
    """The owner and mode with which only the program can read the secret: from Swarm, or from Compose with a variable
    as the source, for an image that requires it (Compose mounts a file with its owner and mode on the host:
    observed)."""
    options, service = case.options, case.service
    source = options.source_for(service.name, case.variable.name)
    is_chosen = options.target is Target.SWARM or (row.is_private and source is SourceKind.ENVIRONMENT)
    if not is_chosen or not secret_readers.has_capabilities(service):
        return None
    found = secret_readers.account(service, row)
    if found is None:
        return None
    has_own_user = is_given(service.get("user"))
    if found.is_root and not has_own_user:
        return MountOptions(mode=0o400)
    return MountOptions(str(found.user), str(found.group), 0o400)


def reads_of(case: Case) -> Reads | None:
    """Where the code of the service's image reads the variable; None if there is no code."""
    build = builds.find(case.project, case.service) if case.service.is_built else None
    return (
        build_context.reads(build.context, case.variable.name) if build is not None and build.context.is_dir() else None
    )


def way_of(case: Case) -> Way | None:
    """How the image reads the variable from a file; a guess if the image is not in the table."""
    return _way(_row(case), case.variable.name)


def _way(row: Image | None, variable: str) -> Way | None:
    """How the image reads it; if the image is not in the table, the convention of most images that read files."""
    return Way(UNKNOWN_WAY, variable + SUFFIX) if row is None else row.way(variable)


def _reads(row: Image | None, variable: str) -> str:
    """What a known image reads for the variable, as part of a reason."""
    way = row.way(variable) if row is not None else None
    if way is not None:
        return f"reads {way.what_is_read}"
    return f"does not read {variable}{SUFFIX}"


def _images_without_later_files(case: Case) -> Iterator[str]:
    """Images that a file sets and an override file replaces: they run if that file is not loaded."""
    named = [layer for layer in case.service.layers if layer.service.get("image") is not None]
    for layer in named[:-1]:
        node = layer.service.get("image")
        if isinstance(node, Scalar) and not layer.users and layer.document is not named[-1].document:
            image = case.project.resolve(node.value).value
            if image and image_table.repository(image) != image_table.repository(case.service.image):
                yield image


def _is_escaped_text(declaration: Declaration) -> bool:
    """Whether it is configuration as one quoted scalar over several lines: no reader of a masked diff could check the
    file, and no program is known to read such a string from one."""
    node = declaration.content
    raw = declaration.document.source.text[node.start : node.end]
    return isinstance(node, Scalar) and node.style == '"' and "\n" in raw and "\\" in raw


def _program(service: Service) -> str:
    if service.is_built or not service.image:
        return f"the program of {service.name}"
    return f"the image {image_table.repository(service.image)}"


def _doubts(case: Case, row: Image | None, way: Way, *, is_read: bool) -> Iterator[str]:
    value = case.variable.effective.value or ""
    if row is None and not is_read:
        yield f"check that {_program(case.service)} reads {way.name}: no evidence that it does"
    for file in case.service.env_files:
        if file.text is None:
            yield f"{file.path} does not exist now: make sure that it does not set {case.variable.name} as well"
    if row is None:
        if value.endswith("\n"):
            yield "its value ends with a newline, which many programs strip from a file"
        return
    if not row.is_sure:
        yield f"check that {row.names[0]} reads {way.name}: reported, not documented"
    if value.endswith("\n") and row.final_newlines == "stripped":
        yield "its value ends with a newline, which the image strips from a file"
    yield from _goes_around(case.service, row)


def goes_around(case: Case) -> bool:
    """Whether the service may bypass the part of its image that reads files."""
    row = _row(case)
    return row is not None and any(_goes_around(case.service, row))


def _goes_around(service: Service, row: Image) -> Iterator[str]:
    if is_given(own := service.get("entrypoint")) and not _goes_through(own, row):
        yield "the service overrides the ENTRYPOINT, so the image's own may not read the file"
    word = _first_word(service.get("command"))
    if word is not None and not row.starts_with(word):
        yield "the service overrides the CMD, and the image's ENTRYPOINT may not read the file with it"


def _goes_through(own: Content | None, row: Image) -> bool:
    """Whether the service's own entrypoint finally starts the image's, which then reads the file."""
    if not row.entrypoint:
        return False
    texts = [part.value for part in walk(own) if isinstance(part, Scalar)] if own is not None else []
    return any(row.entrypoint[-1] in text.split() for text in texts)


def _remarks(declaration: Declaration) -> Iterator[str]:
    """Notes for the user that need no check."""
    node = declaration.content
    if (
        declaration.entry is not None
        and isinstance(node, Scalar)
        and not node.style
        and declaration.text not in (None, node.value)
    ):
        yield "unquoted, YAML reads it as a number: the secret is what the container receives, not what the file shows"


def _first_word(node: Content | None) -> str | None:
    if isinstance(node, Sequence) and node.items:
        first = node.items[0]
        return first.value if isinstance(first, Scalar) else ""
    if isinstance(node, Scalar) and not node.is_null:
        words = node.value.split(None, 1)
        return words[0] if words else None
    return None
