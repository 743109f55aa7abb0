"""Half-done manual migrations that do not work: findings, with a fix if that is exact.

The mistakes were seen in real commits: a path passed to a program that uses it as the password, a `_FILE` that the
image does not read, one in another image's spelling, one that names a file that nothing mounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dsec_migrate.compose.document import Alias, Scalar, walk
from dsec_migrate.compose.project import Declaration, EnvFileDeclaration, Project, Service, Variable, claim_on
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, by_path
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Action, Confidence, Exposure, Finding, Site, Verdict
from dsec_migrate.detectors.names import meaning
from dsec_migrate.images import image_table
from dsec_migrate.images.image_table import Image
from dsec_migrate.planning import secret_files
from dsec_migrate.planning.changes import Applicability, Move
from dsec_migrate.planning.passes.fix import Delivery
from dsec_migrate.planning.passes.obstacles import RUN_INSIDE
from dsec_migrate.planning.service_secrets import Other
from dsec_migrate.text.records import dataclass, replace

KIND = "half-done"
_SUFFIX, _DOUBLE, _PREFIX = "_FILE", "__FILE", "FILE__"
_KNOWS_THE_PATH = (
    "until now the password is the path itself, which anyone can guess: if data already exists, first set the password "
    "to the file's content (ALTER ROLE in PostgreSQL, ALTER USER in MySQL, or rotate it), or clients that read the "
    "file cannot log in"
)
_RAN_WITHOUT = "until now the program ran without it: if data already exists, another password may be in use"


@dataclass(frozen=True, repr=False, eq=False)
class Mend:
    """The variable is renamed, or removed (None); ``mount`` is a secret that the service lacks. If the name is the
    same, only the mount is missing."""

    declaration: Declaration
    new_name: str | None
    secret: str
    mount: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class HalfDone:
    """``note`` says what is wrong, ``doubt`` what to check before it is fixed: the program will receive another value
    than now."""

    service: Service
    variable: Variable
    note: str
    mend: Mend | None = None
    confidence: Confidence = Confidence.LIKELY
    doubt: str = ""

    def is_mended(self, options: Options) -> bool:
        return options.fix and self.mend is not None and not (options.safe and self.doubt)

    def move(self) -> Move | None:
        """The change to the variable's line, if that is the fix."""
        mend = self.mend
        if mend is None or mend.new_name == self.variable.name:
            return None
        if mend.new_name is None:
            return Move(mend.declaration, mend.secret, keeps_comment=True)
        return Move(mend.declaration, mend.secret, mend.new_name, mend.declaration.text or "")

    def report(self, verdict: Verdict | None, options: Options) -> Finding:
        """The row of a report; ``verdict`` is the detectors' verdict on the variable's text."""
        declaration, mend = self.variable.declaration, self.mend
        is_mended = self.is_mended(options)
        sureness = Applicability.REVIEW if self.doubt else Applicability.SAFE
        added = (mend.new_name,) if mend is not None and mend.new_name not in (None, self.variable.name) else ()
        note = self.note
        if self.doubt:
            note += f"; {self.doubt}"
        if mend is not None and not is_mended:
            note += " (not known to be safe: --fix without --safe fixes it)" if options.fix else " (--fix fixes it)"
        return Finding(
            Site(*declaration.document.place(declaration.start)),
            self.service.name,
            self.variable.name,
            KIND,
            verdict or Verdict(self.confidence, Exposure.INTERPOLATED, "a migration that is half done", KIND),
            Action.MIGRATE if is_mended else Action.KEEP,
            Delivery.FILE_VARIABLE.value if is_mended else Delivery.NONE.value,
            tuple(name for name in added if name is not None) if is_mended else (),
            (sureness if is_mended else Applicability.MANUAL).value,
            mend.secret if is_mended and mend is not None else None,
            None,
            note,
        )


def find(project: Project, options: Options, disk: secret_files.Disk) -> list[HalfDone]:
    """The half-done migrations of a project, without those that ``--only`` and ``--skip`` leave out."""
    return [
        _unless_claimed(project, one)
        for service in project.services.values()
        for variable in service.variables.values()
        if options.is_asked_for(service.name, variable.name)
        and (one := _judge(project, service, variable, disk)) is not None
    ]


def _unless_claimed(project: Project, one: HalfDone) -> HalfDone:
    """No fix for a file that others may read."""
    source = one.mend.declaration.document.source if one.mend is not None else None
    claim = claim_on(project, source.path, source.real_path) if source is not None else None
    return one if claim is None else replace(one, note=f"{one.note}; {claim.reason}", mend=None)


def needs(mended: Iterable[HalfDone]) -> Iterator[Other]:
    """The secrets that services lack."""
    for one in mended:
        if one.mend is not None and one.mend.mount is not None:
            yield Other(one.service.name, one.service.layers[0], one.mend.mount, "environment")


def _judge(project: Project, service: Service, variable: Variable, disk: secret_files.Disk) -> HalfDone | None:
    value, name = variable.effective.value or "", variable.name
    is_path = value.startswith(f"{SECRETS_MOUNT}/")
    if not is_path and not any(form in service.variables for form in _forms(name)):
        return None
    base = _base(name)
    row = None if service.is_built else project.images.find(service.image)
    if base is None:
        both = _set_twice(project, service, variable, row, disk)
        if both is not None or not is_path:
            return both
        return _path_as_value(service, variable, row)
    if not is_path or not meaning(base).is_telling or _is_used_inside(service, variable.name):
        return None
    return _wrong_form(service, variable, base, row) or _not_mounted(project, service, variable, value)


