"""Every node knows exactly where it stands, with the compiled parser and with the pure one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose.document import (
    Alias,
    Content,
    Document,
    Mapping,
    ParsedNode,
    Scalar,
    Sequence,
    follow,
    plain,
    walk,
)
from dsec_migrate.text import limits
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.source import Source

Step = str | int


@pytest.fixture(params=["compiled", "pure"])
def parse(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Document]:
    if request.param == "pure":
        monkeypatch.setitem(sys.modules, "_ruamel_yaml", None)
    else:
        pytest.importorskip("_ruamel_yaml")
    return parse_text


def parse_text(text: str) -> Document:
    return yaml.parse(Source.decode(Path("compose.yml"), text.encode()))


def node_at(document: Document, *path: Step, root: int = 0) -> ParsedNode:
    """The node at a path as it stands there; a step of ``"key of X"`` is the key itself."""
    node: ParsedNode = document.roots[root]
    for step in path:
        content = follow(node)
        if isinstance(step, int):
            assert isinstance(content, Sequence)
            node = content.items[step]
            continue
        assert isinstance(content, Mapping)
        entry = content.own(step.removeprefix("key of "))
        assert entry is not None, step
        node = entry.key if step.startswith("key of ") else entry.value
    return node


class Place(NamedTuple):
    """``text`` is what the node spans, ``outer`` the same with its anchor and tag (None: nothing before it)."""

    title: str
    yaml: str
    path: tuple[Step, ...]
    text: str
    outer: str | None = None
    value: object = None


PLACES = [
    # --- scalars in block style ---
    Place("plain", "a: word\n", ("a",), "word", value="word"),
    Place("key", "a: word\n", ("key of a",), "a"),
    Place("plain before a comment", "a: one two   # no\n", ("a",), "one two", value="one two"),
    Place("plain with a hash", "a: b#c\n", ("a",), "b#c", value="b#c"),
    Place("plain before blanks", "a: word  \t\nb: c\n", ("a",), "word"),
    Place(
        "plain over lines", "a: one\n  two\n\n  three\nb: c\n", ("a",), "one\n  two\n\n  three", value="one two\nthree"
    ),
    Place("plain at the end of the file", "a: word", ("a",), "word"),
    Place("single quotes", "a: 'it''s'  # no\n", ("a",), "'it''s'", value="it's"),
    Place("single quotes over lines", "a: 'x\n  y'\nb: c\n", ("a",), "'x\n  y'", value="x y"),
    Place("double quotes", 'a: "\\u00e9\\"x\\\\"\n', ("a",), '"\\u00e9\\"x\\\\"', value='é"x\\'),
    Place("double quotes over lines", 'a: "x \\\n  y"\n', ("a",), '"x \\\n  y"', value="x y"),
    Place("quoted key", "\"a b\": 'c'\n", ("key of a b",), '"a b"'),
    Place("empty quotes", "a: ''\n", ("a",), "''", value=""),
    Place("nothing", "a:\nb: c\n", ("a",), "", value=""),
    Place("nothing before a comment", "a: # no\nb: c\n", ("a",), "", value=""),
    Place("literal", "a: |\n  x\n  y\nb: c\n", ("a",), "|\n  x\n  y", value="x\ny\n"),
    Place("literal without its last newline", "a: |-\n  x\nb: c\n", ("a",), "|-\n  x", value="x"),
    Place("literal with a comment in its header", "a: | # no\n  x\nb: c\n", ("a",), "| # no\n  x", value="x\n"),
    Place("literal with an indentation", "a: |2-\n    x\n  y\nb: c\n", ("a",), "|2-\n    x\n  y", value="  x\ny"),
    Place("literal before blank lines", "a: |\n  x\n\n\nb: c\n", ("a",), "|\n  x", value="x\n"),
    Place("literal that keeps its blank lines", "a: |+\n  x\n\nb: c\n", ("a",), "|+\n  x", value="x\n\n"),
    Place("literal before a comment", "a: |\n  x\n# no\nb: c\n", ("a",), "|\n  x", value="x\n"),
    Place("literal at the end of the file", "a: |\n  x", ("a",), "|\n  x", value="x"),
    Place("literal of nothing", "a: |\nb: c\n", ("a",), "|", value=""),
    Place("literal with Windows line ends", "a: |\r\n  x\r\n\r\nb: c\r\n", ("a",), "|\r\n  x", value="x\n"),
    Place("folded", "a: >-\n  x\n  y\n\n  z\nb: c\n", ("a",), ">-\n  x\n  y\n\n  z", value="x y\nz"),
    Place("Windows line end", "a: word\r\nb: c\r\n", ("a",), "word", value="word"),
    Place("behind characters outside the BMP", "a: 😀\nb: 𝔘nicode\n", ("b",), "𝔘nicode", value="𝔘nicode"),
    Place("explicit key", "? a\n: b\n", ("a",), "b"),
    # --- anchors and tags ---
    Place("anchor", "a: &x word\n", ("a",), "word", "&x word", "word"),
    Place("anchor and tag", "a: &x !!str 012\n", ("a",), "012", "&x !!str 012", "012"),
    Place("tag and anchor", "a: !!str &x '1'\n", ("a",), "'1'", "!!str &x '1'", "1"),
    Place("long tag", "a: !<tag:yaml.org,2002:str> 1\n", ("a",), "1", "!<tag:yaml.org,2002:str> 1", "1"),
    Place("anchor on a literal", "a: &x |\n  y\nb: c\n", ("a",), "|\n  y", "&x |\n  y", "y\n"),
    Place("anchor on a line of its own", "a: &x\n  word\n", ("a",), "word", "&x\n  word", "word"),
    Place("anchor on nothing", "a: &x\nb: c\n", ("a",), "", "&x", ""),
    Place("anchor on an item", "- &x word\n- y\n", (0,), "word", "&x word", "word"),
    Place("anchor on a key", "&x a: b\n", ("key of a",), "a", "&x a"),
    Place("anchor on a block mapping", "a: &x\n  b: c\n  d: e\nf: g\n", ("a",), "b: c\n  d: e", "&x\n  b: c\n  d: e"),
    Place("tag on a block mapping", "a: !override\n  b: c\nd: e\n", ("a",), "b: c", "!override\n  b: c"),
    Place("anchor on a flow mapping", "a: &x {b: c}\n", ("a",), "{b: c}", "&x {b: c}"),
    Place("anchor with a comment behind it", "a: &x # why\n  b: c\n", ("a",), "b: c", "&x # why\n  b: c"),
    Place("tag on a flow sequence", "a: !reset []\n", ("a",), "[]", "!reset []"),
    Place("a bang that is no tag", "a: b!c\n", ("a",), "b!c"),
    Place("alias", "a: &x 1\nb: *x # no\n", ("b",), "*x"),
    Place("alias of a mapping", "a: &x {k: v}\nb: *x\nc: d\n", ("b",), "*x"),
    Place("alias as an item", "- &x 1\n- *x\n", (1,), "*x"),
    Place("alias in flow style", "a: &x 1\nb: [*x, 2]\n", ("b", 0), "*x"),
    Place("merge key", "a: &x {k: v}\nb:\n  <<: *x\n", ("b", "key of <<"), "<<"),
    # --- collections ---
    Place("block mapping", "a:\n  b: c\n  d: e\n\n# no\nf: g\n", ("a",), "b: c\n  d: e"),
    Place("block mapping that ends in nothing", "a:\n  b: c\n  d:\nf: g\n", ("a",), "b: c\n  d:"),
    Place("block mapping that ends in a literal", "a:\n  b: |\n    x\n\nf: g\n", ("a",), "b: |\n    x"),
    Place("block sequence", "a:\n  - b\n  - c # no\n# no\nf: g\n", ("a",), "- b\n  - c"),
    Place("block sequence without indentation", "a:\n- b\n- c\nf: g\n", ("a",), "- b\n- c"),
    Place("block sequence of mappings", "a:\n  - b: c\n    d: e\nf: g\n", ("a",), "- b: c\n    d: e"),
    Place("mapping in an item", "a:\n  - b: c\n    d: e\n", ("a", 0), "b: c\n    d: e"),
    Place("flow mapping", "a: { b: c, d: [e] } # no\n", ("a",), "{ b: c, d: [e] }"),
    Place("flow mapping over lines", "a: {\n  b: c,\n  # no\n}\nd: e\n", ("a",), "{\n  b: c,\n  # no\n}"),
    Place("flow sequence", "a: [ b , 'c' ]\n", ("a",), "[ b , 'c' ]"),
    Place("plain in flow style", "a: [ b c , d]\n", ("a", 0), "b c", value="b c"),
    Place("key without a value in flow style", "a: {b, c: d}\n", ("a", "b"), "", value=""),
    Place("pair in a flow sequence", "a: [b: c]\n", ("a", 0, "b"), "c"),
    Place("plain with a colon in flow style", "a: [b:c, d]\n", ("a", 0), "b:c", value="b:c"),
    Place("JSON", '{"a":{"b":"c"}}', ("a", "b"), '"c"', value="c"),
    Place("empty flow mapping", "a: {}\n", ("a",), "{}"),
    Place("whole file indented", "  a: b\n  c:\n    d: e\n", (), "a: b\n  c:\n    d: e"),
    Place("behind a directive", "%YAML 1.2\n---\na: b\n", ("a",), "b"),
    Place("behind a comment at the top", "# no\n\na: b\n...\n", (), "a: b"),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.title)
def test_node_stands_exactly_where_its_text_is(place: Place, parse: Callable[[str], Document]) -> None:
    document = parse(place.yaml)
    node = node_at(document, *place.path)
    assert place.yaml[node.start : node.end] == place.text
    assert place.yaml[node.outer_start : node.end] == (place.text if place.outer is None else place.outer)
    if place.value is not None:
        assert isinstance(node, Scalar)
        assert node.value == place.value


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.title)
def test_children_stand_inside_their_parents_in_order(place: Place, parse: Callable[[str], Document]) -> None:
    for root in parse(place.yaml).roots:
        for node in walk(root):
            if not isinstance(node, (Mapping, Sequence)):
                continue
            children: list[ParsedNode] = []
            if isinstance(node, Mapping):
                for entry in node.entries:
                    assert entry.owner is node
                    assert entry.end == max(entry.key.end, entry.value.end)
                    children += [entry.key, entry.value]
            else:
                children += node.items
            position = node.start
            for child in children:
                assert position <= child.outer_start <= child.start <= child.end <= node.end
                position = child.end


STYLES = [
    ("a: word", ""),
    ("a:", ""),
    ("a: 'word'", "'"),
    ('a: "word"', '"'),
    ("a: |\n  word", "|"),
    ("a: >\n  word", ">"),
    ("a: &x word", ""),
    ("a: ! word", ""),
    ("a: [word]", ""),
]


@pytest.mark.parametrize(("text", "style"), STYLES)
def test_style_of_a_scalar(text: str, style: str, parse: Callable[[str], Document]) -> None:
    leaves = [node for node in walk(parse(text).roots[0]) if isinstance(node, Scalar)]
    assert leaves[-1].style == style


@pytest.mark.parametrize(
    ("text", "anchor", "tag"),
    [
        ("a: word", None, None),
        ("a: &x-1 word", "x-1", None),
        ("a: !reset word", None, "!reset"),
        ("a: !!str word", None, "tag:yaml.org,2002:str"),
        ("a: !!str &x word", "x", "tag:yaml.org,2002:str"),
        ("a: &x !override {b: c}", "x", "!override"),
        ("a: &x [b]", "x", None),
        ("a: !reset\n  - b", None, "!reset"),
    ],
)
def test_anchor_and_tag(text: str, anchor: str | None, tag: str | None, parse: Callable[[str], Document]) -> None:
    node = node_at(parse(text), "a")
    assert (node.anchor, node.tag) in [(anchor, tag), (anchor, tag and tag.replace("tag:yaml.org,2002:", "!!"))]


def test_windows_and_unix_line_ends_in_one_file(parse: Callable[[str], Document]) -> None:
    text = "a: b\r\nc: |\r\n  d\ne: f\n"
    document = parse(text)
    spans = [text[node.start : node.end] for node in walk(document.roots[0]) if isinstance(node, Scalar)]
    assert spans == ["a", "b", "c", "|\r\n  d", "e", "f"]


@pytest.mark.parametrize("mark", ["﻿".encode(), b"\xff\xfe", b"\xfe\xff"], ids=["UTF-8", "UTF-16 LE", "UTF-16 BE"])
def test_positions_do_not_count_the_byte_order_mark(mark: bytes) -> None:
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(mark, "utf-8")
    source = Source.decode(Path("compose.yml"), mark + "a: größe\n".encode(encoding))
    document = yaml.parse(source)
    node = node_at(document, "a")
    assert source.text[node.start : node.end] == "größe"
    assert source.encode(source.text) == source.data


# --- aliases and merge keys ---


def test_alias_keeps_its_own_place_and_leads_to_its_target(parse: Callable[[str], Document]) -> None:
    document = parse("a: &x\n  k: v\nb: *x\nc: [*x]\n")
    first, second = document.aliases
    assert [document.source.locate(alias.start) for alias in document.aliases] == [(3, 4), (4, 5)]
    assert first.target is second.target is node_at(document, "a")
    assert follow(first) is node_at(document, "a")
    assert isinstance(node_at(document, "b"), Alias)
    assert first.name == "x"


def test_an_anchor_that_is_set_again_counts_from_there_on(parse: Callable[[str], Document]) -> None:
    document = parse("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")
    assert plain(document.roots[0]) == {"a": 1, "b": 1, "c": 2, "d": 2}


MERGES: list[tuple[str, str, dict[str, object]]] = [
    ("brought in", "x: &x {a: 1, b: 2}\ny: {<<: *x, c: 3}", {"a": 1, "b": 2, "c": 3}),
    ("explicit wins behind it", "x: &x {a: 1}\ny: {<<: *x, a: 2}", {"a": 2}),
    ("explicit wins before it", "x: &x {a: 1}\ny: {a: 2, <<: *x}", {"a": 2}),
    ("explicit null wins", "x: &x {a: 1}\ny: {<<: *x, a: }", {"a": None}),
    ("first of a list wins", "x: &x {a: 1}\nz: &z {a: 2, b: 3}\ny: {<<: [*x, *z]}", {"a": 1, "b": 3}),
    ("written out", "y: {<<: {a: 1}, b: 2}", {"a": 1, "b": 2}),
    ("through another", "x: &x {a: 1}\nz: &z {<<: *x, b: 2}\ny: {<<: *z, c: 3}", {"a": 1, "b": 2, "c": 3}),
    ("not deep", "x: &x {a: {k: 1, l: 2}}\ny: {<<: *x, a: {k: 3}}", {"a": {"k": 3}}),
    ("quoted is a key of its own", "x: &x {a: 1}\ny: {'<<': b}", {"<<": "b"}),
    ("nothing to merge", "x: &x {}\ny: {<<: *x, a: 1}", {"a": 1}),
]


@pytest.mark.parametrize(("_title", "text", "expected"), MERGES, ids=[title for title, *_ in MERGES])
def test_merge_keys(_title: str, text: str, expected: object, parse: Callable[[str], Document]) -> None:
    data = plain(parse(text).roots[0])
    assert isinstance(data, dict)
    assert data["y"] == expected


def test_a_merged_entry_tells_where_it_stands(parse: Callable[[str], Document]) -> None:
    document = parse("x: &x\n  a: 1\ny:\n  <<: *x\n  b: 2\n")
    block, user = node_at(document, "x"), node_at(document, "y")
    assert isinstance(block, Mapping)
    assert isinstance(user, Mapping)
    owners = {name: entry.owner for name, entry in user.effective().items()}
    assert owners == {"a": block, "b": user}
    assert user.own("a") is None
    assert isinstance(user.get("a"), Scalar)
    assert user.get("c") is None


def test_reset_is_left_out_of_plain_data(parse: Callable[[str], Document]) -> None:
    assert plain(parse("a: !reset null\nb: 1\nc: {d: !reset [], e: 2}\n").roots[0]) == {"b": 1, "c": {"e": 2}}


def test_documents_of_one_file_in_order(parse: Callable[[str], Document]) -> None:
    document = parse("a: &x 1\n---\nb: 2\n...\n---\nc: 3\n")
    assert [plain(root) for root in document.roots] == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_an_anchor_ends_with_its_document(parse: Callable[[str], Document]) -> None:
    with pytest.raises(UserError) as caught:
        parse("a: &x 1\n---\nb: *x\n")
    assert (caught.value.line, caught.value.column) == (3, 4)


def test_templates_are_values_and_items_with_a_dollar_sign(parse: Callable[[str], Document]) -> None:
    document = parse("${K}: ${A}\nb: [x, '$${B}']\nc: plain\nd: |\n  $C\n")
    assert [node.value for node in document.templates] == ["${A}", "$${B}", "$C\n"]


# --- what is refused, with its place and without any value of the file ---

CANARY = "Canary-Perch-12"


class Refused(NamedTuple):
    title: str
    yaml: str
    line: int
    column: int
    message: str


REFUSED = [
    Refused("tab", f"a:\n\tb: {CANARY}\n", 2, 1, "invalid YAML"),
    Refused("undefined alias", f"a: {CANARY}\nb: *{CANARY}\n", 2, 4, "alias"),
    Refused("alias inside its anchor", "a: &x\n  b: *x\n", 2, 6, "alias"),
    Refused("flow mapping without its end", f"a: {{b: {CANARY}\nc: d\n", 2, 2, "invalid YAML"),
    Refused("two values", f"a: {CANARY}: {CANARY}\n", 1, 19, "invalid YAML"),
    Refused("unknown escape", f'a: "{CANARY}\\q"\n', 1, 21, "invalid YAML"),
    Refused("control character", f"a: {CANARY}\x01\n", 1, 19, "control character"),
    Refused("template braces", f"a: {{{{ {CANARY} }}}}b\n", 1, 24, "invalid YAML"),
    Refused("bad indentation", f"a:\n    b: {CANARY}\n  c: d\n", 3, 3, "invalid YAML"),
    Refused("list in a mapping", f"a: {CANARY}\n- b\n", 2, 1, "invalid YAML"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.title)
def test_refused_text_names_its_place_and_no_value(case: Refused, parse: Callable[[str], Document]) -> None:
    with pytest.raises(UserError) as caught:
        parse(case.yaml)
    error = caught.value
    assert case.message in error.what
    assert CANARY not in str(error)
    assert error.help
    assert error.file == "compose.yml"
    assert error.line == case.line
    # the two parsers differ about where on the line a reader should look
    assert abs(error.column - case.column) <= 2


def test_an_unclosed_quote_is_reported_where_it_opens(parse: Callable[[str], Document]) -> None:
    with pytest.raises(UserError) as caught:
        parse(f'a: b\nc: "{CANARY}\nd: e\n')
    assert (caught.value.line, caught.value.column) == (2, 4)
    assert CANARY not in str(caught.value)


PROBLEMS = [
    ("key twice", f"a: 1\nb: {CANARY}\na: {CANARY}\n", 3, 1, "appears twice"),
    ("key twice in flow style", "x: {a: 1, a: 2}\n", 1, 11, "appears twice"),
    ("number as a key", "a: 1\n5: b\n", 2, 1, "not a string"),
    ("nothing as a key", "~: b\n", 1, 1, "not a string"),
    ("mapping as a key", "{a: b}: c\n", 1, 1, "not a string"),
    ("merge key of a text", f"a:\n  <<: {CANARY}\n", 2, 7, "merge key"),
    ("merge key of a JSON list of strings", "x: &x word\na: {<<: [*x]}\n", 2, 9, "merge key"),
    ("merge key twice", "x: &x {b: c}\na:\n  <<: *x\n  <<: *x\n", 4, 3, "appears twice"),
]


@pytest.mark.parametrize(("_title", "text", "line", "column", "what"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_what_can_be_read_but_is_refused_is_a_problem_of_the_document(
    _title: str, text: str, line: int, column: int, what: str, parse: Callable[[str], Document]
) -> None:
    (problem,) = parse(text).problems
    assert what in problem.what
    assert (problem.file, problem.line, problem.column) == ("compose.yml", line, column)
    assert CANARY not in str(problem)
    assert problem.help


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "\n\n", "---\n"], ids=["empty", "comment", "blank", "marker"]
)
def test_nothing_is_no_mapping(text: str, parse: Callable[[str], Document]) -> None:
    assert not any(isinstance(root, Mapping) for root in parse(text).roots)


def test_depth_is_limited(parse: Callable[[str], Document]) -> None:
    with pytest.raises(UserError) as caught:
        parse("[" * (limits.NODE_DEPTH + 1) + "]" * (limits.NODE_DEPTH + 1))
    assert (caught.value.what, caught.value.column) == ("the file is nested more than 200 deep", 201)
    assert plain(parse("[" * 100 + "]" * 100).roots[0])


def test_depth_is_limited_with_aliases_followed(parse: Callable[[str], Document]) -> None:
    def chain(links: int) -> str:
        lines = [f"a{n}: &a{n} {'[' * 50}{f'*a{n - 1}' if n else 'x'}{']' * 50}" for n in range(links)]
        return "\n".join(lines) + "\n"

    assert plain(parse(chain(3)).roots[0])
    with pytest.raises(UserError) as caught:
        parse(chain(100))
    assert (caught.value.what, caught.value.line) == ("the file's aliases expand to more than 200 levels", 5)


def test_aliases_may_repeat_what_is_large(parse: Callable[[str], Document]) -> None:
    common = ", ".join(f"k{n}: v" for n in range(20))
    services = "".join(f"  s{n}: {{<<: *common}}\n" for n in range(2000))
    document = parse(f"x-common: &common {{{common}}}\nservices:\n{services}")
    (root,) = document.roots
    assert isinstance(root, Mapping)
    assert len(document.aliases_of(root.get("x-common"))) == 2000


def test_aliases_that_unfold_too_far_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 7)]
    with pytest.raises(UserError, match="expand"):
        parse_text("\n".join(lines))


def test_plain_data_of_a_large_alias_is_built_once() -> None:
    lines = ["a0: &a0 [x, x, x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 12))]
    data = plain(parse_text("\n".join(lines)).roots[0])
    assert isinstance(data, dict)
    assert data["a11"][0] is data["a11"][1]


def test_a_node_is_compared_by_identity() -> None:
    roots: list[Content] = [parse_text("a: b").roots[0] for _ in range(2)]
    assert roots[0] != roots[1]


@pytest.mark.parametrize(
    ("text", "place", "what", "cause"),
    [
        ("a:\n  b:\n    - [1, 2\nc: 3\n", (4, 2), "',' or ']' in the list that begins at 3:7", "close the list with ]"),
        ("a: {b: 1\nc: 2\n", (2, 2), "',' or '}' in the mapping that begins at 1:4", "close the mapping with }"),
        (
            "a: b: c\n",
            (1, 5),
            "mapping values are not allowed in this context",
            "quotes around a value that holds `: `",
        ),
        ("x: 1\na: 'b\nc: d\n", (2, 4), "found unexpected end of stream", "close the quote that begins here"),
        ("a:\n\tb: 1\n", (2, 1), "found character that cannot start any token", "never with tabs"),
        ("a: @x\n", (1, 4), "found character that cannot start any token", "needs quotes"),
        ("- a\nb: c\n", (2, 1), "expected '-' indicator in the list that begins at 1:1", "align the items"),
        ('x: "a" b\n', (1, 8), "did not find expected key in the mapping that begins at 1:1", "a closing quote"),
        ("a: |x\n b\n", (1, 5), "expected comment or line break in the text that begins at 1:4", "the line after"),
        ("a: ]\n", (1, 4), "did not find expected node content", "quotes around a value"),
    ],
)
def test_an_error_is_a_whole_sentence_with_its_cause(
    text: str, place: tuple[int, int], what: str, cause: str, parse: Callable[[str], Document]
) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    error = caught.value
    assert (error.line, error.column) == place
    assert error.what.startswith("invalid YAML: ")
    assert error.what.endswith(what)
    assert cause in error.help
    assert error.help.endswith("; `docker compose config` refuses the file, too")
