"""Whatever the value, its style and its file: the planned secret holds exactly what Compose hands over today.

The tests write their own files, so they know what each value means without asking the program.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Shuffled, compose_config, examples, snapshot
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options, SourceKind
from dsec_migrate.detectors.finding import Action
from dsec_migrate.migrate import batch, pipeline
from dsec_migrate.outcome import DONE, ProjectOutcome
from dsec_migrate.text.source import Edit, splice

# --- values: what stands in the file, and what it means ---


class Text(NamedTuple):
    """``template`` is the text as YAML delivers it, ``meaning`` what the container gets for it."""

    template: str
    meaning: str


DOTENV = {"FROM_ENV": 'sid3 "# $x=äß', "EMPTY": ""}
DOTENV_TEXT = "FROM_ENV='sid3 \"# $x=äß'\nEMPTY=\n"

# characters that may stand in no YAML file, or that YAML takes for the end of a line: only escapes carry them
ESCAPED_ONLY = frozenset("\x01\x07\x1b\x7f\x85\x9f\u2028\u2029\ufeff\r")
LITERALS = st.text(
    st.sampled_from(
        "aZk09_" + "'\"#:-*&!%@`\\|>?,[]{}()=~/.+^;<" + " \t\n" + "äß€😀\xa0\u200b" + "\x01\x1b\x7f\x85\u2028\ufeff\r"
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip
PIECES = st.one_of(
    LITERALS.map(lambda text: Text(text, text)),
    st.sampled_from("aZ09").map(lambda text: Text(text * 3, text * 3)),
    st.sampled_from(
        [
            Text("$$", "$"),
            Text("$${FROM_ENV}", "${FROM_ENV}"),
            Text("$1", "$1"),
            Text("${FROM_ENV}", DOTENV["FROM_ENV"]),
            Text("${UNSET:-d e'f}", "d e'f"),
            Text("${EMPTY:-0123}", "0123"),
            Text("${EMPTY-x}", ""),
            Text(" #", " #"),
            Text(": ", ": "),
            Text("\n", "\n"),
            Text("  ", "  "),
            Text("\\", "\\"),
            Text("'", "'"),
            Text('"', '"'),
        ]
    ),
)
# unquoted, and as the value of a mapping, Compose converts these (observed with Compose 2.40)
CONVERTED = [
    Text("0123", "83"), Text("0888", "888"), Text("0o17", "15"), Text("-012", "-10"), Text("0x1F", "31"),
    Text("0b11", "3"), Text("1_000", "1000"), Text("+7", "7"), Text("1.50", "1.5"), Text("1e3", "1000"),
    Text("12345678.0", "1.2345678e+07"), Text("123456789012345678901234", "1.2345678901234569e+23"),
    Text("18446744073709551615", "18446744073709551615"), Text(".5", "0.5"), Text("5.", "5"), Text("1:30", "1:30"),
    Text("yes", "yes"), Text("True", "true"), Text("1e400", "1e400"), Text("1.2.3", "1.2.3"), Text(".inf", "+Inf"),
]  # fmt: skip


def joined(pieces: Sequence[Text]) -> Text:
    return Text("".join(piece.template for piece in pieces), "".join(piece.meaning for piece in pieces))


TEXTS = st.lists(PIECES, min_size=1, max_size=5).map(joined)

# --- styles: YAML for a text, or None where the style cannot carry it ---


class Place(NamedTuple):
    """Where a scalar is to stand: ``indentation`` of the key or dash, whether inside brackets, whether a list item."""

    indentation: str
    in_flow: bool
    is_item: bool
    fold: bool = False


Style = Callable[[str, Place], "str | None"]


def _is_printable(text: str) -> bool:
    return not ESCAPED_ONLY & set(text)


def _fold(text: str, continuation: str) -> str:
    """``text`` broken at its first single blank between two letters, which YAML reads as that blank."""
    for number in range(1, len(text) - 1):
        if text[number] == " " and text[number - 1].isalnum() and text[number + 1].isalnum():
            return text[:number] + "\n" + continuation + text[number + 1 :]
    return text


def _break(text: str, continuation: str) -> str | None:
    """Line breaks as quoted and folded scalars need them: one more than are meant. None where blanks stand at one."""
    if any(line != line.strip(" \t") for line in text.split("\n")):
        return None
    first, *others = re.sub(r"\n+", lambda match: match.group() + "\n", text).split("\n")
    return "\n".join([first, *(continuation + line if line else "" for line in others)])


def plain(text: str, place: Place) -> str | None:
    if not text or text != text.strip() or not _is_printable(text) or "\n" in text or "\t" in text:
        return None
    if text[0] in ",[]{}#&*!|>'\"%@`" or (text[0] in "-?:" and text[1:2] in {"", " "}):
        return None
    if ": " in text or " #" in text or text.endswith(":") or text in {"<<", "="}:
        return None
    if place.in_flow and (set(text) & set(",[]{}?") or ":" in text):
        return None
    # what might be a number, a date or a word with a meaning is the business of CONVERTED
    if not place.is_item and (text[0] in "0123456789+-.~" or len(text) < 6) and not set(text) & set("kZ€äß"):
        return None
    return _fold(text, place.indentation + "    ") if place.fold else text


def single_quoted(text: str, place: Place) -> str | None:
    if not _is_printable(text):
        return None
    continuation = place.indentation + "   "
    quoted: str | None = text.replace("'", "''")
    if "\n" in text:
        quoted = _break(text.replace("'", "''"), continuation)
    elif place.fold:
        quoted = _fold(text.replace("'", "''"), continuation)
    return None if quoted is None else f"'{quoted}{continuation if quoted.endswith(chr(10)) else ''}'"


def double_quoted(text: str, place: Place) -> str | None:
    escaped = "".join(_escape(character) for character in text)
    return '"' + (_fold(escaped, place.indentation + "  ") if place.fold else escaped) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "\n":
        return "\\n"
    if character == "\t":
        return "\\t"
    if character in ESCAPED_ONLY:
        return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
    return character


def _block(indicator: str, body: str, text: str, place: Place) -> str:
    """``body`` is the text as the style wants it, without its final line breaks."""
    breaks = len(text) - len(text.rstrip("\n"))
    chomping = "-" if breaks == 0 else "" if breaks == 1 else "+"
    depth = "2" if text[0] in " \n\t" else ""
    comment = " # a note" if place.fold else ""
    lines = [place.indentation + "  " + line if line else "" for line in body.split("\n")]
    return f"{indicator}{depth}{chomping}{comment}\n" + "\n".join(lines) + "\n" * max(breaks - 1, 0)


def literal(text: str, place: Place) -> str | None:
    body = text.rstrip("\n")
    # a last line of blanks alone is read in different ways
    if place.in_flow or not _is_printable(text) or not body.split("\n")[-1].strip(" \t"):
        return None
    return _block("|", body, text, place)


def folded(text: str, place: Place) -> str | None:
    body = text.rstrip("\n")
    if place.in_flow or not _is_printable(text) or not body or body[0] == "\n":
        return None
    broken = _break(body, "")
    return None if broken is None else _block(">", broken, text, place)


STYLES: tuple[Style, ...] = (plain, single_quoted, double_quoted, literal, folded)


class Written(NamedTuple):
    """One variable as it stands in the file; ``yaml`` is its value's (or its whole item's) text."""

    name: str
    text: Text
    yaml: str


@dataclass(frozen=True)
class ServiceText:
    """One service: ``form`` is mapping or list, ``layout`` block or flow."""

    name: str
    form: str
    layout: str
    variables: tuple[Written, ...]
    is_environment_last: bool
    own_secret: str


@dataclass(frozen=True)
class FileText:
    """One file and what it means: ``meanings`` by service and variable."""

    data: bytes
    services: tuple[ServiceText, ...] = field(repr=False, default=())
    newline: str = "\n"

    @property
    def text(self) -> str:
        return self.data.decode()

    @property
    def meanings(self) -> dict[tuple[str, str], str]:
        return {(s.name, v.name): v.text.meaning for s in self.services for v in s.variables}


SECRET_NAMES = ("DB_PASSWORD", "API_TOKEN", "SMTP_PASSWORD")
OTHER_NAMES = ("LOG_LEVEL", "APP_NAME")


@st.composite
def written(draw: st.DrawFn, name: str, place: Place, is_json: bool) -> Written | None:
    """A variable in one of the styles that can carry its value here."""
    place = place._replace(fold=draw(st.booleans()) and not is_json)
    if not place.is_item and not is_json and draw(st.integers(0, 7)) == 0:
        text = draw(st.sampled_from(CONVERTED))
        return Written(name, text, text.template)
    text = draw(TEXTS)
    assume("\0" not in text.meaning)
    whole = f"{name}={text.template}" if place.is_item else text.template
    styles: tuple[Style, ...] = (double_quoted,) if is_json else STYLES
    carried = [yaml for style in styles if (yaml := style(whole, place)) is not None]
    return Written(name, text, draw(st.sampled_from(carried)))


@st.composite
def service_texts(draw: st.DrawFn, name: str, layout: str) -> ServiceText:
    form = draw(st.sampled_from(["mapping", "list"]))
    count = draw(st.integers(1, 2))
    names = [
        *draw(st.permutations(SECRET_NAMES))[:count],
        *draw(st.permutations(OTHER_NAMES))[: draw(st.integers(0, 1))],
    ]
    place = Place("      ", layout != "block", form == "list")
    variables = tuple(
        variable
        for one in draw(st.permutations(names))
        if (variable := draw(written(one, place, layout == "json"))) is not None
    )
    return ServiceText(
        name, form, layout, variables, draw(st.booleans()), draw(st.sampled_from(["", "", "block", "flow"]))
    )


def _lines_of(service: ServiceText) -> Iterator[str]:
    if service.layout in {"service", "json"}:
        yield f"  {_flow_service(service)}"
        return
    yield f"  {service.name}:"
    yield "    image: example.com/app:1"
    mounts = ["    secrets: [older]"] if service.own_secret == "flow" else ["    secrets:", "      - older"]
    environment = list(_environment_lines(service))
    blocks = [
        environment,
        mounts if service.own_secret else [],
        [] if service.is_environment_last else ["    init: true"],
    ]
    if service.is_environment_last:
        blocks.reverse()
    for block in blocks:
        yield from block


def _environment_lines(service: ServiceText) -> Iterator[str]:
    if service.layout == "flow":
        yield f"    environment: {_flow_environment(service)}"
        return
    yield "    environment:"
    for variable in service.variables:
        lead = "      - " if service.form == "list" else f"      {variable.name}: "
        yield from (lead + variable.yaml).split("\n")


def _flow_environment(service: ServiceText, quote: str = "") -> str:
    if service.form == "list":
        return "[" + ", ".join(variable.yaml for variable in service.variables) + "]"
    return "{" + ", ".join(f"{quote}{v.name}{quote}: {v.yaml}" for v in service.variables) + "}"


def _flow_service(service: ServiceText) -> str:
    quote = '"' if service.layout == "json" else ""

    def key(name: str) -> str:
        return f"{quote}{name}{quote}"

    mounts = f"{key('secrets')}: [{key('older')}]" if service.own_secret else ""
    parts = [
        f'{key("image")}: "example.com/app:1"',
        f"{key('environment')}: {_flow_environment(service, quote)}",
        mounts,
    ]
    return f"{key(service.name)}: {{{', '.join(part for part in parts if part)}}}"


def _ends_in_block_scalar(service: ServiceText) -> bool:
    return service.layout == "block" and service.is_environment_last and service.variables[-1].yaml[0] in "|>"


@st.composite
def file_texts(draw: st.DrawFn, services: int = 2) -> FileText:
    layout = draw(st.sampled_from(["block", "block", "block", "flow", "service", "json"]))
    bodies = tuple(draw(service_texts(f"s{number}", layout)) for number in range(draw(st.integers(1, services))))
    has_older = any(body.own_secret for body in bodies)
    if layout == "json":
        older = ', "secrets": {"older": {"file": "./older.txt"}}' if has_older else ""
        text = '{"services": {' + ",\n  ".join(_flow_service(body) for body in bodies) + f"}}{older}}}\n"
    else:
        before = ["secrets:", "  older:", "    file: ./older.txt"] if has_older else []
        lines = ["# made by a test", *draw(st.sampled_from([[], ["name: made"]])), "services:"]
        for body in bodies:
            # a blank line behind a `|+` would belong to its value
            between = [[], ["  # the next one"]] if _ends_in_block_scalar(body) else [[], [""], ["  # the next one"]]
            lines += [*_lines_of(body), *draw(st.sampled_from(between))]
        is_first = draw(st.booleans())
        text = "\n".join([*(before if is_first else []), *lines, *([] if is_first else before)]) + "\n"
    # without its final line break a block scalar at the very end would mean something else
    if draw(st.booleans()) and not _ends_in_block_scalar(bodies[-1]):
        text = text.rstrip("\n")
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return FileText(text.replace("\n", newline).encode(), bodies, newline)


# --- an independent reader ---


def tree(text: str) -> Any:
    """Mappings, lists and texts (whatever their style) as ruamel's pure parser reads them."""
    return _plain(YAML(typ="safe", pure=True).compose(text))


