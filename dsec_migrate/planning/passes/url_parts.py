"""A URL that the image takes in parts as well, of which it reads the password from a file: the parts take its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dsec_migrate import images
from dsec_migrate.document import Scalar
from dsec_migrate.finding import Exposure
from dsec_migrate.passes import Case, Delivery, Proposal, obstacles, removal, uses
from dsec_migrate.passes.settling import hold_value, weigh
from dsec_migrate.patterns import Pattern
from dsec_migrate.project import EnvFileSlot
from dsec_migrate.records import replace
from dsec_migrate.secret import Secret
from dsec_migrate.stores import Left

# what means the same in a URL and outside
_URL = Pattern(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[\w.~-]+):(?P<password>[\w.~-]+)@(?P<host>[A-Za-z0-9.-]+)"
    r"(?::(?P<port>\d+))?/(?P<name>[\w.~-]+)"
)
_LEAST_LENGTH = 8
_PORTS = {"postgres": "5432", "postgresql": "5432", "mysql": "3306", "mariadb": "3306"}


class Parts(NamedTuple):
    """``others`` are all but the password, by what they are: ``user``, ``host``, ``port``, ``name``."""

    password: str
    others: Mapping[str, str]


def split(url: str) -> Parts | None:
    """None where not all of them are there, or one is written in another way than it is meant."""
    found = _URL.fullmatch(url)
    port = (found["port"] or _PORTS.get(found["scheme"])) if found is not None else None
    # a shorter word is told apart from no other one of the URL
    if found is None or port is None or len(found["password"]) < _LEAST_LENGTH:
        return None
    return Parts(found["password"], {"user": found["user"], "host": found["host"], "port": port, "name": found["name"]})


def propose(case: Case) -> Proposal | Left | None:
    """None where the image takes no parts in place of this variable."""
    service, variable = case.service, case.variable
    row = None if service.is_built else case.project.images.find(service.image)
    names = row.parts.get(variable.name) if row is not None else None
    if row is None or names is None:
        return None
    text = variable.slot.text
    parts = split(text) if text is not None and variable.effective.value == text else None
    if case.verdict.exposure is not Exposure.EMBEDDED or parts is None:
        return None
    file = f"{names['password']}_FILE"
    taken = [name for name in (*names.values(), file) if name in service.variables]
    slot = variable.slot
    is_line = slot.container is not None and not slot.container.flow and isinstance(slot.node, Scalar)
    if (
        taken
        or isinstance(slot, EnvFileSlot)
        or not is_line
        or slot.node.anchor is not None
        or not removal.is_own(case)
    ):
        return None
    obstacle = obstacles.find(case, file)
    if obstacle is not None:
        return obstacle
    holding = hold_value(case)
    if isinstance(holding, Left):
        return holding
    reads = uses.find(case, obstacles.RUN_INSIDE, holding.value)
    if isinstance(reads, Left) or reads:
        return reads if isinstance(reads, Left) else None
    weighed = weigh(case, holding, [] if row.is_sure else ["that it takes the parts is reported only"], row)
    if isinstance(weighed, Left):
        return weighed
    applicability, notes = weighed
    return Proposal(
        Delivery.FILE_VARIABLE,
        file,
        "{path}",
        applicability,
        replace(holding, value=Secret(parts.password)),
        (*notes, f"the image {images.repository(service.image)} takes the parts of {variable.name}, too"),
        is_known_image=True,
        parts=tuple((names[part], value) for part, value in parts.others.items()),
    )
