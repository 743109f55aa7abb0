"""Each patch as it is written and as it is meant, in files with LF, with CRLF and without a last line end."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from dsec_migrate.compose import dotenv
from dsec_migrate.compose.document import Document, Entry, Mapping, ParsedNode, Scalar, Sequence, follow, parse, plain
from dsec_migrate.compose.project import EnvFileText
from dsec_migrate.planning import patches as vocabulary
from dsec_migrate.planning.patches import (
    Bare,
    InsertEntry,
    InsertItem,
    InsertWord,
    Kept,
    Octal,
    Patch,
    Quoted,
    Remove,
    RenameKey,
    Repeat,
    ReplaceComment,
    ReplacePart,
    SetValue,
    without,
)
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.source import Source, Span
from dsec_migrate.verify.interpreter import Interpreter

MOST_KINDS = 10


def document_of(text: str) -> Document:
    return parse(Source(Path("compose.yml"), text.encode(), text))


class At:
    """What stands at the end of a path of keys and numbers in the only YAML document of a text."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def _step(self, path: str) -> tuple[ParsedNode, Entry | None]:
        node: ParsedNode = self.document.roots[0]
        entry: Entry | None = None
        for word in path.split("/") if path else ():
            content = follow(node)
            if isinstance(content, Sequence):
                node, entry = content.items[int(word)], None
            else:
                assert isinstance(content, Mapping)
                entry = content.own(word)
                assert entry is not None
                node = entry.value
        return node, entry

    def node(self, path: str) -> ParsedNode:
        return self._step(path)[0]

    def scalar(self, path: str) -> Scalar:
        node = self.node(path)
        assert isinstance(node, Scalar)
        return node

    def mapping(self, path: str = "") -> Mapping:
        node = self.node(path)
        assert isinstance(node, Mapping)
        return node

    def entry(self, path: str) -> Entry:
        entry = self._step(path)[1]
        assert entry is not None
        return entry


class Case(NamedTuple):
    before: str
    patches: Callable[[Document, At], list[Patch]]
    after: str


