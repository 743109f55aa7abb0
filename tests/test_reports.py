"""What users and programs read: nothing secret in it, nothing missing, and every diff a true one."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.config.options import Options, SourceKind, Target
from dsec_migrate.migrate.pipeline import commit, migrate
from dsec_migrate.outcome import Masks, Outcome, ProjectOutcome
from dsec_migrate.reports import diff
from dsec_migrate.reports.formats import REPORTS
from dsec_migrate.reports.hiding import hidden, spellings
from dsec_migrate.reports.hunks import Hunk, hunks
from dsec_migrate.reports.look import DiffStyle, Look, View
from dsec_migrate.reports.sealed import seal
from dsec_migrate.reports.style import cut, width_of, wrapped
from dsec_migrate.reports.unknown_images import SNIPPETS
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.secret import MASK, Secret
from dsec_migrate.text.source import Edit, Rewritten, Source, Span, splice
from dsec_migrate.text.visible import harmless

SCHEMA = Path(__file__).parents[1] / "schemas" / "report.schema.json"

PASSWORD = "tr0ub4dor-and-3"
KEY = "d41e9f00c1b2a3948576fedcba012345"
COMPOSE = f"""\
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_USER: app
      POSTGRES_PASSWORD: {PASSWORD}  # was {PASSWORD} last year
    labels:
      backup: psql postgresql://app:{PASSWORD}@localhost/app
  api:
    image: acme/api:1
    environment:
      - API_KEY={KEY}
      - SMTP_PASSWORD=${{SMTP_PASSWORD}}
      - SESSION_NAME=shop
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ProjectOutcome]:
    """Makes an outcome of a Compose file's text; the file stands in the current folder."""
    monkeypatch.chdir(tmp_path)

    def make(text: str = COMPOSE, name: str = "compose.yml", **options: Any) -> ProjectOutcome:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return migrate(ProjectFiles.of(path), Options(**options), {})

    return make


def outcome_of(*projects: ProjectOutcome) -> Outcome:
    return Outcome(projects, Options())


def text_of(*projects: ProjectOutcome, view: View | None = None) -> str:
    return REPORTS["text"](outcome_of(*projects), view or View())


def json_of(*projects: ProjectOutcome, view: View | None = None) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(REPORTS["json"](outcome_of(*projects), view or View()))
    return report


def rewritten(old: str, edits: Sequence[Edit]) -> Rewritten:
    return Rewritten(Source(Path("compose.yml"), old.encode(), old), splice(old, edits), tuple(edits))


def masked_at(*spans: Span) -> Masks:
    return Masks({"compose.yml": spans})


def render(project: ProjectOutcome, look: Look = Look()) -> str:  # noqa: B008
    """The diffs of all files of a project."""
    return "".join(diff.render(project, look))


def applied(old: str, found: Sequence[Hunk]) -> list[str]:
    """The lines that the hunks make of the old text's; checks every number in them on the way."""
    before = lines_of(old)
    after: list[str] = []
    position = 0
    for hunk in found:
        start = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        after += before[position:start]
        assert len(after) == (hunk.new_start - 1 if hunk.new_count else hunk.new_start)
        assert before[start : start + hunk.old_count] == [line.text for line in hunk.lines if line.sign != "+"]
        added = [line.text for line in hunk.lines if line.sign != "-"]
        assert len(added) == hunk.new_count
        after += added
        position = start + hunk.old_count
    return after + before[position:]


def lines_of(text: str) -> list[str]:
    lines = text.split("\n")
    return [harmless(line.removesuffix("\r")) for line in (lines if lines[-1] else lines[:-1])]


# --- hiding ---


def test_overlapping_values_leave_no_piece() -> None:
    assert hidden("x abcdefghij y", ["abcdefg", "efghij"]) == f"x {MASK} y"
    assert hidden("abcdabcdabcd", ["abcdabcd"]) == MASK


