"""The result of a pass: how one finding reaches its program."""

from __future__ import annotations

from enum import Enum

from dsec_migrate.compose.project import Project, Service, Variable
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Verdict
from dsec_migrate.planning.build_changes import DockerfileChange
from dsec_migrate.planning.changes import Applicability, MountOptions, Read, WrappedStart
from dsec_migrate.planning.patches import ReplacePart
from dsec_migrate.planning.sources.holding import Holding
from dsec_migrate.planning.wrapper_script import Frame
from dsec_migrate.text.records import dataclass


class Delivery(str, Enum):
    """How the program receives the value (spelled as in the JSON report)."""

    FILE_VARIABLE = "file-variable"
    DOUBLE_UNDERSCORE = "double-underscore"
    PREFIX = "prefix"
    VALUE_SCHEME = "value-scheme"
    WRAPPER = "wrapper"
    INLINE = "inline"
    BUILD_SECRET = "build-secret"
    NONE = "none"


@dataclass(frozen=True, repr=False, eq=False)
class Case:
    """One finding in its project: what a pass decides about."""

    project: Project
    service: Service
    variable: Variable
    verdict: Verdict
    options: Options


@dataclass(frozen=True, repr=False, eq=False)
class Unsuited:
    """The pass cannot serve this case, and the next one is tried; ``reason`` is for the user when none can."""

    reason: str = ""


@dataclass(frozen=True, repr=False, eq=False)
class Fix:
    """``new_name`` replaces the variable in its declaration, with ``value``: ``{path}`` and ``{name}`` in it are those
    of the secret.

    For a wrapper script there is the ``program`` instead, still without its variables, and the declaration is removed;
    ``frame`` is what it adds around the secret. ``option`` names another option for an argument, which takes the path.
    ``parts`` are variables beside the new one. ``dockerfile`` is what changes in a Dockerfile. ``reads`` are changes to
    other strings of the service, still without the path. ``reader`` makes the file readable only for the program, if
    its owner and mode can be chosen. ``notes`` say what to check or what changes, never a value.
    """

    delivery: Delivery
    new_name: str
    value: str
    applicability: Applicability
    holding: Holding
    notes: tuple[str, ...] = ()
    is_known_image: bool = False
    is_read_by_root: bool = False
    program: WrappedStart | None = None
    reads: tuple[Read, ...] = ()
    reader: MountOptions | None = None
    frame: Frame = Frame()
    option: ReplacePart | None = None
    dockerfile: DockerfileChange | None = None
    parts: tuple[tuple[str, str], ...] = ()
