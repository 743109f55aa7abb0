"""The value of a secret in a place that has no business with it: found where it tells itself, and nowhere else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from test_stores import run

from dsec_migrate import api
from dsec_migrate.config.options import Options
from dsec_migrate.outcome import Outcome

PASSWORD, OTHER = "Dunlin-Jetty-71", "Quarry-Velvet-72"
MOUNTED = """\
services:
  store:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/pw
    secrets: [pw]
secrets:
  pw:
    file: ./secrets/pw.txt
"""


def lay_out(folder: Path, files: dict[str, str], tracked: tuple[str, ...] | None = None) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    if tracked is not None:
        subprocess.run(["git", "init", "-q", folder], check=True)
        subprocess.run(["git", "-C", folder, "add", "-f", "--", *tracked], check=True)


def look(folder: Path, *, check: bool = True) -> Outcome:
    return api.plan([folder / "compose.yml"], options=Options(docker=False), environment={}, check=check)


def copies(outcome: Outcome) -> list[tuple[str, int, str]]:
    found = [one for project in outcome.projects for one in project.findings if one.kind == "copy"]
    return [(Path(one.site.file).name, one.site.line, one.path) for one in found]


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        (PASSWORD, f"psql -W {PASSWORD}\n", True),
        (f"{PASSWORD}\n", f"x\n\nlogin: me / {PASSWORD}", True),
        ("a$b!Jetty-71", "PW='a$b!Jetty-71'", True),
        ("-----BEGIN X-----\nQUJDREVGR0hJ\nS0xN\n-----END X-----\n", "key=QUJDREVGR0hJ", True),
        # encoded for a URL, for JSON, for a manifest (with the newline of an editor)
        ("Dunlin/Jetty=71", "url: https://me:Dunlin%2FJetty%3D71@host/", True),
        ("Dunlin/Jetty=71", '{"password": "Dunlin\\\\/Jetty=71"}'.replace("\\\\", "\\"), True),
        (PASSWORD, "  password: RHVubGluLUpldHR5LTcxCg==", True),
        (PASSWORD, PASSWORD[:-1], False),
        # what is short or common proves nothing
        ("Jetty7", "the Jetty7", False),
        ("postgres123", "postgres123", False),
        ("changeme123", "changeme123", False),
    ],
)
def test_in_a_file_that_git_tracks(tmp_path: Path, value: str, text: str, found: bool) -> None:
    files = {"compose.yml": MOUNTED, "secrets/pw.txt": value, "docs/notes.md": text, ".gitignore": "secrets\n"}
    lay_out(tmp_path, files, ("compose.yml", "docs/notes.md"))
    outcome = look(tmp_path)
    assert copies(outcome) == ([("notes.md", text.count("\n", 0, -1) + 1, "secrets.pw")] if found else [])
    assert outcome.status(check=True) == int(found)
    assert value.strip() not in api.report(outcome, "json")


def test_attributes_hide_nothing_and_what_git_does_not_track_is_none(tmp_path: Path) -> None:
    files = {"compose.yml": MOUNTED, "secrets/pw.txt": PASSWORD, "a.bin": f"\0{PASSWORD}\n", "b.txt": PASSWORD}
    files[".gitattributes"] = "*.bin binary -diff\n"
    lay_out(tmp_path, files, ("compose.yml", "a.bin", ".gitattributes"))
    (tmp_path / ".git" / "config").write_text(
        "[core]\nrepositoryformatversion=0\n[grep]\ncolumn=true\npatternType=perl\nfullName=false\n", "utf-8"
    )
    assert copies(look(tmp_path)) == [("a.bin", 1, "secrets.pw")]


def test_the_file_of_a_secret_that_git_tracks(tmp_path: Path) -> None:
    lay_out(tmp_path, {"compose.yml": MOUNTED, "secrets/pw.txt": PASSWORD}, ("compose.yml", "secrets/pw.txt"))
    assert copies(look(tmp_path)) == [("pw.txt", 1, "secrets.pw")]


def test_in_the_project_itself_without_git(tmp_path: Path) -> None:
    text = MOUNTED.replace("    secrets: [pw]\n", f"    secrets: [pw]\n    command: -c note={PASSWORD}\n")
    lay_out(tmp_path, {"compose.yml": text, "secrets/pw.txt": PASSWORD})
    outcome = look(tmp_path, check=False)
    assert copies(outcome) == [("compose.yml", 7, "secrets.pw")]
    assert PASSWORD not in api.report(outcome)


def test_a_value_of_an_ignored_env_file_in_another_file(tmp_path: Path) -> None:
    compose = "services:\n  web:\n    image: web\n    environment:\n      API_TOKEN: ${API_TOKEN}\n"
    files = {"compose.yml": compose, ".env": f"API_TOKEN={OTHER}\n", "deploy.sh": f"curl -H {OTHER}\n"}
    lay_out(tmp_path, files, ("compose.yml", "deploy.sh"))
    assert copies(look(tmp_path)) == [("deploy.sh", 1, "web.API_TOKEN")]


def test_what_the_people_of_a_project_except_is_told_and_not_counted(tmp_path: Path) -> None:
    settings = '[[ignore]]\ncheck = "plaintext-elsewhere"\nmatch = "*notes.md"\nreason = "of the demo"\n'
    files = {"compose.yml": MOUNTED, "secrets/pw.txt": PASSWORD, "notes.md": PASSWORD, "dsec-migrate.toml": settings}
    lay_out(tmp_path, files, ("compose.yml", "notes.md"))
    outcome = look(tmp_path)
    assert copies(outcome) == [("notes.md", 1, "secrets.pw")]
    assert outcome.status(check=True) == 0


def test_after_a_write_the_gate_sees_what_the_report_called_remaining(tmp_path: Path) -> None:
    text = (
        "services:\n  store:\n    image: postgres:17\n    environment:\n"
        f"      POSTGRES_PASSWORD: {PASSWORD}\n    working_dir: /srv/{PASSWORD}\n"
    )
    lay_out(tmp_path, {"compose.yml": text}, ("compose.yml",))
    outcome = api.write(look(tmp_path, check=False))
    (remaining,) = outcome.projects[0].remaining
    again = look(tmp_path)
    assert copies(again) == [("compose.yml", remaining.line, "secrets.postgres_password")]
    assert again.status(check=True) == 1
    told = run(tmp_path, "audit", "compose.yml")
    assert "plaintext-elsewhere" in told
    assert PASSWORD not in told


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)


def test_what_is_staged_counts_where_the_next_commit_takes_it(tmp_path: Path) -> None:
    files = {"compose.yml": MOUNTED, "secrets/pw.txt": PASSWORD, "notes.md": f"\npw: {PASSWORD}\n", "b.md": "b\n"}
    lay_out(tmp_path, files, ("compose.yml", "notes.md", "b.md"))
    (tmp_path / "notes.md").write_text("clean\n")
    assert copies(look(tmp_path)) == [("notes.md", 2, "secrets.pw")]
    _git(tmp_path, "commit", "-q", "-m", "a")
    # what the history has already is no news while the file is mended
    assert copies(look(tmp_path)) == []
    _git(tmp_path, "add", "notes.md")
    assert copies(look(tmp_path)) == []


def test_a_file_that_is_not_checked_out_is_looked_at(tmp_path: Path) -> None:
    files = {"compose.yml": MOUNTED, "secrets/pw.txt": PASSWORD, "far/notes.md": f"pw: {PASSWORD}\n"}
    lay_out(tmp_path, files, ("compose.yml", "far/notes.md"))
    _git(tmp_path, "commit", "-q", "-m", "a")
    _git(tmp_path, "update-index", "--skip-worktree", "far/notes.md")
    (tmp_path / "far" / "notes.md").unlink()
    assert copies(look(tmp_path)) == [("notes.md", 1, "secrets.pw")]
