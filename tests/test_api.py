"""What other programs call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dsec_migrate

PASSWORD = "Redstart-Towpath-38"
COMPOSE = f"services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    return tmp_path


def test_plan_looks_and_write_does_it(folder: Path) -> None:
    outcome = dsec_migrate.plan(["compose.yml"], directory=folder, environment={})
    assert isinstance(outcome, dsec_migrate.Outcome)
    (project,) = outcome.projects
    (finding,) = project.findings
    assert (finding.service, finding.variable, finding.secret) == ("db", "POSTGRES_PASSWORD", "postgres_password")
    assert finding.action is dsec_migrate.Action.MIGRATE
    assert (outcome.status(), outcome.status(check=True)) == (0, 1)
    assert (folder / "compose.yml").read_text() == COMPOSE
    assert PASSWORD not in repr(outcome) + str(project) + f"{finding}" + dsec_migrate.report(outcome)
    written = dsec_migrate.write(outcome)
    assert [one.is_written for one in written.projects] == [True]
    assert (folder / "secrets" / "postgres_password.txt").read_text() == PASSWORD
    assert PASSWORD not in (folder / "compose.yml").read_text()
    # nothing is left to do, and to write twice changes nothing
    assert dsec_migrate.plan([folder], environment={}).projects[0].findings == ()
    assert dsec_migrate.write(written).projects == written.projects


def test_what_changed_meanwhile_is_an_error_of_its_project(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    (other / "compose.yml").write_text(COMPOSE)
    outcome = dsec_migrate.plan([folder / "compose.yml", other / "compose.yml"], environment={})
    (folder / "compose.yml").write_text(COMPOSE + "# edited\n")
    written = dsec_migrate.write(outcome)
    assert [(bool(one.errors), one.is_written) for one in written.projects] == [(True, False), (False, True)]
    assert (folder / "compose.yml").read_text() == COMPOSE + "# edited\n"
    assert not (folder / "secrets").exists()


def test_options_and_environment_are_the_callers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    (folder / "compose.yml").write_text(COMPOSE.replace(PASSWORD, "${DB_PASSWORD}"))
    options = dsec_migrate.Options(source=dsec_migrate.SourceKind.ENVIRONMENT)

    def secrets(**given: str) -> list[str]:
        outcome = dsec_migrate.plan(layers=["compose.yml"], directory=folder, options=options, environment=given)
        return [secret.variable for secret in outcome.projects[0].plan.secrets]

    assert secrets(DB_PASSWORD=PASSWORD) == ["DB_PASSWORD"]
    # the environment of this process has it, and was not asked
    assert secrets() == []


def test_bad_input_is_data_and_bad_usage_an_exception(folder: Path) -> None:
    (folder / "bad.yml").write_text("services: [\n")
    outcome = dsec_migrate.plan(["bad.yml", "compose.yml"], directory=folder, environment={})
    bad, good = outcome.projects
    assert [error.line for error in bad.errors] == [2]
    assert good.findings
    assert outcome.status() == 2
    with pytest.raises(dsec_migrate.UserError, match="unknown format pdf"):
        dsec_migrate.report(outcome, "pdf")
    with pytest.raises(dsec_migrate.UserError, match="FILE and -f cannot be combined"):
        dsec_migrate.plan(["compose.yml"], layers=["compose.yml"], directory=folder, environment={})


@pytest.mark.parametrize("form", ["json", "sarif", "markdown", "junit"])
def test_a_report_in_each_format(form: str, folder: Path) -> None:
    text = dsec_migrate.report(dsec_migrate.plan([folder], environment={}), form)
    assert "POSTGRES_PASSWORD" in text
    assert PASSWORD not in text


def test_names_are_those_that_are_promised() -> None:
    for name in dsec_migrate.__all__:
        assert getattr(dsec_migrate, name).__name__ == name
        assert name in dir(dsec_migrate)
    with pytest.raises(AttributeError):
        _ = dsec_migrate.nothing


def test_importing_the_package_loads_nothing() -> None:
    code = "import sys, dsec_migrate; print(sorted(name for name in sys.modules if name.startswith('dsec_migrate')))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "['dsec_migrate']\n"
