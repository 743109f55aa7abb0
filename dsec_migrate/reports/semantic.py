"""The semantic diff: the keys that differ, by service, regardless of the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dsec_migrate.compose.document import Document, parse, plain
from dsec_migrate.outcome import ProjectOutcome
from dsec_migrate.reports.hunks import VEIL, veiled
from dsec_migrate.reports.look import Look
from dsec_migrate.reports.style import Style, paragraph
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.secret import MASK
from dsec_migrate.text.source import Rewritten, Source
from dsec_migrate.text.visible import harmless

Path = tuple[str, ...]

_VEILS = Pattern(rf"{VEIL}(?:\s*{VEIL})*")
# an assignment; a line inside a value has a veil, or is masked as a whole
_ASSIGNED = Pattern(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\s*[=:]")


@dataclass(repr=False, eq=False)
class _Group:
    """The differences below one heading: paths inside it, with the data before and after."""

    removed: dict[Path, object] = field(default_factory=dict)
    added: dict[Path, object] = field(default_factory=dict)


def lines(project: ProjectOutcome, rewritten: Rewritten, look: Look) -> Iterator[str]:
    """The differences of one file's data before and after. Former values are masked."""
    style, show_values = Style(look.is_coloured), look.show_values
    source = rewritten.source
    if len(project.rewritten) > 1 or rewritten.is_env_file:
        yield style.bold(f"--- {harmless(rewritten.path)}")
    if rewritten.is_env_file:
        yield from _env_file_lines(project, rewritten, style)
        return
    old, new = veiled(rewritten, project.masks, show_values=show_values)
    try:
        before, after = _parsed(source, old), _parsed(source, new)
    except UserError:
        yield "  the change cannot be shown by keys: use --diff unified"
        return
    renamed = {(f.service, f.variable): f.variables for f in project.findings if f.secret is not None}
    for heading, group in _groups(before, after).items():
        yield style.bold(f"{_plain(heading)}:")
        for line in _group_lines(heading, group, renamed, show_values):
            plain_text = _plain(line)
            sign = plain_text[:1]
            rows = paragraph(plain_text, look.width, indent="      ", first="  ")
            paint = style.red if sign == "-" else style.green if sign == "+" else str
            yield from (paint(row) for row in rows)


def _parsed(source: Source, text: str) -> Document:
    return parse(source.with_text(text))


def _plain(text: str) -> str:
    """A line as shown: one or several veils in a row become one mask."""
    return harmless(_VEILS.sub(MASK, text))


def _env_file_lines(project: ProjectOutcome, rewritten: Rewritten, style: Style) -> Iterator[str]:
    """The lines added to an env file, each with the variable that it replaces, and the names of those that are
    removed."""
    old_text, new_text = veiled(rewritten, project.masks)
    old, new = old_text.splitlines(), new_text.splitlines()
    added = [line for line in new if line not in old]
    moved = {f.variables[0]: f.variable for f in project.findings if f.variables and f.site.file == rewritten.path}
    for name, variable in moved.items():
        line = next((line for line in added if re.search(rf"(?<!\w){re.escape(name)}\s*[=:]", line)), "")
        value = line.partition(name)[2].lstrip(" =:").split(" #")[0]
        yield f"  {_plain(f'{variable} -> {name}: {value}')}"
    gone = [_ASSIGNED.match(line) for line in old if line not in new]
    for name in dict.fromkeys(found["name"] for found in gone if found is not None):
        if name not in moved.values():
            yield style.red(f"  - {_plain(name)}")


