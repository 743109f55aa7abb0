"""Passes beyond secrets: who joins a data store's network, who is cut off, what is left, and which mounts go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from conftest import examples, project_of, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dsec_migrate import transaction
from dsec_migrate.cli.entry import main
from dsec_migrate.compose.discovery.project_files import ProjectFiles
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Harden, Options
from dsec_migrate.detectors.finding import Action
from dsec_migrate.migrate import pipeline
from dsec_migrate.outcome import DONE
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.hardening import networks
from dsec_migrate.planning.hardening.harden import harden
from dsec_migrate.planning.hardening.networks import StoreDecision
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.records import replace
from dsec_migrate.text.source import Rewritten, Source
from dsec_migrate.verify.prove import verify

NETWORKS = Options(harden=(Harden.NETWORKS,))
MOUNTS = Options(harden=(Harden.MOUNTS,))
STORE = "  db:\n    image: postgres:17\n"
USER = "  api:\n    image: example.com/api:1\n    environment: {PGHOST: db}\n"


def project(text: str, folder: Path = Path("/nowhere")) -> Project:
    path = folder / "compose.yml"
    return project_of(Source(path, text.encode(), text))


def decide(services: str, rest: str = "", folder: Path = Path("/nowhere")) -> dict[str, StoreDecision]:
    return {one.store.name: one for one in networks.decide(project(f"services:\n{services}{rest}", folder))}


def hardened(text: str, options: Options = NETWORKS) -> tuple[str, Plan]:
    """The proved new text of a project of one file, and its plan."""
    before = project(text)
    plan = harden(before, Plan(), options)
    if not plan.patches:
        return text, plan
    new, edits = rewrite(before.document, plan.patches)
    verify(before, plan, (Rewritten(before.source, new, edits),), options)
    return new, plan


def data(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


# --- who uses a store ---


@pytest.mark.parametrize(
    "body",
    [
        "environment: {URL: 'postgres://app@db:5432/app'}",
        "environment: [PGHOST=db]",
        "command: [serve, --host, db]",
        "command: serve --database=db:5432",
        "entrypoint: sh -c 'wait-for db && serve'",
        "depends_on: [db]",
        "depends_on: {db: {condition: service_healthy}}",
        "links: [db]",
        "labels: {backup.target: db}",
        "healthcheck: {test: pg_isready -h db}",
        "environment: {HOSTS: 'shop_db_1'}",
        "environment: {PGHOST: the-db}",
        "environment: {PGHOST: primary}",
        "environment: {PGHOST: '${HOST:-db}'}",
    ],
)
def test_who_names_it_is_a_user(body: str) -> None:
    store = f"{STORE}    container_name: the-db\n    hostname: primary\n"
    found = decide(f"{store}  one:\n    image: traefik/whoami:v1\n    {body}\n  two:\n    image: traefik/whoami:v1\n")
    assert found["db"].users == ("one",)
    assert found["db"].cut == ("two",)


def test_files_that_a_service_mounts_are_looked_through(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "upstream.conf").write_text("server db:5432;\n", "utf-8")
    (tmp_path / "page.html").write_text("nothing of it\n", "utf-8")
    services = "".join(
        f"  {name}:\n    image: nginx:1.27\n    volumes: ['{source}:/etc/nginx/{name}']\n"
        for name, source in {"named": "./conf", "clean": "./page.html", "gone": "./gone", "outside": "/srv"}.items()
    )
    found = decide(STORE + USER + services, folder=tmp_path)["db"]
    assert found.users == ("api", "named")
    assert found.cut == ("clean",)
    assert {name for name, _ in found.kept} == {"gone", "outside"}


def test_configs_env_files_and_secrets_are_looked_through(tmp_path: Path) -> None:
    (tmp_path / "some.env").write_text("ADDRESS=db:5432\n", "utf-8")
    (tmp_path / "url.txt").write_text("postgres://app:Teal-Rail-4711@db/app", "utf-8")
    services = (
        "  env:\n    image: nginx:1.27\n    env_file: some.env\n"
        "  secret:\n    image: nginx:1.27\n    secrets: [url]\n"
        "  config:\n    image: nginx:1.27\n    configs: [conf]\n"
        "  elsewhere:\n    image: nginx:1.27\n    configs: [other]\n"
        "  none:\n    image: nginx:1.27\n"
    )
    rest = "secrets:\n  url: {file: url.txt}\nconfigs:\n  conf: {content: 'upstream db'}\n  other: {external: true}\n"
    found = decide(STORE + services, rest, tmp_path)["db"]
    assert found.users == ("env", "secret", "config")
    assert [name for name, _ in found.kept] == ["elsewhere"]
    assert found.cut == ("none",)


def test_code_of_the_project_is_looked_through(tmp_path: Path) -> None:
    for name, text in {"uses": "connect('db')", "other": "print('hello')"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").write_text(text, "utf-8")
    services = "  uses:\n    build: uses\n  other:\n    build: other\n  remote:\n    build: https://example.com/a.git\n"
    found = decide(STORE + services, folder=tmp_path)["db"]
    assert (found.users, found.cut) == (("uses",), ("other",))
    assert [name for name, _ in found.kept] == ["remote"]


@pytest.mark.parametrize(
    "image",
    ["adminer:4", "dpage/pgadmin4:8", "grafana/grafana:11", "prom/prometheus:v3", "portainer/portainer-ce:2", "a/b:1"],
)
def test_whoever_may_look_for_it_by_itself_keeps_reaching_it(image: str) -> None:
    found = decide(f"{STORE}{USER}  tool:\n    image: {image}\n")["db"]
    assert [name for name, _ in found.kept] == ["tool"]
    assert found.cut == ()


def test_a_variable_that_is_not_set_here_may_name_it() -> None:
    services = STORE + USER + "  web:\n    image: nginx:1.27\n    environment: {UPSTREAM: '${ANYBODY}'}\n"
    assert [name for name, _ in decide(services)["db"].kept] == ["web"]
    # a password is no address
    assert decide(services.replace("UPSTREAM", "PASSWORD"))["db"].cut == ("web",)


def test_stores_of_a_cluster_stay_where_they_are() -> None:
    for image in ("mongo:7", "opensearchproject/opensearch:2", "rabbitmq:3"):
        services = "".join(f"  node{n}:\n    image: {image}\n" for n in (1, 2)) + USER.replace("db", "node1")
        assert decide(services)["node1"].left == "it may form a cluster with node2"
    alone = "".join(f"  node{n}:\n    image: redis:7\n" for n in (1, 2)) + USER.replace("db", "node1")
    assert decide(alone)["node1"].cut == ("node2",)
    joined = alone.replace("redis:7\n", "redis:7\n    command: redis-server --cluster-enabled yes\n")
    assert decide(joined)["node1"].left == "it may form a cluster with node2"


# --- what is left ---


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("ports: ['5432:5432']", "publishes ports"),
        ("network_mode: host", "network_mode"),
        ("extra_hosts: ['a:10.0.0.1']", "extra_hosts"),
        ("external_links: [other]", "external_links"),
        ("networks: {default: {aliases: [x]}}", "aliases on the network default"),
        ("networks: {default: {priority: 10}}", "priority on the network default"),
        ("labels: ['traefik.enable=true']", "a proxy exposes it"),
        ("environment: {AWS_S3_BUCKET: backups}", "may need external access"),
        ("environment: {ORIGIN: 'https://example.com/data'}", "a host outside the project"),
        ("environment: {ORIGIN: 10.1.2.3}", "a host outside the project"),
        ("command: sh -c 'apt-get install -y x && postgres'", "may need external access"),
        ("volumes: ['./gone.conf:/etc/postgresql/postgresql.conf']", "gone.conf is not here"),
        ("build: .", "built here"),
    ],
)
def test_a_store_that_may_lose_something_stays(body: str, reason: str) -> None:
    found = decide(f"{STORE}    {body}\n{USER}")["db"]
    assert reason in found.left
    assert not found.network
    # without that it moves
    assert decide(STORE + USER)["db"].network == "db_internal"


def test_minio_and_unknown_images_are_no_data_stores() -> None:
    # people reach the first by its address, and nobody knows the second
    assert decide("  files:\n    image: minio/minio\n  own:\n    image: example.com/database:1\n") == {}


def test_a_member_that_cannot_join_keeps_the_store_where_it_is() -> None:
    anchored = USER.replace("  api:\n", "  api: &api\n") + "  more:\n    <<: *api\n"
    # the heir names the store as well, and gets a list of its own
    assert decide(STORE + anchored)["db"].users == ("api", "more")
    stranger = anchored + "    image: traefik/whoami:v1\n    environment: {}\n"
    assert "other services inherit it through an anchor" in decide(STORE + stranger)["db"].left
    extended = USER + "  more:\n    extends: api\n"
    assert "more extends it" in decide(STORE + extended)["db"].left
    own_address = USER + "    command: sh -c 'serve --advertise=$$(hostname -i)'\n"
    assert "its own address" in decide(STORE + own_address)["db"].left
    data_only = USER + "  other:\n    image: traefik/whoami:v1\n    volumes_from: [db]\n"
    assert "uses its volumes" in decide(STORE + data_only)["db"].left
    empty = USER + "    networks: []\n"
    assert decide(STORE + empty)["db"].left


def test_projects_with_others_in_them_keep_their_stores(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text("services:\n  more:\n    image: example.com/more:1\n", "utf-8")
    file = tmp_path / "compose.yml"
    file.write_text(f"include: [other.yml]\nservices:\n{STORE}{USER}", "utf-8")
    outcome = pipeline.migrate(ProjectFiles.of(file), NETWORKS, {})
    assert [(one.service, one.action) for one in outcome.plan.hardened] == [("db", Action.KEEP)]
    assert outcome.rewritten == ()


# --- edits ---


def test_without_the_option_nothing_is_hardened() -> None:
    text = f"services:\n{STORE}{USER}"
    new, plan = hardened(text, Options())
    assert (new, plan.patches, plan.hardened) == (text, (), ())


def test_a_service_without_networks_keeps_the_default_one() -> None:
    new, _ = hardened(f"services:\n{STORE}{USER}")
    assert data(new)["services"]["api"]["networks"] == ["default", "db_internal"]
    assert data(new)["services"]["db"]["networks"] == ["db_internal"]
    assert data(new)["networks"] == {"db_internal": {"internal": True}}


@pytest.mark.parametrize(
    ("own", "after"),
    [
        ("networks: [one, two]", ["one", "two", "db_internal"]),
        ("networks:\n    - one # first\n    - two", ["one", "two", "db_internal"]),
        ("networks: {one: , two: {aliases: [x]}}", {"one": None, "two": {"aliases": ["x"]}, "db_internal": None}),
        (
            "networks:\n      two:\n      one:\n        priority: 3",
            {"two": None, "one": {"priority": 3}, "db_internal": None},
        ),
    ],
)
def test_a_users_own_networks_stay_as_they_are_written(own: str, after: object) -> None:
    store = f"{STORE}    networks:\n      - one # of two\n      - two\n"
    text = f"services:\n{store}{USER}    {own}\n    # behind it\n    init: true\nnetworks:\n  one:\n  two:\n"
    new, _ = hardened(text)
    assert data(new)["services"]["api"]["networks"] == after
    assert data(new)["services"]["db"]["networks"] == ["db_internal"]
    assert "      - db_internal # of two\n" in new
    assert "    # behind it\n    init: true\n" in new


def test_line_ends_stay() -> None:
    new, _ = hardened(f"services:\n{STORE}{USER}".replace("\n", "\r\n"))
    assert new.count("\n") == new.count("\r\n") > 8


# --- what the proof refuses ---


def test_a_plan_that_cuts_off_a_user_is_refused() -> None:
    text = f"services:\n{STORE}{USER}  web:\n    image: nginx:1.27\n"
    before = project(text)
    plan = harden(before, Plan(), NETWORKS)
    # as if nobody had seen that `api` names it
    wrong = tuple(one for one in plan.patches if one.origin != "the networks of api")
    told = tuple(replace(one, users=(), cut=("api", "web")) for one in plan.hardened)
    for bad in (replace(plan, patches=wrong), replace(plan, patches=wrong, hardened=told)):
        new, edits = rewrite(before.document, bad.patches)
        with pytest.raises(VerificationError, match=r"(?:api and db|db and api)"):
            verify(before, bad, (Rewritten(before.source, new, edits),), NETWORKS)


def test_a_plan_that_says_less_than_it_does_is_refused() -> None:
    before = project(f"services:\n{STORE}{USER}  web:\n    image: nginx:1.27\n")
    plan = harden(before, Plan(), NETWORKS)
    silent = replace(plan, hardened=tuple(replace(one, cut=()) for one in plan.hardened))
    new, edits = rewrite(before.document, plan.patches)
    with pytest.raises(VerificationError, match="would no longer reach each other"):
        verify(before, silent, (Rewritten(before.source, new, edits),), NETWORKS)


# --- mounts ---


MOUNTED = """\
services:
  db:
    image: postgres:17
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/used
    secrets: {secrets}
    init: true
