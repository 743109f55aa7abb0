"""Dockerfiles are read as BuildKit reads them, and nothing of them is lost."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import docker
from hypothesis import given
from hypothesis import strategies as st

from dsec_migrate import dockerfile
from dsec_migrate.dockerfile.run_commands import may_read_variables
from dsec_migrate.text.source import Source
from dsec_migrate.verify import buildkit
from dsec_migrate.verify.dockerfile_stages import lacking


def read(text: str) -> dockerfile.Dockerfile:
    return dockerfile.read(Source(Path("Dockerfile"), text.encode(), text))


def shown(text: str) -> list[tuple[str, str]]:
    return [(one.keyword, one.text) for one in read(text).instructions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nRUN b\n", [("FROM", "a"), ("RUN", "b")]),
        ("from a as b", [("FROM", "a as b")]),
        ("RUN a \\\n  b", [("RUN", "a   b")]),
        ("RUN a \\  \n  b", [("RUN", "a   b")]),
        ("RUN a \\\n# why\n\n  && b\nUSER c", [("RUN", "a   && b"), ("USER", "c")]),
        ("# escape=`\nRUN a `\n b\\\nUSER c", [("RUN", "a  b\\"), ("USER", "c")]),
        ("RUN a\n# escape=`\nRUN b \\\n c", [("RUN", "a"), ("RUN", "b  c")]),
        ("  \n\t\n  RUN  a  \n", [("RUN", "a")]),
        ("RUN a\r\nUSER b\r\n", [("RUN", "a"), ("USER", "b")]),
        ("RUN <<EOF\nUSER no\nEOF\nUSER yes", [("RUN", "<<EOF"), ("USER", "yes")]),
        ("RUN <<-EOF cat\n\tUSER no\n\tEOF\nUSER yes", [("RUN", "<<-EOF cat"), ("USER", "yes")]),
        ("COPY <<a <<'b' /x/\n1\na\n2\nb\nUSER c", [("COPY", "<<a <<'b' /x/"), ("USER", "c")]),
        ("RUN echo 1 <<<EOF\nUSER c", [("RUN", "echo 1 <<<EOF"), ("USER", "c")]),
        ("ENV A <<EOF\nUSER c", [("ENV", "A <<EOF"), ("USER", "c")]),
        ("ONBUILD RUN a \\\n b", [("ONBUILD", "RUN a  b")]),
        ("RUN --mount=type=secret,id=x --network=none a", [("RUN", "a")]),
        ("COPY --from=b --chown=1:1 /a /b", [("COPY", "/a /b")]),
        ("RUN a --flag=b", [("RUN", "a --flag=b")]),
        ("RUN a \\", [("RUN", "a")]),
        ("", []),
        # two escape characters are one that is meant
        ("ENV A=C:\\\\\nUSER c", [("ENV", "A=C:\\\\"), ("USER", "c")]),
        ("RUN a \\\\\\\nUSER c", [("RUN", "a \\\\\\"), ("USER", "c")]),
        # only white space ends a keyword
        ("RUN<<EOF\nUSER c", [("RUN<<EOF", ""), ("USER", "c")]),
        ("RUN -- a", [("RUN", "a")]),
        ("COPY --from=b -- --x /y", [("COPY", "--x /y")]),
        ("CMD --x a", [("CMD", "a")]),
        ("CMD\nENTRYPOINT", [("CMD", ""), ("ENTRYPOINT", "")]),
        ("RUN <<EOF\r\na\r\nEOF\r\nUSER c\r\n", [("RUN", "<<EOF"), ("USER", "c")]),
    ],
)
def test_instructions(text: str, expected: list[tuple[str, str]]) -> None:
    assert shown(text) == expected


# what stands behind RUN, and the name of the here-document that it begins, as BuildKit tells it
SIGNS = {
    "<<CMD": "CMD",
    "cat <<CMD > /x": "CMD",
    "cat << CMD > /x": "CMD",
    "cat <<- CMD": None,
    "cat <<-\tCMD": None,
    "<<-CMD": "CMD",
    "<< -CMD": "-CMD",
    "3<<CMD": "CMD",
    "cat <<'CMD'": "CMD",
    'cat <<"CMD"': "CMD",
    "cat <<C'M'D": "CMD",
    "cat <<\\CMD": "CMD",
    "cat << 'CMD'": "CMD",
    "cat <<CMD | tr \"a\" 'b'": "CMD",
    "x=${Y:-z} cat <<CMD": "CMD",
    "x=${Y} cat <<CMD": "CMD",
    "x=$Y cat <<CMD": "CMD",
    "x=$(y) cat <<CMD": "CMD",
    "cat ${X:-a <<CMD b}": "CMD",
    'echo "cat <<CMD"': None,
    "echo 'cat <<CMD'": None,
    'python3 -c "print(1<<x)"': None,
    "echo $((1<<N))": None,
    "echo a<<CMD": None,
    "cat <<<CMD": None,
    "cat <<CMD<x": None,
    "cat \\<<CMD": None,
    "cat 3\\<<CMD": None,
    "<<": None,
    "cat <<''": None,
    # a quote or a substitution that does not end, or is none
    "echo it's; cat <<CMD": None,
    'echo 2" <<CMD': None,
    "x=${Y^^} cat <<CMD": None,
    "x=${Y:0:1} cat <<CMD": "CMD",
    "x=${Y:#a} cat <<CMD": None,
    "x=${Y:": None,
    "x=${Y/a/b} cat <<CMD": "CMD",
    "x=${} cat <<CMD": None,
    "x=${Y cat <<CMD": None,
    '["cat", "<<CMD"]': None,
    '["cat", <<CMD': "CMD",
    "<<${X:-CMD}": None,
    '<<"${X:-CMD}"': None,
    "echo '${' <<CMD": "CMD",
    "echo \\' <<CMD": "CMD",
    'echo "\\"" <<CMD': "CMD",
    "echo 1 <<2": "2",
    "--mount=type=cache,target=/c <<CMD": "CMD",
}


@pytest.mark.parametrize("line", SIGNS)
def test_here_documents_begin_where_buildkit_sees_them(line: str) -> None:
    name = SIGNS[line]
    text = f"FROM a\nRUN {line}\nARG INSIDE\n{name or 'CMD'}\nARG BEHIND\n"
    found = [one for one in read(text).instructions if one.keyword != "FROM"]
    inside = ["RUN", "ARG"] if name else ["RUN", "ARG", "CMD", "ARG"]
    assert [one.keyword for one in found] == inside
    assert [each.name for each in found[0].heredocs] == ([name] if name else [])
    assert [node.keyword for node in buildkit.parse(text).nodes] == ["FROM", *inside]


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_buildkit_sees_here_documents_there_itself(tmp_path: Path) -> None:
    """Asks which ARG lines are instructions: that of the content is none."""

    def arguments(line: str) -> list[str] | None:
        folder = tmp_path / str(list(SIGNS).index(line))
        folder.mkdir()
        name = SIGNS[line] or "CMD"
        text = f"FROM busybox:stable\nRUN {line}\nARG INSIDE\n{name}\nARG BEHIND\n"
        (folder / "Dockerfile").write_text(text, encoding="utf-8")
        told = docker("buildx", "build", "--call=outline,format=json", str(folder))
        return sorted(each["name"] for each in json.loads(told.stdout)["args"]) if told.returncode == 0 else None

    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(SIGNS, pool.map(arguments, SIGNS), strict=True))
    assert found == {line: ["BEHIND"] if name else ["BEHIND", "INSIDE"] for line, name in SIGNS.items()}


LEXED = st.lists(
    st.sampled_from(
        [
            "<<",
            "<",
            "-",
            " ",
            "  ",
            "\t",
            "EOF",
            "1",
            "a",
            "'",
            '"',
            "\\",
            "$",
            "${",
            "}",
            ":-",
            "/",
            "X",
            "[",
            "]",
            ",",
            "#",
        ]
    ),
    max_size=14,
).map("".join)


@given(st.lists(st.tuples(st.sampled_from(["RUN ", "COPY ", "ONBUILD RUN ", "RUN --x=y ", "ENV "]), LEXED), max_size=4))
def test_two_readers_agree(lines: list[tuple[str, str]]) -> None:
    """The one of the proof is written in another way."""
    text = "FROM a\n" + "".join(f"{keyword}{line}\nARG A\nEOF\n" for keyword, line in lines)
    ours, theirs = read(text), buildkit.parse(text)
    assert [one.line for one in ours.instructions] == [node.line for node in theirs.nodes]
    for one, node in zip(ours.instructions, theirs.nodes, strict=True):
        owner = one.trigger or one
        assert (f"ONBUILD {owner.keyword}" if one.trigger else one.keyword, owner.text) == (
            node.keyword,
            node.arguments,
        )
        assert [f"{flag.name}={flag.value}" if flag.value is not None else flag.name for flag in owner.flags] == list(
            node.flags
        )
        contents = [text[slice(*each.content)].removesuffix("\n") for each in owner.heredocs]
        assert contents == [content.removesuffix("\n") for content in node.contents]


WRONG = {
    "RUN x": "RUN is above",
    "FROM a\nRUNNN x": "no such instruction",
    "FROM": "needs an argument",
    "FROM a\nHEALTHCHECK": "needs an argument",
    "FROM a\nHEALTHCHECK CMD": "CMD and a command",
    "FROM a\nRUN <<EOF\nx": "not terminated",
    "FROM a\nCOPY x": "more arguments",
    "FROM a\nENV a=1 b": "NAME=value",
    "FROM a b": "AS a name",
    "FROM a\nRUN [1]": "JSON list of strings",
    "FROM a\nONBUILD FROM x": "no trigger",
    "FROM a\nCMD --x y": "no flags",
    "FROM a\nARG =x": "before the =",
    "# nothing": "no FROM",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_buildkit_refuses_is_known(text: str) -> None:
    found = dockerfile.mistake(read(text))
    assert found is not None
    assert WRONG[text] in found.what


@pytest.mark.parametrize(
    "text", ["FROM a\nCMD\nENTRYPOINT\nRUN", "ARG A\nFROM a AS b", 'FROM a\nENV "a b"=c', "FROM a\nONBUILD COPY x"]
)
def test_what_buildkit_takes_is_no_mistake(text: str) -> None:
    assert dockerfile.mistake(read(text)) is None


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("text", [text for text in WRONG if "FROM a b" not in text])
def test_buildkit_refuses_it_itself(text: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(text.replace("FROM a", "FROM busybox:stable"), encoding="utf-8")
    assert docker("buildx", "build", "--call=check", str(tmp_path)).returncode != 0


def test_positions_speak_of_the_file() -> None:
    text = "FROM a\nRUN --mount=type=cache,target=/c \\\n  # comment\n  curl \\\n    -u $TOKEN x\nUSER b\n"
    run = read(text).instructions[1]
    start = run.text.index("$TOKEN")
    span = run.place(start, start + len("$TOKEN"))
    assert text[span.start : span.end] == "$TOKEN"
    (flag,) = run.flags
    assert text[flag.span.start : flag.span.end] == "--mount=type=cache,target=/c"
    assert (flag.name, flag.value) == ("mount", "type=cache,target=/c")
    assert text[run.span.start : run.span.end].startswith("RUN")
    assert text[run.span.start : run.span.end].endswith("x")
    assert run.line == 2


def test_here_documents() -> None:
    text = "RUN <<'one' <<two\n$A\none\nb\ntwo\nUSER c"
    run = read(text).instructions[0]
    found = [(doc.name, text[doc.content.start : doc.content.end], doc.expands) for doc in run.heredocs]
    assert found == [("one", "$A\n", False), ("two", "b\n", True)]
    assert text[run.span.start : run.span.end] == text[: text.index("\nUSER")]


PIECES = st.sampled_from(
    [
        "FROM a",
        "RUN b",
        "\\",
        "\n",
        "\r\n",
        " ",
        "\t",
        "# c",
        "<<EOF",
        "EOF",
        "'",
        '"',
        "ENV A=1 B='2 3'",
        "`",
        "$X",
        "é",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_every_instruction_stands_where_it_says(text: str) -> None:
    found = read(text).instructions
    end = 0
    for one in found:
        assert end <= one.span.start <= one.span.end <= len(text)
        end = one.span.end
        assert len(one.offsets) == len(one.text) + 1
        assert all(text[place] == character for place, character in zip(one.offsets, one.text, strict=False))
    # what no instruction holds is white space and comments
    position, rest = 0, []
    for one in found:
        rest.append(text[position : one.span.start])
        position = one.span.end
    for line in "".join([*rest, text[position:]]).splitlines():
        assert not line.strip() or line.strip().startswith("#") or line.strip() in {"\\", "`"} or not found


LAUNCHES = {
    "nothing": "FROM busybox:stable\n",
    "a command": 'FROM busybox:stable\nCMD ["echo", "$X"]\n',
    "a command for a shell": "FROM busybox:stable\nCMD echo $X && true\n",
    "an entrypoint takes the base's command": 'FROM busybox:stable\nENTRYPOINT ["/bin/echo"]\n',
    "an entrypoint behind a command": 'FROM busybox:stable\nCMD ["a"]\nENTRYPOINT ["/bin/echo"]\n',
    "another shell": 'FROM busybox:stable\nSHELL ["/bin/ash", "-c"]\nENTRYPOINT echo hello\nUSER 1000\n',
    "a stage on a stage": (
        'ARG TAG=stable\nFROM busybox:${TAG} AS one\nCMD ["one"]\nENTRYPOINT ["/e"]\nFROM one\nCMD ["two"]\n'
    ),
    "an entrypoint on a stage with a command": (
        'FROM busybox:stable AS one\nCMD ["one"]\nFROM one\nENTRYPOINT ["/bin/echo"]\n'
    ),
    "an entrypoint taken back": 'FROM busybox:stable AS one\nENTRYPOINT ["/e"]\nFROM one\nENTRYPOINT []\nCMD ["x"]\n',
}


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("title", LAUNCHES)
def test_a_container_starts_as_its_stages_say(title: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(LAUNCHES[title], encoding="utf-8")
    tag = f"dsec-launch-{uuid.uuid4().hex[:10]}"
    built = docker("build", "--quiet", "--tag", tag, ".", cwd=tmp_path)
    assert built.returncode == 0, built.stderr.decode()
    try:
        config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", tag).stdout)
    finally:
        docker("image", "rm", "--force", tag)
    stages = dockerfile.stages(read(LAUNCHES[title]))
    found = dockerfile.launch(stages, stages[-1])
    assert list(found.entrypoint or ()) == (config.get("Entrypoint") or [])
    # that of busybox itself
    assert list(found.command if found.command is not None else ["sh"]) == (config.get("Cmd") or [])
    assert (found.user or "") == (config.get("User") or "")
    assert found.image == "busybox:stable"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("chmod 600 ~/k", ""),
        ("chmod 600 ~/k && rm -f /root/k", ""),
        ("chmod 0400 /root/k && git clone x", "git clone x"),
        ("git clone x && rm '/root/k'", "git clone x"),
        ("a && chmod u=r,go= ~/k && rm -rf ~/k ; b", "a ; b"),
        ("a; chmod 600 ~/k && b\nrm ~/k", "a; b\nrm ~/k"),
        ("a || chmod 600 ~/k", "a || chmod 600 ~/k"),
        ("rm ~/k ~/other && b", "rm ~/k ~/other && b"),
        ("chown me ~/k && b", "chown me ~/k && b"),
        ("if a; then chmod 600 ~/k; fi", "if a; then chmod 600 ~/k; fi"),
        ("b; rm ~/k", "b; rm ~/k"),
        ("(chmod 600 ~/k) && b", "(chmod 600 ~/k) && b"),
        ("chmod 600 ~/keys && b", "chmod 600 ~/keys && b"),
    ],
)
def test_steps_that_handle_one_file_only_are_told(text: str, rest: str) -> None:
    for part in reversed(list(dockerfile.handling(text, ["/root/k", "~/k"]))):
        text = text[: part.start] + text[part.end :]
    assert text == rest


STAGES = """FROM node AS base
ARG TOKEN
COPY .npmrc /app/
FROM base AS packages
RUN npm login $TOKEN
FROM base
COPY --from=packages /app /app
RUN cp /app/.npmrc /root
"""


@pytest.mark.parametrize(
    ("new", "lines"),
    [
        (STAGES, [5, 8]),
        (STAGES.replace("RUN npm", "RUN --mount=type=secret,id=token,env=TOKEN npm"), [8]),
        (STAGES.replace("RUN npm", "RUN --mount=type=secret,id=token,env=TOKEN2 npm"), [5, 8]),
        (STAGES.replace("RUN cp", "RUN --mount=type=secret,id=npmrc,target=/app/.npmrc cp"), [5]),
        (STAGES.replace("RUN npm login $TOKEN\n", ""), [8]),
        (STAGES.replace("AS packages", "AS other"), [5, 8]),
    ],
)
def test_the_proof_knows_which_run_lacks_what_it_has_today(new: str, lines: list[int]) -> None:
    """The second reader's own word, so that a fault of the first one is found before a file is written."""
    found = lacking(buildkit.parse(STAGES).nodes, buildkit.parse(new).nodes, {"TOKEN"}, {".npmrc"})
    assert [node.line for node in found] == lines


