"""Lines that hold a value where a name belongs: ``- "PASSWORD: x"``, ``- PASSWORD x``, ``"PASSWORD=x":``.

For Compose all of it is a name, so the program never gets the value; it stands in the file all the same.
"""

from __future__ import annotations

from dsec_migrate.detectors import judge
from dsec_migrate.detectors.values import unquoted
from dsec_migrate.finding import Candidate, Verdict
from dsec_migrate.project import Argument, BuildFile, BuildPart, Service, Slot
from dsec_migrate.stores import Left
from dsec_migrate.variable_names import Slip, slip


def slip_of(slot: Slot) -> Slip | None:
    """What of the slot's name is none but a value. A name that has a value of its own may just be an odd one."""
    # what stands in a command, a label or an instruction has no name in the file
    if isinstance(slot, (Argument, BuildPart, BuildFile)):
        return None
    found = slip(slot.name, has_value=slot.text is not None)
    return found if found is not None and (slot.text is None or is_secret(found)) else None


def verdict(service: Service, slot: Slot, value: str | None) -> Verdict | None:
    """The verdict on a line of a variable that gives the container ``value``, wherever in the line the secret is."""
    slipped = slip_of(slot)
    if slipped is not None:
        return judge(_candidate(slipped, service.name, service.image))
    return judge(Candidate(service.name, slot.name, slot.text, value, service.image))


def is_secret(slipped: Slip) -> bool:
    return judge(_candidate(slipped)) is not None


def _candidate(slipped: Slip, service: str = "", image: str = "") -> Candidate:
    text = unquoted(slipped.tail)
    return Candidate(service, slipped.head.rpartition(" ")[2], text, text, image)


def reason(slot: Slot, slipped: Slip) -> Left:
    """Why such a line stays."""
    if slot.entry is not None:
        what, write = "the quotes of its key hold more than a name", "NAME: value"
    else:
        what, write = f"the line has {slipped.what} where `=` belongs, so all of it is a name", "NAME=value"
    return Left(f"{what}: the program never gets the value; write `{write}` and run it again")