secrets:
  used: {{file: ./used.txt}}
  spare: {{file: ./spare.txt}}
"""


@pytest.mark.parametrize(
    ("secrets", "after"),
    [
        ("[used, spare]", ["used"]),
        ("[spare, used]", ["used"]),
        ("[spare, used, {source: spare, target: other}]", ["used"]),
        ("\n      - spare\n      - used", ["used"]),
        ("\n      - source: spare\n        target: x\n      - used # why", ["used"]),
        ("\n    - used\n    - spare # why not", ["used"]),
        ("[spare]", None),
        ("\n      - spare", None),
    ],
)
def test_what_nothing_uses_is_mounted_no_more(secrets: str, after: object, tmp_path: Path) -> None:
    text = MOUNTED.format(secrets=secrets)
    for name in ("used", "spare"):
        (tmp_path / f"{name}.txt").write_text("Teal-Rail-4711", "utf-8")
    file = tmp_path / "compose.yml"
    file.write_text(text, "utf-8")
    outcome = pipeline.migrate(ProjectFiles.of(file), MOUNTS, {})
    assert (outcome.status, outcome.failure) == (DONE, "")
    new = data(outcome.rewritten[0].text)
    assert new["services"]["db"].get("secrets") == after
    assert new["services"]["db"]["init"] is True
    # the definition may be of use to others
    assert new["secrets"] == data(text)["secrets"]


@pytest.mark.parametrize(
    "body",
    [
        "command: sh -c 'cat /run/secrets/*'",
        "command: sh -c 'for f in $$(ls /run/secrets); do cat $$f; done'",
        "command: [start, --secrets, /run/secrets]",
        "environment: {POSTGRES_INITDB_ARGS: --pwfile=/run/secrets/spare}",
        "image: example.com/unknown:1",
        "volumes: ['./gone.conf:/etc/postgresql/postgresql.conf']",
    ],
)
def test_where_use_cannot_be_excluded_the_mount_stays(body: str, tmp_path: Path) -> None:
    image = "" if body.startswith("image") else "    image: postgres:17\n"
    text = f"services:\n  db:\n{image}    {body}\n    secrets: [spare]\nsecrets:\n  spare: {{file: ./spare.txt}}\n"
    (tmp_path / "spare.txt").write_text("Teal-Rail-4711", "utf-8")
    (tmp_path / "compose.yml").write_text(text, "utf-8")
    outcome = pipeline.migrate(ProjectFiles.of(tmp_path / "compose.yml"), MOUNTS, {})
    assert (outcome.status, outcome.rewritten) == (DONE, ())
    assert all(one.action is Action.KEEP for one in outcome.plan.hardened)


# --- runs ---


def test_undo_takes_it_back(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(f"services:\n{STORE}{USER}  web:\n    image: nginx:1.27\n", "utf-8")
    before = snapshot(tmp_path)
    written = pipeline.commit(pipeline.migrate(ProjectFiles.of(file), NETWORKS, {}))
    assert written.is_written
    assert snapshot(tmp_path) != before
    assert written.journal is not None
    (run,) = transaction.runs_of(written.journal, written.boundary)
    transaction.undo(transaction.plan_undo(written.journal, run, written.boundary))
    assert snapshot(tmp_path) == before


def test_reports_tell_what_is_hardened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("compose.yml").write_text(
        f"services:\n{STORE}{USER}  web:\n    image: nginx:1.27\n  cache:\n    image: redis:7\n    ports: [6379]\n",
        "utf-8",
    )
    with pytest.raises(SystemExit):
        main(["--harden", "networks", "--format", "json", "--check"])
    report = json.loads(capsys.readouterr().out)
    moved, left = report["hardening"]
    assert (moved["service"], moved["action"], moved["network"]) == ("db", "change", "db_internal")
    assert (moved["users"], moved["cut"], moved["applicability"]) == (["api"], ["web", "cache"], "review")
    assert (left["service"], left["action"], left["applicability"]) == ("cache", "keep", "manual")
    assert [change["applicability"] for change in report["changes"]] == ["review"]
    assert "+  db_internal:" in report["changes"][0]["diff"]
    # networks are nothing that --check asks for
    assert report["summary"]["status"] == 0
    with pytest.raises(SystemExit) as stop:
        main(["--harden", "networks", "--write"])
    assert stop.value.code == 0
    told = capsys.readouterr().out
    assert "1 service hardened" in told
    assert "to recreate db, api;" in told
    # no secret has moved
    assert "Rotate the moved secrets" not in told


@pytest.mark.parametrize("words", [["--safe"], ["--target", "swarm"], ["--source", "external"]])
def test_options_that_do_not_go_together(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("compose.yml").write_text(f"services:\n{STORE}", "utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["--harden", "networks", *words])
    assert stop.value.code == 2
    assert "--harden" in capsys.readouterr().err


# --- projects of any shape ---

NAMES = ("one", "two", "three", "four", "five")
IMAGES = ("postgres:17", "redis:7", "mongo:7", "nginx:1.27", "traefik/whoami:v1", "example.com/app:1", "busybox:stable")
LISTS = ("", "[{}]", "\n      - {}  # comment", "\n      {}:", "{{{}: null}}")


@st.composite
def drawn(draw: st.DrawFn) -> tuple[str, set[frozenset[str]]]:
    """A project, and the pairs of services of which one names the other."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    uses: set[frozenset[str]] = set()
    lines = ["services:"]
    for name in names:
        lines += [f"  {name}:", f"    image: {draw(st.sampled_from(IMAGES))}"]
        others = draw(st.lists(st.sampled_from([one for one in names if one != name]), max_size=2, unique=True))
        for other in others:
            uses.add(frozenset((name, other)))
        ways = ["environment: {{TARGET: 'x://{}:1/'}}", "command: [run, --with={}]", "depends_on: [{}]"]
        lines += [f"    {way.format(other)}" for way, other in zip(draw(st.permutations(ways)), others, strict=False)]
        form = draw(st.sampled_from(LISTS))
        if form:
            lines.append(f"    networks: {form.format(draw(st.sampled_from(['default', 'side'])))}")
        if draw(st.integers(0, 5)) == 0:
            lines.append("    ports: ['80']")
        if draw(st.integers(0, 3)) == 0:
            lines += ["    # a comment", "    init: true"]
    lines += ["networks:", "  side: {}"] if draw(st.booleans()) or "side" in "\n".join(lines) else []
    return "\n".join(lines) + ("\n" if draw(st.booleans()) else ""), uses


