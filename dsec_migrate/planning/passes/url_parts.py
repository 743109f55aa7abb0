"""A URL that the image also accepts in parts, with the password in a file: the parts replace it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dsec_migrate.compose.document import Scalar
from dsec_migrate.compose.project import EnvFileDeclaration
from dsec_migrate.detectors.finding import Exposure
from dsec_migrate.images import image_table
from dsec_migrate.planning.passes import obstacles, removal, uses
from dsec_migrate.planning.passes.fix import Case, Delivery, Fix, Unsuited
from dsec_migrate.planning.passes.settling import hold_value, weigh
from dsec_migrate.planning.sources.holding import Skipped
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import replace
from dsec_migrate.text.secret import Secret

# characters that mean the same inside and outside a URL
_URL = Pattern(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<user>[\w.~-]+):(?P<password>[\w.~-]+)@(?P<host>[A-Za-z0-9.-]+)"
    r"(?::(?P<port>\d+))?/(?P<name>[\w.~-]+)"
)
_LEAST_LENGTH = 8
_PORTS = {"postgres": "5432", "postgresql": "5432", "mysql": "3306", "mariadb": "3306"}


class Parts(NamedTuple):
    """``others`` are all parts except the password, by kind: ``user``, ``host``, ``port``, ``name``."""

    password: str
    others: Mapping[str, str]


def split(url: str) -> Parts | None:
    """None if a part is missing, or encoded."""
    found = _URL.fullmatch(url)
    port = (found["port"] or _PORTS.get(found["scheme"])) if found is not None else None
    # a shorter word cannot be told apart from other words of the URL
    if found is None or port is None or len(found["password"]) < _LEAST_LENGTH:
        return None
    return Parts(found["password"], {"user": found["user"], "host": found["host"], "port": port, "name": found["name"]})


def propose(case: Case) -> Fix | Unsuited:
    answer = _split(case)
    return answer if isinstance(answer, Fix) else Unsuited()


def _split(case: Case) -> Fix | Skipped | None:
    """None if the image accepts no parts instead of this variable."""
    service, variable = case.service, case.variable
    row = None if service.is_built else case.project.images.find(service.image)
    names = row.parts.get(variable.name) if row is not None else None
    if row is None or names is None:
        return None
    text = variable.declaration.text
    parts = split(text) if text is not None and variable.effective.value == text else None
    if case.verdict.exposure is not Exposure.EMBEDDED or parts is None:
        return None
    file = f"{names['password']}_FILE"
    taken = [name for name in (*names.values(), file) if name in service.variables]
    declaration = variable.declaration
    is_line = (
        declaration.container is not None and not declaration.container.flow and isinstance(declaration.node, Scalar)
    )
    if (
        taken
        or isinstance(declaration, EnvFileDeclaration)
        or not is_line
        or declaration.node.anchor is not None
        or not removal.is_own(case)
    ):
        return None
    obstacle = obstacles.find(case, file)
    if obstacle is not None:
        return obstacle
    holding = hold_value(case)
    if isinstance(holding, Skipped):
        return holding
    reads = uses.find(case, obstacles.RUN_INSIDE, holding.value)
    if isinstance(reads, Skipped) or reads:
        return reads if isinstance(reads, Skipped) else None
    weighed = weigh(
        case, holding, [] if row.is_sure else ["check that it reads the parts: reported, not documented"], row
    )
    if isinstance(weighed, Skipped):
        return weighed
    applicability, notes = weighed
    return Fix(
        Delivery.FILE_VARIABLE,
        file,
        "{path}",
        applicability,
        replace(holding, value=Secret(parts.password)),
        (*notes, f"the image {image_table.repository(service.image)} also reads the parts of {variable.name}"),
        is_known_image=True,
        parts=tuple((names[part], value) for part, value in parts.others.items()),
    )
