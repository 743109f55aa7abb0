"""Texts that run inside a container and say the value of a secret: each place reads one file, and names stay names."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest
from conftest import examples, project_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsec_migrate.compose import document as yaml
from dsec_migrate.compose.environment import Environment
from dsec_migrate.config.options import Options, Unknown
from dsec_migrate.planning.make_plan import make_plan
from dsec_migrate.rewrite.rendering import rewrite
from dsec_migrate.text.errors import VerificationError
from dsec_migrate.text.source import Rewritten, Source
from dsec_migrate.verify.prove import verify

# words of a placeholder, which do not tell one secret from another, and values that do
PLACEHOLDER, NAME, DISTINCTIVE = "super-secret-1234", "millwright", "Barrow-Heron-61"


def migrated(text: str, files: dict[str, str] | None = None, options: Options = Options()) -> dict[str, Any]:  # noqa: B008
    """What a Compose file says after a migration that has been proved; ``files`` is what `.env` says."""
    source = Source.decode(Path("/nonexistent/project/compose.yml"), text.encode())
    project = project_of(source, Environment({}, files or {}))
    assert not project.problems
    plan = make_plan(project, options)
    after, edits = rewrite(project.document, plan.patches)
    verify(project, plan, [Rewritten(source, after, edits)], options)
    (root,) = yaml.parse(Source.decode(source.path, after.encode())).roots
    data = yaml.plain(root)
    assert isinstance(data, dict)
    return data


# --- what writes a text does not prove it ---

LOOKED_AFTER = f"""\
services:
  db:
    image: mysql:8.0
    environment:
      MYSQL_PASSWORD: {DISTINCTIVE}
    healthcheck:
      test: ["CMD", "mysqladmin", "ping", "--comment=a b", "-p{DISTINCTIVE}"]
"""
STARTED = f"""\
services:
  app:
    image: ghcr.io/acme/app:1
    entrypoint: ["/start", "now"]
    command: [serve]
    environment:
      APP_PASSWORD: {DISTINCTIVE}
"""
READER = f"""\
services:
  app:
    image: ghcr.io/acme/app:1
    command: sh -c "serve --key $${{APP_PASSWORD}}"
    environment:
      APP_PASSWORD: {DISTINCTIVE}
