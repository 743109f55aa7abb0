"""Real files: nothing crashes, nothing leaks, what changes still reads as planned, and what stays is byte for byte.

DSEC_CORPUS_EVERY=1 takes every file; the default is every 15th, from an offset that DSEC_CORPUS_FROM names.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import RealFile, snapshot
from ruamel.yaml import YAML

from dsec_migrate import transaction
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.sibling_files import Folders
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Action
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import BAD_INPUT, DONE, Outcome, ProjectOutcome
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.reports.formats import REPORTS
from dsec_migrate.reports.look import DiffStyle, Look, View
from dsec_migrate.reports.sealed import seal
from dsec_migrate.text.reserved_names import JOURNAL, UNDO
from dsec_migrate.transaction.merge import take_out

EVERY = int(os.environ.get("DSEC_CORPUS_EVERY", "15"))
FIRST = int(os.environ.get("DSEC_CORPUS_FROM", "0"))
LOOKS = tuple(Look(style) for style in DiffStyle)
# shorter values and plain words (a password such as `password`) may stand in a report for another reason
TELLING_LENGTH = 8
PLAIN_WORDS = re.compile(r"[a-z]+(?:[_-][a-z]+)*")


class Result(NamedTuple):
    """One file's run and write. ``outputs`` are its reports by name, of the dry run and of the write."""

    file: RealFile
    old: bytes
    new: bytes
    outcome: ProjectOutcome
    outputs: Mapping[str, str]
    values: Sequence[str]
    faults: Sequence[str]


def reports(outcome: ProjectOutcome) -> Iterator[tuple[str, str]]:
    sealed = Outcome((partial(seal, looks=LOOKS, has_page=True)(outcome),), Options())
    for name, report in REPORTS.items():
        # those for other programs have one look
        for look in LOOKS if name in {"text", "json"} else list(LOOKS)[:1]:
            yield f"{name}, {look.form.value}", report(sealed, View(look=look))


def work_on(file: RealFile, folder: Path) -> Result:
    target = file.lay_out(folder)
    faults: list[str] = []
    before = snapshot(folder)
    outcome = run(target)
    outputs = dict(reports(outcome))
    # the values are gone from the sealed reports: they are taken from the plan
    values = [secret.value.reveal() for secret in outcome.plan.secrets if secret.value is not None]
    if snapshot(folder) != before:
        faults.append("the dry run writes")
    if outcome.rewritten:
        written = pipeline.commit(outcome)
        outputs |= {f"{name}, written": text for name, text in reports(written)}
        if not written.is_written:
            faults.append("cannot be written")
        faults += second_run(target, folder)
    new = target.read_bytes()
    if outcome.rewritten:
        faults += way_back(outcome, folder, before)
    return Result(file, before[file.path], new, outcome, outputs, values, faults)


def run(target: Path) -> ProjectOutcome:
    return pipeline.migrate(ProjectFiles.of(target), Options(), {}, Disk(), Folders(frozenset({target})))


def second_run(target: Path, folder: Path) -> Iterator[str]:
    after = snapshot(folder)
    again = run(target)
    if (again.status, again.rewritten) != (DONE, ()):
        yield f"the second run ends with {again.status} and {'a' if again.rewritten else 'no'} change {again.failure}"
    if any(finding.action is Action.MIGRATE for finding in again.findings):
        yield "the second run has something to migrate"
    if snapshot(folder) != after:
        yield "the second run writes"


def way_back(outcome: ProjectOutcome, folder: Path, before: Mapping[str, bytes]) -> Iterator[str]:
    """Undo gives every byte back, also where a note was added at the end of a file since."""
    for rewritten in outcome.rewritten:
        note = "\r\n# a note\r\n" if "\r\n" in rewritten.source.text else "\n# a note\n"
        if take_out(rewritten.source.text, rewritten.edits, rewritten.text + note) != rewritten.source.text + note:
            yield "a later note does not survive an undo"
    assert outcome.journal is not None
    runs = transaction.runs_of(outcome.journal, outcome.boundary)
    if not runs:
        yield "there is nothing to undo"
        return
    transaction.undo(transaction.plan_undo(outcome.journal, runs[-1], outcome.boundary))
    if snapshot(folder) != before:
        yield "undo does not give every byte back"
    if (outcome.journal / JOURNAL).exists() or (outcome.journal / UNDO).exists():
        yield "the undo of the only run leaves its journal"


