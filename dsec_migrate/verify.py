"""The promises, proved before anything is written.

A second interpreter of the plan: the operations applied to plain data must give what the new text says, every container
must get the values it gets today, and a second run must have nothing left to do.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from itertools import combinations
from pathlib import Path

from dsec_migrate import document as yaml
from dsec_migrate import dotenv, mounts, wrapping
from dsec_migrate import project as projects
from dsec_migrate.document import Scalar, Sequence
from dsec_migrate.errors import UserError, VerificationError
from dsec_migrate.finding import Action, Finding
from dsec_migrate.interpreter import Interpreter
from dsec_migrate.options import Options, SourceKind
from dsec_migrate.outcome import Remaining, Rewritten
from dsec_migrate.passes import uses
from dsec_migrate.passes.obstacles import BESIDE, RUN_INSIDE
from dsec_migrate.plan import (
    MOVES,
    SECRETS_MOUNT,
    MoveArgument,
    MoveVariable,
    Operation,
    Plan,
    PlannedSecret,
    ReadInScript,
    ReadInTest,
    RemoveLine,
    RemoveVariable,
)
from dsec_migrate.planning.half_done import KIND
from dsec_migrate.project import EnvFileSlot, Project, Service, Slot, Texts, Variable, references_of
from dsec_migrate.records import replace
from dsec_migrate.remnants import remaining
from dsec_migrate.source import Edit, real_path
from dsec_migrate.wrapping import Supply

_CHANGED_KEYS = {"environment", "env_file", "secrets", "labels", "deploy", *RUN_INSIDE}
# of so many files every choice is tried, of more the first, the first two and so on
MOST_FILES_IN_EVERY_CHOICE = 4


def verify(project: Project, plan: Plan, rewritten: SequenceType[Rewritten], options: Options) -> tuple[Remaining, ...]:
    """Proves the promises for one project, and tells where values of migrated secrets still stand.

    Raises VerificationError, whose message holds no value, when one of them does not hold.
    """
    for file in rewritten:
        _check_untouched(file.source.text, file.text, file.edits)
    overlay = {file.source.real_path: file.text for file in rewritten}
    after = _load(project, [document.source.path for document in project.documents], Texts(overlay))
    if len(after.problems) > len(project.problems):
        raise VerificationError(f"the new text would be invalid: {after.problems[-1].what}")
    data = {text.source.real_path: [yaml.plain(root) for root in text.roots] for text in after.compose_texts}
    _check_structure(project, data, plan.operations)
    _check_env_files(project, after, plan.operations)
    _check_reads(project, plan)
    _check_labels(after, plan)
    check_values(project, after, plan)
    _check_other_keys(project, after)
    for document in (*after.documents, *after.extended):
        if document.source.real_path in overlay:
            _check_schema(data[document.source.real_path], is_fragment=len(after.documents) > 1)
    _check_pruned(plan.operations, rewritten)
    _check_project_environment(project, after, rewritten)
    _check_subsets(project, plan, overlay)
    _check_stable(after, options)
    return tuple(remaining(after, plan.secrets))


def _load(project: Project, paths: SequenceType[Path], texts: Texts) -> Project:
    try:
        loaded = projects.load(paths, project.environment, project.folders, directory=project.directory, texts=texts)
    except UserError as error:
        raise VerificationError(f"the new text would be invalid: {error.what}") from None
    return replace(
        loaded,
        is_part=project.is_part,
        reserved=project.reserved,
        family=project.family,
        twins=project.twins,
        images=project.images,
    )


def _check_untouched(old: str, new: str, edits: SequenceType[Edit]) -> None:
    position, offset = 0, 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        length = edit.start - position
        if old[position : edit.start] != new[offset : offset + length]:
            raise VerificationError("text outside the edits would change")
        offset += length + len(edit.text)
        position = edit.end
    if old[position:] != new[offset:]:
        raise VerificationError("text outside the edits would change")


# --- the plan, applied to plain data ---


def _check_structure(
    before: Project, after: MappingType[str, SequenceType[object]], operations: SequenceType[Operation]
) -> None:
    """``after``: the YAML documents of each new text as plain data, by the file's real path."""
    expected = Interpreter(operations)
    for document in before.compose_texts:
        wanted = [expected.data(root) for root in document.roots]
        found = after.get(document.source.real_path)
        if not _equal(wanted, found):
            raise VerificationError(f"the new text would not mean what was planned: {_explain(wanted, found)}")


