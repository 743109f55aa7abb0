"""The program gets its variable from a shell that reads the secret first: for images that read no files themselves."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from dsec_migrate import images, launch, wrapping
from dsec_migrate.document import Alias, Content, Mapping, Scalar, Sequence, walk
from dsec_migrate.extensions import readable_copy, unused_lines
from dsec_migrate.images import Image
from dsec_migrate.passes import Case, Delivery, Proposal, Start, obstacles
from dsec_migrate.patterns import Pattern
from dsec_migrate.plan import Applicability
from dsec_migrate.project import EnvFileSlot, Service, Slot
from dsec_migrate.stores import Left, hold

# what a line may hold that Compose splits as every shell does
_SPLIT_ALIKE = Pattern(r"[\w\s@%+=:,./'\"~-]*")


def propose(case: Case) -> Proposal | Left:
    service, variable, options = case.service, case.variable, case.options
    row = None if service.is_built else images.find(service.image)
    obstacle = obstacles.find(case, variable.name, obstacles.BESIDE)
    if obstacle is not None:
        return obstacle
    place = next(_bad_places(case), None)
    if place is not None:
        return Left(place)
    shell = _shell(service, variable.name, row)
    if isinstance(shell, Left):
        return shell
    start = _start(case, shell)
    if isinstance(start, Left):
        return start
    holding = hold(options, case.project, service, variable)
    if isinstance(holding, Left):
        return holding
    copy = readable_copy(case.project, variable.slot, holding.value.reveal() if holding.value is not None else "")
    if copy is not None:
        return Left(f"its value can be read in an x- block as well ({copy}), which Compose prints")
    doubts = tuple(_doubts(service, row, start))
    if holding.follows:
        have = "has" if len(holding.follows) == 1 else "have"
        doubts += (f"{', '.join(holding.follows)} in the shell or in .env {have} no effect on it any more",)
    if doubts and options.safe:
        return Left(f"not known to be safe (--safe): {doubts[0]}")
    return Proposal(
        Delivery.WRAPPER,
        "",
        "",
        Applicability.REVIEW if doubts else Applicability.SAFE,
        holding,
        doubts,
        is_known_image=True,
        start=start,
    )


def _bad_places(case: Case) -> Iterator[str]:
    """Why the line, or the service, cannot be edited for it."""
    service, variable = case.service, case.variable
    if len(service.layers) != 1 or service.layers[0].users:
        yield "its service stands in several files, and each would need the wrapper"
        return
    (layer,) = service.layers
    body = layer.service
    if body.flow:
        yield "its service is written between braces"
    if body.anchor is not None and layer.document.aliases_of(body):
        yield "its service is shared through an anchor"
    if any(entry.name in {"entrypoint", "command"} and entry.owner is not body for entry in body.effective().values()):
        yield "its entrypoint or command comes through a merge key"
    if "environment" in body.shadowed():
        yield "a merge key would bring other variables in the place of its own"
    for slot in variable.slots:
        if isinstance(slot, EnvFileSlot):
            yield "its line stands in an env file"
        elif not _is_own_line(case, slot):
            yield f"its line ({slot.place}) is not the service's alone"
    text = variable.slot.text
    if any(slot.name == variable.name and slot.text == text for slot in unused_lines(case.project)):
        yield "an x- block repeats its line"


def _is_own_line(case: Case, slot: Slot) -> bool:
    """Whether the slot is a whole line (or several) in the service's own block ``environment:``."""
    (layer,) = case.service.layers
    entry = layer.service.own("environment")
    block = entry.value if entry is not None else None
    if not isinstance(block, (Mapping, Sequence)) or block.flow or block.anchor is not None or block.tag is not None:
        return False
    if isinstance(slot.node, Alias) or slot.node.anchor is not None:
        return False
    if slot.entry is not None:
        if slot.entry not in getattr(block, "entries", ()) or slot.entry.key.anchor is not None:
            return False
        start = slot.entry.key.outer_start
        before = ""
    else:
        if slot.node not in getattr(block, "items", ()):
            return False
        start = slot.node.outer_start
        before = "-"
    source = layer.document.source
    return source.text[source.line_start(start) : start].strip() == before


def _shell(service: Service, name: str, row: Image | None) -> str | Left:
    """The path of the shell that can do it."""
    known = row.shell if row is not None else None
    if known == "none":
        return Left("the image has no shell")
    odd = next((other for other in (name, *service.variables) if not wrapping.is_identifier(other)), None)
    if odd is not None and not wrapping.is_identifier(name):
        return Left(f"no shell can hold a variable called {name}")
    if odd is not None and known != "bash":
        return Left(f"a shell would lose the variable {odd}, whose name is no identifier")
    return wrapping.SHELLS["bash" if odd is not None else "sh"]


def _start(case: Case, shell: str) -> Start | Left:
    """What the wrapper has to restate."""
    service = case.service
    own = service.get("entrypoint")
    command = service.get("command")
    if _is_given(own):
        words = _words(own)
        if words is None:
            return Left("its entrypoint cannot be restated exactly")
        known = wrapping.read([word.replace("$$", "$") for word in words])
        if known is not None:
            assert isinstance(own, Sequence)
            script = own.items[2]
            if not isinstance(script, Scalar) or script.style != "|":
                return Left("its entrypoint is a wrapper already, in another form: add the variable there")
            return Start(shell, script=script)
        if not words:
            return Left("its entrypoint is empty, which takes the image's away")
        entry = service.layers[0].service.own("entrypoint")
        source = service.layers[0].document.source
        if entry is None or "#" in source.text[entry.key.start : source.line_end(entry.end)]:
            return Left("its entrypoint has a comment")
        return Start(shell, tuple(words))
    found = launch.find(case.project, service, case.options)
    if isinstance(found, launch.Untold):
        return Left(found.reason)
    if found.entrypoint is None:
        return Left(f"nobody knows the entrypoint of the image of {service.name}")
    if command is None:
        if found.command is None:
            return Left(f"nobody knows the command of the image of {service.name}")
        return Start(shell, _escaped(found.entrypoint), _escaped(found.command) or None, wrapping.OF_THE_IMAGE)
    if not _is_given(command) or (isinstance(command, Sequence) and not command.items):
        return Left("its command is empty, and the wrapper needs that of the image there")
    return Start(shell, _escaped(found.entrypoint), None, wrapping.ENTRYPOINT_OF_THE_IMAGE)


def _escaped(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.replace("$", "$$") for word in words)


def _words(node: Content | None) -> list[str] | None:
    """The words of an entrypoint as texts of the Compose file; None where they cannot be told exactly."""
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


def _is_given(node: Content | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and (node.is_null or not node.value.strip()))


def _doubts(service: Service, row: Image | None, start: Start) -> Iterator[str]:
    name = images.repository(service.image) if service.image and not service.is_built else service.name
    if row is None or row.shell is None:
        yield f"check that the image of {service.name} has /bin/sh"
    if row is not None and not row.is_sure:
        yield f"how {name} starts is reported only"
    if start.command is not None:
        # an image may be started otherwise from one version to the next, and a tag moves
        yield f"check with `docker image inspect {service.image}` that its command is the one below `command:`"