CASES: dict[str, Case] = {
    "a key in quotes": Case(
        'a: {"X": one}  # why\n', lambda d, at: [RenameKey(d, at.entry("a/X"), "Y")], 'a: {"Y": one}  # why\n'
    ),
    "a key that gets an ending": Case(
        "X: one\n", lambda d, at: [RenameKey(d, at.entry("X"), "X_FILE")], "X_FILE: one\n"
    ),
    "a key that YAML would read as a number": Case(
        "X: one\n", lambda d, at: [RenameKey(d, at.entry("X"), "12")], '"12": one\n'
    ),
    "a value in single quotes": Case("X: 'one'\n", lambda d, at: [SetValue(d, at.node("X"), "it's")], "X: 'it''s'\n"),
    "a value in double quotes": Case(
        'X: "one"\n', lambda d, at: [SetValue(d, at.node("X"), 'a "b" \\ c')], 'X: "a \\"b\\" \\\\ c"\n'
    ),
    "a value without quotes": Case("X: 1 # why\n", lambda d, at: [SetValue(d, at.node("X"), "a:b")], "X: a:b # why\n"),
    "a value that needs quotes": Case(
        "X: one\n", lambda d, at: [SetValue(d, at.node("X"), "a: b #c")], 'X: "a: b #c"\n'
    ),
    "a number as a text": Case("X: one\n", lambda d, at: [SetValue(d, at.node("X"), "0123")], 'X: "0123"\n'),
    "braces between brackets": Case(
        "X: [one]\n", lambda d, at: [SetValue(d, at.node("X/0"), "${A}/b")], 'X: ["${A}/b"]\n'
    ),
    "braces on a line": Case("X:\n  - one\n", lambda d, at: [SetValue(d, at.node("X/0"), "a${A}")], "X:\n  - a${A}\n"),
    "what was missing": Case("X:\nY: 1\n", lambda d, at: [SetValue(d, at.node("X"), "one")], "X: one\nY: 1\n"),
    "in the place of a block": Case(
        "X: |  # why\n  one\n  two\nY: 1\n", lambda d, at: [SetValue(d, at.node("X"), "one")], "X: one  # why\nY: 1\n"
    ),
    "in the place of an alias": Case(
        "A: &a one\nX: *a\n", lambda d, at: [SetValue(d, at.node("X"), "two")], "A: &a one\nX: two\n"
    ),
    "a tag goes": Case("X: !!str one\n", lambda d, at: [SetValue(d, at.node("X"), "two")], "X: two\n"),
    "a mode": Case("X: '0440'\n", lambda d, at: [SetValue(d, at.node("X"), Octal(0o440))], "X: 0440\n"),
    "a text in quotes in any case": Case(
        "X: one\n", lambda d, at: [SetValue(d, at.node("X"), Quoted("two"))], 'X: "two"\n'
    ),
    "words in the place of words": Case(
        'X: ["CMD", "a", "b c"]\n',
        lambda d, at: [SetValue(d, at.node("X"), ("CMD-SHELL", "a 'b c'"))],
        'X: ["CMD-SHELL", "a \'b c\'"]\n',
    ),
    "words in the place of words line by line": Case(
        "X:\n- CMD\n- a\n- b\nY: 1\n",
        lambda d, at: [SetValue(d, at.node("X"), ("CMD-SHELL", "a b"))],
        'X:\n- CMD-SHELL\n- "a b"\nY: 1\n',
    ),
    "a list in the place of a mapping": Case(
        "X:\n  a:\n    b: 1\nY: 1\n", lambda d, at: [SetValue(d, at.node("X"), (Quoted("a"),))], 'X: ["a"]\nY: 1\n'
    ),
    "a mapping in the place of a text": Case(
        "s:\n  build: .  # here\n  image: x\n",
        lambda d, at: [SetValue(d, at.node("s/build"), {"context": Kept(at.scalar("s/build")), "secrets": ["a"]})],
        "s:\n  build:  # here\n    context: .\n    secrets:\n      - a\n  image: x\n",
    ),
    "a list with a script": Case(
        "s:\n  entrypoint: run me\n  image: x\n",
        lambda d, at: [SetValue(d, at.node("s/entrypoint"), ["/bin/sh", Bare("-ec"), "one\ntwo\n", "sh"])],
        "s:\n  entrypoint:\n    - /bin/sh\n    - -ec\n    - |\n      one\n      two\n    - sh\n  image: x\n",
    ),
    "an entry before another one": Case(
        "e:\n  # what it is\n  X: 1\n",
        lambda d, at: [InsertEntry(d, at.mapping("e"), ("A",), "one", at.entry("e/X"))],
        "e:\n  # what it is\n  A: one\n  X: 1\n",
    ),
    "a definition where there are some": Case(
        'secrets:\n   a:\n     file: "./a"\n# the end\n',
        lambda d, at: [InsertEntry(d, at.mapping(), ("secrets", "b"), {"file": "./b"})],
        'secrets:\n   a:\n     file: "./a"\n   b:\n     file: "./b"\n# the end\n',
    ),
    "a definition where there is none": Case(
        "services:\n  a: {}\n",
        lambda d, at: [
            InsertEntry(d, at.mapping(), ("networks", "b"), {"internal": True}),
            InsertEntry(d, at.mapping(), ("networks", "c"), {"internal": True}),
        ],
        "services:\n  a: {}\n\nnetworks:\n  b:\n    internal: true\n  c:\n    internal: true\n",
    ),
    "a definition in JSON": Case(
        '{"a": 1}\n',
        lambda d, at: [InsertEntry(d, at.mapping(), ("secrets", "b"), {"file": "./b", "mode": Octal(0o400)})],
        '{"a": 1, "secrets": {"b": {"file": "./b", "mode": 256}}}\n',
    ),
    "an item where there are some": Case(
        "s:\n  x:\n  -  a\n  # - b\n  y: 1\n",
        lambda d, at: [InsertItem(d, at.mapping("s"), "x", {"source": "c", "uid": Quoted("1")})],
        's:\n  x:\n  -  a\n  # - b\n  -  source: c\n     uid: "1"\n  y: 1\n',
    ),
    "items between brackets": Case(
        "s:\n  x: [a,]\n",
        lambda d, at: [InsertItem(d, at.mapping("s"), "x", "b"), InsertItem(d, at.mapping("s"), "x", "c")],
        "s:\n  x: [a, b, c]\n",
    ),
    "items where there is no list": Case(
        "s:\n  image: x\n",
        lambda d, at: [InsertItem(d, at.mapping("s"), "x", "b"), InsertItem(d, at.mapping("s"), "x", "c")],
        "s:\n  image: x\n  x:\n    - b\n    - c\n",
    ),
    "an item where an alias stood": Case(
        "a: &a [one]\ns:\n  x: *a\n",
        lambda d, at: [InsertItem(d, at.mapping("s"), "x", "b", (at.node("a/0"),))],
        "a: &a [one]\ns:\n  x:\n    - one\n    - b\n",
    ),
    "an item before another one": Case(
        "x:\n  - a\n",
        lambda d, at: [
            InsertItem(d, node, "", Bare("b=c"), before=node.items[0])
            for node in [at.node("x")]
            if isinstance(node, Sequence)
        ],
        "x:\n  - b=c\n  - a\n",
    ),
    "a new key behind a list that gets longer": Case(
        "s:\n  x:\n    - a\n",
        lambda d, at: [InsertItem(d, at.mapping("s"), "y", "c"), InsertItem(d, at.mapping("s"), "x", "b")],
        "s:\n  x:\n    - a\n    - b\n  y:\n    - c\n",
    ),
    "the deeper key first": Case(
        "s:\n  b:\n    c: 1\n",
        lambda d, at: [InsertItem(d, at.mapping("s"), "x", "1x"), InsertItem(d, at.mapping("s/b"), "x", "2x")],
        's:\n  b:\n    c: 1\n    x:\n      - "2x"\n  x:\n    - "1x"\n',
    ),
    "a line goes with its comment": Case(
        "e:\n  X: 1  # why\n  Y: 2\n", lambda d, at: [Remove(d, at.entry("e/X"))], "e:\n  Y: 2\n"
    ),
    "a line goes, its comment stays": Case(
        "e:\n  X: 1  # why\n  Y: 2\n",
        lambda d, at: [Remove(d, at.entry("e/X"), keeps_comment=True)],
        "e:\n  # why\n  Y: 2\n",
    ),
    "the key goes with the last lines": Case(
        "s:\n  e:  # theirs\n    X: 1\n    Y: 2\n  z: 1\n",
        lambda d, at: [Remove(d, at.entry("s/e/X")), Remove(d, at.entry("s/e/Y"))],
        "s:\n  # theirs\n  z: 1\n",
    ),
    "a block that others take stays": Case(
        "e: &e\n  - X=1\ns:\n  e: *e\n", lambda d, at: [Remove(d, at.node("e/0"))], "e: &e []\ns:\n  e: *e\n"
    ),
    "a block that gets something new stays": Case(
        "s:\n  x:\n    - a\n  z: 1\n",
        lambda d, at: [
            *without(d, at.entry("s/x"), [at.node("s/x/0")], ""),
            InsertItem(d, at.mapping("s"), "x", "b"),
        ],
        "s:\n  x:\n    - b\n  z: 1\n",
    ),
    "parts between braces": Case(
        "s: {a: 1, b: 2, c: 3}\n",
        lambda d, at: [Remove(d, at.entry("s/a")), Remove(d, at.entry("s/c"))],
        "s: {b: 2}\n",
    ),
    "a block goes with the blank line above": Case(
        "a: 1\n\nb:\n  c: 1\n\nd: 1\n", lambda d, at: [Remove(d, at.entry("b"))], "a: 1\n\nd: 1\n"
    ),
    "an entry once more": Case(
        "s:\n  a:\n    file: './a'  # why\n  b: 1\n",
        lambda d, at: [
            Repeat(d, at.entry("s/a"), ((key, "n"), (at.scalar("s/a/file"), "./n")))
            for key in [at.entry("s/a").key]
            if isinstance(key, Scalar)
        ],
        "s:\n  a:\n    file: './a'  # why\n  n:\n    file: './n'\n  b: 1\n",
    ),
    "an item once more": Case(
        "x: [a, 'b']\n", lambda d, at: [Repeat(d, at.node("x/1"), ((at.scalar("x/1"), "c"),))], "x: [a, 'b', 'c']\n"
    ),
    "parts of a text": Case(
        "x: 'say one, one'\n",
        lambda d, at: [ReplacePart(d, at.scalar("x"), Span(9, 12), "$$(cat /two)")],
        "x: 'say one, $$(cat /two)'\n",
    ),
    "lines that come into a script": Case(
        "x:\n  - |\n    one\n    run\n",
        lambda d, at: [
            ReplacePart(d, at.scalar("x/0"), Span(4, 4), "a\n"),
            ReplacePart(d, at.scalar("x/0"), Span(4, 4), "b\n"),
        ],
        "x:\n  - |\n    one\n    a\n    b\n    run\n",
    ),
    "a comment": Case("x: 1  # two\n", lambda d, at: [ReplaceComment(d, Span(8, 11), "***")], "x: 1  # ***\n"),
    "a first line": Case("x: 1\n", lambda d, at: [InsertWord(d, None, "# ours")], "# ours\nx: 1\n"),
    "what is reset is not there": Case(
        "s:\n  x:\n    - !reset a\n    - b\n  y: !reset 1\n",
        lambda d, at: [InsertItem(d, at.mapping("s"), "x", "c"), Remove(d, at.node("s/x/1"))],
        "s:\n  x:\n    - !reset a\n    - c\n  y: !reset 1\n",
    ),
    "the same twice": Case(
        "x: 1\n", lambda d, at: [SetValue(d, at.node("x"), "a"), SetValue(d, at.node("x"), "a")], "x: a\n"
    ),
}
LINE_ENDS = {"lf": ("\n", True), "crlf": ("\r\n", True), "without the last": ("\n", False)}