def _group_lines(
    heading: str,
    group: _Group,
    renamed: Mapping[tuple[str, str], Sequence[str]],
    show_values: bool,
) -> Iterator[str]:
    service = heading.rsplit("/", 1)[-1]
    told: set[Path] = set()
    for path, old in group.removed.items():
        value = f": {_text(old)}" if show_values else f": {MASK}"
        new_names = renamed.get((service, path[-1]), ()) if path[:-1] == ("environment",) else ()
        successors = [(*path[:-1], name) for name in new_names if (*path[:-1], name) in group.added]
        if not successors and (inherited := (*path[:-1], f"{path[-1]}_FILE")) in group.added:
            # a block that services share has its own heading
            successors = [inherited]
        told.update(successors)
        if path in group.added:
            told.add(path)
            yield f"{_dotted(path)}{value} -> {_text(group.added[path])}"
        elif successors:
            after = ", ".join(f"{_dotted(name)}: {_text(group.added[name])}" for name in successors)
            yield f"{_dotted(path)}{value if show_values else ''} -> {after}"
        else:
            yield f"- {_dotted(path)}{value if show_values else ''}"
    for path, new in group.added.items():
        if path not in told:
            suffix = "" if new is None else f": {_text(new)}"
            yield f"+ {_dotted(path)}{suffix}"


def _groups(before: Document, after: Document) -> dict[str, _Group]:
    """Differences by heading: ``db`` for a service, ``secrets`` for the top level."""
    from deepdiff import DeepDiff

    groups: dict[str, _Group] = {}
    several = len(before.roots) > 1
    for number, (old, new) in enumerate(zip(before.roots, after.roots, strict=True), 1):
        for heading, (left, right) in _sections(plain(old), plain(new)).items():
            if left == right:
                continue
            group = groups.setdefault(f"document {number}/{heading}" if several else heading, _Group())
            difference = DeepDiff(_comparable(left), _comparable(right), view="tree", threshold_to_diff_deeper=0)
            for kind, items in difference.items():
                for item in items:
                    path = tuple(str(step) for step in item.path(output_format="list"))
                    if "added" not in kind:
                        group.removed[path] = item.t1
                    if "removed" not in kind:
                        group.added[path] = item.t2
    return groups


def _sections(old: object, new: object) -> dict[str, tuple[object, object]]:
    """The two sides of each service and of each other top-level key, in the order of the file."""
    left, right = _mapping(old), _mapping(new)
    sections: dict[str, tuple[object, object]] = {}
    for key in dict.fromkeys((*left, *right)):
        if key == "services":
            services, changed = _mapping(left.get(key)), _mapping(right.get(key))
            for name in dict.fromkeys((*services, *changed)):
                sections[name] = (_service(services.get(name)), _service(changed.get(name)))
    for key in dict.fromkeys((*left, *right)):
        if key != "services":
            sections.setdefault(key, (left.get(key, {}), right.get(key, {})))
    return sections


def _comparable(data: object) -> object:
    """``environment:`` lists and ``secrets:`` lists as mappings by name, so that a difference has a name."""
    if isinstance(data, dict):
        return {key: _by_name(key, value) for key, value in data.items()}
    return data


def _service(data: object) -> object:
    """A service with its ``environment`` and ``secrets`` even where it has none, so that each entry has a path."""
    return {"environment": {}, "secrets": {}, **data} if isinstance(data, dict) else data


def _by_name(key: object, value: object) -> object:
    if isinstance(value, list) and key == "environment":
        pairs = (str(item).partition("=") for item in value)
        return {name: text if equals else None for name, equals, text in pairs}
    if isinstance(value, list) and key == "secrets":
        return dict(_mounts(value))
    return _comparable(value)


def _mounts(items: Iterable[object]) -> Iterator[tuple[str, object]]:
    for item in items:
        if isinstance(item, dict):
            options = {key: value for key, value in item.items() if key != "source"}
            yield str(item.get("source")), options or None
        else:
            yield str(item), None


def _mapping(data: object) -> dict[str, object]:
    return data if isinstance(data, dict) else {}


def _dotted(path: Path) -> str:
    return ".".join(path)


def _text(data: object) -> str:
    if isinstance(data, dict):
        return "{" + ", ".join(f"{key}: {_text(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(_text, data)) + "]"
    return str(data).lower() if isinstance(data, bool) else str(data)
