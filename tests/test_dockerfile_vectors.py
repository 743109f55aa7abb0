"""Dockerfiles of all shapes (tests/vectors/dockerfiles.json): other readers find the same in them, and nothing is
edited where there is nothing to do.

``dockerfile-ast.json`` is what npm's dockerfile-ast 0.7 reads in them (``dockerfile-ast.mjs`` writes it).
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import ALL, REPOSITORY, docker
from hypothesis import given, settings
from hypothesis import strategies as st

from dsec_migrate import dockerfile
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import DockerfileText
from dsec_migrate.config.options import Options
from dsec_migrate.dockerfile import Dockerfile, Stage
from dsec_migrate.migrate import batch
from dsec_migrate.outcome import DONE, ProjectOutcome
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.source import Source

VECTORS = REPOSITORY / "tests" / "vectors"
TEXTS: dict[str, str] = json.loads((VECTORS / "dockerfiles.json").read_text("utf-8"))
OTHER: dict[str, list[list[Any]]] = json.loads((VECTORS / "dockerfile-ast.json").read_text("utf-8"))
# `ARG A B C` declares three arguments (docker buildx build --call=outline says so, too); dockerfile-ast knows the first
JUDGED = {"arg-7", "arg-12"}
# this one takes a password as an argument
WITH_SECRETS = {"real-java"}


def read(text: str) -> Dockerfile:
    return dockerfile.read(Source(Path("Dockerfile"), text.encode(), text))


def test_there_are_enough_of_them() -> None:
    assert len(TEXTS) >= 150
    assert TEXTS.keys() == OTHER.keys()
    keywords = {one.keyword for text in TEXTS.values() for one in read(text).instructions}
    assert keywords >= {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
        "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    }  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_another_reader_finds_the_same_instructions(name: str) -> None:
    text, found = TEXTS[name], read(TEXTS[name])
    ours = [
        [
            one.keyword,
            one.line,
            text.count("\n", 0, max(one.span.end - 1, one.span.start)) + 1,
            [each.name for each in dockerfile.declared(one, found.escape)],
            [text[flag.span.start : flag.span.end] for flag in one.flags],
        ]
        for one in found.instructions
    ]
    theirs = [
        [keyword, line, end, names if keyword in {"ARG", "ENV"} else [], flags]
        for keyword, line, end, names, flags in OTHER[name]
    ]
    assert (ours != theirs) == (name in JUDGED)


def migrated(folder: Path, text: str) -> ProjectOutcome:
    (folder / "Dockerfile").write_bytes(text.encode())
    outcome = batch.run([ProjectFiles((folder / "Dockerfile",), folder)], Options(docker=False), shell={}, write=True)
    assert outcome.status() == DONE, [error.what for error in outcome.projects[0].errors]
    return outcome.projects[0]


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_edited_where_there_is_nothing_to_do(name: str, tmp_path: Path) -> None:
    changed = migrated(tmp_path, TEXTS[name]).rewritten != ()
    assert changed == (name in WITH_SECRETS)
    assert ((tmp_path / "Dockerfile").read_bytes() != TEXTS[name].encode()) == changed


@settings(deadline=None)
@given(st.lists(st.sampled_from([*TEXTS.values(), "\\", "\n", "\r\n", " ", "# c\n", "<<EOF\n", "'", '"', "\t", "é"])))
def test_a_dockerfile_without_changes_is_the_same_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    source = Source(Path("Dockerfile"), text.encode(), text)
    assert rewrite(DockerfileText(source, (), dockerfile=dockerfile.read(source)), []) == (text, ())


LINES = st.sampled_from(
    [
        "ARG OTHER=1\n",
        "ARG DEPLOY_TOKEN\n",
        "ARG ONE DEPLOY_TOKEN TWO=2\n",
        "ARG DEPLOY_TOKEN=Larkspur-Hinge-41 ONE\n",
        'RUN deploy "$DEPLOY_TOKEN"\n',
        "RUN a \\\n# why\n && deploy ${DEPLOY_TOKEN}\n",
        "RUN <<EOF\ndeploy $DEPLOY_TOKEN\nEOF\n",
        "RUN --mount=type=cache,target=/c deploy\n",
        "RUN true\n",
        "USER 1000\n",
        "FROM busybox:stable AS next\n",
        "# DEPLOY_TOKEN\n",
        "\n",
    ]
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=12).map("".join))
def test_an_argument_leaves_nothing_behind(body: str) -> None:
    """Whatever stands around it: no ARG declares it any more, and who named it has the mount; or all is as it was."""
    text = f"FROM busybox:stable\n{body}"
    with tempfile.TemporaryDirectory() as folder:
        outcome = migrated(Path(folder), text)
        new = read((Path(folder) / "Dockerfile").read_bytes().decode())
    declared = [each.name for one in new.instructions for each in dockerfile.declared(one, new.escape)]
    if not outcome.rewritten:
        assert new.source.text == text
        return
    assert "DEPLOY_TOKEN" not in declared
    old = read(text)
    assert len([one for one in old.instructions if one.keyword == "RUN"]) == len(
        [one for one in new.instructions if one.keyword == "RUN"]
    )
    known = False
    after = iter(one for one in new.instructions if one.keyword == "RUN")
    for one in old.instructions:
        if one.keyword == "FROM":
            known = False
        known = known or any(each.name == "DEPLOY_TOKEN" for each in dockerfile.declared(one))
        if one.keyword == "RUN":
            mounts = [flag.value or "" for flag in next(after).flags if flag.name == "mount"]
            names_it = "$DEPLOY_TOKEN" in TOKEN.sub("$DEPLOY_TOKEN", text[one.span.start : one.span.end])
            if known and names_it:
                assert any("env=DEPLOY_TOKEN" in mount for mount in mounts)
            elif not known:
                assert not any("env=DEPLOY_TOKEN" in mount for mount in mounts)


TOKEN = re.compile(r"\$\{DEPLOY_TOKEN\}")


# --- BuildKit's own opinion ---


def outline(text: str, folder: Path) -> Any:
    """What BuildKit says that a build takes; None where it does not read the file."""
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_bytes(text.encode())
    result = docker("buildx", "build", "--call=outline,format=json", str(folder))
    return json.loads(result.stdout) if result.returncode == 0 else None


def complaints(text: str, folder: Path) -> tuple[bool, set[str]]:
    """Whether ``--check`` takes the file, and the rules that it finds broken."""
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_bytes(text.encode())
    result = docker("buildx", "build", "--call=check,format=json", str(folder))
    try:
        found = json.loads(result.stdout)
    except ValueError:
        return False, set()
    return "buildError" not in found, {warning["ruleName"] for warning in found.get("warnings") or ()}


def reached(found: Dockerfile) -> list[Stage]:
    """The stages that the last one is made of."""
    stages = dockerfile.stages(found)
    names = {(stage.name or str(stage.number)).lower(): stage for stage in stages}
    reach: list[Stage] = []
    todo = [stages[-1]] if stages else []
    while todo:
        stage = todo.pop()
        if stage in reach:
            continue
        reach.append(stage)
        todo += [stages[stage.base]] if stage.base is not None else []
        todo += [
            names[source.lower()]
            for one in stage.instructions
            if (source := one.flag("from")) is not None and source.lower() in names
        ]
    return reach


def mounted(stages: list[Stage], kind: str) -> Iterator[str]:
    for stage in stages:
        for one in stage.instructions:
            for flag in one.flags if one.keyword == "RUN" else ():
                options = dict(part.partition("=")[::2] for part in (flag.value or "").split(","))
                if flag.name == "mount" and options.get("type") == kind:
                    yield options.get("id") or ("default" if kind == "ssh" else Path(options.get("target", "")).name)


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_buildkit_finds_the_same_arguments_and_secrets(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        outlines = list(pool.map(outline, TEXTS.values(), [tmp_path / name for name in TEXTS]))
    differences = []
    compared = 0
    for (name, text), told in zip(TEXTS.items(), outlines, strict=True):
        if told is None:
            continue
        compared += 1
        found = read(text)
        stages = reached(found)
        inside = [one for stage in stages for one in stage.instructions]
        first = next((one.line for one in found.instructions if one.keyword == "FROM"), 0)
        above = [one for one in found.instructions if one.line < first]
        arguments = {
            each.name for one in (*above, *inside) if one.keyword == "ARG" for each in dockerfile.declared(one)
        }
        ours = (arguments, set(mounted(stages, "secret")), set(mounted(stages, "ssh")))
        theirs = tuple({each["name"] for each in told.get(key) or ()} for key in ("args", "secrets", "ssh"))
        if ours != theirs:
            differences.append((name, ours, theirs))
    assert differences == []
    assert compared >= 140


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_what_buildkit_takes_it_takes_after_a_change(tmp_path: Path) -> None:
    """Each file with a further argument that is a secret, behind its first stage's FROM."""
    texts = {}
    for name, text in list(TEXTS.items())[:: 1 if ALL else 4]:
        head = next(one for one in read(text).instructions if one.keyword == "FROM")
        newline = "\r\n" if "\r\n" in text else "\n"
        lines = f'ARG DEPLOY_TOKEN{newline}RUN test -n "$DEPLOY_TOKEN"{newline}'
        start = text[: head.span.end]
        rest = text[head.span.end :].removeprefix(newline)
        texts[name] = f"{start}{newline}{lines}{rest}"
    for name, text in texts.items():
        (tmp_path / name).mkdir()
        assert migrated(tmp_path / name, text).rewritten, name
    after = {name: (tmp_path / name / "Dockerfile").read_bytes().decode() for name in texts}
    folders = [tmp_path / f"{name}-check" for name in texts]
    with ThreadPoolExecutor(4) as pool:
        befores = list(pool.map(complaints, texts.values(), folders))
        afters = list(pool.map(complaints, after.values(), folders))
    worse = [
        name
        for name, before, now in zip(texts, befores, afters, strict=True)
        if (before[0] and not now[0]) or now[1] - before[1]
    ]
    assert worse == []
    assert sum(taken for taken, _ in befores) >= len(texts) * 6 // 7