def _forms(name: str) -> tuple[str, ...]:
    return f"{name}{_SUFFIX}", f"{name}{_DOUBLE}", f"{_PREFIX}{name}"


def _base(name: str) -> str | None:
    """The variable to which a name such as ``X_FILE`` belongs."""
    if name.startswith(_PREFIX):
        return name[len(_PREFIX) :]
    if name.endswith(_DOUBLE):
        return name[: -len(_DOUBLE)]
    return name[: -len(_SUFFIX)] if name.endswith(_SUFFIX) and len(name) > len(_SUFFIX) else None


def _set_twice(
    project: Project, service: Service, variable: Variable, row: Image | None, disk: secret_files.Disk
) -> HalfDone | None:
    """`X` beside `X_FILE`, if the file holds the same value and the image reads it: `X` can be removed."""
    way = row.way(variable.name) if row is not None and row.is_sure else None
    if way is None or way.name == variable.name or way.name not in service.variables:
        return None
    path = service.variables[way.name].effective.value or ""
    name = by_path(service).get(path)
    file = project.secrets.get(name, {}).get("file") if name is not None else None
    content = disk.read(secret_files.resolve_path(project, file)) if isinstance(file, str) else None
    is_same = content is not None and content.decode("utf-8", "replace") == variable.effective.value
    if name is None or not is_same or not _is_simple(service, variable):
        return None
    return HalfDone(
        service,
        variable,
        f"{way.name} is also set, and its file holds the same value",
        Mend(variable.declaration, None, name),
    )


def _path_as_value(service: Service, variable: Variable, row: Image | None) -> HalfDone | None:
    told = meaning(variable.name)
    if not told.is_telling or told.is_location or told.is_switch:
        return None
    if row is None or not row.is_sure:
        note = "its value is a path: a program that does not open the file uses the path as the secret"
        return HalfDone(service, variable, note, confidence=Confidence.POSSIBLE)
    way = row.way(variable.name)
    if way is not None and way.name == variable.name:
        return None
    image = image_table.repository(service.image)
    if way is None or way.name in service.variables:
        note = f"its value is a path, which the image {image} uses as the secret itself"
        return HalfDone(service, variable, note, doubt=_KNOWS_THE_PATH)
    return HalfDone(
        service,
        variable,
        f"its value is a path, which the image {image} uses as the secret itself: it reads {way.name}",
        _renamed(service, variable, way.name),
        doubt=_KNOWS_THE_PATH,
    )


def _wrong_form(service: Service, variable: Variable, base: str, row: Image | None) -> HalfDone | None:
    if row is None or not row.is_sure or variable.name in row.supported:
        return None
    way = row.way(base)
    if way is not None and way.name == variable.name:
        return None
    image = image_table.repository(service.image)
    if way is None:
        then = f": it {row.fallback}" if row.fallback else ""
        return HalfDone(service, variable, f"the image {image} does not read it{then}")
    mend = _renamed(service, variable, way.name) if way.value == "{path}" else None
    note = f"the image {image} does not read it: it reads {way.name}"
    return HalfDone(service, variable, note, mend, doubt=_RAN_WITHOUT if mend is not None else "")


def _not_mounted(project: Project, service: Service, variable: Variable, path: str) -> HalfDone | None:
    mounted = by_path(service)
    if path in mounted or any(path.startswith(f"{other}/") for other in mounted) or _mounts_elsewhere(service):
        return None
    name = path[len(SECRETS_MOUNT) + 1 :]
    note = f"no secret is mounted at {path}"
    if name not in project.secrets or len(service.layers) != 1 or service.layers[0].users:
        return HalfDone(service, variable, note)
    return HalfDone(service, variable, note, Mend(variable.declaration, variable.name, name, mount=name))


def _renamed(service: Service, variable: Variable, new_name: str) -> Mend | None:
    path = variable.effective.value or ""
    name = by_path(service).get(path)
    if name is None or new_name in service.variables or not _is_simple(service, variable):
        return None
    return Mend(variable.declaration, new_name, name)


def _is_simple(service: Service, variable: Variable) -> bool:
    """Whether the line belongs only to this service, so that a change reaches no other service."""
    declaration = variable.declaration
    if (
        len(variable.declarations) != 1
        or isinstance(declaration, EnvFileDeclaration)
        or isinstance(declaration.node, Alias)
    ):
        return False
    (first, *others) = service.layers
    entry = first.service.own("environment")
    is_own = entry is not None and declaration.container is entry.value and entry.value.anchor is None
    key = declaration.entry.key if declaration.entry is not None else declaration.node
    return not others and not first.users and is_own and declaration.content.anchor is None and key.anchor is None


def _mounts_elsewhere(service: Service) -> bool:
    """Whether something other than a secret may provide a file there."""
    for layer in service.layers:
        for key in ("volumes", "configs", "tmpfs"):
            node = layer.service.get(key)
            for part in walk(node) if node is not None else ():
                if isinstance(part, Scalar) and ("/run" in part.value or part.value.endswith(":/")):
                    return True
    return False


def _is_used_inside(service: Service, name: str) -> bool:
    """Whether the service's own scripts may read the file, whatever the image does."""
    return any(
        isinstance(part, Scalar) and name in part.value
        for layer in service.layers
        for key in RUN_INSIDE
        if (node := layer.service.get(key)) is not None
        for part in walk(node)
    )
