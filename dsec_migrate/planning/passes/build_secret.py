"""A build argument becomes a build secret: the RUN instructions that need it receive it as a variable, and the image
does not keep it.

Facts of BuildKit: ``--mount=type=secret,id=X,env=NAME`` sets the variable for one RUN (Dockerfile frontend 1.10 and
later); a secret does not invalidate the cache, an argument does.
"""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.compose import builds
from dsec_migrate.compose.document import Alias, Mapping, Scalar, plain
from dsec_migrate.compose.project import BuildArgument, BuildFile, BuildPart
from dsec_migrate.config.options import SourceKind
from dsec_migrate.dockerfile import mistake
from dsec_migrate.planning.build_changes import DockerfileChange
from dsec_migrate.planning.passes import dockerfile_changes, obstacles, sharing
from dsec_migrate.planning.passes.fix import Case, Delivery, Fix
from dsec_migrate.planning.passes.settling import weigh
from dsec_migrate.planning.sources.hold import hold
from dsec_migrate.planning.sources.holding import Holding, Skipped
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret

FRONTEND = "1.10"
_AGENT = "the builder's SSH agent signs, and the key stays outside the build"
_PINNED = Pattern(r"docker/dockerfile(?:-upstream)?:(\d+)(?:\.(\d+))?")


def propose(case: Case) -> Fix | Skipped:
    """For a line below ``args:``, or a part of a Dockerfile."""
    declaration = case.variable.declaration
    assert isinstance(declaration, BuildArgument)
    problem = _of_the_place(case, declaration)
    if problem:
        return Skipped(problem)
    dockerfile = declaration.dockerfile
    assert dockerfile is not None
    path = dockerfile.source.path
    if obstacles.has_odd_line_ends(dockerfile):
        return Skipped(f"{path} has line endings other than LF and CRLF: convert them first")
    wrong = mistake(dockerfile.content)
    if wrong is not None:
        return Skipped(f"{path}, line {wrong.line}: {wrong.what}, so it does not build: fix it first")
    own = case.project.family or tuple(text.source.path for text in case.project.compose_texts)
    is_argument = not isinstance(declaration, BuildPart)
    other = case.project.folders.passing(case.project.directory, declaration.name, own) if is_argument else None
    if other is not None:
        return Skipped(f"{other} also refers to it and may build from the same Dockerfile: move it by hand")
    if isinstance(declaration, BuildFile) and (user := _building_from(case)):
        return Skipped(
            f"{user} is built from the image of {case.service.name} (additional_contexts), which contains the file"
        )
    found = dockerfile_changes.change(case.project, declaration, dockerfile)
    if isinstance(found, Skipped):
        return found
    pinned = _PINNED.match(dockerfile.content.syntax or "")
    is_old = pinned is not None and pinned[2] is not None and (int(pinned[1]), int(pinned[2])) < (1, 10)
    if is_old and pinned is not None and _uses_env(found):
        return Skipped(
            f"{path} pins the Dockerfile frontend {pinned[1]}.{pinned[2]}, which does not support env= in a mount"
        )
    holding = _holding(case, declaration)
    if isinstance(holding, Skipped):
        return holding
    weighed = weigh(case, holding, _doubts(declaration, found))
    if isinstance(weighed, Skipped):
        return weighed
    applicability, notes = weighed
    numbers = dict.fromkeys(str(run.line) for run, _ in found.mounted)
    lines = f"line{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
    frontend = f"; env= requires Dockerfile frontend {FRONTEND} or later" if _uses_env(found) else ""
    if found.is_of_agent:
        frontend = f"; {_AGENT}"
    return Fix(
        Delivery.BUILD_SECRET,
        "",
        "",
        applicability,
        holding,
        (*notes, f"{path} reads it on {lines}{frontend}"),
        True,
        is_read_by_root=True,
        dockerfile=found,
    )


def _building_from(case: Case) -> str | None:
    """Another service whose build uses files of this one's image: ``additional_contexts: {base: "service:app"}``."""
    for name, service in case.project.services.items():
        build = service.get("build")
        contexts = build.get("additional_contexts") if isinstance(build, Mapping) else None
        if contexts is not None and f"service:{case.service.name}" in _texts(plain(contexts)):
            return name
    return None


def _texts(contexts: object) -> Iterator[str]:
    """The contexts of a mapping, or of a list of ``NAME=CONTEXT``."""
    if isinstance(contexts, dict):
        yield from map(str, contexts.values())
    elif isinstance(contexts, list):
        yield from (str(item).partition("=")[2] for item in contexts)


def _doubts(declaration: BuildArgument, change: DockerfileChange) -> tuple[str, ...]:
    if not change.is_of_agent:
        return ()
    return (f"the build requires an SSH agent that holds the key: `ssh-add {declaration.name}`",)


def _uses_env(change: DockerfileChange) -> bool:
    return any(how.startswith("env=") for _, how in change.mounted)


def _of_the_place(case: Case, declaration: BuildArgument) -> str:
    """Why the lines of the Compose file cannot be edited for it."""
    service = case.service
    if len(service.layers) != 1 or service.layers[0].users:
        return "its service is defined in several files: move it by hand"
    entry = service.layers[0].service.own("build")
    node = entry.value if entry is not None else None
    if entry is None or isinstance(node, Alias) or node is None or node.anchor is not None:
        return "its `build:` is shared through an anchor or a merge key"
    if declaration.build is None and (
        service.layers[0].service.flow or not isinstance(node, Scalar) or node.style in {"|", ">"}
    ):
        return "its `build:` uses an unusual syntax"
    if (declaration.build is not None and declaration.build.flow) or any(
        one.name == "<<" for one in (declaration.build.entries if declaration.build is not None else ())
    ):
        return "its `build:` is a flow mapping, or uses a merge key"
    build = builds.find(case.project, service)
    if build is None:
        return "its build context is not here"
    if build.inline is not None:
        return "its Dockerfile is inline in the Compose file: write `RUN --mount=type=secret,env=…` there by hand"
    if declaration.dockerfile is None:
        return f"there is no Dockerfile at {build.dockerfile}"
    block = declaration.container
    if block is not None:
        if block.flow or block.anchor is not None or block.tag is not None or isinstance(declaration.node, Alias):
            return "its line cannot be removed as a whole"
        args = declaration.build.own("args") if declaration.build is not None else None
        is_own = args is not None and args.value is block
        if not is_own or sharing.is_merged(block, declaration):
            return "its line comes through an anchor"
    mounted = declaration.build.get("secrets") if declaration.build is not None else None
    return "its build secrets are not a list" if isinstance(mounted, Mapping) else ""


def _holding(case: Case, declaration: BuildArgument) -> Holding | Skipped:
    """A variable of the shell is kept as the source; Swarm has no builds, so a file is the source there."""
    variable = case.variable
    if isinstance(declaration, BuildFile):
        return Holding(SourceKind.FILE, Secret(variable.effective.value or ""), path=declaration.path)
    if declaration.text is None or not variable.effective.value:
        reference = variable.effective.whole_reference
        name = declaration.name if declaration.text is None else reference.name if reference is not None else ""
        if not name:
            return Skipped("its value is unknown here")
        known = case.project.environment.variables.get(name)
        return Holding(SourceKind.ENVIRONMENT, Secret(known) if known is not None else None, name)
    options = case.options
    if options.source_for(case.service.name, variable.name) is SourceKind.EXTERNAL:
        options = replace(options, source=SourceKind.FILE, source_of=())
    return hold(options, case.project, case.service, variable)
