"""The ENTRYPOINT and CMD of a service that does not set them itself: what a wrapper script must reproduce."""

from __future__ import annotations

from dsec_migrate import dockerfile
from dsec_migrate.compose import builds
from dsec_migrate.compose.project import Project, Service
from dsec_migrate.config.options import Options
from dsec_migrate.images import engine, image_table
from dsec_migrate.images.engine import ImageConfig
from dsec_migrate.images.image_table import Image
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass

_SET = Pattern(r"(?:^|\s)([^\s=]+)=")


@dataclass(frozen=True, repr=False, eq=False)
class Launch:
    """ENTRYPOINT and CMD of the service's image as lists of words, each None if unknown.

    ``origin`` names their source, for messages; ``is_exact`` means that they are those of this very image. ``shell`` is
    as in the table: ``bash``, ``sh``, ``none``, or None if unknown. ``names`` are those of the image's variables.
    """

    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    origin: str
    is_exact: bool = False
    shell: str | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Untold:
    """Why the ENTRYPOINT is unknown."""

    reason: str


def find(project: Project, service: Service, *, options: Options, needs_command: bool) -> Launch | Untold:
    """From the service's Dockerfile, the local image or the table, whichever is closest to what will run.

    Docker is queried only if the table lacks the image, or has a CMD (``needs_command``) only for some version.
    """
    if service.is_built:
        return _of_build(project, service, options)
    return _of_image(project, service.name, service.image, options, needs_command=needs_command)


def _of_image(project: Project, name: str, reference: str, options: Options, *, needs_command: bool) -> Launch | Untold:
    row = project.images.find(reference)
    variant = image_table.variant_of(image_table.tag_of(reference))
    is_of_table = row is not None and row.variant == variant
    told = Launch(row.entrypoint, row.command, "the table of images", shell=row.shell) if row and is_of_table else None
    if told is not None and told.entrypoint is not None and not needs_command:
        return told
    config = engine.inspect(reference) if options.docker else None
    if config is not None:
        return _of_config(config, row, "docker image inspect")
    if told is not None and told.entrypoint is not None and told.command is not None:
        return told
    why = ""
    if options.registry:
        from dsec_migrate.images import registry

        try:
            return _of_config(registry.inspect(reference, options.registries), row, "the registry")
        except registry.RegistryError as error:
            why = f" ({error})"
    if row is not None and not is_of_table:
        return Untold(f"unknown ENTRYPOINT of the {variant} variant of the image of {name}{why}")
    if told is None or (told.entrypoint is None and told.command is None):
        return Untold(f"unknown ENTRYPOINT of the image of {name}{why}")
    return told


def _of_config(config: ImageConfig, row: Image | None, origin: str) -> Launch:
    shell = (row.shell if row is not None else None) or ("sh" if config.has_shell else None)
    return Launch(config.entrypoint, config.command, origin, True, shell, config.names)


def _of_build(project: Project, service: Service, options: Options) -> Launch | Untold:
    build = builds.find(project, service)
    source = build.source() if build is not None else None
    if build is None or source is None:
        return Untold(f"unknown ENTRYPOINT of the image of {service.name}: its Dockerfile is not here")
    stages = dockerfile.stages(dockerfile.read(source), build.arguments)
    stage = dockerfile.target_of(stages, build.target)
    if stage is None:
        return Untold(f"unknown ENTRYPOINT of the image of {service.name}: {source.path} has no such stage")
    own = dockerfile.launch(stages, stage)
    origin = str(source.path)
    base: Launch | Untold | None = None
    if own.image and own.image != "scratch" and (own.entrypoint is None or own.command is None):
        base = _of_image(project, service.name, own.image, options, needs_command=own.command is None)
    if isinstance(base, Untold):
        # an image without an ENTRYPOINT may start through its CMD: which of the two is unknown
        return Untold(f"unknown ENTRYPOINT of {own.image}, the base image of {origin}")
    entrypoint = own.entrypoint if own.entrypoint is not None else base.entrypoint if base is not None else ()
    command = own.command if own.command is not None else base.command if base is not None else ()
    row = project.images.find(own.image)
    words = (*(entrypoint or ())[:1], *(command or ())[:1])
    needs_shell = any(map(engine.needs_shell, words))
    shell = row.shell if row is not None else "sh" if needs_shell or _runs_shell(stages, stage) else None
    if own.image == "scratch" and not needs_shell:
        shell = "none"
    names = base.names if base is not None else ()
    return Launch(entrypoint, command, origin, True, shell, (*names, *_names(stages, stage)))


def _names(stages: tuple[dockerfile.Stage, ...], stage: dockerfile.Stage) -> tuple[str, ...]:
    """The variables that a stage sets with ENV, or one below it."""
    own = [one.text for one in stage.instructions if one.keyword == "ENV"]
    found = tuple(name for text in own for name in _SET.findall(text) or text.split(None, 1)[:1])
    return found if stage.base is None else (*_names(stages, stages[stage.base]), *found)


def _runs_shell(stages: tuple[dockerfile.Stage, ...], stage: dockerfile.Stage) -> bool:
    """Whether the stage itself has a RUN in shell form: then its file system contains a shell."""
    own = any(one.keyword == "RUN" and one.words() is None for one in stage.instructions)
    return own or (stage.base is not None and _runs_shell(stages, stages[stage.base]))
