"""A wrapper script reads the secret into the program's variable: for images that read no files themselves."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple
from urllib.parse import unquote

from dsec_migrate.compose.document import Content, Scalar, Sequence, inherited, is_given, walk
from dsec_migrate.compose.project import Argument, Project, Service
from dsec_migrate.detectors.finding import Exposure
from dsec_migrate.detectors.names import meaning
from dsec_migrate.detectors.placeholder import is_distinctive
from dsec_migrate.images import image_table
from dsec_migrate.planning import wrapper_script
from dsec_migrate.planning.changes import WrappedStart
from dsec_migrate.planning.passes import build_context, image_start, obstacles, removal, uses
from dsec_migrate.planning.passes.fix import Case, Delivery, Fix, Unsuited
from dsec_migrate.planning.passes.image_start import Launch, Untold
from dsec_migrate.planning.passes.renaming import reads_of
from dsec_migrate.planning.passes.settling import hold_value, weigh
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret

# what a line may contain that Compose splits as every shell does
_UNRESERVED = Pattern(r"[A-Za-z0-9._~-]+")
_SPLIT_ALIKE = Pattern(r"[\w\s@%+=:,./'\"~-]*")


class Around(NamedTuple):
    """A wrapper script, still without what it reads, with notes and what to check."""

    program: WrappedStart
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]


def propose(case: Case) -> Fix | Unsuited:
    answer = wrap(case)
    return Unsuited(f"no wrapper script can set it: {answer.reason}") if isinstance(answer, Skipped) else answer


def wrap(case: Case) -> Fix | Skipped:
    """A wrapper around the program, or why there can be none."""
    obstacle = obstacles.find(case, case.variable.name)
    if obstacle is not None:
        return obstacle
    found = around(case)
    if isinstance(found, Skipped):
        return found
    holding = hold_value(case)
    if isinstance(holding, Skipped):
        return holding
    framed = _around_password(case)
    reads = uses.find(case, obstacles.BESIDE, holding.value)
    if isinstance(reads, Skipped):
        return reads
    weighed = weigh(case, holding, found.doubts)
    if isinstance(weighed, Skipped):
        return weighed
    applicability, notes = weighed
    notes = (*notes, *found.remarks, *_remarks(case))
    if framed is not None:
        holding = replace(holding, value=Secret(framed.password))
    return Fix(
        Delivery.WRAPPER,
        "",
        "",
        applicability,
        holding,
        notes,
        True,
        program=found.program,
        reads=reads,
        frame=framed.frame if framed is not None else wrapper_script.Frame(),
    )


class _Framed(NamedTuple):
    frame: wrapper_script.Frame
    password: str


def _around_password(case: Case) -> _Framed | None:
    """What precedes and follows the password of a URL, if another variable has the same password: then both read one
    secret, and a new password is one changed file."""
    text, parts = case.variable.declaration.text, case.verdict.parts
    if case.verdict.exposure is not Exposure.EMBEDDED or text is None or "$" in text or len(parts) != 1 or "\n" in text:
        return None
    if len(case.variable.declarations) != 1 or case.variable.effective.value != text:
        return None
    (start, end) = parts[0]
    written = text[start:end]
    # what needs no %XX is the same inside and outside a URL
    kept = wrapper_script.kept_in(written) if _UNRESERVED.fullmatch(written) is None else ""
    framed = _Framed(wrapper_script.Frame(text[:start], text[end:], kept), unquote(written))
    # two equal common words may be different secrets; some programs encode more, or in lower case
    is_sure = is_distinctive(framed.password) and framed.frame.around(framed.password) == text
    return framed if is_sure and framed.password in _whole_values(case.project) else None


@lru_cache(maxsize=4)
def _whole_values(project: Project) -> frozenset[str]:
    """The values of variables that are secret as a whole."""
    return frozenset(
        variable.effective.value
        for service in project.services.values()
        for variable in service.variables.values()
        if variable.effective.value and meaning(variable.name).is_telling
    )


def _remarks(case: Case) -> Iterator[str]:
    """How the program could work without a wrapper script, if its code is here."""
    found = reads_of(case)
    if found is not None and found.plain:
        name = f"{case.variable.name}_FILE"
        how = build_context.expression(found.plain[0], name)
        with_it = f" ({how})" if how is not None else ""
        yield f"{found.plain[0]} reads {case.variable.name}: if it read the file{with_it}, it would need no wrapper"


def around(case: Case) -> Around | Skipped:
    """The wrapper script for the service of a variable, or of an argument of its command."""
    service, variable = case.service, case.variable
    place = next(_bad_places(case), None)
    if place is not None:
        return Skipped(place)
    started = image_start.find(
        case.project,
        service,
        options=case.options,
        needs_command=not is_given(service.get("entrypoint")) and service.get("command") is None,
    )
    names = [] if isinstance(variable.declaration, Argument) else [variable.name]
    others = [*service.variables, *(started.names if isinstance(started, Launch) else ())]
    shell = _shell(names, others, _known_shell(case, started))
    if isinstance(shell, Skipped):
        return shell
    program = _program(case, shell, started)
    if isinstance(program, Skipped):
        return program
    return Around(program, tuple(_doubts(case, started)), tuple(_origin(service, started, program)))


def _origin(service: Service, started: Launch | Untold, program: WrappedStart) -> Iterator[str]:
    """The source of the words, if not the service itself: a tag moves, and a Dockerfile changes."""
    if not isinstance(started, Launch) or program.script is not None or is_given(service.get("entrypoint")):
        return
    if service.is_built:
        yield f"its ENTRYPOINT and CMD are copied from {started.origin}: when they change there, change them here"
    elif program.command is not None and not started.is_exact:
        yield f"its CMD is copied from {started.origin}: check it with `docker image inspect {service.image}`"


def _known_shell(case: Case, started: Launch | Untold) -> str | None:
    if isinstance(started, Launch):
        return started.shell
    row = None if case.service.is_built else case.project.images.find(case.service.image)
    return row.shell if row is not None else None


def _bad_places(case: Case) -> Iterator[str]:
    """Why the line, or the service, cannot be edited for it."""
    service = case.service
    if len(service.layers) != 1 or service.layers[0].users:
        yield "its service is defined in several files, and each would need the wrapper script"
        return
    (layer,) = service.layers
    body = layer.service
    if body.flow:
        yield "its service is a flow mapping ({…})"
    other = next(_heirs_without(case), None)
    if other is not None:
        yield f"its service is shared through an anchor with {other}, which has no such line"
    entrypoint = body.effective().get("entrypoint")
    if entrypoint is not None and entrypoint.owner is not body:
        yield "its entrypoint comes through a merge key"
    yield from removal.problems(case)


def _heirs_without(case: Case) -> Iterator[str]:
    """Services that would inherit the wrapper script through an anchor without the variable: they would not start."""
    (layer,) = case.service.layers
    body, keys = layer.service, {declaration.key for declaration in case.variable.declarations}
    if body.anchor is None or not layer.document.aliases_of(body):
        return
    for name, service in case.project.services.items():
        inherits = any(body is one.service or body in inherited(one.service) for one in service.layers)
        variable = service.variables.get(case.variable.name)
        if inherits and not (
            variable is not None and any(declaration.key in keys for declaration in variable.declarations)
        ):
            yield name


def _shell(names: Iterable[str], others: Iterable[str], known: str | None) -> str | Skipped:
    """The path of a shell that can hold ``names`` and pass on ``others``; ``known`` as in the table of images."""
    if known == "none":
        return Skipped("the image has no shell")
    own = next((name for name in names if not wrapper_script.is_identifier(name)), None)
    if own is not None:
        return Skipped(f"{own} is not a valid variable name in a shell")
    odd = next((other for other in others if not wrapper_script.is_identifier(other)), None)
    if odd is not None and known != "bash":
        return Skipped(f"a shell would drop the variable {odd}, whose name is not an identifier")
    return wrapper_script.SHELLS["bash" if odd is not None else "sh"]


def _program(case: Case, shell: str, found: Launch | Untold) -> WrappedStart | Skipped:
    """What the wrapper script must reproduce."""
    service = case.service
    (layer,) = service.layers
    wrap = partial(WrappedStart, layer.document, layer.service, (), shell)
    entry = layer.service.own("entrypoint")
    source = layer.document.source
    own, command = service.get("entrypoint"), service.get("command")
    words = _words(own) if is_given(own) else None
    if is_given(own):
        if words is None:
            return Skipped("its entrypoint cannot be reproduced exactly")
        if not words:
            return Skipped("its entrypoint is empty, which clears the image's ENTRYPOINT")
        if wrapper_script.read([word.replace("$$", "$") for word in words]) is not None:
            assert isinstance(own, Sequence)
            script = own.items[2]
            if not isinstance(script, Scalar) or script.style != "|":
                return Skipped("its entrypoint is already a wrapper script, in another form: add the variable there")
            return wrap((), script=script)
    is_kept = isinstance(own, Sequence) and not own.flow
    if entry is not None and not is_kept and "#" in source.text[entry.key.start : source.line_end(entry.end)]:
        return Skipped("its entrypoint has a comment")
    if words is not None:
        return wrap(tuple(words))
    if isinstance(found, Untold):
        return Skipped(found.reason)
    if found.entrypoint is None:
        return Skipped(f"unknown ENTRYPOINT of the image of {service.name}")
    if command is None:
        if found.command is None:
            return Skipped(f"unknown CMD of the image of {service.name}")
        return wrap(_escaped(found.entrypoint), _escaped(found.command) or None, wrapper_script.OF_THE_IMAGE)
    if _is_empty(command):
        return Skipped("its command is empty, and the wrapper script needs the image's CMD there")
    return wrap(_escaped(found.entrypoint), comment=wrapper_script.ENTRYPOINT_OF_THE_IMAGE)


def _escaped(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.replace("$", "$$") for word in words)


def _words(node: Content | None) -> list[str] | None:
    """The words of an entrypoint as written in the Compose file; None if they are not known exactly."""
    if node is None or any(part.anchor is not None or part.tag is not None for part in walk(node)):
        return None
    if isinstance(node, Sequence):
        texts = [item.value for item in node.items if isinstance(item, Scalar) and isinstance(item.resolved(), str)]
        return texts if len(texts) == len(node.items) else None
    if isinstance(node, Scalar) and _SPLIT_ALIKE.fullmatch(node.value):
        try:
            return shlex.split(node.value)
        except ValueError:
            return None
    return None


def _is_empty(node: Content) -> bool:
    """Whether Compose uses the image's command instead (observed)."""
    if isinstance(node, Sequence):
        return not node.items
    return not (is_given(node) and isinstance(node, Scalar) and node.value.strip())


def _doubts(case: Case, started: Launch | Untold) -> Iterator[str]:
    service = case.service
    row = None if service.is_built else case.project.images.find(service.image)
    if _known_shell(case, started) is None:
        yield f"check that the image of {service.name} has /bin/sh"
    if row is not None and not row.is_sure:
        yield f"check the ENTRYPOINT of {image_table.repository(service.image)}: reported, not documented"