def test_values_are_hidden_in_every_spelling() -> None:
    found = spellings(Masks(values=(Secret("pa$s'wo\"rd"), Secret("first line\n  second line\n\n"))))
    assert {"pa$s'wo\"rd", "pa$$s'wo\"rd", "pa$s''wo\"rd", "pa$s'wo\\\"rd", "first line", "second line"} <= set(found)
    assert "" not in found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tab\there", "tab\there"),
        ("red\x1b[31m", "red\\x1b[31m"),
        ("over\rwritten", "over\\rwritten"),
        ("turned\u202eround", "turned\\u202eround"),
        ("Grüße 日本", "Grüße 日本"),
    ],
)
def test_nothing_steers_the_terminal(text: str, shown: str) -> None:
    assert harmless(text) == shown


# --- hunks ---


def test_unified_diff_reads_like_any_other(project: Callable[..., ProjectOutcome]) -> None:
    assert (
        render(project())
        == f"""\
--- a/compose.yml
+++ b/compose.yml
@@ -3,12 +3,22 @@ db, api
     image: postgres:16
     environment:
       POSTGRES_USER: app
-      POSTGRES_PASSWORD: {MASK}  # was {MASK} last year
+      POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password  # was {MASK} last year
+    secrets:
+      - postgres_password
     labels:
       backup: psql postgresql://app:{MASK}@localhost/app
   api:
     image: acme/api:1
     environment:
-      - API_KEY={MASK}
+      - API_KEY_FILE=/run/secrets/api_key
       - SMTP_PASSWORD=${{SMTP_PASSWORD}}
       - SESSION_NAME=shop
+    secrets:
+      - api_key
+
+secrets:
+  postgres_password:
+    file: ./secrets/postgres_password.txt
+  api_key:
+    file: ./secrets/api_key.txt
"""
    )