@pytest.fixture(scope="module")
def results(corpus: tuple[RealFile, ...], tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    fsync = os.fsync
    os.fsync = lambda _descriptor: None  # type: ignore[assignment]
    try:
        folder = tmp_path_factory.mktemp("corpus")
        return [work_on(file, folder / str(number)) for number, file in enumerate(corpus[FIRST::EVERY])]
    finally:
        os.fsync = fsync


def test_each_file_is_done_or_refused_and_nothing_is_unproved(results: list[Result]) -> None:
    wrong = [
        (result.file.name, result.outcome.status, result.outcome.failure)
        for result in results
        if result.outcome.status not in (DONE, BAD_INPUT) or result.outcome.failure
    ]
    assert wrong == []
    # most of them are files that people run
    assert sum(result.outcome.status == DONE for result in results) > 0.8 * len(results)


def test_what_is_refused_has_a_place_and_advice(results: list[Result]) -> None:
    wrong = [
        (result.file.name, error.what)
        for result in results
        for error in result.outcome.errors
        if not (error.what and error.file and error.help)
    ]
    assert wrong == []


def test_runs_write_what_they_should_and_are_stable(results: list[Result]) -> None:
    assert [(result.file.name, result.faults) for result in results if result.faults] == []
    changed = [result for result in results if result.outcome.rewritten]
    assert len(changed) > len(results) / 10
    assert all(result.new == result.old for result in results if not result.outcome.rewritten)


def test_changed_files_can_be_read_by_another_parser(results: list[Result]) -> None:
    for result in results:
        if result.outcome.rewritten:
            assert list(YAML(typ="safe", pure=True).parse(result.new.decode("utf-8-sig"))), result.file.name


def test_no_output_holds_a_migrated_value(results: list[Result]) -> None:
    leaks = []
    for result in results:
        for value in result.values:
            for spelling in _spellings(value):
                # what also stands on a line without a finding is shown as that line's text
                if spelling not in _public_text(result):
                    leaks += [(result.file.name, name) for name, text in result.outputs.items() if spelling in text]
    assert leaks == []


def _spellings(value: str) -> set[str]:
    """How a report might show the lines of a value."""
    lines = [line.strip() for line in value.splitlines()]
    telling = [line for line in lines if len(line) >= TELLING_LENGTH and not PLAIN_WORDS.fullmatch(line)]
    return {spelling for line in telling for spelling in (line, line.replace("$", "$$"), json.dumps(line)[1:-1])}


def _public_text(result: Result) -> str:
    """The path of a file, and its lines on which no finding stands."""
    lines = result.old.decode("utf-8-sig").splitlines()
    hidden = {finding.site.line - 1 for finding in result.outcome.findings}
    return "\n".join([result.file.path, *(line for number, line in enumerate(lines) if number not in hidden)])


def test_reports_of_json_are_json(results: list[Result]) -> None:
    for result in results:
        for name, text in result.outputs.items():
            if name.startswith("json"):
                report = json.loads(text)
                assert report["version"] == 1
                assert len(report["findings"]) == len(result.outcome.findings), result.file.name


def test_lines_without_an_edit_stay_in_their_order(results: list[Result]) -> None:
    for result in results:
        if not result.outcome.rewritten:
            continue
        rewritten = result.outcome.rewritten[0]
        old = rewritten.source.text
        kept = [
            line
            for line, start, end in _lines(old)
            if not any(
                (edit.start < end and edit.end > start) or start < edit.start == edit.end < end
                for edit in rewritten.edits
            )
        ]
        new = iter([line for line, _, _ in _lines(rewritten.text)])
        lost = [line for line in kept if line not in new]
        assert len(lost) == 0, f"{result.file.name}: {len(lost)} lines lost"
        # at most the lines of the edits are gone
        assert len(kept) >= len(list(_lines(old))) - sum(1 + old.count("\n", e.start, e.end) for e in rewritten.edits)


def _lines(text: str) -> Iterator[tuple[str, int, int]]:
    """Each line without its end, and where it starts and ends."""
    for match in re.finditer(r"[^\n]*\n|[^\n]+\Z", text):
        yield match.group().rstrip("\r\n"), match.start(), match.end()


def test_line_ends_and_the_final_newline_stay(results: list[Result]) -> None:
    for result in results:
        if b"\r\n" not in result.old:
            assert b"\r" not in result.new.replace(b"\r", b"", result.old.count(b"\r")), result.file.name
        elif not re.search(rb"(?<!\r)\n", result.old):
            assert not re.search(rb"(?<!\r)\n", result.new), result.file.name
        assert result.new.endswith(b"\n") == result.old.endswith(b"\n"), result.file.name
