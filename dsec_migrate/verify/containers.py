"""What containers receive after a change: in a variable, in a file that one names, or through a wrapper script."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from collections.abc import Mapping as MappingType
from urllib.parse import unquote

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose.document import Mapping, Scalar, Sequence
from dsec_migrate.compose.project import Argument, Declaration, Layer, Project, Service, Variable
from dsec_migrate.compose.project.mounted import SECRETS_MOUNT, by_path
from dsec_migrate.config.options import SourceKind
from dsec_migrate.detectors.finding import Action, Finding
from dsec_migrate.planning import wrapper_script
from dsec_migrate.planning.changes import Plan, PlannedSecret
from dsec_migrate.planning.half_done import KIND
from dsec_migrate.planning.passes import uses
from dsec_migrate.planning.passes.obstacles import BESIDE, RUN_INSIDE
from dsec_migrate.planning.wrapper_script import Supply
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.records import dataclass
from dsec_migrate.verify import configs
from dsec_migrate.verify.interpreter import Interpreter

_READ = re.compile(r"\$\$\(cat ([^()]*)\)")
_CONTENT = re.compile(r"\$\$\(cat ([^()\s]+)\)")
_ASSIGNED = re.compile(r"(\w+)=\$\$\(cat ([^()\s]+)\)(?:; |\n)export \1(?:; |\n)")
_FIRST_ASSIGNED = re.compile(r"(?:(\w+)=\$\$\(cat [^()\s]+\); export \1; )*")


def check_values(before: Project, after: Project, plan: Plan) -> None:
    """Every container receives the same values as before: in its variable, or in the file that its ``_FILE`` form
    names; and the files of its configs.

    Raises VerificationError.
    """
    if before.services.keys() != after.services.keys():
        raise VerificationError("the services would not be the same")
    by_name = {secret.name: secret for secret in plan.secrets}
    moved = {(f.service, f.variable): f for f in plan.findings if f.action is Action.MIGRATE}
    planned = {secret.mount_path for secret in plan.secrets}
    places = {_place(move.declaration) for move in plan.moves}
    wrapped = {f.service for f in moved.values() if f.delivery == "wrapper"}
    for name, service in before.services.items():
        new_service = after.services[name]
        replaced: set[str] = set()
        mounted = by_path(new_service)
        files = {path: by_name[source] for path, source in mounted.items() if source in by_name}
        supplied = _supplied(service, before, new_service, after, files) if name in wrapped else {}
        _check_readable(new_service, planned, files)
        for variable in service.variables.values():
            finding = moved.get((name, variable.name))
            # a variable may be on lines of some env files that are kept because another file overrides them
            stays = not any(_place(declaration) in places for declaration in variable.declarations)
            is_only_mounted = finding is not None and finding.kind == KIND and not finding.variables
            if finding is None or (stays and not is_only_mounted) or _is_absent(variable):
                new = new_service.variables.get(variable.name)
                if new is None or new.effective.value != variable.effective.value:
                    raise VerificationError(f"{name}.{variable.name} would change")
                continue
            if finding.kind == KIND:
                _check_mended(new_service, finding, variable)
                replaced.update(finding.variables)
                continue
            if variable.name not in finding.variables and variable.name in new_service.variables:
                raise VerificationError(f"{name}.{variable.name} would still be set")
            keys = RUN_INSIDE if finding.variables else BESIDE
            if uses.reads_variable(new_service, variable.name, keys):
                raise VerificationError(f"a text of {name} would still read {variable.name}")
            if not finding.variables and finding.delivery != "wrapper":
                path = _fixed_path(new_service, variable, after)
                _check_secret(
                    f"{name}.{variable.name}", path, mounted, by_name, variable.effective.value, after, own_path=False
                )
                continue
            if not finding.variables:
                supply = supplied.get(variable.name)
                path = supply.path if supply is not None else ""
                value = _without(variable.effective.value, supply)
                _check_secret(f"{name}.{variable.name}", path, mounted, by_name, value, after)
                continue
            new_name, *parts = finding.variables
            replaced.update(finding.variables)
            held = _password_of(variable, new_service, after) if parts else variable.effective.value
            _check_delivery(new_service, mounted, new_name, by_name, held, after)
        added = new_service.variables.keys() - service.variables.keys() - replaced
        if added:
            raise VerificationError(f"{name} would get {', '.join(sorted(added))}, which was not planned")
    configs.check(before, after, by_name)


def _password_of(variable: Variable, service: Service, project: Project) -> str | None:
    """The required content of the file where variables for the parts of a URL replace it: together they equal it."""
    row = project.images.find(service.image)
    names = row.parts.get(variable.name, {}) if row is not None else {}
    found = {part: service.variables[name].effective.value for part, name in names.items() if name in service.variables}
    value = variable.effective.value or ""
    scheme, _, rest = value.partition("://")
    before = f"{found.get('user')}:"
    for behind in (
        f"@{found.get('host')}:{found.get('port')}/{found.get('name')}",
        f"@{found.get('host')}/{found.get('name')}",
    ):
        if scheme and rest.startswith(before) and rest.endswith(behind):
            return rest[len(before) : len(rest) - len(behind)]
    raise VerificationError(f"{service.name}.{variable.name} would not be the same in parts")


def _check_mended(service: Service, finding: Finding, variable: Variable) -> None:
    """A half-done migration names a mounted file, under a name that is set once; the file itself is unchanged."""
    names = finding.variables or ((variable.name,) if variable.name in service.variables else ())
    if finding.variables and variable.name in service.variables:
        raise VerificationError(f"{service.name}.{variable.name} would still be set")
    values = [service.variables[name].effective.value or "" for name in names if name in service.variables]
    if len(values) != len(names) or any(by_path(service).get(value) != finding.secret for value in values):
        raise VerificationError(f"{service.name}.{variable.name} would not name the file of {finding.secret}")


def _fixed_path(service: Service, variable: Variable, project: Project) -> str:
    """Where the image looks for a variable that is not set."""
    row = project.images.find(service.image)
    way = row.way(variable.name) if row is not None else None
    return f"{SECRETS_MOUNT}/{way.target}" if way is not None else ""


def _check_delivery(
    service: Service,
    mounted: MappingType[str, str],
    new_name: str,
    secrets: MappingType[str, PlannedSecret],
    value: str | None,
    after: Project,
) -> None:
    variable = service.variables.get(new_name)
    path = _named_path((variable.effective.value if variable is not None else None) or "")
    _check_secret(f"{service.name}.{new_name}", path, mounted, secrets, value, after)


def _check_secret(
    place: str,
    path: str,
    mounted: MappingType[str, str],
    secrets: MappingType[str, PlannedSecret],
    value: str | None,
    after: Project,
    *,
    own_path: bool = True,
) -> None:
    secret = secrets.get(mounted.get(path, ""))
    if secret is None:
        raise VerificationError(f"{place} would not name a file that is mounted")
    if own_path and path != secret.mount_path:
        raise VerificationError(f"{place} would not name the file of {secret.name}")
    definition = after.secrets.get(secret.name)
    if definition is None:
        raise VerificationError(f"the secret {secret.name} would not be defined")
    if secret.value is None or secret.value.reveal() != value:
        raise VerificationError(f"the secret {secret.name} would not hold the value of {place}")
    if secret.is_new and dict(definition) != secret.as_data():
        raise VerificationError(f"the secret {secret.name} would be defined otherwise than planned")
    if secret.source is SourceKind.ENVIRONMENT and after.environment.variables.get(secret.variable) != value:
        raise VerificationError(f"the secret {secret.name} would take another value from {secret.variable}")


def _supplied(
    old: Service, before: Project, new: Service, after: Project, files: MappingType[str, PlannedSecret]
) -> MappingType[str, Supply]:
    """The variables that a wrapper script reads, and from where, once it is sure that it runs the original command.
    (Where only the image defines that, the table is the only source.) ``files``: what is mounted, by its path."""
    found = wrapper_script.read(_words(new, "entrypoint", after))
    if found is None:
        raise VerificationError(f"{old.name} would not start through a wrapper")
    words = _words(old, "entrypoint", before)
    earlier = wrapper_script.read(words)
    known: MappingType[str, Supply] = earlier.variables if earlier is not None else {}
    words = earlier.words if earlier is not None else words
    started, command = found.words, _words(new, "command", after)
    for path in found.arguments:
        secret = files.get(path)
        if secret is not None and secret.value is not None:
            value = secret.value.reveal()
            started, command = ([word.replace(path, value, 1) for word in each] for each in (started, command))
        elif earlier is None or path not in earlier.arguments:
            raise VerificationError(f"{old.name} would start without one of its arguments")
    if (words and started != words) or not known.items() <= found.variables.items():
        raise VerificationError(f"{old.name} would start another program")
    if found.arguments and command != _words(old, "command", before):
        raise VerificationError(f"{old.name} would start with other arguments")
    return found.variables


def _without(value: str | None, supply: Supply | None) -> str | None:
    """The part of a value that the file must hold."""
    if value is None or supply is None or not any(supply.frame):
        return value
    before, behind, kept = supply.frame
    rest = value[len(before) : len(value) - len(behind)]
    content = unquote(rest) if kept else rest
    return content if supply.frame.around(content) == value else None


def _words(service: Service, key: str, project: Project) -> list[str]:
    node = service.get(key)
    if isinstance(node, Scalar) and not node.is_null:
        text = project.resolve(node.value).value or ""
        try:
            return shlex.split(text)
        except ValueError:
            # Compose refuses an unclosed quote, before and after
            return [text]
    items = node.items if isinstance(node, Sequence) else ()
    return [project.resolve(item.value).value or "" for item in items if isinstance(item, Scalar)]


def _check_readable(service: Service, planned: Collection[str], files: Collection[str]) -> None:
    """A command that reads the file of a planned secret runs where that is mounted."""
    for layer in service.layers:
        for key in RUN_INSIDE:
            node = layer.service.get(key)
            for part in yaml.walk(node) if node is not None else ():
                # for each service: what a command reads is looked up, not each secret in each command
                read = _READ.findall(part.value) if isinstance(part, Scalar) else ()
                if any(path in planned and path not in files for path in read):
                    raise VerificationError(f"a text of {service.name} would read a file that is not mounted")


def check_reads(project: Project, after: Project, plan: Plan, expected: Interpreter) -> None:
    """What a command reads from a file is what it contains today: the value, or the variable that moves.

    Raises VerificationError.
    """
    _check_labels(after, plan)
    files = _Files.of(project, plan)
    separators = {
        (id(move.declaration.content), move.declaration.part): move.declaration.separator
        for move in plan.moves
        if isinstance(move.declaration, Argument)
    }
    for node, (span, text) in expected.replaced:
        for name, path in _ASSIGNED.findall(text):
            files.check_variable(name, path)
        if span.start == span.end:
            continue
        said = node.value[slice(*span)]
        paths = _CONTENT.findall(text) or ([text] if text in files.secrets else [])
        for path in paths:
            files.check(path, said, separators.get((id(node), span), ""))
        if not paths:
            files.check_lost(said)
    for name, service in project.services.items():
        for old, new in zip(service.layers, after.services[name].layers, strict=True):
            _check_test(project, files, _test(old), _test(new))


@dataclass(frozen=True, repr=False, eq=False)
class _Files:
    """``secrets`` by the paths of their files, and ``variables`` that move, each with its secret."""

    project: Project
    secrets: MappingType[str, PlannedSecret]
    variables: Collection[tuple[str, str | None]]

    @classmethod
    def of(cls, project: Project, plan: Plan) -> _Files:
        moved = {(f.variable, f.secret) for f in plan.findings if f.action is Action.MIGRATE}
        return cls(project, {secret.mount_path: secret for secret in plan.secrets}, moved)

    def check_variable(self, name: str, path: str) -> None:
        """Whether a command that sets the variable from the file gives it the value that it had."""
        secret = self.secrets.get(path)
        if secret is None or (name, secret.name) not in self.variables:
            raise VerificationError(f"a text would set {name} to another value than it has now")

    def check(self, path: str, text: str, separator: str = "") -> None:
        """Whether the file holds ``text``; ``separator`` represents a line end there."""
        if path not in self.secrets or not self._is(self.secrets[path], text, separator):
            raise VerificationError("a script would read a different value than it contains now")

    def check_lost(self, text: str) -> None:
        """Whether what is removed without a file to replace it is not a secret."""
        if any(self._is(secret, text) for secret in self.secrets.values()):
            raise VerificationError("a script would not read what it contains now")

    def _is(self, secret: PlannedSecret, text: str, separator: str = "") -> bool:
        """Whether a string is the value of a secret, or the variable of a container that had it."""
        name = text[2:].removeprefix("{").removesuffix("}")
        if text.startswith("$$") and (name, secret.name) in self.variables:
            return True
        said = self.project.resolve(text).value
        if separator and said is not None:
            said = said.replace(separator, "\n")
        return secret.value is not None and secret.value.reveal() in {said, text}


def _test(layer: Layer) -> list[str]:
    """The words of a healthcheck in list form."""
    body = layer.service.get("healthcheck")
    test = body.get("test") if isinstance(body, Mapping) else None
    items = map(yaml.follow, test.items) if isinstance(test, Sequence) else ()
    return [item.value for item in items if isinstance(item, Scalar)]


def _check_test(project: Project, files: _Files, before: list[str], after: list[str]) -> None:
    """A test in exec form that now runs in a shell still runs the same words."""
    if before[:1] != ["CMD"] or after[:1] != ["CMD-SHELL"]:
        return
    (text,) = after[1:]
    first = _FIRST_ASSIGNED.match(text)
    assert first is not None
    for name, path in _ASSIGNED.findall(first.group()):
        files.check_variable(name, path)
    read: list[str] = []

    def mark(match: re.Match[str]) -> str:
        secret = files.secrets.get(match[1])
        if secret is None or secret.value is None:
            raise VerificationError("a script would read an unknown file")
        read.append(secret.value.reveal())
        return f"\0{len(read) - 1}\0"

    words = shlex.split(_CONTENT.sub(mark, text[first.end() :]))
    found = [re.sub(r"\0([0-9]+)\0", lambda match: read[int(match[1])], word) for word in words]
    if found != [project.resolve(word).value for word in before[1:]]:
        raise VerificationError("a script would read a different value than it contains now")


def _check_labels(after: Project, plan: Plan) -> None:
    """A program that reads another service's label has the file that the label names."""
    for move in plan.moves:
        reading = move.declaration.reading if isinstance(move.declaration, Argument) else None
        if reading is not None:
            mounted = by_path(after.services[reading.service])
            if mounted.get(f"{SECRETS_MOUNT}/{move.secret}") != move.secret:
                raise VerificationError(f"{reading.service} would read a file that is not mounted")


def _named_path(value: str) -> str:
    """The path that a value names, bare, after a scheme such as ``file://``, or as the mount's bare name."""
    _, mount, name = value.rpartition(f"{SECRETS_MOUNT}/")
    return f"{mount or SECRETS_MOUNT + '/'}{name}"


def _place(declaration: Declaration) -> tuple[str, int]:
    return declaration.document.source.real_path, declaration.start


def _is_absent(variable: Variable) -> bool:
    """A line without a value for a variable that is not set: no container receives it."""
    return variable.effective.value is None and variable.declaration.text is None
