"""The image looks for a file of a fixed name in /run/secrets: the variable goes, and the secret is mounted so."""

from __future__ import annotations

from dsec_migrate import images
from dsec_migrate.changes import MountOptions
from dsec_migrate.images import Way
from dsec_migrate.passes import Case, Delivery, Proposal, obstacles, removal, uses
from dsec_migrate.passes.settling import hold_value, weigh
from dsec_migrate.project.mounted import SECRETS_MOUNT, by_path
from dsec_migrate.stores import Left


def propose(case: Case, way: Way) -> Proposal | Left:
    """``way`` has a target."""
    service, name = case.service, images.repository(case.service.image)
    obstacle = obstacles.find(case, None)
    if obstacle is not None:
        return obstacle
    path = f"{SECRETS_MOUNT}/{way.target}"
    if len(service.layers) != 1 or service.layers[0].users:
        return Left(f"the image {name} reads {path}, and its service stands in several files: mount it by hand")
    problem = next(removal.problems(case), None)
    if problem is not None:
        return Left(problem)
    if path in by_path(service):
        return Left(f"{path} is another secret already, and the image {name} reads it in the variable's place")
    holding = hold_value(case)
    if isinstance(holding, Left):
        return holding
    reads = uses.find(case, obstacles.RUN_INSIDE, holding.value)
    if isinstance(reads, Left):
        return reads
    if reads:
        return Left(f"other texts of the service need it, and the image {name} reads {path} alone: move it by hand")
    row = case.project.images.find(service.image)
    assert row is not None
    doubts = [] if row.is_sure else [f"that {row.names[0]} reads {path} is reported only"]
    if (case.variable.effective.value or "").endswith("\n") and row.final_newlines == "stripped":
        doubts.append("its value ends in a newline, which the image strips from a file")
    weighed = weigh(case, holding, doubts, row)
    if isinstance(weighed, Left):
        return weighed
    applicability, notes = weighed
    return Proposal(
        Delivery.FILE_VARIABLE,
        "",
        "",
        applicability,
        holding,
        (*notes, f"the image reads {path}, with no variable"),
        is_known_image=True,
        reader=MountOptions(target=way.target),
    )