def _plain(node: Any) -> Any:
    if isinstance(node, MappingNode):
        return {key.value: _plain(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [_plain(item) for item in node.value]
    assert isinstance(node, ScalarNode)
    return node.value


def environment(service: dict[str, Any]) -> dict[str, str]:
    """The variables of one service before interpolation, from either form."""
    found = service["environment"]
    if isinstance(found, dict):
        return found
    return {name: text for name, _, text in (item.partition("=") for item in found)}


# --- the properties ---


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def lay_out(folder: Path, file: FileText, name: str = "compose.yaml") -> Path:
    target = folder / name
    target.write_bytes(file.data)
    (folder / ".env").write_text(DOTENV_TEXT, "utf-8")
    (folder / "older.txt").write_text("older", "utf-8")
    return target


def run(target: Path) -> ProjectOutcome:
    return pipeline.migrate(ProjectFiles.of(target), Options(), {})


@settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))
@given(file_texts())
def test_the_emitters_mean_what_the_test_thinks(file: FileText) -> None:
    services = tree(file.text)["services"]
    for service in file.services:
        found = environment(services[service.name])
        assert found == {variable.name: variable.text.template for variable in service.variables}


@settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(file_texts())
def test_a_secret_holds_what_the_container_got_and_all_else_stays(file: FileText) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = lay_out(folder, file)
        before = snapshot(folder)
        outcome = run(target)
        assert (outcome.status, outcome.failure, [error.what for error in outcome.errors]) == (DONE, "", [])
        assert snapshot(folder) == before
        moved = {(f.service, f.variable): f for f in outcome.findings if f.action is Action.MIGRATE}
        event(f"{len(moved)} moved")
        if not moved:
            assert not outcome.rewritten
            return
        written = pipeline.commit(outcome)
        assert written.is_written
        new = target.read_bytes().decode()
        _check_new_text(file, new, {place: finding.variables[0] for place, finding in moved.items()}, folder)
        _check_line_ends(file, new)
        _check_untouched_lines(file, outcome, new)
        after = snapshot(folder)
        again = run(target)
        assert (again.status, again.rewritten, again.plan.files) == (DONE, (), ())
        assert snapshot(folder) == after


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(file_texts(), min_size=2, max_size=3))
def test_files_of_one_folder_keep_their_values_apart(files: list[FileText]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        targets = [lay_out(folder, file, f"stack{number}.yaml") for number, file in enumerate(files)]
        projects = [ProjectFiles.of(target) for target in targets]
        outcomes = batch.run(projects, Options(), shell={}, write=True).projects
        assert [(outcome.status, outcome.failure) for outcome in outcomes] == [(DONE, "")] * len(files)
        for file, target, outcome in zip(files, targets, outcomes, strict=True):
            moved = {(f.service, f.variable): f.variables[0] for f in outcome.findings if f.action is Action.MIGRATE}
            if moved:
                _check_new_text(file, target.read_bytes().decode(), moved, folder)
        after = snapshot(folder)
        again = batch.run(projects, Options(), shell={}, write=True).projects
        assert [(outcome.status, outcome.rewritten) for outcome in again] == [(DONE, ())] * len(files)
        assert snapshot(folder) == after


def _check_new_text(file: FileText, new: str, moved: dict[tuple[str, str], str], folder: Path) -> None:
    old_tree, new_tree = tree(file.text), tree(new)
    definitions = new_tree.pop("secrets")
    older = old_tree.pop("secrets", {})
    assert {name: definitions[name] for name in older} == older
    for service in file.services:
        body, new_body = old_tree["services"][service.name], new_tree["services"][service.name]
        old_variables, variables = environment(body), environment(new_body)
        mounts = new_body.pop("secrets", [])
        expected = []
        needed = set()
        for variable, template in old_variables.items():
            new_name = moved.get((service.name, variable))
            if new_name is None:
                expected.append((variable, template))
                continue
            path = variables[new_name]
            expected.append((new_name, path))
            secret = path.removeprefix("/run/secrets/")
            needed.add(secret)
            content = (folder / definitions[secret]["file"]).read_bytes()
            assert content == file.meanings[service.name, variable].encode(), f"{service.name}.{variable}"
        # in the same order and the same form
        assert list(variables.items()) == expected
        assert type(body.pop("environment")) is type(new_body.pop("environment"))
        old_mounts = body.pop("secrets", [])
        assert mounts[: len(old_mounts)] == old_mounts
        assert sorted(mounts[len(old_mounts) :]) == sorted(needed - set(old_mounts))
    assert new_tree == old_tree


def _check_line_ends(file: FileText, new: str) -> None:
    if file.newline == "\n":
        assert "\r" not in new
    else:
        assert "\n" not in new.replace("\r\n", "")
    assert new.endswith("\n") == file.text.endswith("\n")


def _check_untouched_lines(file: FileText, outcome: ProjectOutcome, new: str) -> None:
    """Lines of the old text without an edit stand in the new one, in the same order."""
    assert outcome.rewritten
    text = file.text
    touched = [False] * len(text.splitlines())
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    lines = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    touched = [
        any(
            (edit.start < start + len(line) and edit.end > start) or start < edit.start == edit.end < start + len(line)
            for edit in outcome.rewritten[0].edits
        )
        for start, line in zip(starts, lines, strict=True)
    ]
    rest = iter(re.split("\r?\n", new))
    for line, is_touched in zip(lines, touched, strict=True):
        if not is_touched:
            assert line.rstrip("\r\n") in rest


# --- structures ---

STRUCTURE_OPTIONS = (
    Options(),
    Options(source=SourceKind.ENVIRONMENT),
    Options(source=SourceKind.EXTERNAL),
    Options(uid="1000", gid="1001", mode=0o400),
    Options(only=("*",)),
    Options(only=("s1.*",)),
    Options(skip=("API*",)),
)


def test_any_structure_is_proved_and_stable(tmp_path: Path) -> None:
    """Anchors, merge keys, aliases, extends and several documents."""
    (tmp_path / ".env").write_text(DOTENV_TEXT, "utf-8")
    (tmp_path / "older.txt").write_text("older", "utf-8")
    moved = 0
    faults = []
    count = examples(100)
    for number in range(count):
        target = tmp_path / "compose.yml"
        target.write_text(Shuffled(number).text(), "utf-8")
        options = STRUCTURE_OPTIONS[number % len(STRUCTURE_OPTIONS)]
        outcome = pipeline.migrate(ProjectFiles.of(target), options, {})
        if outcome.status != DONE:
            faults.append((number, outcome.failure, [error.what for error in outcome.errors]))
        elif outcome.rewritten:
            moved += 1
            assert pipeline.commit(outcome).is_written
            again = pipeline.migrate(ProjectFiles.of(target), options, {})
            if (again.status, again.rewritten) != (DONE, ()):
                faults.append((number, f"second run: {again.failure}", [error.what for error in again.errors]))
            shutil.rmtree(tmp_path / "secrets", ignore_errors=True)
            for file in tmp_path.glob("*.txt"):
                if file.name != "older.txt":
                    file.unlink()
    assert faults == []
    assert moved > count / 2


# --- edits ---


@st.composite
def texts_and_edits(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    """A text and edits of it that do not overlap, no two at one place."""
    text = draw(st.text("ab\nä😀", max_size=30))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    edits = []
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        edits.append(Edit(start, draw(st.sampled_from([start, end])), draw(st.text("xy\r\n", max_size=4))))
    return text, edits


@given(texts_and_edits(), st.randoms(use_true_random=False))
def test_edits_do_not_depend_on_their_order_and_equal_ones_collapse(
    case: tuple[str, list[Edit]], generator: Any
) -> None:
    text, edits = case
    expected = text
    for edit in sorted(edits, reverse=True):
        expected = expected[: edit.start] + edit.text + expected[edit.end :]
    shuffled = [*edits, *edits]
    generator.shuffle(shuffled)
    assert splice(text, edits) == splice(text, shuffled) == expected


@given(texts_and_edits())
def test_the_text_between_edits_is_untouched(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    marked = splice(text, [Edit(edit.start, edit.end, "\0") for edit in edits])
    kept = [
        text[start:end]
        for start, end in zip([0, *(e.end for e in edits)], [*(e.start for e in edits), len(text)], strict=True)
    ]
    assert marked.split("\0") == kept


@given(st.text("ab", min_size=2, max_size=20), st.data())
def test_overlapping_edits_are_refused(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 2, len(text)))
    inner = data.draw(st.integers(start + 1, end - 1))
    with pytest.raises(ValueError, match="overlap"):
        splice(text, [Edit(start, end, "x"), Edit(inner, data.draw(st.integers(inner, end)), "y")])


def test_insertions_at_one_place_keep_their_order() -> None:
    assert splice("ab", [Edit(1, 1, "2"), Edit(1, 1, "1"), Edit(1, 2, "c")]) == "a21c"


# --- the same with the real program ---


def _differences(found: dict[tuple[str, str], str], file: FileText) -> list[tuple[Written, str | None]]:
    """Each variable whose value is not what the test thinks, with the value that Compose gives it."""
    assert found.keys() == file.meanings.keys()
    return [
        (variable, found[service.name, variable.name])
        for service in file.services
        for variable in service.variables
        if found[service.name, variable.name] != variable.text.meaning
    ]


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@settings(
    max_examples=examples(12),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    derandomize=True,
)
@given(file_texts(services=40))
def test_compose_agrees_before_and_after(file: FileText) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = lay_out(folder, file)
        before = compose_config(target)["services"]
        given_by_compose = {
            (service, variable): value
            for service, body in before.items()
            for variable, value in body["environment"].items()
        }
        assert _differences(given_by_compose, file) == []
        outcome = run(target)
        assert outcome.status == DONE
        if not outcome.rewritten:
            return
        assert pipeline.commit(outcome).is_written
        after = compose_config(target)
        moved = {(f.service, f.variable): f.variables[0] for f in outcome.findings if f.action is Action.MIGRATE}
        for (service, variable), meaning in file.meanings.items():
            got = after["services"][service]["environment"]
            new_name = moved.get((service, variable))
            if new_name is None:
                assert got[variable] == meaning
                continue
            assert variable not in got
            mounts = {f"/run/secrets/{m['source']}": m["source"] for m in after["services"][service]["secrets"]}
            content = Path(after["secrets"][mounts[got[new_name]]]["file"]).read_bytes()
            assert content == meaning.encode(), f"{service}.{variable}"