def _check_env_files(before: Project, after: Project, operations: SequenceType[Operation]) -> None:
    """Each line of an env file says what it said, but for those that the plan moves or takes away."""
    moved: dict[tuple[str, int], tuple[str, str]] = {}
    removed: set[tuple[str, int]] = set()
    for operation in operations:
        if isinstance(operation, MoveVariable) and isinstance(operation.slot, EnvFileSlot):
            place = (str(operation.slot.document.source.path), operation.slot.start)
            moved[place] = (operation.new_name, operation.value)
        elif isinstance(operation, RemoveLine):
            removed.add((str(operation.document.source.path), operation.line.span.start))
        elif isinstance(operation, RemoveVariable) and isinstance(operation.slot, EnvFileSlot):
            removed.add((str(operation.slot.document.source.path), operation.slot.start))
    for name, service in before.services.items():
        for old, new in zip(service.env_files, after.services[name].env_files, strict=True):
            wanted = [
                moved.get((str(old.path), line.span.start), (line.name, line.template))
                for line in old.entries
                if (str(old.path), line.span.start) not in removed
            ]
            if wanted != [(line.name, line.template) for line in new.entries]:
                raise VerificationError(f"{old.path} would not say what was planned")


def _equal(left: object, right: object) -> bool:
    """Deep equality that also tells True from 1, and treats two not-a-numbers as equal."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return left == right or (left != left and right != right)


def _explain(wanted: object, found: object) -> str:
    """Where two trees differ, by paths only."""
    from deepdiff import DeepDiff

    difference = DeepDiff(wanted, found, view="tree")
    paths = sorted({str(item.path()) for group in difference.values() for item in group})
    return ", ".join(paths[:3]) or "in the type of a value"


def _check_project_environment(project: Project, after: Project, rewritten: SequenceType[Rewritten]) -> None:
    """What an edited `.env` lost, nothing in the project reads any more."""
    paths = {real_path(path) for path in project.environment.paths}
    read = {str(data.get("environment")) for data in after.secrets.values()}
    for document in after.compose_texts:
        read.update(name for node in document.templates for name in references_of(node.value))
    for service in after.services.values():
        read.update(v.name for v in service.variables.values() if any(slot.text is None for slot in v.slots))
    for file in rewritten:
        if not file.is_env_file or file.source.real_path not in paths:
            continue
        before, now = ([entry.name for entry in dotenv.parse(text, {})] for text in (file.source.text, file.text))
        gone = set(before) - set(now) - project.environment.shell.keys()
        needed = sorted(name for name in gone & read if _is_supplied_by(project, name, file))
        if needed:
            raise VerificationError(f"{needed[0]} would be gone from {file.path}, but is still read")


def _is_supplied_by(project: Project, name: str, file: Rewritten) -> bool:
    place = project.environment.places.get(name)
    return place is not None and real_path(place[0]) == file.source.real_path


def _check_pruned(operations: SequenceType[Operation], rewritten: SequenceType[Rewritten]) -> None:
    """A pruned `.env` lost exactly the lines that were to go."""
    removed: dict[str, set[str]] = {}
    for operation in operations:
        if isinstance(operation, RemoveLine):
            removed.setdefault(str(operation.document.source.path), set()).add(operation.line.name)
    for file in rewritten:
        gone = removed.get(file.path)
        if gone is None:
            continue
        before, now = ([(e.name, e.template) for e in dotenv.parse(text, {})] for text in (file.source.text, file.text))
        if now != [entry for entry in before if entry[0] not in gone]:
            raise VerificationError(f"{file.path} would lose other lines than planned")


# --- what the containers get ---


def check_values(before: Project, after: Project, plan: Plan) -> None:
    """Every container gets what it gets today: in its variable, or in the file that its ``_FILE`` form names.

    Raises VerificationError.
    """
    if before.services.keys() != after.services.keys():
        raise VerificationError("the services would not be the same")
    by_name = {secret.name: secret for secret in plan.secrets}
    moved = {(f.service, f.variable): f for f in plan.findings if f.action is Action.MIGRATE}
    places = {_place(operation.slot) for operation in plan.operations if isinstance(operation, MOVES)}
    wrapped = {f.service for f in moved.values() if f.delivery == "wrapper"}
    for name, service in before.services.items():
        new_service = after.services[name]
        replaced: set[str] = set()
        mounted = mounts.by_path(new_service)
        files = {path: by_name[source] for path, source in mounted.items() if source in by_name}
        supplied = _supplied(service, before, new_service, after, files) if name in wrapped else {}
        _check_readable(new_service, plan, files)
        for variable in service.variables.values():
            finding = moved.get((name, variable.name))
            # of some files alone, a variable may stand in lines that stay because another file replaces them
            stays = not any(_place(slot) in places for slot in variable.slots)
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
            (new_name,) = finding.variables
            replaced.add(new_name)
            _check_delivery(new_service, mounted, new_name, by_name, variable.effective.value, after)
        added = new_service.variables.keys() - service.variables.keys() - replaced
        if added:
            raise VerificationError(f"{name} would get {', '.join(sorted(added))}, which nobody planned")


def _check_other_keys(before: Project, after: Project) -> None:
    """What stands beside the places that a migration changes says the same, through anchors as well."""
    for name, service in before.services.items() if any(text.aliases for text in before.compose_texts) else ():
        for old, new in zip(service.layers, after.services[name].layers, strict=True):
            keys = (old.service.effective().keys() | new.service.effective().keys()) - _CHANGED_KEYS
            for key in sorted(keys):
                one, other = old.service.get(key), new.service.get(key)
                if one is None or other is None or not _equal(yaml.plain(one), yaml.plain(other)):
                    raise VerificationError(f"{name}.{key} would change")


def _check_mended(service: Service, finding: Finding, variable: Variable) -> None:
    """What was half done names a file that is mounted, under a name that is set once; the file itself stays."""
    names = finding.variables or ((variable.name,) if variable.name in service.variables else ())
    if finding.variables and variable.name in service.variables:
        raise VerificationError(f"{service.name}.{variable.name} would still be set")
    values = [service.variables[name].effective.value or "" for name in names if name in service.variables]
    if len(values) != len(names) or any(mounts.by_path(service).get(value) != finding.secret for value in values):
        raise VerificationError(f"{service.name}.{variable.name} would not name the file of {finding.secret}")


def _fixed_path(service: Service, variable: Variable, project: Project) -> str:
    """Where the image looks for a variable that nothing sets."""
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
    """The variables that a wrapper reads, and from where, once it is sure that it starts what was started without it.
    (Where the image alone said that, the table is all there is.) ``files``: what is mounted, by its path."""
    found = wrapping.read(_words(new, "entrypoint", after))
    if found is None:
        raise VerificationError(f"{old.name} would not start through a wrapper")
    words = _words(old, "entrypoint", before)
    earlier = wrapping.read(words)
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
    """What of a value the file has to hold."""
    if value is None or supply is None or not (supply.before or supply.behind):
        return value
    rest = value[len(supply.before) : len(value) - len(supply.behind)]
    return rest if f"{supply.before}{rest}{supply.behind}" == value else None


def _words(service: Service, key: str, project: Project) -> list[str]:
    node = service.get(key)
    if isinstance(node, Scalar) and not node.is_null:
        import shlex

        return shlex.split(project.resolve(node.value).value or "")
    items = node.items if isinstance(node, Sequence) else ()
    return [project.resolve(item.value).value or "" for item in items if isinstance(item, Scalar)]


def _check_readable(service: Service, plan: Plan, files: MappingType[str, PlannedSecret]) -> None:
    """A text that reads the file of a planned secret is run where that is mounted."""
    paths = {secret.mount_path for secret in plan.secrets} - files.keys()
    for layer in service.layers if paths else ():
        for key in RUN_INSIDE:
            node = layer.service.get(key)
            for part in yaml.walk(node) if node is not None else ():
                if isinstance(part, Scalar) and any(f"$$(cat {path})" in part.value for path in paths):
                    raise VerificationError(f"a text of {service.name} would read a file that is not mounted")


def _check_reads(project: Project, plan: Plan) -> None:
    """What a text reads from a file is what stands there today: the value, or the variable that moves."""
    by_path = {secret.mount_path: secret for secret in plan.secrets}
    moved = {(f"$${f.variable}", f.secret) for f in plan.findings if f.action is Action.MIGRATE}
    moved |= {(f"$${{{f.variable}}}", f.secret) for f in plan.findings if f.action is Action.MIGRATE}
    for operation in plan.operations:
        if not isinstance(operation, (ReadInScript, ReadInTest, MoveArgument)):
            continue
        node = operation.node
        secret = by_path.get(operation.path)
        for start, end in () if not isinstance(operation, MoveArgument) and operation.variable else operation.spans:
            text = node.value[start:end]
            value = secret.value.reveal() if secret is not None and secret.value is not None else None
            said = project.resolve(text).value
            if isinstance(operation, MoveArgument) and operation.slot.separator and said is not None:
                said = said.replace(operation.slot.separator, "\n")
            is_value = value is not None and said == value
            if secret is None or not (is_value or (text, secret.name) in moved):
                raise VerificationError("a text would read another value than it says now")


def _check_labels(after: Project, plan: Plan) -> None:
    """A program that reads another service's label has the file that it names."""
    for operation in plan.operations:
        reading = operation.slot.reading if isinstance(operation, MoveArgument) else None
        if reading is not None and isinstance(operation, MoveArgument):
            mounted = mounts.by_path(after.services[reading.service])
            if mounted.get(operation.path) != operation.secret:
                raise VerificationError(f"{reading.service} would read a file that is not mounted")