def connections(project_data: Mapping[str, Any]) -> tuple[set[frozenset[str]], set[str]]:
    """Pairs of services that share a network, and services with a network that is not internal."""
    defined = project_data.get("networks") or {}
    own = {name: set(service.get("networks") or ["default"]) for name, service in project_data["services"].items()}
    pairs = {frozenset(pair) for pair in combinations(own, 2) if own[pair[0]] & own[pair[1]]}
    return pairs, {n for n, nets in own.items() if any(not (defined.get(net) or {}).get("internal") for net in nets)}


def without_networks(project_data: Mapping[str, Any]) -> Iterator[object]:
    for name, service in project_data["services"].items():
        yield name, {key: value for key, value in service.items() if key != "networks"}
    yield {key: value for key, value in project_data.items() if key not in {"services", "networks"}}


@settings(max_examples=examples(150), deadline=None)
@given(drawn())
def test_no_needed_pair_is_cut_and_nothing_else_changes(case: tuple[str, set[frozenset[str]]]) -> None:
    text, uses = case
    new, plan = hardened(text)
    before, after = data(text), data(new)
    assert list(without_networks(after)) == list(without_networks(before))
    pairs, outwards = connections(before)
    pairs_after, outwards_after = connections(after)
    moved = {one.service for one in plan.hardened if one.action is Action.MIGRATE}
    assert pairs & uses <= pairs_after <= pairs
    # whoever may look for a store by itself still can, unless it names another one of the kind
    images = {name: one["image"] for name, one in before["services"].items()}
    for one, other in (tuple(pair) for pair in pairs - pairs_after):
        for user, store in ((one, other), (other, one)):
            named = {images[name] for pair in uses if user in pair for name in pair - {user, store}}
            assert images[user] != "example.com/app:1" or images[store] in named
    assert outwards - outwards_after == moved
    assert not any("ports" in before["services"][name] for name in moved)
    assert {frozenset((one.service, other)) for one in plan.hardened for other in one.cut} == pairs - pairs_after
    for name, network in (before.get("networks") or {}).items():
        assert (after.get("networks") or {})[name] == network
    again, plan_again = hardened(new)
    assert again == new
    assert not [one for one in plan_again.hardened if one.action is Action.MIGRATE]
