"""No road of output shows a value: every verb and every format, over little projects that try to make one leak.

The values are searched for as they are, escaped as JSON, HTML, URLs and YAML do it, in Base64, and across line ends.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import nursery
import pytest
from conversations import talk

CALLS: tuple[tuple[str, ...], ...] = (
    (),
    ("--diff", "side-by-side"),
    ("--diff", "semantic"),
    ("--diff", "semantic", "--unknown", "wrap", "--prune-env"),
    ("--unknown", "rewrite", "--source", "environment", "--strict", "--check"),
    ("--fix", "--harden", "networks", "--harden", "mounts", "--templates"),
    ("--target", "swarm"),
    *(("--format", form) for form in ("json", "sarif", "github", "gitlab", "junit", "markdown", "html")),
    ("--unknown", "wrap", "--output", "html=out.html", "--output", "sarif=out.sarif", "--output", "markdown=out.md"),
    ("status",),
    ("audit",),
    *(("audit", "--format", form) for form in ("json", "markdown", "sarif", "github", "gitlab", "junit")),
    ("--write", "--unknown", "wrap"),
    ("status",),
    ("audit", "--format", "json"),
    ("fill",),
    ("rotate", "*"),
    ("push", "--to", "kubernetes"),
    ("undo",),
    ("undo", "--write"),
)
# of a file that Compose refuses, most say the same
SHORT = ((), ("--diff", "semantic"), ("--format", "json"), ("--format", "html"), ("status",), ("audit",))


class Nasty(NamedTuple):
    """``secrets`` are in no output, ``shown`` in that of a dry run."""

    files: Mapping[str, str]
    secrets: tuple[str, ...]
    shown: tuple[str, ...] = ()


NASTY = {
    "a blank or a colon where the sign belongs": Nasty(
        {
            "compose.yml": """\
services:
  db:
    image: postgres:16
    environment:
      - "POSTGRES_PASSWORD Quillwort1x"
      - "KEYSTORE_PASSWORD: Quillwort2x"
      - "export ADMIN_PASSWORD Quillwort3x"
      - "API_TOKEN:Quillwort4x"
      - "REPLICATION_PASSWORD :Quillwort5x=ab"
      - "STORE_PASSWORD $$Quillwort6x"
    labels:
      - "backup.password Quillwort7x"
  web:
    image: postgres:16
    environment:
      "POSTGRES_PASSWORD=Quillwort8x":
      "ADMIN_PASSWORD=Quillwort9x": on
      "SMTP_PASSWORD: Quillwort10x": "x"
      ghp_Wq7rT2mNpXz4KvB8sLdFgH3jYc5aQe1uRi6o: x
  built:
    build:
      context: .
      args:
        - "NPM_TOKEN Quillwort11x"
        - "PIP_PASSWORD: Quillwort12x"
""",
            "Dockerfile": "FROM busybox\nARG NPM_TOKEN\nRUN true\n",
        },
        (*(f"Quillwort{n}x" for n in range(1, 13)), "ghp_Wq7rT2mNpXz4KvB8sLdFgH3jYc5aQe1uRi6o"),
        (
            "db.POSTGRES_PASSWORD ********",
            "db.KEYSTORE_PASSWORD: ********",
            "web.POSTGRES_PASSWORD=********",
            "built.build:NPM_TOKEN ********",
        ),
    ),
    "lines of an env file that go away": Nasty(
        {
            "compose.yml": "services:\n  db:\n    image: postgres:16\n    env_file: app.env\n",
            "app.env": (
                'TLS_PRIVATE_KEY="-----BEGIN PRIVATE KEY-----\nMIIQuillwort20xAAAA\nMIIQuillwort21x=\n'
                "-----END PRIVATE KEY-----\"\nDB_PASSWORD: Quillwort22x\nexport ADMIN_PASSWORD='Quill wort=23x'\n"
            ),
        },
        ("MIIQuillwort20xAAAA", "MIIQuillwort21x", "Quillwort22x", "Quill wort=23x"),
        ("TLS_PRIVATE_KEY", "DB_PASSWORD", "ADMIN_PASSWORD"),
    ),
    "lines of an env file without a sign": Nasty(
        {
            "compose.yml": "services:\n  db:\n    image: postgres:16\n    env_file: [app.env, raw.env]\n",
            "app.env": "DB_PASSWORD Quillwort30x\n",
            "raw.env": "Quillwort31x\n",
        },
        ("Quillwort30x", "Quillwort31x"),
    ),
    "tokens on lines of their own": Nasty(
        {
            "compose.yml": """\
