"""A proof that fails for one change is no reason to refuse the project: that change stays, and the report says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsec_migrate.cli import entry
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Options
from dsec_migrate.detectors.finding import Action, Remaining
from dsec_migrate.planning.changes import Move, Plan
from dsec_migrate.planning.patches import Patch, SetValue
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.source import Rewritten
from dsec_migrate.verify import blame
from dsec_migrate.verify.prove import verify as proof

FAILURE = VerificationError("a script would read a different value than it contains now")
COMPOSE = """\
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD: Barrow-Heron-61
  cache:
    image: ghcr.io/acme/cache:1
    environment:
      CACHE_PASSWORD: Sedge-Plover-92
      ADMIN_TOKEN: Fescue-Lathe-73
"""


def _failing_unless(causes: set[int], calls: list[int]) -> Callable[[Sequence[int]], tuple[int, ...]]:
    def attempt(left: Sequence[int]) -> tuple[int, ...]:
        calls.append(1)
        if not causes <= set(left):
            raise VerificationError("again")
        return tuple(sorted(left))

    return attempt


@given(number=st.integers(1, 60), data=st.data())
def test_those_that_it_fails_for_stay_and_no_others(number: int, data: st.DataObject) -> None:
    causes = data.draw(st.sets(st.integers(0, number - 1), min_size=1, max_size=blame.MOST_CAUSES))
    calls: list[int] = []
    assert blame.isolate(range(number), _failing_unless(causes, calls), FAILURE) == tuple(sorted(causes))
    assert len(calls) <= 2 + blame.MOST_CAUSES * (number.bit_length() + 1)


@pytest.mark.parametrize(
    ("number", "causes"),
    [(0, set[int]()), (9, {1, 3, 5, 7}), (9, {99}), (blame.MOST_CANDIDATES + 1, {1})],
    ids=["nothing moves", "too many causes", "no change is the cause", "too many candidates"],
)
def test_what_cannot_be_told_is_refused(number: int, causes: set[int]) -> None:
    with pytest.raises(VerificationError, match="a different value"):
        blame.isolate(range(number), _failing_unless(causes, []), FAILURE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "compose.yml").write_text(COMPOSE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _doubt(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """The proof fails as long as the variable moves."""

    def verify(project: Project, plan: Plan, files: Sequence[Rewritten], options: Options) -> tuple[Remaining, ...]:
        if any(f.variable == variable and f.action is Action.MIGRATE for f in plan.findings):
            raise FAILURE
        return proof(project, plan, files, options)

    monkeypatch.setattr("dsec_migrate.migrate.pipeline.verify", verify)


def test_a_change_that_contradicts_another_one_stays_and_both_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Move.patches

    def contradicted(self: Move) -> Iterator[Patch]:
        yield from made(self)
        if self.declaration.name == "CACHE_PASSWORD":
            yield SetValue(self.declaration.document, self.declaration.node, "true", "another pass")

    monkeypatch.setattr(Move, "patches", contradicted)
    with pytest.raises(SystemExit) as stop:
        entry.main(["--no-docker", "--write", "compose.yml"])
    assert stop.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "contradict each other: the move to cache_password and another pass" in told
    text = (folder / "compose.yml").read_text()
    assert "CACHE_PASSWORD: Sedge-Plover-92" in text
    assert "ADMIN_TOKEN_FILE: /run/secrets/admin_token" in text


def test_the_rest_of_the_project_moves(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _doubt(monkeypatch, "CACHE_PASSWORD")
    for _ in range(2):
        with pytest.raises(SystemExit) as stop:
            entry.main(["--no-docker", "--write", "compose.yml"])
        assert stop.value.code == 0
        report = " ".join(capsys.readouterr().out.split())
        assert "failed verification (a bug: please report it): a script would read a different value" in report
    text = (folder / "compose.yml").read_text(encoding="utf-8")
    assert "CACHE_PASSWORD: Sedge-Plover-92" in text
    assert "POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password" in text
    assert "ADMIN_TOKEN_FILE: /run/secrets/admin_token" in text


def test_a_project_stays_where_no_change_is_the_cause(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def verify(*_: object) -> tuple[Remaining, ...]:
        raise FAILURE

    monkeypatch.setattr("dsec_migrate.migrate.pipeline.verify", verify)
    monkeypatch.setattr(blame, "MOST_CANDIDATES", 0)
    with pytest.raises(SystemExit) as stop:
        entry.main(["--no-docker", "--write", "compose.yml"])
    assert stop.value.code == 3
    assert "verification failed" in capsys.readouterr().err
    assert (folder / "compose.yml").read_text(encoding="utf-8") == COMPOSE
    assert not (folder / "secrets").exists()