def test_the_proof_asks_only_for_what_a_stage_has() -> None:
    text = "FROM node AS one\nARG TOKEN\nRUN true\nFROM node\nRUN echo $TOKEN .npmrc $TOKENS\n"
    nodes = buildkit.parse(text).nodes
    assert list(lacking(nodes, nodes, {"TOKEN"}, {".npmrc"})) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN apk add --no-cache git && mkdir -p /app; chown web /app", False),
        ("RUN set -eux; export DEBIAN_FRONTEND=noninteractive; apt-get update", False),
        ("RUN if [ -f a ]; then rm a; fi", False),
        ("RUN echo 'npm ci; env' > /usage", False),
        ('RUN ["mkdir", "/app"]', False),
        ("RUN set > /all", True),
        ("RUN export -p", True),
        ("RUN env | grep VITE_", True),
        ("RUN A=1 printenv", True),
        ("RUN apk add git && ./configure", True),
        ("RUN echo $(node -p 1)", True),
        ('RUN echo "`make version`"', True),
        ("RUN find . -name x -exec y {} +", True),
        ('RUN ["/usr/bin/npm", "ci"]', True),
        ("RUN <<END\nmkdir /app\nEND", False),
        ("RUN <<END\nmkdir /app\nmake\nEND", True),
    ],
)
def test_which_run_may_read_a_variable_unnamed(text: str, expected: bool) -> None:
    found = read(f"FROM busybox\n{text}\n")
    assert may_read_variables(found, found.instructions[1]) is expected