services:
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: Quillwort40x}
    env_file: [{path: raw.env, format: raw}]
""",
            "raw.env": "sk_live_51Qr8TzVwXy2AbCdEf3GhIjKl\nDB_PASSWORD:Quillwort41x\n",
        },
        ("Quillwort40x", "sk_live_51Qr8TzVwXy2AbCdEf3GhIjKl", "Quillwort41x"),
    ),
    "what other texts repeat": Nasty(
        {
            "compose.yml": """\
services:
  db:
    image: mariadb:10.11
    environment:
      MYSQL_ROOT_PASSWORD: rootpass1
      MYSQL_PASSWORD: secret12
    healthcheck:
      test: ["CMD", "mysqladmin", "ping", "-uroot", "-prootpass1"]
  second:
    image: mariadb:10.11
    environment:
      MYSQL_ROOT_PASSWORD: rootpass1
    healthcheck:
      test:
        - CMD
        - mysqladmin
        - ping
        - -prootpass1
    labels:
      - x=mysql://root:rootpass1@db/shop
  search:
    image: docker.elastic.co/elasticsearch/elasticsearch:8.11.0
    environment:
      ELASTIC_PASSWORD: ${ELASTIC_PASSWORD:-elasticpassword}
    healthcheck:
      test: ["CMD-SHELL", "test x${ELASTIC_PASSWORD:-elasticpassword} && curl -u elastic:elasticpassword localhost"]
  tool:
    image: busybox
    command: tool --password secret12 --other-password admin1234
""",
        },
        ("rootpass1", "elasticpassword", "secret12", "admin1234"),
        ("mysqladmin", "--password ********"),
    ),
    "values that every format escapes": Nasty(
        {
            "compose.yml": """\
services:
  db:
    image: postgres:16
    environment:
      POSTGRES_PASSWORD: 'Wa<ter>&"Reed''%40$$z\\n'
      URL: "postgres://app:Wa%3Cter%3E%26%22Reed%27%2540%24z%5Cn@db/app"
    command: ["postgres", "-c", "x=Wa<ter>&\\"Reed'%40$$z\\\\n"]
  web:
    image: ghcr.io/acme/web:1
    environment:
      ADMIN_PASSWORD: "Sedge and a longer phrase that is wrapped where a report is as narrow as a terminal 7"
""",
        },
        (
            "Wa<ter>&\"Reed'%40$z\\n",
            "Sedge and a longer phrase that is wrapped where a report is as narrow as a terminal 7",
        ),
    ),
    "what is no variable": Nasty(
        {
            "compose.yml": """\
services:
  board:
    image: ghcr.io/acme/board:4
    configs: [mail]
    command: board --token:Quillwort70x /password=Quillwort71x
    healthcheck:
      test: ["CMD", "rabbitmqctl", "authenticate_user", "app", "Quill wort;72x"]
configs:
  mail:
    content: |
      [smtp]
      password = Quillwort73x
""",
        },
        ("Quillwort70x", "Quillwort71x", "Quill wort;72x", "Quillwort73x"),
        ("board --token:******** /password=********",),
    ),
    "names of files": Nasty(
        {
            "compose.yml": """\
services:
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: Quillwort50x}
    env_file: Quillwort50x.env
