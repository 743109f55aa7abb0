"""Real files with damage: each ends as done or as refused, soon, and nothing is ever written by halves.

Mutant number N of a seed is always the same one: ``mutant(files, N)`` builds it again. DSEC_MUTANTS sets how many are
tried, DSEC_MUTANTS_FROM the first, DSEC_MUTANTS_SEED the seed.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import RealFile, snapshot

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.config.options import Options, SourceKind, Unknown
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import BAD_INPUT, DONE, ProjectOutcome
from dsec_migrate.planning.secret_files import Disk

SEED = int(os.environ.get("DSEC_MUTANTS_SEED", "1"))
FIRST = int(os.environ.get("DSEC_MUTANTS_FROM", "0"))
COUNT = int(os.environ.get("DSEC_MUTANTS", "500"))
SECONDS = 2.0
SHOWN = 20

# what a slip of the keyboard, a bad merge or a bad editor leaves behind
FRAGMENTS = (
    b"'", b'"', b"|", b">", b"|-\n", b"{", b"}", b"[", b"]", b"- ", b": ", b":", b"#", b" #", b",", b"\t", b"\r", b"\n",
    b"\r\n", b"  ", b"&a ", b"*a", b"*a ", b"!reset ", b"!override ", b"!!str ", b"!!binary ", b"!x ", b"? ", b"---\n",
    b"...\n", b"<<: ", b"<<: *a\n", b"$", b"$$", b"${", b"${A", b"${A:-", b"}", b"~", b"null", b"0", b"=", b"\\",
    b"\x00", b"\x7f", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff", b"\xc3\xa4", b"%YAML 1.1\n",
    b"<<<<<<< HEAD\n", b"environment:\n", b"secrets:\n", b"secrets: []\n", b"env_file: .env\n",
)  # fmt: skip

_SECRET_REFERENCE = re.compile(rb"\$\{?[A-Z0-9_]*(?:PASS|SECRET|TOKEN|KEY)[A-Z0-9_]*(?::?[-?][^}\n]*)?\}?")

Mutation = Callable[[random.Random, bytes], bytes]


def _on_lines(change: Callable[[random.Random, list[bytes]], None]) -> Mutation:
    def mutate(generator: random.Random, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        if lines:
            change(generator, lines)
        return b"".join(lines)

    return mutate


def _delete_line(generator: random.Random, lines: list[bytes]) -> None:
    del lines[generator.randrange(len(lines))]


def _double_line(generator: random.Random, lines: list[bytes]) -> None:
    number = generator.randrange(len(lines))
    lines.insert(number, lines[number])


def _swap_lines(generator: random.Random, lines: list[bytes]) -> None:
    one, other = generator.randrange(len(lines)), generator.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _move_lines(generator: random.Random, lines: list[bytes]) -> None:
    start = generator.randrange(len(lines))
    block = lines[start : start + generator.randint(1, 8)]
    del lines[start : start + len(block)]
    target = generator.randint(0, len(lines))
    lines[target:target] = block


def _indent_lines(generator: random.Random, lines: list[bytes]) -> None:
    start = generator.randrange(len(lines))
    for number in range(start, min(start + generator.randint(1, 4), len(lines))):
        lines[number] = generator.choice((b"  " + lines[number], lines[number].lstrip(b" "), lines[number][1:]))


def _delete_bytes(generator: random.Random, data: bytes) -> bytes:
    start = generator.randrange(len(data) + 1)
    return data[:start] + data[start + generator.choice((1, 1, 1, 2, 7, 40)) :]


def _double_bytes(generator: random.Random, data: bytes) -> bytes:
    start = generator.randrange(len(data) + 1)
    end = start + generator.choice((1, 1, 1, 2, 7, 40))
    return data[:end] + data[start:end] + data[end:]


def _swap_bytes(generator: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    one = generator.randrange(len(data))
    other = generator.choice((min(one + 1, len(data) - 1), generator.randrange(len(data))))
    changed[one], changed[other] = changed[other], changed[one]
    return bytes(changed)


def _put_fragment(generator: random.Random, data: bytes) -> bytes:
    # in front of a line's text or anywhere
    starts = [match.end() for match in re.finditer(rb"(?m)^ *(?:- )?(?:[A-Za-z_]+: )?", data)] or [0]
    start = generator.choice((generator.choice(starts), generator.randrange(len(data) + 1)))
    return data[:start] + generator.choice(FRAGMENTS) + data[start:]


def _cut_end(generator: random.Random, data: bytes) -> bytes:
    return data[: generator.randrange(len(data) + 1)]


def _set_references(generator: random.Random, data: bytes) -> bytes:
    """Plain values in place of ``${DB_PASSWORD}`` and the like, so that there is something to migrate."""

    def value(_match: re.Match[bytes]) -> bytes:
        return generator.choice((b"Zk4-%08x", b"'Zk4 %08x'", b"%08d", b"0%o", b"a$$b%08x")) % generator.getrandbits(26)

    return _SECRET_REFERENCE.sub(value, data)


def _change_line_ends(_generator: random.Random, data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n") if b"\r\n" not in data else data.replace(b"\r\n", b"\n")


MUTATIONS: tuple[Mutation, ...] = (
    *(_on_lines(change) for change in (_delete_line, _double_line, _swap_lines, _move_lines, _indent_lines)),
    _delete_bytes,
    _double_bytes,
    _swap_bytes,
    _put_fragment,
    _put_fragment,
    _cut_end,
    _change_line_ends,
)

OPTIONS = (
    Options(),
    Options(),
    Options(),
    Options(source=SourceKind.EXTERNAL),
    Options(source=SourceKind.ENVIRONMENT),
    Options(uid="1000", gid="1000", mode=0o400),
    Options(secrets_dir="${SECRETS_DIR:-./private}"),
    Options(only=("*",)),
    Options(unknown=Unknown.KEEP, safe=True),
)


def mutant(files: Sequence[RealFile], number: int) -> tuple[RealFile, bytes, Options]:
    """The damaged text of one file, and the options of its run. The same for the same seed and number."""
    generator = random.Random(f"{SEED}/{number}")
    file = generator.choice(files)
    data = file.file.read_bytes()
    if generator.random() < 0.5:
        data = _set_references(generator, data)
    for _ in range(generator.choice((1, 1, 1, 2, 3, 5))):
        data = generator.choice(MUTATIONS)(generator, data)
    return file, data, generator.choice(OPTIONS)


def faults(file: RealFile, data: bytes, options: Options, folder: Path) -> list[str]:
    """What is wrong with how a run ends; texts that are equal for equal faults."""
    target = file.lay_out(folder, data)
    before = snapshot(folder)
    shell = {"A": "a", "SECRETS_DIR": "./kept"}
    start = time.process_time()
    outcome, fault = _attempt(target, options, shell)
    seconds = time.process_time() - start
    if outcome is None:
        return [fault]
    found = []
    if seconds > SECONDS:
        found.append(f"takes more than {SECONDS} s of the processor")
    if outcome.failure:
        found.append(f"unproved: {outcome.failure}")
    elif outcome.status not in (DONE, BAD_INPUT):
        found.append(f"status {outcome.status}")
    if outcome.status == BAD_INPUT and not all(error.what and error.file and error.help for error in outcome.errors):
        found.append("an error without what, place or help")
    if snapshot(folder) != before:
        found.append("a dry run writes")
    if not outcome.rewritten:
        return found
    if outcome.status != DONE:
        return [*found, f"a new text with status {outcome.status}"]
    return found + _faults_of_write(outcome, target, folder, before[file.path], options, shell)


def _attempt(target: Path, options: Options, shell: dict[str, str]) -> tuple[ProjectOutcome | None, str]:
    try:
        return pipeline.migrate(ProjectFiles.of(target), options, shell, Disk(), Folders(frozenset({target}))), ""
    except Exception as error:
        place = next(
            f"{Path(frame.filename).name}:{frame.name}"
            for frame in reversed(traceback.extract_tb(error.__traceback__))
            if "dsec_migrate" in frame.filename
        )
        return None, f"{type(error).__name__} in {place}"


def _faults_of_write(
    outcome: ProjectOutcome, target: Path, folder: Path, old: bytes, options: Options, shell: dict[str, str]
) -> list[str]:
    assert outcome.rewritten
    written = pipeline.commit(outcome)
    rewritten = {file.path: file.source.encode(file.text) for file in outcome.rewritten}
    new = rewritten.get(str(target), old)
    if not written.is_written:
        return [] if written.errors and target.read_bytes() == old else ["not written, and the file is not as it was"]
    found = []
    if target.read_bytes() != new:
        found.append("the file does not hold the new text")
    for secret in outcome.plan.secrets:
        if secret.path is not None and secret.value is not None:
            held = secret.path.read_bytes() if secret.path.is_file() else None
            if held != secret.value.reveal().encode():
                found.append("a secret file does not hold its value")
    if list(folder.rglob(f".{target.name}.*")):
        found.append("a temporary file is left")
    after = snapshot(folder)
    again, fault = _attempt(target, options, shell)
    if again is None:
        found.append(f"second run: {fault}")
    elif again.status != DONE or again.rewritten:
        found.append(f"second run: status {again.status} {again.failure}")
    if snapshot(folder) != after:
        found.append("second run: writes")
    return found


def test_a_damaged_file_is_done_or_refused_and_never_half_written(
    real_files: tuple[RealFile, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the order of the writes is test_write.py's matter; here they only cost time
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    failures: defaultdict[str, list[int]] = defaultdict(list)
    folder = tmp_path / "project"
    for number in range(FIRST, FIRST + COUNT):
        file, data, options = mutant(real_files, number)
        folder.mkdir()
        for fault in faults(file, data, options, folder):
            failures[fault].append(number)
        shutil.rmtree(folder)
    told = [
        f"{len(numbers)} x {fault} (mutants {', '.join(map(str, numbers[:5]))})"
        for fault, numbers in sorted(failures.items(), key=lambda item: -len(item[1]))[:SHOWN]
    ]
    assert not told, "\n".join([f"{len(failures)} different faults, seed {SEED}:", *told])


def test_mutants_can_be_built_again(real_files: tuple[RealFile, ...]) -> None:
    numbers = range(FIRST, FIRST + 50)
    assert [mutant(real_files, number)[1] for number in numbers] == [mutant(real_files, n)[1] for n in numbers]
    changed = [
        number for number in numbers if mutant(real_files, number)[1] != mutant(real_files, number)[0].file.read_bytes()
    ]
    assert len(changed) > 40
