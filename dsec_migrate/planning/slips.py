"""Lines that hold a value where a name belongs: ``- "PASSWORD: x"``, ``- PASSWORD x``, ``"PASSWORD=x":``.

For Compose all of it is the name, so the program never receives the value, but the file contains it.
"""

from __future__ import annotations

from dsec_migrate.compose.project import Argument, BuildFile, BuildPart, Declaration, Service
from dsec_migrate.detectors.finding import Candidate, Verdict
from dsec_migrate.detectors.judge import judge
from dsec_migrate.detectors.value_shapes import unquoted
from dsec_migrate.detectors.variable_names import Slip, slip
from dsec_migrate.planning.sources.holding import Skipped


def slip_of(declaration: Declaration) -> Slip | None:
    """The part of the declaration's name that is a value. A name that also has a value may just be unusual."""
    # arguments of commands, labels and instructions have no name in the file
    if isinstance(declaration, (Argument, BuildPart, BuildFile)):
        return None
    found = slip(declaration.name, has_value=declaration.text is not None)
    return found if found is not None and (declaration.text is None or is_secret(found)) else None


def verdict(service: Service, declaration: Declaration, value: str | None) -> Verdict | None:
    """The verdict on a line that sets a variable to ``value``, wherever in the line the secret is."""
    slipped = slip_of(declaration)
    if slipped is not None:
        return judge(_candidate(slipped, service.name, service.image))
    return judge(Candidate(service.name, declaration.name, declaration.text, value, service.image))


def is_secret(slipped: Slip) -> bool:
    return judge(_candidate(slipped)) is not None


def _candidate(slipped: Slip, service: str = "", image: str = "") -> Candidate:
    text = unquoted(slipped.tail)
    return Candidate(service, slipped.head.rpartition(" ")[2], text, text, image)


def reason(declaration: Declaration, slipped: Slip) -> Skipped:
    """Why such a line is skipped."""
    if declaration.entry is not None:
        what, write = "the quoted key contains more than a name", "NAME: value"
    else:
        what, write = f"the line has {slipped.what} instead of `=`, so all of it is the name", "NAME=value"
    return Skipped(f"{what}: the program never receives the value; write `{write}` and run again")