""",
            "Quillwort50x.env": "API_TOKEN=Bulrush52y\n",
        },
        ("Quillwort50x", "Bulrush52y"),
        ("********.env",),
    ),
}

BROKEN = {
    "a key in the wrong place": "services:\n  db:\n    image: x\n    POSTGRES_PASSWORD=Quillwort60x: y\n",
    "a list that is none": "services:\n  db:\n    image: x\n    environment: POSTGRES_PASSWORD=Quillwort60x\n",
    "a mapping in a list": "services:\n  db:\n    image: x\n    environment:\n      - A_PASSWORD: Quillwort60x\n",
    "no end of a quote": 'services:\n  db:\n    image: x\n    environment:\n      A_PASSWORD: "Quillwort60x\n',
    "a tab": "services:\n  db:\n    image: x\n    environment:\n\tA_PASSWORD: Quillwort60x\n",
    "text behind a value": "services:\n  db:\n    image: x\n    environment:\n      A_PASSWORD: 'Quill'wort60x\n",
    "an anchor of no name": "services:\n  db:\n    image: x\n    environment:\n      A_PASSWORD: *Quillwort60x\n",
    "an unknown tag": "services:\n  db:\n    image: x\n    environment:\n      A_PASSWORD: !Quillwort60x y\n",
    "a name twice": "services:\n  db:\n    image: x\n    environment: {'P=Quillwort60x': 1, 'P=Quillwort60x': 2}\n",
    "a wrong reference": "services:\n  db:\n    image: x\n    environment:\n      A_PASSWORD: ${Quillwort60x!}\n",
    "a message": "services:\n  db:\n    image: x\n    environment:\n      A_PASSWORD: ${X:?Quillwort60x}\n",
    "a port": "services:\n  db:\n    image: x\n    ports: ['80:Quillwort60x']\n",
    "an unknown network": "services:\n  db:\n    image: x\n    networks: ['p=Quillwort60x']\n",
    "a file that is not there": "services:\n  db:\n    image: x\n    env_file: DB_PASSWORD=Quillwort60x\n",
    "a service of a wrong name": "services:\n  'password=Quillwort60x':\n    image: x\n",
    "a base that is not there": (
        "services:\n  db:\n    image: x\n    extends: {service: 'password=Quillwort60x', file: base.yml}\n"
    ),
}
for _name, _text in BROKEN.items():
    NASTY[f"broken: {_name}"] = Nasty({"compose.yml": _text}, ("Quillwort60x",))


def forms(value: str) -> Iterator[str]:
    """How a report may spell a value."""
    escaped = json.dumps(value, ensure_ascii=False)[1:-1]
    yield from (value, escaped, html.escape(value), html.escape(escaped), value.replace("$", "$$"))
    yield from (quote(value, safe=""), quote(value), value.encode("unicode_escape").decode())
    yield base64.b64encode(value.encode()).decode().rstrip("=")[:-1]


def is_in(value: str, text: str) -> bool:
    glued = re.sub(r"\s", "", text)
    return any(form in text or re.sub(r"\s", "", form) in glued for form in forms(value))


CONVERSATIONS = ("wy" * 40, "wn" * 40, "dpr" + "y" * 40, "s" + "n" * 40, "ov" + "y" * 40)


@pytest.mark.parametrize("name", [name for name in NASTY if not name.startswith("broken")])
@pytest.mark.parametrize("keys", CONVERSATIONS, ids=range(len(CONVERSATIONS)))
def test_no_conversation_shows_a_value(name: str, keys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "stack"
    folder.mkdir()
    for file, text in NASTY[name].files.items():
        (folder / file).write_text(text)
    terminal, _, _ = talk(folder, list(keys), ["public.*", "not ours", "="])
    assert "[1/" in terminal.shown or "the env file cannot be read" in terminal.shown
    assert [n for n, value in enumerate(NASTY[name].secrets) if is_in(value, terminal.shown)] == []


@pytest.mark.parametrize("name", NASTY)
def test_no_output_shows_a_value(name: str, tmp_path: Path) -> None:
    nasty = NASTY[name]
    folder = tmp_path / "stack"
    folder.mkdir()
    for file, text in nasty.files.items():
        (folder / file).write_text(text)
    home = tmp_path / "home"
    home.mkdir()
    shell = {"PATH": os.environ["PATH"], "HOME": str(home), "NO_COLOR": "1"}
    for number, words in enumerate(SHORT if name.startswith("broken") else CALLS):
        known = words if words and words[0] in {"undo", "fill", "push"} else (*words, "--no-docker")
        ended = nursery.run(folder, known, shell)
        said = ended.said + "".join(file.read_text("utf-8") for file in folder.glob("out.*"))
        assert "Traceback" not in ended.said, words
        # the message of a failed assertion must not show the value either
        assert [n for n, value in enumerate(nasty.secrets) if is_in(value, said)] == [], words
        if number == 0:
            assert [text for text in nasty.shown if text not in ended.said] == []
