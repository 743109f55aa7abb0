"""The promises, proved before anything is written.

A second interpreter of the plan: the patches applied to plain data must equal what the new text contains, every
container must receive the same values as before, and a second run must find nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from itertools import combinations
from pathlib import Path

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose import dotenv
from dsec_migrate.compose import project as projects
from dsec_migrate.compose.project import Project, references_of
from dsec_migrate.config.options import Harden, Options
from dsec_migrate.detectors.finding import Action, Remaining
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.passes.obstacles import RUN_INSIDE
from dsec_migrate.text.errors import UserError, VerificationError
from dsec_migrate.text.source import Edit, Rewritten, real_path
from dsec_migrate.verify import isolation
from dsec_migrate.verify.containers import check_reads, check_values
from dsec_migrate.verify.interpreter import Interpreter
from dsec_migrate.verify.remaining_values import remaining

_CHANGED_KEYS = {"environment", "env_file", "secrets", "configs", "labels", "deploy", "build", *RUN_INSIDE}
# up to this many files every combination is tried, beyond that the first, the first two and so on
MOST_FILES_IN_EVERY_CHOICE = 4


def verify(project: Project, plan: Plan, rewritten: SequenceType[Rewritten], options: Options) -> tuple[Remaining, ...]:
    """Proves the promises for one project, and reports where values of migrated secrets still appear.

    Raises VerificationError, whose message holds no value, when one of them does not hold.
    """
    for file in rewritten:
        _check_untouched(file.source.text, file.text, file.edits)
    overlay = {file.source.real_path: file.text for file in rewritten}
    after = _load(project, overlay)
    if len(after.problems) > len(project.problems):
        raise VerificationError(f"the new text would be invalid: {after.problems[-1].what}")
    data = {text.source.real_path: [yaml.plain(root) for root in text.roots] for text in after.compose_texts}
    expected = Interpreter(plan.patches)
    _check_structure(project, data, expected)
    _check_env_files(project, after, expected)
    check_reads(project, after, plan, expected)
    check_values(project, after, plan)
    if any(service.is_built for service in project.services.values()):
        from dsec_migrate.verify import dockerfile_proof

        dockerfile_proof.check(project, after, plan, expected, rewritten)
    _check_other_keys(project, after, _CHANGED_KEYS | ({"networks"} if Harden.NETWORKS in options.harden else set()))
    if plan.hardened:
        isolation.check(project, after, plan)
    for document in (*after.documents, *after.extended):
        if document.source.real_path in overlay:
            _check_schema(data[document.source.real_path], is_fragment=len(after.documents) > 1)
    _check_dotenv(project, expected, rewritten)
    _check_project_environment(project, after, rewritten)
    _check_subsets(project, plan, overlay)
    _check_stable(after, options)
    return tuple(remaining(after, plan.secrets))


def _load(project: Project, texts: MappingType[str, str], paths: SequenceType[Path] | None = None) -> Project:
    try:
        return projects.reload(project, texts, paths)
    except UserError as error:
        raise VerificationError(f"the new text would be invalid: {error.what}") from None


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


def _check_structure(before: Project, after: MappingType[str, SequenceType[object]], expected: Interpreter) -> None:
    """``after``: the YAML documents of each new text as plain data, by the file's real path."""
    for document in before.compose_texts:
        wanted = [expected.data(root) for root in document.roots]
        found = after.get(document.source.real_path)
        if not _equal(wanted, found):
            raise VerificationError(f"the new text would not have the planned meaning: {_explain(wanted, found)}")