@pytest.mark.parametrize("line_end", LINE_ENDS)
@pytest.mark.parametrize("name", CASES)
def test_what_is_written_is_what_is_meant(name: str, line_end: str) -> None:
    before, make, after = CASES[name]
    newline, is_ended = LINE_ENDS[line_end]
    text, wanted = (each if is_ended else each.removesuffix("\n") for each in (before, after))
    document = document_of(text.replace("\n", newline))
    patches = make(document, At(document))
    new, _ = rewrite(document, patches)
    # what ends with the file may take the last line end along
    assert new.replace(newline, "\n") in ({wanted} if is_ended else {wanted, f"{wanted}\n"})
    assert newline == "\n" or new.count("\n") == new.count(newline)
    (root,) = document_of(new).roots
    assert plain(root) == Interpreter(patches).data(document.roots[0])


def _two(make: Callable[[Document, At], list[Patch]]) -> list[Patch]:
    text = "s:\n  x: [a, 'one two']\n  y: 1  # one\n"
    document = document_of(text)
    return make(document, At(document))


CONTRADICTIONS: dict[str, Callable[[Document, At], list[Patch]]] = {
    "two names": lambda d, at: [
        RenameKey(d, at.entry("s/y"), "a", "first"),
        RenameKey(d, at.entry("s/y"), "b", "second"),
    ],
    "two values": lambda d, at: [
        SetValue(d, at.node("s/y"), "a", "first"),
        SetValue(d, at.node("s/y"), "b", "second"),
    ],
    "two entries of one name": lambda d, at: [
        InsertEntry(d, at.mapping("s"), ("z",), "a", origin="first"),
        InsertEntry(d, at.mapping("s"), ("z",), "b", origin="second"),
    ],
    "two texts for one part": lambda d, at: [
        ReplacePart(d, at.scalar("s/x/1"), Span(0, 3), "a", "first"),
        ReplacePart(d, at.scalar("s/x/1"), Span(0, 3), "b", "second"),
    ],
    "parts that overlap": lambda d, at: [
        ReplacePart(d, at.scalar("s/x/1"), Span(0, 4), "a", "first"),
        ReplacePart(d, at.scalar("s/x/1"), Span(2, 7), "b", "second"),
    ],
    "a value of what goes": lambda d, at: [
        Remove(d, at.entry("s/y"), origin="first"),
        SetValue(d, at.node("s/y"), "b", "second"),
    ],
    "a part of what goes": lambda d, at: [
        Remove(d, at.node("s/x/1"), origin="first"),
        ReplacePart(d, at.scalar("s/x/1"), Span(0, 3), "b", "second"),
    ],
    "a comment of what goes": lambda d, at: [
        Remove(d, at.entry("s/y"), origin="first"),
        ReplaceComment(d, Span(34, 37), "b", "second"),
    ],
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_patches_that_contradict_each_other_are_refused_with_both_origins(name: str) -> None:
    patches = _two(CONTRADICTIONS[name])
    for pair in (patches, patches[::-1]):
        with pytest.raises(VerificationError, match=r"contradict each other: (first and second|second and first)$"):
            rewrite(pair[0].document, pair)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_of_an_env_file(newline: str) -> None:
    text = "A=1\nexport B='two' # two too\nC=3\n".replace("\n", newline)
    document = EnvFileText(Source(Path(".env"), text.encode(), text), ())
    first, second, third = lines = dotenv.parse(text, {})
    patches = [
        Remove(document, first),
        RenameKey(document, second, "B_FILE"),
        SetValue(document, second, "/run/secrets/b"),
        SetValue(document, third, "a b"),
    ]
    new, _ = rewrite(document, patches)
    assert new == "export B_FILE='/run/secrets/b' # two too\nC='a b'\n".replace("\n", newline)
    found = [(line.name, line.template) for line in dotenv.parse(new, {})]
    assert found == Interpreter(patches).lines(document.source.real_path, lines)


def _kinds() -> set[type[Patch]]:
    """The classes of which patches are made, but for those that others are built on."""
    known = [one for one in vars(vocabulary).values() if isinstance(one, type) and issubclass(one, Patch)]
    return {one for one in known if not any(issubclass(other, one) and other is not one for other in known)}


def test_only_writers_and_the_interpreter_ask_what_kind_a_patch_is() -> None:
    names = {kind.__name__ for kind in _kinds()}
    package = Path(vocabulary.__file__).parents[1]
    known = {package / "verify" / "interpreter.py", Path(vocabulary.__file__), *(package / "rewrite").glob("*.py")}
    asking = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in sorted({*package.rglob("*.py")} - known)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") == "isinstance" or getattr(node.func, "attr", "") == "of")
        and names & {getattr(part, "id", "") for argument in node.args for part in ast.walk(argument)}
    ]
    assert asking == []


def test_what_nobody_writes_is_not_lost_silently() -> None:
    text = "A=1\n"
    document = EnvFileText(Source(Path(".env"), text.encode(), text), ())
    with pytest.raises(VerificationError, match=r"^mine cannot be written into \.env$"):
        rewrite(document, [InsertWord(document, None, "# ours", "mine")])


def test_the_vocabulary_is_small_and_each_word_of_it_is_tried_here() -> None:
    assert len(_kinds()) <= MOST_KINDS
    documents = [(case, document_of(case.before)) for case in CASES.values()]
    assert {type(patch) for case, document in documents for patch in case.patches(document, At(document))} == _kinds()