@pytest.mark.parametrize(
    ("run", "takes"),
    [
        ("cp -r /app /srv", True),
        ("mv /app/. /srv/", True),
        ("tar -czf /app.tgz /app", True),
        ("tar cf - . | tar xf - -C /srv", True),
        ("cd /app && cp -r . /srv", True),
        ("rsync -a ./ /srv/", True),
        ("ln -s /app /srv", True),
        # a pattern of a shell leaves out what begins with a dot
        ("cp -r * /srv/", False),
        ("npm ci && cp -a $PWD/. /srv", True),
        ("cp -r /app/dist /srv", False),
        ("cp -r dist /srv", False),
        ("cp /tmp/x /app", False),
        ("tar xzf /tmp/x.tgz -C /app", False),
        ("ln -s /srv /app", False),
        ("npm ci", False),
    ],
)
@pytest.mark.parametrize("form", ["RUN {}", "RUN ['/bin/sh', '-c', '{}']", "RUN <<E\n{}\nE"])
def test_a_run_that_takes_the_folder_of_a_file_takes_the_file(run: str, takes: bool, form: str) -> None:
    line = form.replace("'", '"').format(run)
    text = f"FROM node AS one\nWORKDIR /app\nCOPY .npmrc /app/\n{line}\n"
    read = dockerfile.read(Source(Path("Dockerfile"), text.encode(), text))
    copy = read.instructions[2]
    assert bool(dockerfile.travels(read, copy, "/app/.npmrc").obstacle) == takes
