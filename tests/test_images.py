"""The table of images: its files, its index, its versions, and what others found out about the same images."""

from __future__ import annotations

import json
import os
import re
import sys
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from conftest import REPOSITORY

from dsec_migrate.cli.verbs import images
from dsec_migrate.images import image_table
from dsec_migrate.images.image_table import Image, Way
from dsec_migrate.reports.page import Page
from dsec_migrate.reports.style import Style
from dsec_migrate.text.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = list(image_table.files())
# a list of rows of another author, each with image, convention, variables and confidence; DSEC_IMAGES names another one
TRUTH = Path(os.environ.get("DSEC_IMAGES") or REPOSITORY.parent / "shared" / "facts" / "images" / "truth.json")
SCHEMA = json.loads((REPOSITORY / "schemas" / "image.schema.json").read_text("utf-8"))


@cache
def every_row() -> tuple[Image, ...]:
    return tuple(row for file in FILES for row in image_table.read_rows(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_is_valid_and_has_evidence(file: Path) -> None:
    problem = next(image_table.problems_of(file), "")
    assert not problem, f"rows/{file.name}: {problem}"
    data = tomllib.loads(file.read_text("utf-8"))
    assert [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(data)] == []
    for row in image_table.read_rows(file):
        for evidence in row.evidence:
            assert re.search(r"[/@#]", evidence), f"{row.names[0]}: {evidence!r} is no repository, commit and lines"
        assert bool(row.supported) == (row.convention != "none"), (
            f"{row.names[0]}: name the variables that the image reads in `supported`; with `none` there are none"
        )
        assert ("{path}" in row.value) or ("{name}" in row.value)


def test_the_index_is_true() -> None:
    """DSEC_REGENERATE=1 writes it."""
    if os.environ.get("DSEC_REGENERATE"):
        image_table.INDEX.write_text(image_table.index_text(), "utf-8")
    told = set(image_table.INDEX.read_text("utf-8").splitlines())
    true = set(image_table.index_text().splitlines())
    assert not true ^ told, (
        f"rows/index.txt is not that of the rows ({min(true ^ told)}), so no run finds them: run "
        "DSEC_REGENERATE=1 pytest tests/test_images.py -k index"
    )
    names = [line.split(" ")[0] for line in image_table.index_text().splitlines()]
    assert len(names) == len(set(names)), "one file for each image"


def test_each_row_can_be_found() -> None:
    missing = []
    for row in every_row():
        tag = f"{row.since}.0" if row.since else f"{int(row.below.split('.')[0]) - 1}.0" if row.below else "latest"
        tag = f"{tag}-{row.variant}" if row.variant else tag
        for name in row.names:
            found = image_table.find(f"{name.replace('*', 'some')}:{tag}")
            # an older row of the same versions may come first only where it says the same
            if found is None or (found is not row and found.convention != row.convention):
                missing.append((name, tag, row.convention))
    assert missing == [], (
        f"no run finds the row for {missing[0][0]}: index.txt lacks it, or another row holds for the same versions"
    )


@pytest.mark.parametrize(
    ("reference", "variable", "way"),
    [
        ("postgres:17", "POSTGRES_PASSWORD", Way("file-variable", "POSTGRES_PASSWORD_FILE")),
        ("docker.io/library/postgres@sha256:0a", "POSTGRES_DB", Way("file-variable", "POSTGRES_DB_FILE")),
        ("postgres", "PGPASSWORD", None),
        ("grafana/grafana:11.4.0", "GF_DATABASE_PASSWORD", Way("double-underscore", "GF_DATABASE_PASSWORD__FILE")),
        ("grafana/grafana", "PASSWORD", None),
        ("lscr.io/linuxserver/mariadb", "MYSQL_PASSWORD", Way("prefix", "FILE__MYSQL_PASSWORD")),
        (
            "ghcr.io/goauthentik/server:2024.12",
            "AUTHENTIK_SECRET_KEY",
            Way("value-scheme", "AUTHENTIK_SECRET_KEY", "file://{path}"),
        ),
        ("pihole/pihole:2024.07.0", "WEBPASSWORD", Way("file-variable", "WEBPASSWORD_FILE")),
        ("pihole/pihole:2025.02.1", "WEBPASSWORD", None),
        ("pihole/pihole:latest", "WEBPASSWORD", Way("file-variable", "WEBPASSWORD_FILE", "{name}")),
        ("rabbitmq:3.8-management", "RABBITMQ_DEFAULT_PASS", Way("file-variable", "RABBITMQ_DEFAULT_PASS_FILE")),
        ("rabbitmq:3-management", "RABBITMQ_DEFAULT_PASS", None),
        ("rabbitmq:management", "RABBITMQ_DEFAULT_PASS", None),
        ("rabbitmq:4", "RABBITMQ_DEFAULT_PASS", None),
        ("influxdb:1.8", "DOCKER_INFLUXDB_INIT_PASSWORD", None),
        ("influxdb:2.1", "DOCKER_INFLUXDB_INIT_PASSWORD", None),
        ("influxdb", "DOCKER_INFLUXDB_INIT_PASSWORD", Way("file-variable", "DOCKER_INFLUXDB_INIT_PASSWORD_FILE")),
        ("influxdb:3-core", "DOCKER_INFLUXDB_INIT_PASSWORD", None),
        ("quay.io/keycloak/keycloak:26.0", "KC_DB_PASSWORD", None),
        ("quay.io/keycloak/keycloak:16.1.1", "KEYCLOAK_PASSWORD", Way("file-variable", "KEYCLOAK_PASSWORD_FILE")),
        ("vikunja/vikunja", "VIKUNJA_AUTH_OPENID_PROVIDERS_X_CLIENTSECRET", None),
    ],
)
def test_the_way_of_an_image(reference: str, variable: str, way: Way | None) -> None:
    row = image_table.find(reference)
    assert row is not None
    assert row.way(variable) == way


def test_who_is_not_in_the_table() -> None:
    assert image_table.find("") is None
    assert image_table.find("example.com/postgres:17") is None
    assert image_table.find("postgres-backup") is None


def test_a_variant_is_an_image_of_its_own() -> None:
    rows = [image_table.find(reference) for reference in ("sonarqube:10-community", "sonarqube:10-datacenter-search")]
    assert [row and row.entrypoint for row in rows] == [
        ("/opt/sonarqube/docker/entrypoint.sh",),
        ("/opt/sonarqube/docker/run.sh",),
    ]


# --- a second opinion ---

CONVENTIONS = {
    "suffix_file": "file-variable",
    "suffix_file_any": "file-variable",
    "double_underscore_file": "double-underscore",
    "prefix_file": "prefix",
    "value_scheme": "value-scheme",
    "cmd": "command-variable",
    "secret_dir": "fixed-name",
}
"""Every other one means here that no variable is given as a file."""


@pytest.mark.skipif(not TRUTH.is_file(), reason=f"there is no list of images at {TRUTH}")
def test_another_author_found_the_same() -> None:
    differences = []
    compared = 0
    rows = [row for row in json.loads(TRUTH.read_text("utf-8")) if row["confidence"] != "unsure"]
    owners: dict[str, int] = {}
    for number in sorted(range(len(rows)), key=lambda number: len(rows[number]["image"])):
        for name in rows[number]["image"]:
            owners.setdefault(_plain(name), number)
    for number, other in enumerate(rows):
        for name in other["image"]:
            if owners[_plain(name)] != number or ":" in name:
                continue
            row = image_table.find(_plain(name).replace("*", "some"))
            if row is None:
                differences.append(f"{name} is missing")
                continue
            compared += 1
            known = [other for other in every_row() if _plain(name) in other.names]
            differences += _differences(name, other, known or [row])
    assert differences == []
    assert compared > 250


_NAME = re.compile(r"[A-Z][A-Z0-9_]+")


def _plain(name: str) -> str:
    return image_table.repository(re.sub(r"\s*\(.*\)$", "", name))


def _differences(name: str, other: dict[str, object], rows: list[Image]) -> list[str]:
    convention = CONVENTIONS.get(str(other["convention"]), "none")
    found = []
    if convention not in {row.convention for row in rows}:
        found.append(f"{name}: {convention}, not {rows[0].convention}")
    variables = other["variables"]
    assert isinstance(variables, dict)
    if convention == "file-variable" and str(other["convention"]) == "suffix_file":
        yes, no = (list(filter(_NAME.fullmatch, variables[key])) for key in ("supported", "not_supported"))
        found += [f"{name}: {word} is not supported" for word in yes if not any(row.way(word) for row in rows)]
        found += [f"{name}: {word} is supported" for word in no if all(row.way(word) for row in rows)]
    if other.get("mode_0400_root_works") is True and not any(row.is_read_by_root for row in rows):
        found.append(f"{name}: root reads the file")
    if other.get("mode_0400_root_works") is False and all(row.is_read_by_root for row in rows) and convention != "none":
        found.append(f"{name}: somebody else than root reads the file")
    return found


def test_each_family_that_reads_files_has_a_project_among_the_fixtures() -> None:
    fixtures = REPOSITORY / "tests" / "fixtures"
    texts = [path.read_text("utf-8", "replace") for path in fixtures.glob("*/before/**/*.y*ml")]
    named = {
        image_table.repository(name) for text in texts for name in re.findall(r"image:\s*[\"']?([\w./:@-]+)", text)
    }
    missing = []
    for file in FILES:
        rows = image_table.read_rows(file)
        patterns = {name for row in rows for name in row.names}
        reads = any(row.convention != "none" for row in rows)
        if reads and not any(fnmatchcase(name, pattern) for name in named for pattern in patterns):
            missing.append(file.stem)
    assert missing == [], (
        f"no fixture has an image of rows/{missing[0]}.toml: add a project to tests/fixtures whose service has that "
        "image and a variable that it reads from a file"
    )


def test_a_row_that_lacks_a_key_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (image_table.FOLDER / "adminer.toml").read_text("utf-8")
    file = tmp_path / "adminer.toml"
    for key, allowed in {"reads_as": "root, uid:gid, or other", "final_newlines": "(stripped, kept)"}.items():
        file.write_text(re.sub(rf"(?m)^{key} = .*\n", "", whole), "utf-8")
        image_table.read_rows.cache_clear()
        with pytest.raises(UserError) as caught:
            image_table.read_rows(file)
        assert f"row 1: the key {key} is missing" in caught.value.what
        assert allowed in caught.value.what
        assert caught.value.file == str(file)
    file.write_text(f"{whole}shell = sh\n", "utf-8")
    image_table.read_rows.cache_clear()
    with pytest.raises(UserError, match="not valid TOML"):
        image_table.read_rows(file)


def test_a_row_that_the_index_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (image_table.FOLDER / "adminer.toml").read_text("utf-8")
    (tmp_path / "new.toml").write_text(text.replace('["adminer"]', '["acme/new"]'), "utf-8")
    monkeypatch.setattr(image_table, "FOLDER", tmp_path)
    with pytest.raises(UserError) as caught:
        images.perform(Page(Style(is_coloured=False), 100), "acme/new:1")
    assert "index.txt does not list the row for acme/new" in caught.value.what
    assert "pytest tests/test_images.py -k index" in caught.value.help