def _named_path(value: str) -> str:
    """The path that a value names, alone, behind a scheme such as ``file://``, or as the mount's bare name."""
    _, mount, name = value.rpartition(f"{SECRETS_MOUNT}/")
    return f"{mount or SECRETS_MOUNT + '/'}{name}"


def _place(slot: Slot) -> tuple[str, int]:
    return slot.document.source.real_path, slot.start


def _is_absent(variable: Variable) -> bool:
    """A line without a value that nobody sets: no container gets the variable."""
    return variable.effective.value is None and variable.slot.text is None


def _check_subsets(project: Project, plan: Plan, overlay: MappingType[str, str]) -> None:
    """Every choice of the files that works today still gives the same values."""
    paths = [document.source.path for document in project.documents]
    for size in range(1, len(paths)):
        for chosen in combinations(paths, size) if len(paths) <= MOST_FILES_IN_EVERY_CHOICE else [paths[:size]]:
            before = _load(project, chosen, Texts())
            works = {name: s for name, s in before.services.items() if s.image or s.is_built}
            if len(works) != len(before.services):
                continue
            check_values(before, _load(project, chosen, Texts(overlay)), plan)


# --- the file as a whole ---


def _check_schema(roots: SequenceType[object], *, is_fragment: bool) -> None:
    """The file passed before it was planned. (What a platform's own keys hold does not count.)"""
    from dsec_migrate import dialects
    from dsec_migrate.validation import schema_problems

    for data in roots:
        dialects.take_out(data)
        problems = schema_problems(data, fragment=is_fragment or len(roots) > 1)
        if problems:
            path = ".".join(str(part) for part in problems[0].path)
            raise VerificationError(f"the new text would break the schema at {path}: {problems[0].what}")


def _check_stable(after: Project, options: Options) -> None:
    from dsec_migrate.planning import make_plan

    again = next((f for f in make_plan(after, options).findings if f.action is Action.MIGRATE), None)
    if again is not None:
        raise VerificationError(f"a second run would change {again.service}.{again.variable} again")