"""


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        (LOOKED_AFTER, "shell_texts.quoted", lambda text: text),
        (LOOKED_AFTER, "shell_texts.content", lambda path: f"$$(cat {path}.bak)"),
        (LOOKED_AFTER, "shell_texts.content", lambda _path: "nothing"),
        (READER, "shell_texts.content", lambda path: f"$$(cat {path}.bak)"),
        (READER, "shell_texts.content", lambda _path: "$${OTHER}"),
        (STARTED, "wrapper_script.lines", lambda *_: ['export APP_PASSWORD="$(cat /run/secrets/app_password)"']),
        (STARTED, "wrapper_script._quoted", lambda text: f"{text}x"),
    ],
    ids=["quotes", "another file", "no value", "a file that is not there", "no file", "no read", "more than it was"],
)
def test_a_fault_of_what_writes_a_text_does_not_prove_itself(
    text: str, place: str, fault: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(unknown=Unknown.WRAP if text == STARTED else Unknown.REWRITE)
    assert DISTINCTIVE not in str(migrated(text, options=options))
    monkeypatch.setattr(f"dsec_migrate.planning.{place}", fault)
    with pytest.raises(VerificationError):
        migrated(text, options=options)


class Check(NamedTuple):
    """A healthcheck before, and after; a path in it is that of a secret, here without the folder."""

    title: str
    image: str
    environment: dict[str, str]
    before: str
    after: str
    files: dict[str, str] = {}  # noqa: RUF012


def _checked(check: Check) -> object:
    lines = "".join(f"      {name}: {value}\n" for name, value in check.environment.items())
    head = f"services:\n  db:\n    image: {check.image}\n    environment:\n"
    data = migrated(f"{head}{lines}    healthcheck:\n      test: {check.before}\n", check.files)
    return data["services"]["db"]["healthcheck"]["test"]


def assert_becomes(check: Check) -> None:
    (wanted,) = yaml.parse(Source.decode(Path("x"), f"test: {check.after}\n".encode())).roots
    expected = yaml.plain(wanted)
    assert isinstance(expected, dict)
    assert str(_checked(check)).replace("/run/secrets/", "") == str(expected["test"])


SQL = {"MYSQL_USER": "keeper", "MYSQL_PASSWORD": PLACEHOLDER, "MYSQL_ROOT_PASSWORD": PLACEHOLDER}
ONCE = [
    Check(
        "a password with a sign of a shell in a word of a list",
        "mysql:8.0",
        {"MYSQL_USER": "keeper"},
        '["CMD", "mysqladmin", "--password=Sedge-41;Plover", "ping"]',
        r'["CMD-SHELL", "mysqladmin --password=\"$$(cat db_password)\" ping"]',
    ),
    Check(
        "the user that a word names",
        "mariadb:10.11",
        SQL,
        f'["CMD", "mysqladmin", "ping", "-uroot", "-p{PLACEHOLDER}"]',
        r'["CMD-SHELL", "mysqladmin ping -uroot -p\"$$(cat mysql_root_password)\""]',
    ),
    Check(
        "the user that a variable of the service tells",
        "mariadb:10.11",
        SQL,
        f"mysqladmin ping -u keeper -p{PLACEHOLDER}",
        "mysqladmin ping -u keeper -p$$(cat mysql_password)",
    ),
    Check(
        "the user that a variable of the container tells",
        "mariadb:10.11",
        dict(reversed(SQL.items())),
        f'["CMD-SHELL", "mysqladmin ping -u$${{MYSQL_USER}} -p{PLACEHOLDER}"]',
        '["CMD-SHELL", "mysqladmin ping -u$${MYSQL_USER} -p$$(cat mysql_password)"]',
    ),
    Check(
        "nobody, so root, as whom the check runs",
        "mysql:8.0",
        SQL,
        f"mysqladmin ping -p{PLACEHOLDER}",
        "mysqladmin ping -p$$(cat mysql_root_password)",
    ),
    Check(
        "each command its own user",
        "mysql:8.0",
        SQL,
        f"mysqladmin ping -uroot -p{PLACEHOLDER} && mysqladmin ping -ukeeper -p{PLACEHOLDER}",
        "mysqladmin ping -uroot -p$$(cat mysql_root_password) && mysqladmin ping -ukeeper -p$$(cat mysql_password)",
    ),
    Check(
        "the user of a URL",
        "mysql:8.0",
        SQL,
        f"mysqlsh mysql://root:{PLACEHOLDER}@localhost --sql -e 'select 1'",
        "mysqlsh mysql://root:$$(cat mysql_root_password)@localhost --sql -e 'select 1'",
    ),
    Check(
        "the variable that is set",
        "ghcr.io/acme/agent:2",
        {"READ_TOKEN": PLACEHOLDER, "ADMIN_TOKEN": PLACEHOLDER},
        f'["CMD-SHELL", "ADMIN_TOKEN={PLACEHOLDER} probe --token {PLACEHOLDER}"]',
        '["CMD-SHELL", "ADMIN_TOKEN=$$(cat admin_token) probe --token $$(cat read_token)"]',
    ),
    Check(
        "two variables of one secret",
        "mysql:8.0",
        {"MYSQL_PASSWORD": DISTINCTIVE, "MYSQL_ROOT_PASSWORD": DISTINCTIVE},
        f'["CMD", "mysqladmin", "ping", "-p{DISTINCTIVE}"]',
        r'["CMD-SHELL", "mysqladmin ping -p\"$$(cat mysql_password)\""]',
    ),
    Check(
        "a value that another one begins with",
        "mysql:8.0",
        {"MYSQL_PASSWORD": DISTINCTIVE, "MYSQL_ROOT_PASSWORD": f"{DISTINCTIVE}-old"},
        f"mysqladmin -p{DISTINCTIVE} ping || mysqladmin -p{DISTINCTIVE}-old ping",
        "mysqladmin -p$$(cat mysql_password) ping || mysqladmin -p$$(cat mysql_root_password) ping",
    ),
    Check(
        "two references with one value",
        "mysql:8.0",
        {"MYSQL_PASSWORD": "${ONE}", "MYSQL_ROOT_PASSWORD": "${TWO}"},
        '["CMD-SHELL", "mysqladmin ping -p${TWO} || mysqladmin ping -p${ONE}"]',
        '["CMD-SHELL", "mysqladmin ping -p$$(cat mysql_root_password) || mysqladmin ping -p$$(cat mysql_password)"]',
        {"ONE": PLACEHOLDER, "TWO": PLACEHOLDER},
    ),
]


@pytest.mark.parametrize("check", ONCE, ids=lambda check: check.title)
def test_a_place_reads_one_file(check: Check) -> None:
    assert_becomes(check)


ROLE = {"POSTGRES_USER": NAME, "POSTGRES_PASSWORD": NAME}
NAMES = [
    Check(
        "a role",
        "postgres:16",
        ROLE,
        f'["CMD", "pg_isready", "-U", "{NAME}"]',
        f'["CMD", "pg_isready", "-U", "{NAME}"]',
    ),
    Check(
        "the default of another reference",
        "postgres:16",
        {"POSTGRES_USER": f"${{PG_USER:-{NAME}}}", "POSTGRES_PASSWORD": f"${{PG_PASSWORD:-{NAME}}}"},
        f'["CMD-SHELL", "pg_isready -U ${{PG_USER:-{NAME}}}"]',
        f'["CMD-SHELL", "pg_isready -U ${{PG_USER:-{NAME}}}"]',
    ),
    Check(
        "a user and a database around a password",
        "mariadb:11",
        {"MARIADB_USER": NAME, "MARIADB_PASSWORD": NAME, "MARIADB_DATABASE": NAME},
        f"mariadb -u{NAME} -p{NAME} -e 'select 1' {NAME}",
        f"mariadb -u{NAME} -p$$(cat mariadb_password) -e 'select 1' {NAME}",
    ),
    Check(
        "names that no variable tells",
        "mysql:8.0",
        {"MYSQL_PASSWORD": NAME},
        f"mysqladmin --user={NAME} --password={NAME} --host {NAME}-db ping && test -d /srv/{NAME}",
        f"mysqladmin --user={NAME} --password=$$(cat mysql_password) --host {NAME}-db ping && test -d /srv/{NAME}",
    ),
    Check(
        "all parts of a URL",
        "postgres:16",
        {"POSTGRES_PASSWORD": NAME},
        f"psql postgresql://{NAME}:{NAME}@{NAME}:5432/{NAME} -c 'select 1'",
        f"psql postgresql://{NAME}:$$(cat postgres_password)@{NAME}:5432/{NAME} -c 'select 1'",
    ),
    Check(
        "one reference for all",
        "postgres:16",
        {"POSTGRES_USER": "${ALL}", "POSTGRES_PASSWORD": "${ALL}"},
        '["CMD-SHELL", "PGPASSWORD=${ALL} psql -U ${ALL} -c \'select 1\' ${ALL}"]',
        '["CMD-SHELL", "PGPASSWORD=$$(cat postgres_password) psql -U ${ALL} -c \'select 1\' ${ALL}"]',
        {"ALL": "overshot-52-wheel"},
    ),
    Check(
        "assignments",
        "postgres:16",
        ROLE,
        f"PGUSER={NAME} PGDATABASE={NAME} PGPASSWORD={NAME} pg_isready",
        f"PGUSER={NAME} PGDATABASE={NAME} PGPASSWORD=$$(cat postgres_password) pg_isready",
    ),
    Check(
        "a host and its port",
        "redis:7",
        {"REDIS_PASSWORD": NAME},
        f'["CMD-SHELL", "redis-cli -h {NAME} -a {NAME} ping && nc -z {NAME}:6379"]',
        f'["CMD-SHELL", "redis-cli -h {NAME} -a $$(cat redis_password) ping && nc -z {NAME}:6379"]',
    ),
    Check(
        "nothing: the value is no name, so every place is the secret's",
        "ghcr.io/acme/agent:2",
        {"AGENT_USER": "keeper", "AGENT_TOKEN": DISTINCTIVE},
        f"probe keeper {DISTINCTIVE} | tee {DISTINCTIVE}",
        "probe keeper $$(cat agent_token) | tee $$(cat agent_token)",
    ),
    Check(
        "a reference with the same default",
        "postgres:16",
        {"POSTGRES_PASSWORD": f"${{PG_PASSWORD:-{DISTINCTIVE}}}"},
        f"PGPASSWORD=${{PG_PASSWORD:-{DISTINCTIVE}}} psql -U keeper",
        "PGPASSWORD=$$(cat postgres_password) psql -U keeper",
    ),
]


@pytest.mark.parametrize("check", NAMES, ids=lambda check: check.title)
def test_what_is_called_like_the_password_stays(check: Check) -> None:
    assert_becomes(check)


AS_IT_IS = [
    Check(
        "a program whose name is an assignment to a shell",
        "mysql:8.0",
        {"MYSQL_PASSWORD": DISTINCTIVE},
        f'["CMD", "MYSQL_PWD={DISTINCTIVE}", "mysqladmin", "ping"]',
        f'["CMD", "MYSQL_PWD={DISTINCTIVE}", "mysqladmin", "ping"]',
    ),
    Check(
        "words with dollar signs that no shell sees",
        "mysql:8.0",
        {"MYSQL_PASSWORD": DISTINCTIVE},
        f'["CMD", "mysqladmin", "-p{DISTINCTIVE}", "-u$$MYSQL_USER", "ping"]',
        f'["CMD", "mysqladmin", "-p{DISTINCTIVE}", "-u$$MYSQL_USER", "ping"]',
    ),
    Check(
        "a reference whose value opens a quote",
        "mysql:8.0",
        {"MYSQL_PASSWORD": DISTINCTIVE},
        f"mysqladmin -u${{ODD}} -p{DISTINCTIVE} ping",
        f"mysqladmin -u${{ODD}} -p{DISTINCTIVE} ping",
        {"ODD": "it's"},
    ),
]


@pytest.mark.parametrize("check", AS_IT_IS, ids=lambda check: check.title)
def test_what_is_not_sure_to_be_exact_stays(check: Check) -> None:
    assert_becomes(check)


def test_a_command_behind_a_wrapper_is_the_script_that_it_was() -> None:
    """The variable's wrapper comes before ``sh -c``, so the script is no word in which a path could be replaced."""
    data = migrated(
        dedent(f"""\
            services:
              db:
                image: mysql:8.0
                command: ["sh", "-c", "probe start --requirepass Odd#Kestrel-9"]
                environment:
                  MYSQL_PASSWORD: {DISTINCTIVE}
            """)
    )
    assert data["services"]["db"]["entrypoint"][:2] == ["/bin/sh", "-ec"]
    assert data["services"]["db"]["command"] == ["sh", "-c", "probe start --requirepass Odd#Kestrel-9"]


