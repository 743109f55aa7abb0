"""How the container of a service starts where the service itself does not say it: what a wrapper has to restate."""

from __future__ import annotations

from dsec_migrate import builds, dockerfile, engine, images
from dsec_migrate.project import Project, Service
from dsec_migrate.records import dataclass


@dataclass(frozen=True, repr=False, eq=False)
class Launch:
    """ENTRYPOINT and CMD of the service's image as lists of words, each None where nobody told.

    ``origin`` says who told them, for a reader; ``is_exact`` that they are those of this very image. ``shell`` is as in
    the table: ``bash``, ``sh``, ``none``, or None where nobody told.
    """

    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    origin: str
    is_exact: bool = False
    shell: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Untold:
    """Why nobody knows how the container starts."""

    reason: str


def find(project: Project, service: Service, *, asks_docker: bool, needs_command: bool) -> Launch | Untold:
    """What the service's Dockerfile, the local image or the table says, whichever is nearest to what will run.

    Docker is asked only where the table does not know it, or knows a CMD (``needs_command``) of some version only.
    """
    if service.is_built:
        return _of_build(project, service, asks_docker)
    return _of_image(project, service.name, service.image, asks_docker, needs_command)


def _of_image(project: Project, name: str, reference: str, asks_docker: bool, needs_command: bool) -> Launch | Untold:
    row = project.images.find(reference)
    told = Launch(row.entrypoint, row.command, "the table of images", shell=row.shell) if row is not None else None
    is_complete = told is not None and told.entrypoint is not None and not needs_command
    variant = images.variant_of(images.tag_of(reference))
    if row is not None and row.variant != variant:
        told, is_complete = None, False
    if asks_docker and not is_complete:
        config = engine.inspect(reference)
        if config is not None:
            shell = row.shell if row is not None else None
            return Launch(
                config.entrypoint,
                config.command,
                "docker image inspect",
                True,
                shell or ("sh" if config.has_shell else None),
            )
    if row is not None and row.variant != variant:
        return Untold(f"nobody knows how the variant {variant} of the image of {name} starts")
    if told is None or (told.entrypoint is None and told.command is None):
        return Untold(f"nobody knows how the image of {name} starts")
    return told


def _of_build(project: Project, service: Service, asks_docker: bool) -> Launch | Untold:
    build = builds.find(project, service)
    source = build.source() if build is not None else None
    if build is None or source is None:
        return Untold(f"nobody knows how the image of {service.name} starts: its Dockerfile is not here")
    stages = dockerfile.stages(dockerfile.read(source), build.arguments)
    stage = dockerfile.target_of(stages, build.target)
    if stage is None:
        return Untold(f"nobody knows how the image of {service.name} starts: {source.path} has no such stage")
    own = dockerfile.launch(stages, stage)
    origin = str(source.path)
    base: Launch | Untold | None = None
    if own.image and own.image != "scratch" and (own.entrypoint is None or own.command is None):
        base = _of_image(project, service.name, own.image, asks_docker, needs_command=own.command is None)
    if isinstance(base, Untold):
        # an image that sets no ENTRYPOINT leaves it to CMD: which it is, nobody knows
        return Untold(f"nobody knows how {own.image} starts, on which {origin} builds")
    entrypoint = own.entrypoint if own.entrypoint is not None else base.entrypoint if base is not None else ()
    command = own.command if own.command is not None else base.command if base is not None else ()
    row = project.images.find(own.image)
    words = (*(entrypoint or ())[:1], *(command or ())[:1])
    needs_shell = any(word in {"/bin/sh", "sh", "/bin/bash", "bash"} or word.endswith(".sh") for word in words)
    shell = row.shell if row is not None else "sh" if needs_shell or _runs_shell(stages, stage) else None
    if own.image == "scratch" and not needs_shell:
        shell = "none"
    return Launch(entrypoint, command, origin, True, shell)


def _runs_shell(stages: tuple[dockerfile.Stage, ...], stage: dockerfile.Stage) -> bool:
    """Whether the stage itself runs a command in the shell form: then its file system has one."""
    own = any(one.keyword == "RUN" and one.words() is None for one in stage.instructions)
    return own or (stage.base is not None and _runs_shell(stages, stages[stage.base]))