def test_git_reads_the_diff(project: Callable[..., ProjectOutcome], tmp_path: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed")
    for text in (COMPOSE, COMPOSE.rstrip("\n")):
        outcome = project(text)
        assert outcome.rewritten
        patch = render(outcome, Look(show_values=True))
        subprocess.run([git, "apply", "-"], input=patch.encode(), cwd=tmp_path, check=True)
        assert Path("compose.yml").read_text("utf-8") == outcome.rewritten[0].text


def test_missing_final_newline_is_told(project: Callable[..., ProjectOutcome]) -> None:
    text = f"services:\n  db:\n    image: postgres\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}"
    diff = render(project(text))
    assert f"-      POSTGRES_PASSWORD: {MASK}\n\\ No newline at end of file\n+" in diff
    assert diff.endswith("+    file: ./secrets/postgres_password.txt\n\\ No newline at end of file\n")


def test_carriage_returns_are_not_shown(project: Callable[..., ProjectOutcome]) -> None:
    with_both = render(project(COMPOSE.replace("\n", "\r\n")))
    assert "\r" not in with_both
    assert with_both == render(project(COMPOSE))


def test_a_line_that_only_looks_the_same_is_shown_as_changed() -> None:
    old = f"a: 1\nb: 2 # {PASSWORD}\nc: 3\n"
    start = old.index(PASSWORD)
    change = rewritten(old, [Edit(start, start + len(PASSWORD), MASK)])
    (hunk,) = hunks(change, masked_at(Span(start, start + len(PASSWORD))))
    assert [(line.sign, line.text) for line in hunk.lines if line.sign != " "] == [
        ("-", f"b: 2 # {MASK}"),
        ("+", f"b: 2 # {MASK}"),
    ]


def test_each_line_of_a_long_secret_shows_one_mask() -> None:
    old = "key: |\n    begin\n      inner\n\n    end\nnext: x\n"
    start, end = old.index("    begin"), old.index("\nnext")
    change = rewritten(old, [Edit(0, end, "key_file: /run/secrets/key")])
    (hunk,) = hunks(change, masked_at(Span(start, end)))
    assert [line.text for line in hunk.lines if line.sign == "-"] == ["key: |", *[f"    {MASK}"] * 4]
    assert (hunk.old_count, hunk.new_count) == (6, 2)


def test_hidden_text_stays_hidden_where_its_line_changes() -> None:
    old = f"environment: {{A: {KEY}, B: {PASSWORD}}}\n"
    a, b = old.index(KEY), old.index(PASSWORD)
    change = rewritten(old, [Edit(a - 2, a - 2, "_FILE"), Edit(a, a + len(KEY), "/run/secrets/a")])
    (hunk,) = hunks(change, masked_at(Span(a, a + len(KEY)), Span(b, b + len(PASSWORD))))
    assert [line.text for line in hunk.lines] == [
        f"environment: {{A: {MASK}, B: {MASK}}}",
        f"environment: {{A_FILE: /run/secrets/a, B: {MASK}}}",
    ]


def test_secrets_of_commands_and_comments_are_hidden_in_the_context() -> None:
    old = f"a: 1\n# API_TOKEN={KEY}\ncommand: run --password={PASSWORD}\nb: 2\n"
    start = old.index("b: 2")
    (hunk,) = hunks(rewritten(old, [Edit(start, start + 4, "b: 3")]), Masks())
    shown = "\n".join(line.text for line in hunk.lines)
    assert KEY not in shown
    assert PASSWORD not in shown
    assert shown.count(MASK) == 2


_LINE = st.sampled_from(["a: 1", "  b: 2", "", "- c", "same", "same", "  - d\r"])


@st.composite
def edited_texts(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    old = "\n".join(draw(st.lists(_LINE, max_size=40))) + draw(st.sampled_from(["", "\n"]))
    cuts = sorted(draw(st.lists(st.integers(0, len(old)), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    text = st.sampled_from(["", "x", "new\n", "\nmore", "a: 1\n", "y\nz\n"])
    return old, [Edit(start, end, draw(text)) for start, end in pairs]


@settings(max_examples=examples(150), deadline=None)
@given(edited_texts())
def test_hunks_make_the_new_text_of_the_old_one(case: tuple[str, list[Edit]]) -> None:
    old, edits = case
    change = rewritten(old, edits)
    found = hunks(change, Masks(), show_values=True)
    assert applied(old, found) == lines_of(change.text)
    for hunk in found:
        signs = "".join(line.sign for line in hunk.lines)
        assert signs.strip()
        assert len(signs) - len(signs.lstrip(" ")) <= 3
        assert len(signs) - len(signs.rstrip(" ")) <= 3
        assert " " * 7 not in signs
    for before, after in pairwise(found):
        assert before.old_start + before.old_count <= after.old_start


@settings(max_examples=examples(100), deadline=None)
@given(edited_texts(), st.data())
def test_masking_changes_words_but_no_line(case: tuple[str, list[Edit]], data: st.DataObject) -> None:
    old, edits = case
    start = data.draw(st.integers(0, len(old)))
    end = data.draw(st.integers(start, len(old)))
    change = rewritten(old, edits)
    plain = hunks(change, Masks(), show_values=True)
    masked = hunks(change, masked_at(Span(start, end)))
    assert [hunk[:4] for hunk in masked] == [hunk[:4] for hunk in plain]
    assert [[line.sign for line in hunk.lines] for hunk in masked] == [
        [line.sign for line in hunk.lines] for hunk in plain
    ]


# --- the other forms of a diff ---


@pytest.mark.parametrize("width", [40, 80, 120])
def test_side_by_side_fits_the_terminal(project: Callable[..., ProjectOutcome], width: int) -> None:
    text = COMPOSE.replace("shop", "日本語の店舗" * 12).replace("POSTGRES_USER: app", "POSTGRES_USER: " + "é" * 90)
    lines = render(project(text), Look(DiffStyle.SIDE_BY_SIDE, width)).split("\n")
    assert max(map(width_of, lines)) <= width
    assert len({width_of(line[: line.index("|")]) for line in lines if "|" in line}) == 1


def test_side_by_side_puts_the_two_versions_in_one_row(project: Callable[..., ProjectOutcome]) -> None:
    lines = render(project(), Look(DiffStyle.SIDE_BY_SIDE, 120)).split("\n")
    row = next(line for line in lines if "POSTGRES_PASSWORD_FILE" in line)
    left, right = row.split("|")
    assert f"POSTGRES_PASSWORD: {MASK}" in left
    assert left.split()[:2] == ["6", "-"]
    assert right.split()[:2] == ["6", "+"]


def test_semantic_diff_speaks_of_keys(project: Callable[..., ProjectOutcome]) -> None:
    assert (
        render(project(), Look(DiffStyle.SEMANTIC, 120))
        == """\
db:
  environment.POSTGRES_PASSWORD -> environment.POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password
  + secrets.postgres_password
api:
  environment.API_KEY -> environment.API_KEY_FILE: /run/secrets/api_key
  + secrets.api_key
secrets:
  + postgres_password: {file: ./secrets/postgres_password.txt}
  + api_key: {file: ./secrets/api_key.txt}
"""
    )


def test_semantic_diff_of_shared_blocks(project: Callable[..., ProjectOutcome]) -> None:
    text = f"""\
x-env: &env
  API_KEY: {KEY}
services:
  a: {{image: acme/a, environment: *env}}
  b: {{image: acme/b, environment: *env}}
"""
    diff = render(project(text), Look(DiffStyle.SEMANTIC, 100))
    assert "x-env:\n  API_KEY -> API_KEY_FILE: /run/secrets/api_key\n" in diff
    assert "b:\n  environment.API_KEY -> environment.API_KEY_FILE: /run/secrets/api_key\n  + secrets.api_key\n" in diff


@pytest.mark.parametrize(("text", "rows"), [("a bc", ["a bc"]), ("  one two three", ["  one", "    two", "    three"])])
def test_long_lines_break_between_words(text: str, rows: list[str]) -> None:
    assert wrapped(text, 9) == rows


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs"]), max_size=60), st.integers(10, 40))
def test_no_row_is_too_wide_and_no_letter_is_lost(text: str, width: int) -> None:
    rows = wrapped(text, width)
    assert all(width_of(row) <= width for row in rows)
    assert "".join(rows).replace(" ", "") == text.expandtabs(8).rstrip().replace(" ", "")
    assert width_of(cut(text, width)) <= width


# --- values ---


@pytest.mark.parametrize("form", DiffStyle)
def test_no_report_shows_a_value_unless_asked(project: Callable[..., ProjectOutcome], form: DiffStyle) -> None:
    outcome = project()
    for look in (Look(form), Look(form, 120, is_coloured=True)):
        report = text_of(outcome, view=View(look=look))
        assert PASSWORD not in report
        assert KEY not in report
    assert KEY in text_of(outcome, view=View(look=Look(form, 200, show_values=True)))
    report = REPORTS["json"](outcome_of(outcome), View(look=Look(form, show_values=True)))
    assert PASSWORD not in report
    assert KEY not in report


def test_masks_have_one_length(project: Callable[..., ProjectOutcome]) -> None:
    short, long = (
        render(project(f"services:\n  db:\n    image: postgres\n    environment:\n      POSTGRES_PASSWORD: {value}\n"))
        for value in ("x1", PASSWORD * 9)
    )
    assert short == long


def test_sentences_are_masked_as_well(project: Callable[..., ProjectOutcome]) -> None:
    from dsec_migrate.text.records import replace

    found = project()
    leaky = tuple(replace(finding, note=f"it is {PASSWORD}") for finding in found.findings)
    warning = UserError(f"odd: {KEY}", "compose.yml", 1, 1, help=f"not {KEY}")
    bad = replace(found, plan=replace(found.plan, findings=leaky, notes=(f"{KEY}!",)), warnings=(warning,))
    for outcome in (bad, seal(bad, [Look()], has_page=True)):
        for form in REPORTS:
            report = REPORTS[form](outcome_of(outcome), View())
            assert PASSWORD not in report
            assert KEY not in report
            assert f"it is {MASK}" in report


# --- the text report ---


def test_dry_run_tells_what_would_happen(project: Callable[..., ProjectOutcome]) -> None:
    report = text_of(project())
    assert report.startswith("compose.yml\n\n--- a/compose.yml\n")
    assert (
        report[report.index("Would move") :]
        == """\
Would move
  safe    db.POSTGRES_PASSWORD  -> postgres_password
  review  api.API_KEY           -> api_key

To review
  api: API_KEY
    - check that the image acme/api reads API_KEY_FILE: no evidence that it does

Skipped
  compose.yml:13:9  api.SMTP_PASSWORD
      its value is unknown here: SMTP_PASSWORD is not set (set it in .env, or
      use --source environment)
  compose.yml:8:37  db.labels:backup
      no container reads a file there: anyone who can inspect containers reads
      labels: pass it to the program in another way, or replace it with
      `${NAME}` and keep the value in an `.env` that git ignores

Would write
  .gitignore                     adds /secrets/
  secrets/.gitignore             adds * !/*.age !/.age-recipients !/README.md
  secrets/postgres_password.txt  0600
  secrets/api_key.txt            0444

Still in plaintext after the change
  compose.yml:10  postgres_password  services.db.labels.backup

0444: readable by whichever user the container runs as; on the host, the folder
keeps other users out (0700 when new).

2 secrets in 1 file would move, 2 skipped; nothing written: add --write
"""
    )


def test_after_a_write_the_last_block_is_about_unknown_images(project: Callable[..., ProjectOutcome]) -> None:
    report = text_of(commit(project()))
    assert "\nMoved\n" in report
    assert "\nWritten\n" in report
    assert "add --write" not in report
    assert report.index("2 secrets in 1 file moved, 2 skipped") < report.index("Rotate the moved secrets soon")
    last = report[report.index("Images not in the table") :]
    assert "  api will start without API_KEY unless its program reads API_KEY_FILE\n" in last
    assert "db" not in last.split("If the program")[0]
    for snippet in SNIPPETS.values():
        assert all(line.strip() in last for line in snippet.splitlines())
    assert "dsec-migrate undo compose.yml --write" in last
    assert "secrets/api_key.txt" in last
    assert PASSWORD not in report


def test_known_images_need_no_last_block(project: Callable[..., ProjectOutcome]) -> None:
    report = text_of(commit(project(COMPOSE[: COMPOSE.index("  api:")])))
    assert "will start without" not in report
    assert " ".join(report.split()).endswith("`dsec-migrate undo compose.yml --forget --write`.")


@pytest.mark.parametrize(("content", "expected"), [(b"s3\r\n\n", "s3\r\n"), (b"s3\n", "s3"), (b"s3", "s3"), (b"", "")])
def test_the_snippets_strip_one_newline(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    names: dict[str, Any] = {}
    exec(SNIPPETS["Python"], names)
    calls = {"X_FILE": str(tmp_path / "secret")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("Y", "plain")
        for name, value in calls.items():
            patch.setenv(name, value)
        assert names["setting"]("X") == expected
        assert names["setting"]("Y") == "plain"
        assert names["setting"]("Z") is None
        assert names["setting"]("Z", "other") == "other"


def test_the_node_snippet_does_the_same(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    (tmp_path / "secret").write_bytes(b"s3\r\n\n")
    program = SNIPPETS["Node.js"] + 'console.log(JSON.stringify([setting("X"), setting("Y"), setting("Z", "other")]))'
    environment = {"PATH": os.environ["PATH"], "X_FILE": str(tmp_path / "secret"), "Y": "plain"}
    printed = subprocess.run([node, "-e", program], env=environment, capture_output=True, check=True).stdout
    assert json.loads(printed) == ["s3\r\n", "plain", "other"]


def test_services_that_share_a_line_share_a_row(project: Callable[..., ProjectOutcome]) -> None:
    text = f"""\
x-env: &env
  API_KEY: {KEY}
services:
  a: {{image: acme/a, environment: *env}}
  b: {{image: acme/b, environment: *env}}
"""
    assert "  review  a.API_KEY (also b)  -> api_key\n" in text_of(project(text))


def test_many_findings_of_one_kind_are_told_once(project: Callable[..., ProjectOutcome]) -> None:
    variables = "".join(f"      TOKEN_{letter}: {letter}{KEY}\n" for letter in "abcdef")
    report = text_of(project(f"services:\n  api:\n    image: acme/api\n    environment:\n{variables}"))
    assert report.count("check that the image acme/api reads") == 1
    assert "  api: all 6 variables\n    - check that the image acme/api reads <VARIABLE>_FILE" in report


def test_possible_secrets_are_told_in_brief(project: Callable[..., ProjectOutcome]) -> None:
    report = text_of(project("services:\n  web:\n    image: acme/web\n    environment:\n      SENTRY_DSN: ${DSN}\n"))
    assert "Possible secrets, skipped (pass --only NAME to move one)\n  compose.yml:5:7  web.SENTRY_DSN\n" in report
    assert report.endswith("\nno secrets to move, 1 possible\n")


def test_nothing_found_is_one_line(project: Callable[..., ProjectOutcome]) -> None:
    clean = "services:\n  web:\n    image: nginx\n"
    assert text_of(project(clean)) == "compose.yml: no secrets found\n"
    assert text_of(project(clean), project(clean, "other.yml")) == "no secrets found in 2 files\n"


def test_several_files(project: Callable[..., ProjectOutcome]) -> None:
    clean = project("services:\n  web:\n    image: nginx\n", "a/compose.yml")
    broken = project("services: [", "b/compose.yml")
    report = text_of(project(), clean, broken)
    assert report.startswith("== compose.yml ====")
    assert "== a/compose.yml" not in report
    assert "1 file with errors, unchanged" in report
    assert text_of(broken) == ""


def test_check_is_told(project: Callable[..., ProjectOutcome]) -> None:
    outcome = project()
    assert text_of(outcome, view=View(check=True)).endswith("\ncheck failed: 3 secrets in the files\n")
    assert text_of(outcome, view=View(check=True, strict=True)).endswith("\ncheck failed: 4 secrets in the files\n")
    # what moved is gone, the label is not
    assert text_of(commit(outcome), view=View(check=True)).count("check failed: 1 secret in the files") == 1


def test_warnings_that_repeat_are_told_once(project: Callable[..., ProjectOutcome]) -> None:
    report = text_of(project("services:\n  a: &a\n    image: ${TAG:?x}\n    hostname: ${TAG:?x}\n"))
    assert report.count("TAG is not set") == 1
    assert "(compose.yml:3, 4)" in report


def test_colours_only_where_asked(project: Callable[..., ProjectOutcome]) -> None:
    outcome = project()
    assert "\x1b" not in text_of(outcome)
    coloured = text_of(outcome, view=View(look=Look(is_coloured=True)))
    codes = {part.split("m")[0] for part in coloured.split("\x1b[")[1:]}
    assert codes == {"0", "1", "2", "31", "32"}
    for form in DiffStyle:
        assert "\x1b[32m" in render(outcome, Look(form, is_coloured=True))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_prose_fits_the_width(project: Callable[..., ProjectOutcome], width: int) -> None:
    report = text_of(commit(project()), view=View(look=Look(width=width)))
    prose = report[report.index("Moved") : report.index("  Python")]
    assert max(map(width_of, prose.split("\n"))) <= width


def test_names_cannot_steer_the_terminal(project: Callable[..., ProjectOutcome]) -> None:
    text = f'services:\n  "a\\e[2Jb":\n    image: acme/x\n    environment:\n      API_KEY: {KEY}\n'
    report = text_of(project(text))
    assert "\x1b" not in report
    assert "a\\x1b[2Jb.API_KEY" in report


def test_swarm_secrets(project: Callable[..., ProjectOutcome]) -> None:
    report = text_of(commit(project(source=SourceKind.EXTERNAL, target=Target.SWARM)))
    assert "-> api_key (external)\n" in report
    assert "run secrets/create-secrets.sh once on a manager" in report


# --- the JSON report ---

FINDING_KEYS = [
    *("file", "line", "column", "service", "variable", "kind", "exposure", "confidence", "why", "action", "delivery"),
    *("variables", "applicability", "secret", "source", "note"),
]


def is_valid(report: dict[str, Any]) -> None:
    import jsonschema_rs

    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema_rs.validator_for(schema).validate(report)


def test_schema_is_one() -> None:
    import jsonschema_rs

    jsonschema_rs.meta.validate(json.loads(SCHEMA.read_text("utf-8")))


def test_json_of_a_dry_run(project: Callable[..., ProjectOutcome]) -> None:
    outcome = project()
    report = json_of(outcome)
    is_valid(report)
    first = report["findings"][0]
    assert list(first) == FINDING_KEYS
    assert (first["line"], first["column"], first["action"], first["secret"]) == (6, 7, "migrate", "postgres_password")
    assert first["variables"] == ["POSTGRES_PASSWORD_FILE"]
    (change,) = report["changes"]
    assert change == {
        "file": "compose.yml",
        "applicability": "review",
        "findings": ["db.POSTGRES_PASSWORD", "api.API_KEY"],
        "diff": render(outcome),
    }
    assert [(s["name"], s["mode"], s["path"], s["new"]) for s in report["secrets"]] == [
        ("postgres_password", "0600", "secrets/postgres_password.txt", True),
        ("api_key", "0444", "secrets/api_key.txt", True),
    ]
    assert next((f["path"], f["action"]) for f in report["files"]) == (".gitignore", "append")
    assert report["remaining"][0] == {
        "file": "compose.yml",
        "line": 10,
        "secret": "postgres_password",
        "unused": False,
        "where": "services.db.labels.backup",
    }
    assert report["summary"] == {
        "files": 1,
        "findings": 4,
        "migrate": 2,
        "keep": 2,
        "possible": 0,
        "secrets": 2,
        "changed_files": 1,
        "failed_files": 0,
        "written": False,
        "status": 0,
    }


def test_json_of_every_kind_of_end(project: Callable[..., ProjectOutcome]) -> None:
    from dsec_migrate.text.records import replace

    found = project()
    broken = project("services:\n  a: [", "b/compose.yml")
    unproved = ProjectOutcome("c/compose.yml", failure="a.X would change")
    written = commit(project(name="d/compose.yml"))
    late = replace(found, errors=(UserError("cannot write", "compose.yml", help="make room"),))
    for projects, status in (
        ([written], 0),
        ([found, broken], 2),
        ([broken, unproved, found], 3),
        ([late], 2),
        ([], 0),
    ):
        report = json_of(*projects)
        is_valid(report)
        assert report["summary"]["status"] == status
        assert len(report["errors"]) == sum(project.status != 0 for project in projects)
    assert json_of(written)["summary"]["written"] is True
    assert json_of(found, view=View(check=True))["summary"]["status"] == 1
    (error,) = json_of(broken)["errors"]
    assert list(error) == ["file", "line", "column", "what", "help"]
    assert error["line"] == 2


def test_json_of_other_sources(project: Callable[..., ProjectOutcome]) -> None:
    Path("x").mkdir()
    Path("x/.env").write_text(f"SMTP_PASSWORD={KEY}{KEY}\n")
    for source, target in ((SourceKind.EXTERNAL, Target.SWARM), (SourceKind.ENVIRONMENT, Target.COMPOSE)):
        report = json_of(project(name="x/compose.yml", source=source, target=target))
        is_valid(report)
        assert source.value in {secret["source"] for secret in report["secrets"]}
    assert report["secrets"][-1]["variable"] == "SMTP_PASSWORD"
    assert report["secrets"][-1]["mode"] is None


# --- outcomes that leave their process ---


def test_sealed_outcomes_read_the_same_and_hold_no_value(project: Callable[..., ProjectOutcome]) -> None:
    looks = [Look(form, width) for form in DiffStyle for width in (80, 120)]
    broken = project("services: [", "b/compose.yml")
    for outcome in (project(), commit(project(name="a/compose.yml")), broken):
        data = pickle.dumps(seal(outcome, looks, has_page=True))
        assert PASSWORD.encode() not in data
        assert KEY.encode() not in data
        sealed = pickle.loads(data)
        for form in REPORTS:
            for look in looks:
                view = View(check=True, look=look)
                assert REPORTS[form](outcome_of(sealed), view) == REPORTS[form](outcome_of(outcome), view)
        assert list(map(str, sealed.errors)) == list(map(str, outcome.errors))