def _check_env_files(before: Project, after: Project, expected: Interpreter) -> None:
    """Each line of an env file is unchanged, except for those that the plan moves or removes."""
    for name, service in before.services.items():
        for old, new in zip(service.env_files, after.services[name].env_files, strict=True):
            # a link and its target are one file
            wanted = expected.lines(real_path(old.path), old.entries)
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
    """What was removed from a `.env` is no longer read by anything in the project."""
    paths = {real_path(path) for path in project.environment.paths}
    read = {str(data.get("environment")) for data in after.secrets.values()}
    for document in after.compose_texts:
        read.update(name for node in document.templates for name in references_of(node.value))
    for service in after.services.values():
        read.update(
            v.name
            for v in service.variables.values()
            if any(declaration.text is None for declaration in v.declarations)
        )
    for file in rewritten:
        if not file.is_env_file or file.source.real_path not in paths:
            continue
        before, now = ([entry.name for entry in dotenv.parse(text, {})] for text in (file.source.text, file.text))
        gone = set(before) - set(now) - project.environment.shell.keys()
        needed = sorted(name for name in gone & read if _is_supplied_by(project, name, file))
        if needed:
            raise VerificationError(f"{needed[0]} would be removed from {file.path}, but is still read")


def _is_supplied_by(project: Project, name: str, file: Rewritten) -> bool:
    place = project.environment.places.get(name)
    return place is not None and real_path(place[0]) == file.source.real_path


def _check_dotenv(project: Project, expected: Interpreter, rewritten: SequenceType[Rewritten]) -> None:
    """A `.env` that is no service's env file lost exactly the lines that were to be removed."""
    known = {text.source.real_path for text in project.env_texts}
    for file in rewritten:
        if not file.is_env_file or file.source.real_path in known:
            continue
        before, now = (dotenv.parse(text, {}) for text in (file.source.text, file.text))
        if expected.lines(file.source.real_path, before) != [(line.name, line.template) for line in now]:
            raise VerificationError(f"{file.path} would lose lines that were not planned")


def _check_other_keys(before: Project, after: Project, changed: set[str]) -> None:
    """Everything next to the changed locations is unchanged, also through anchors."""
    for name, service in before.services.items() if any(text.aliases for text in before.compose_texts) else ():
        for old, new in zip(service.layers, after.services[name].layers, strict=True):
            keys = (old.service.effective().keys() | new.service.effective().keys()) - changed
            for key in sorted(keys):
                one, other = old.service.get(key), new.service.get(key)
                if one is None or other is None or not _equal(yaml.plain(one), yaml.plain(other)):
                    raise VerificationError(f"{name}.{key} would change")


def _check_subsets(project: Project, plan: Plan, overlay: MappingType[str, str]) -> None:
    """Every combination of files that works today still gives the same values."""
    paths = [document.source.path for document in project.documents]
    for size in range(1, len(paths)):
        for chosen in combinations(paths, size) if len(paths) <= MOST_FILES_IN_EVERY_CHOICE else [paths[:size]]:
            before = _load(project, {}, chosen)
            works = {name: s for name, s in before.services.items() if s.image or s.is_built}
            if len(works) != len(before.services):
                continue
            after = _load(project, overlay, chosen)
            check_values(before, after, plan)
            if plan.hardened:
                isolation.check(before, after, plan)


# --- the file as a whole ---


def _check_schema(roots: SequenceType[object], *, is_fragment: bool) -> None:
    """The file was valid before it was planned. (The content of a platform's own keys does not count.)"""
    from dsec_migrate.compose import dialects
    from dsec_migrate.compose.validation import schema_problems

    for data in roots:
        dialects.take_out(data)
        problems = schema_problems(data, fragment=is_fragment or len(roots) > 1)
        if problems:
            path = ".".join(str(part) for part in problems[0].path)
            raise VerificationError(f"the new text would break the schema at {path}: {problems[0].what}")


def _check_stable(after: Project, options: Options) -> None:
    from dsec_migrate.planning.make_plan import make_plan

    plan = make_plan(after, options)
    again = next((f for f in plan.findings if f.action is Action.MIGRATE), None)
    if again is not None:
        raise VerificationError(f"a second run would change {again.service}.{again.variable} again")
    if options.harden:
        from dsec_migrate.planning.hardening.harden import harden

        found = next((one for one in harden(after, plan, options).hardened if one.action is Action.MIGRATE), None)
        if found is not None:
            raise VerificationError(f"a second run would harden {found.service} again")