@pytest.mark.parametrize("user", [NAME, "keeper"])
def test_a_text_of_an_extension_block_that_names_the_user_stays(user: str) -> None:
    data = migrated(
        dedent(f"""\
            x-notes:
              login: log in as {NAME} please
            services:
              db:
                image: postgres:16
                environment:
                  POSTGRES_USER: {user}
                  POSTGRES_PASSWORD: {NAME}
            """)
    )
    if user == NAME:
        # nobody can tell which of the two the text means, so both stay
        assert data["services"]["db"]["environment"]["POSTGRES_PASSWORD"] == NAME
        assert data["x-notes"]["login"] == f"log in as {NAME} please"
    else:
        assert data["services"]["db"]["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/postgres_password"
        assert data["x-notes"]["login"] == "log in as /run/secrets/postgres_password please"


def test_names_stay_in_hooks_and_commands() -> None:
    data = migrated(
        dedent(f"""\
            services:
              cache:
                image: redis:7
                command: redis-server --user {NAME} --requirepass {NAME}
                environment:
                  CACHE_USER: {NAME}
                post_start:
                  - command: ["sh", "-c", "redis-cli -u redis://{NAME}:{NAME}@localhost ping {NAME}"]
            """)
    )
    cache = data["services"]["cache"]
    assert cache["command"] == f"redis-server --user {NAME} --requirepass /run/secrets/cache_password"
    assert cache["post_start"][0]["command"][2] == (
        f"redis-cli -u redis://{NAME}:$$(cat /run/secrets/cache_password)@localhost ping {NAME}"
    )


# what stands for the password is marked; the program tells each of its words
PROGRAM = "probe() { printf '%s\\n' \"$@\"; }; "
WORDS = [
    "-u{user} -p{password}", "--user={user} --password={password} {name}", "-u {user} -d {name} --token {password}",
    "mysql://{user}:{password}@{name}:3306/{name}", "-h {name} --pass {password} -U {user}",
]  # fmt: skip
FORMS = ["line", "shell", "words"]
VALUES = st.sampled_from([NAME, DISTINCTIVE, PLACEHOLDER, "app", "Fescue-Lathe-73"])


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(), values=st.tuples(VALUES, VALUES, VALUES, VALUES), form=st.sampled_from(["line", "shell", "words"])
)
def test_a_check_says_what_it_said_and_after_a_rotation_only_its_passwords_change(
    tmp_path: Path, data: st.DataObject, values: tuple[str, str, str, str], form: str
) -> None:
    user, name, one, two = values
    variables = {"MYSQL_USER": user, "MYSQL_DATABASE": name, "MYSQL_PASSWORD": one, "MYSQL_ROOT_PASSWORD": two}
    chosen = data.draw(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from([one, two])), min_size=1, max_size=3))
    said = [(words.format(user=user, name=name, password="\0"), password) for words, password in chosen]
    line = "probe " + " ".join(words.replace("\0", password) for words, password in said)
    test: object = {"line": line, "shell": ["CMD-SHELL", line], "words": ["CMD", *line.split(" ")]}[form]
    service = {"image": "mysql:8.0", "environment": variables, "healthcheck": {"test": test}}
    after = migrated(json.dumps({"services": {"db": service}}, indent=2))["services"]["db"]
    new = after["healthcheck"]["test"]
    for is_rotated in (False, True):
        for path in after.get("secrets", []):
            variable = next(key for key, value in after["environment"].items() if value == f"/run/secrets/{path}")
            value = f"rotated{variable}" if is_rotated else variables[variable.removesuffix("_FILE")]
            (tmp_path / path).write_text(value, encoding="utf-8")
        script = new if isinstance(new, str) else new[1] if new[0] == "CMD-SHELL" else " ".join(new[1:])
        script = PROGRAM + script.replace("/run/secrets", str(tmp_path)).replace("$$", "$")
        told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
        wanted = [(word, password) for words, password in said for word in words.split(" ")]
        assert len(told) == len(wanted)
        for found, (word, password) in zip(told, wanted, strict=True):
            allowed = f"(?:{re.escape(password)}|rotated[A-Z_]+)" if is_rotated else re.escape(password)
            assert re.fullmatch(allowed.join(map(re.escape, word.split("\0"))), found)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("sh -c 'mc alias set store http://store:9000 keeper Barrow-Heron-61'", "tool_password"),
        ("sh -c 'mc config host add store http://store:9000 keeper Barrow-Heron-61'", "tool_password"),
        ("sh -c 'serve --auth keeper:Barrow-Heron-61'", "tool_auth"),
        ("sh -c 'serve --signing-key Barrow-Heron-61'", "signing_key"),
    ],
)
def test_a_secret_of_a_command_is_called_after_what_it_is(command: str, name: str) -> None:
    data = migrated(f"services:\n  tool:\n    image: busybox\n    command: {json.dumps(command)}\n")
    assert list(data["secrets"]) == [name]
