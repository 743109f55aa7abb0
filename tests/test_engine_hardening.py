"""Hardened projects on the real engine: who needs a data store reaches it, who does not is cut off, and ways out stay.

Each service of a fixture runs as a small web server, on the networks that its file gives it, before and after; then
each asks each other one, and a server on the host. The images themselves are not needed for that.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest
from conftest import ALL, docker

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

FIXTURES = Path(__file__).parent / "fixtures"
FIRST_PORT = 7000
SERVE = 'mkdir -p /tmp/w && echo "$0" > /tmp/w/index.html && exec httpd -f -p "$1" -h /tmp/w'
# a client that resolves names: the wget of this build does not
ASK = r"""
for target in "$@"; do
  request='GET / HTTP/1.0\r\n\r\n'
  if printf "$request" | timeout 5 nc -w 2 "${target%:*}" "${target#*:}" 2>/dev/null | grep -q '200 OK'; then
    echo "$target"
  fi
done"""


class Case(NamedTuple):
    """``files`` are the layers of the project. ``needs`` are pairs of a service and a store that it uses, ``strangers``
    such pairs of which nobody uses the other, and ``stores`` what moves."""

    needs: set[tuple[str, str]]
    strangers: set[tuple[str, str]]
    stores: set[str]
    files: tuple[str, ...] = ("compose.yml",)


CASES = {
    "harden-networks": Case({("api", "db")}, {("web", "db"), ("mail", "db")}, {"db"}),
    "harden-networks-lists": Case(
        {("app", "cache"), ("app", "store"), ("worker", "cache")},
        {("files", "cache"), ("files", "store")},
        {"cache", "store"},
    ),
    "harden-networks-two-projects-in-one": Case(
        {("blog", "blog-db"), ("wiki", "wiki-db")}, {("blog", "wiki-db"), ("wiki", "blog-db")}, {"blog-db", "wiki-db"}
    ),
    "harden-networks-in-doubt": Case(
        {("app", "mongo"), ("gateway", "mongo"), ("adminer", "mongo")}, {("site", "mongo")}, {"mongo"}
    ),
    "harden-networks-of-another-service": Case({("crawler", "mongo")}, {("proxy", "mongo")}, {"mongo"}),
    "harden-networks-layers": Case(
        {("api", "db")}, {("whoami", "db")}, {"db"}, ("compose.yml", "compose.override.yml")
    ),
    "harden-networks-names": Case({("api", "db")}, {("stub", "db")}, {"db"}),
    "harden-networks-json": Case({("api", "db")}, {("mail", "db")}, {"db"}, ("compose.json",)),
    "harden-networks-of-a-team": Case(
        {(user, store) for user in ("web", "worker") for store in ("cache", "queue", "db")},
        {(other, store) for other in ("proxy", "mail", "storage") for store in ("cache", "queue", "db")},
        {"cache", "queue", "db"},
    ),
    "harden-networks-with-links": Case(
        {("app", "broker"), ("broker", "zookeeper")},
        {("stub", "broker"), ("stub", "zookeeper")},
        {"broker", "zookeeper"},
    ),
    "harden-networks-of-heirs": Case(
        {("app", "cache"), ("worker", "cache"), ("clock", "cache")}, {("stub", "cache")}, {"cache"}
    ),
    "harden-everything": Case({("api", "db")}, {("who", "db")}, {"db"}),
}


class Heard(NamedTuple):
    """Pairs of who reached whom; who reached the host; whose published port the host reached."""

    pairs: set[tuple[str, str]]
    outwards: set[str]
    published: set[str]


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        """Nobody asked."""


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    """The address of a server that is none of a project's."""
    inspected = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    address = inspected.stdout.decode().strip()
    if inspected.returncode or not address:
        pytest.skip("the engine has no default bridge")
    server = ThreadingHTTPServer((address, 0), _Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"{address}:{server.server_port}"
    server.shutdown()
    thread.join()


def stand_in(config: Mapping[str, Any]) -> dict[str, Any]:
    """The project with web servers in place of its programs. Who is the host itself is left out."""
    services: dict[str, Any] = {}
    for number, (name, service) in enumerate(config["services"].items()):
        if service.get("network_mode") == "host":
            continue
        port = FIRST_PORT + number
        kept = {key: service[key] for key in ("network_mode", "networks", "links", "hostname") if key in service}
        kept |= {"ports": [{"target": port, "host_ip": "127.0.0.1"}]} if service.get("ports") else {}
        services[name] = {
            **kept,
            "image": "busybox:stable",
            "pull_policy": "never",
            "entrypoint": ["sh", "-c", SERVE.replace("$", "$$"), name, str(port)],
            "stop_grace_period": "0s",
        }
    networks = {name: {"internal": one.get("internal", False)} for name, one in config.get("networks", {}).items()}
    return {"services": services, "networks": networks}


def listen(name: str, side: str, case: Case, folder: Path, outside: str) -> Heard:
    root = FIXTURES / name / side
    words = [word for file in case.files for word in ("-f", str(root / file))]
    result = docker("compose", *words, "config", "--format", "json", cwd=root)
    assert result.returncode == 0, result.stderr.decode()
    project = stand_in(json.loads(result.stdout))
    file = folder / f"{side}.json"
    file.write_text(json.dumps(project), "utf-8")
    called = f"dsec-{uuid.uuid4().hex[:10]}"
    compose = ("compose", "-p", called, "-f", str(file))
    try:
        started = docker(*compose, "up", "--detach", cwd=folder)
        assert started.returncode == 0, started.stderr.decode()
        return _heard(project, compose, outside)
    finally:
        docker(*compose, "down", "--volumes", "--timeout", "0", cwd=folder)


def _heard(project: Mapping[str, Any], compose: tuple[str, ...], outside: str) -> Heard:
    services = project["services"]
    ports = {name: service["entrypoint"][-1] for name, service in services.items()}
    # who has another one's network is asked under that one's name
    hosts = {name: service.get("network_mode", f":{name}").partition(":")[2] for name, service in services.items()}
    targets = {f"{hosts[name]}:{ports[name]}": name for name in services}
    pairs: set[tuple[str, str]] = set()
    outwards: set[str] = set()
    ask = partial(_ask, compose)
    with ThreadPoolExecutor(max_workers=4) as pool:
        own = {name: [f"127.0.0.1:{port}"] for name, port in ports.items()}
        for _ in range(20):
            if all(pool.map(ask, own, own.values())):
                break
            time.sleep(0.3)
        everybody = [[*targets, outside]] * len(services)
        for name, answers in zip(services, pool.map(ask, services, everybody), strict=True):
            outwards.update({name} if outside in answers else ())
            pairs.update((name, targets[one]) for one in answers if one != outside and targets[one] != name)
    published = {
        name for name, service in services.items() if "ports" in service and _answers(compose, name, ports[name])
    }
    return Heard(pairs, outwards, published)


def _ask(compose: tuple[str, ...], name: str, targets: list[str]) -> list[str]:
    """Those of ``targets`` that answer to a service."""
    return docker(*compose, "exec", "-T", name, "sh", "-c", ASK, "ask", *targets).stdout.decode().split()


def _answers(compose: tuple[str, ...], name: str, port: str) -> bool:
    address = docker(*compose, "port", name, port).stdout.decode().strip()
    try:
        with urlopen(f"http://{address}/", timeout=3) as answer:
            return bool(answer.read().decode().strip() == name)
    except OSError:
        return False


# half a minute each where the engine is busy
SOME = list(CASES) if ALL else list(CASES)[::6]


@pytest.mark.parametrize("name", SOME)
def test_who_needs_it_still_reaches_it_and_nobody_else_does(name: str, tmp_path: Path, outside: str) -> None:
    case = CASES[name]
    before, after = (listen(name, side, case, tmp_path, outside) for side in ("before", "after"))
    # all of this could be done before
    assert case.needs | case.strangers <= before.pairs
    assert case.stores <= before.outwards
    # what is needed still can, what is not cannot
    assert case.needs <= after.pairs
    assert not {pair for pair in after.pairs if pair in case.strangers or pair[::-1] in case.strangers}
    # nobody else lost anything: only stores were cut off, and nobody won anything
    lost = before.pairs - after.pairs
    assert all(set(pair) & case.stores for pair in lost)
    assert after.pairs <= before.pairs
    assert before.outwards - after.outwards == case.stores
    assert after.published == before.published


def test_the_report_names_whom_it_cuts_off(tmp_path: Path, outside: str) -> None:
    """The pairs that no longer talk are those of the JSON report, in both directions."""
    from dsec_migrate.compose.discovery.project_files import ProjectFiles
    from dsec_migrate.config.options import Harden, Options
    from dsec_migrate.migrate import pipeline

    name = "harden-networks-of-a-team"
    before, after = (listen(name, side, CASES[name], tmp_path, outside) for side in ("before", "after"))
    source = ProjectFiles.of(FIXTURES / name / "before" / "compose.yml")
    outcome = pipeline.migrate(source, Options(harden=(Harden.NETWORKS,)), {})
    told = {frozenset((one.service, other)) for one in outcome.plan.hardened for other in one.cut}
    assert {frozenset(pair) for pair in before.pairs - after.pairs} == told
