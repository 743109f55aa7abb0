"""The image reads a file with a fixed name in /run/secrets: the variable is removed, and the secret mounted there."""

from __future__ import annotations

from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, by_path
from dsec_migrate.images import image_table
from dsec_migrate.images.image_table import Way
from dsec_migrate.planning.changes import MountOptions
from dsec_migrate.planning.passes import obstacles, removal, renaming, uses
from dsec_migrate.planning.passes.fix import Case, Delivery, Fix, Unsuited
from dsec_migrate.planning.passes.settling import hold_value, weigh
from dsec_migrate.planning.sources.holding import Skipped


def propose(case: Case) -> Fix | Unsuited:
    """For an image that looks for a file of a fixed name."""
    way = renaming.way_of(case)
    # why it does not read one has been said
    if way is None or renaming.unread(case) is not None:
        return Unsuited()
    answer = _mount(case, way)
    return Unsuited(answer.reason) if isinstance(answer, Skipped) else answer


def _mount(case: Case, way: Way) -> Fix | Skipped:
    """``way`` has a target."""
    service, name = case.service, image_table.repository(case.service.image)
    obstacle = obstacles.find(case, None)
    if obstacle is not None:
        return obstacle
    path = f"{SECRETS_MOUNT}/{way.target}"
    if len(service.layers) != 1 or service.layers[0].users:
        return Skipped(f"the image {name} reads {path}, and its service is defined in several files: mount it by hand")
    problem = next(removal.problems(case), None)
    if problem is not None:
        return Skipped(problem)
    if path in by_path(service):
        return Skipped(f"{path} is already another secret, and the image {name} reads it instead of the variable")
    holding = hold_value(case)
    if isinstance(holding, Skipped):
        return holding
    reads = uses.find(case, obstacles.RUN_INSIDE, holding.value)
    if isinstance(reads, Skipped):
        return reads
    if reads:
        return Skipped(f"other strings of the service need it, and the image {name} reads only {path}: move it by hand")
    row = case.project.images.find(service.image)
    assert row is not None
    doubts = [] if row.is_sure else [f"check that {row.names[0]} reads {path}: reported, not documented"]
    if (case.variable.effective.value or "").endswith("\n") and row.final_newlines == "stripped":
        doubts.append("its value ends with a newline, which the image strips from a file")
    weighed = weigh(case, holding, doubts, row)
    if isinstance(weighed, Skipped):
        return weighed
    applicability, notes = weighed
    return Fix(
        Delivery.FILE_VARIABLE,
        "",
        "",
        applicability,
        holding,
        (*notes, f"the image reads {path} without a variable"),
        is_known_image=True,
        reader=MountOptions(target=way.target),
    )
