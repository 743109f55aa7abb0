"""What is a secret, what is none, how it is exposed, which characters of it are masked, and why."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY, examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from dsec_migrate.detectors import all_detectors as registry
from dsec_migrate.detectors.all_detectors import DETECTORS, EVERY, Detector
from dsec_migrate.detectors.finding import Candidate, Confidence, Exposure, Needs, Verdict
from dsec_migrate.detectors.judge import judge, secret_parts
from dsec_migrate.detectors.literal_parts import template
from dsec_migrate.detectors.names import Kind, meaning, split
from dsec_migrate.detectors.resolvers import resolver_of, resolver_within
from dsec_migrate.detectors.value_shapes import looks_random
from dsec_migrate.detectors.vetoes import is_vetoed

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VECTORS = tomllib.loads((Path(__file__).parent / "vectors" / "detectors.toml").read_text("utf-8"))

CERTAIN, LIKELY, POSSIBLE = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE
LITERAL, DEFAULT, INTERPOLATED = Exposure.LITERAL, Exposure.DEFAULT, Exposure.INTERPOLATED
PASS_THROUGH, EMBEDDED = Exposure.PASS_THROUGH, Exposure.EMBEDDED


def verdict_on(name: str, text: str | None, value: str | None = None) -> Verdict | None:
    if value is None and text is not None and not template(text).references:
        value = text.replace("$$", "$")
    return judge(Candidate("service", name, text, value))


def secret_texts(text: str | None, verdict: Verdict | None) -> list[str]:
    assert verdict is not None
    return [(text or "")[start:end] for start, end in verdict.parts]


def name_of(row: str) -> str:
    return row.partition("=")[0]


@pytest.mark.parametrize("row", VECTORS["secret"], ids=name_of)
def test_it_is_a_secret(row: str) -> None:
    name, _, text = row.partition("=")
    verdict = verdict_on(name, text)
    assert verdict is not None, "no detector finds it: is the new one in all_detectors.DETECTORS, and is its NEEDS met?"
    assert verdict.confidence in (CERTAIN, LIKELY)
    assert verdict.exposure in (LITERAL, EMBEDDED)
    assert verdict.parts


@pytest.mark.parametrize("row", VECTORS["not_secret"], ids=name_of)
def test_it_is_no_secret(row: str) -> None:
    name, _, text = row.partition("=")
    verdict = verdict_on(name, text)
    assert verdict is None or verdict.confidence is POSSIBLE


def test_two_vectors_in_five_are_no_secrets() -> None:
    assert len(VECTORS["not_secret"]) >= 0.4 * sum(map(len, VECTORS.values()))


EXPOSURES = [
    # name, text, value today, exposure, confidence, secret texts
    ("DB_PASSWORD", "hunter2", None, LITERAL, CERTAIN, ["hunter2"]),
    ("DB_PASSWORD", '"hunter2"', None, LITERAL, CERTAIN, ['"hunter2"']),
    ("DB_PASSWORD", "op://vault/db/password", None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "vault:secret/data/db#password", None, INTERPOLATED, LIKELY, []),
    ("DB_HOST", "vault:secret/data/db#host", None, None, None, []),
    ("DATABASE_URL", "postgres://app:$${DB_PASSWORD}@db/app", None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "a$$b", None, LITERAL, CERTAIN, ["a$$b"]),
    ("DB_PASSWORD", "0", None, None, None, []),
    ("API_KEY", "dify", None, LITERAL, LIKELY, ["dify"]),
    ("DB_PASSWORD", "${X}", "hunter2", INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "$X", None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", '"${X}"', None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "${X:-}", None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "${X:-null}", None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "${X:?set the password, please}", None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "${X?hunter2}", None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "${X:-hunter2}", None, DEFAULT, CERTAIN, ["hunter2"]),
    ("DB_PASSWORD", "${X-hunter2}", "other", DEFAULT, CERTAIN, ["hunter2"]),
    ("DB_PASSWORD", "${X:+hunter2}", None, DEFAULT, CERTAIN, ["hunter2"]),
    ("DB_PASSWORD", "${X:-${Y:-hunter2}}", None, DEFAULT, CERTAIN, ["hunter2"]),
    ("DB_PASSWORD", "${X:-${Y}}", None, INTERPOLATED, LIKELY, []),
    ("DB_PASSWORD", "${X:-true}", "true", None, None, []),
    ("DB_PASSWORD", "${X:-/run/secrets/db}", "/run/secrets/db", None, None, []),
    ("DB_PASSWORD", None, None, PASS_THROUGH, LIKELY, []),
    ("DB_PASSWORD", None, "hunter2", PASS_THROUGH, LIKELY, []),
    ("DB_PASSWORD", None, "true", None, None, []),
    ("DB_PASSWORD", "", "", None, None, []),
    ("DB_PASSWORD", "${UNCLOSED", None, LITERAL, CERTAIN, ["${UNCLOSED"]),
    ("AUTHORIZATION_TOKEN", "Bearer ${X}", None, INTERPOLATED, LIKELY, []),
    ("URL", "postgres://u:hunter2@db/x", None, EMBEDDED, CERTAIN, ["hunter2"]),
    ("URL", "redis://:hunter2@redis:6379", None, EMBEDDED, CERTAIN, ["hunter2"]),
    ("URL", '"redis://:hunter2@redis:6379"', None, EMBEDDED, CERTAIN, ["hunter2"]),
    ("URL", "postgres://u:${X}@db/x", None, INTERPOLATED, LIKELY, []),
    ("URL", "postgres://u:${X:-hunter2}@db/x", None, DEFAULT, CERTAIN, ["hunter2"]),
    ("URL", "postgres://${U:-me}:${X:-hunter2}@${H:-db}/x", None, DEFAULT, CERTAIN, ["hunter2"]),
    ("URL", "${X:-postgres://u:hunter2@db/x}", None, EMBEDDED, CERTAIN, ["hunter2"]),
    ("URL", "${X}", "postgres://u:hunter2@db/x", INTERPOLATED, CERTAIN, []),
    ("URL", None, "postgres://u:hunter2@db/x", PASS_THROUGH, CERTAIN, []),
    ("URL", "${X}", "postgres://db/x", None, None, []),
    ("URL", "postgres://${H}:${P}/x", None, None, None, []),
    ("URL", "http://u@host/a:b@c", None, None, None, []),
    ("URL", "jdbc:oracle:thin:scott/tiger@db:1521:x", None, EMBEDDED, CERTAIN, ["tiger"]),
    ("URL", "root:hunter2@tcp(db:3306)/x", None, EMBEDDED, CERTAIN, ["hunter2"]),
    ("URL", "mongodb://a:one@h1,h2/x,mongodb://b:two@h3", None, EMBEDDED, CERTAIN, ["one", "two"]),
    ("DATABASE_URL", "${DATABASE_URL}", None, INTERPOLATED, POSSIBLE, []),
    ("HEALTH_ACCESS_KEY", "${X}", None, INTERPOLATED, POSSIBLE, []),
    ("S3_ACCESS_KEY", "${X}", None, None, None, []),
    ("SECURE_COOKIE", "${X}", None, None, None, []),
    ("MY_CREDENTIAL", "somevalue", None, LITERAL, POSSIBLE, ["somevalue"]),
    ("SLACK_WEBHOOK_URL", "${X}", None, INTERPOLATED, LIKELY, []),
    ("HOST_PWD", "$PWD", None, None, None, []),
    ("HOST_PWD", "$X", None, INTERPOLATED, LIKELY, []),
    ("C", "Server=db;User=sa;Password=hunter2;Encrypt=False", None, EMBEDDED, CERTAIN, ["hunter2"]),
    ("C", "Server=db;User=sa;Password=${X};", None, INTERPOLATED, LIKELY, []),
    ("C", "AccountName=a;AccountKey=aGVsbG8=;Suffix=x", None, EMBEDDED, CERTAIN, ["aGVsbG8="]),
    ("C", "jdbc:mysql://db/x?user=root&password=hunter2&ssl=1", None, EMBEDDED, CERTAIN, ["hunter2"]),
    ("C", "host=db user=u password=hunter2 dbname=x", None, EMBEDDED, CERTAIN, ["hunter2"]),
    ("C", "redis:6379,abortConnect=false,ssl=true", None, None, None, []),
    (
        "SASL_CONFIG",
        'x.PlainLoginModule required username="a" password="one" user_a="two";',
        None,
        EMBEDDED,
        LIKELY,
        ["one", "two"],
    ),
    ("OPTS", "-Dfile.encoding=UTF-8 -Dssl.keyStorePassword=hunter2", None, EMBEDDED, LIKELY, ["hunter2"]),
    ("CONFIG", '{"db": {"password": "hunter2", "token": null}}', None, EMBEDDED, LIKELY, ["hunter2"]),
    ("CONFIG", 'x["smtp_password"] = "${SMTP_PASSWORD}"', None, INTERPOLATED, LIKELY, []),
    ("CONFIG", "password_policy=strong;token_ttl=3600;public_key=abc", None, None, None, []),
    ("CONFIG", "SASL:TOKEN://a:1,TOKEN:SASL_PLAINTEXT", None, None, None, []),
    ("ARGS", "--port 80 --requirepass hunter2", None, EMBEDDED, LIKELY, ["hunter2"]),
    ("ARGS", "--token-file /x --password $$X --no-password yes", None, None, None, []),
    ("BASIC_AUTH", "a:one,b:two", None, EMBEDDED, LIKELY, ["one", "two"]),
    ("BASIC_AUTH", "localhost:8080", None, None, None, []),
    ("BASIC_AUTH", "${U}:${P}", None, INTERPOLATED, LIKELY, []),
    ("SB_USER", "${U}:${USER_PASSWORD}", None, INTERPOLATED, LIKELY, []),
    ("SB_USER", "me:hunter2", None, EMBEDDED, LIKELY, ["hunter2"]),
    ("RUN_USER", "${PUID}:${GROUP_ID}", None, None, None, []),
    ("RUN_USER", "node:node", None, None, None, []),
    ("SUPER_USERS", "User:alice;User:bob", None, None, None, []),
    ("NEO4J_AUTH", "neo4j/hunter2", None, EMBEDDED, LIKELY, ["hunter2"]),
    ("ADMIN", "admin:${ADMIN_PASSWORD}", None, INTERPOLATED, LIKELY, []),
    ("FOO", "${DB_PASSWORD}", None, INTERPOLATED, LIKELY, []),
    ("FOO", "${DB_PASSWORD:-hunter2}", None, DEFAULT, LIKELY, ["hunter2"]),
    ("FOO", "$SERVICE_BASE64_64_FOO", None, INTERPOLATED, LIKELY, []),
    ("FOO", "${DB_PASSWORD:+--auth}", None, None, None, []),
    ("FOO", "${PASSWORD_MIN_LENGTH}", None, None, None, []),
    ("FOO", "${ENABLE_PASSWORD}", None, None, None, []),
    ("FOO_FILE", "/x/${DB_PASSWORD}", None, None, None, []),
    ("MINIO_KEY", "${SERVICE_USER_MINIO}", None, None, None, []),
    ("SERVICE_URL_ONETIMESECRET_3000", None, None, None, None, []),
    ("ENABLE_TOKEN", "${X}", None, INTERPOLATED, POSSIBLE, []),
    ("KEY", "${X}", None, INTERPOLATED, POSSIBLE, []),
    ("KEY", "ordinary", None, None, None, []),
    ("KEY", "7Gk2pQ9xV4mZ1rT8wB5n", None, LITERAL, LIKELY, ["7Gk2pQ9xV4mZ1rT8wB5n"]),
    ("APP_KEY", "base64:${X}", None, INTERPOLATED, LIKELY, []),
]


@pytest.mark.parametrize(
    ("name", "text", "value", "exposure", "confidence", "texts"),
    EXPOSURES,
    ids=[f"{number}-{row[0]}" for number, row in enumerate(EXPOSURES)],
)
def test_exposure_and_parts(
    name: str,
    text: str | None,
    value: str | None,
    exposure: Exposure | None,
    confidence: Confidence | None,
    texts: list[str],
) -> None:
    verdict = verdict_on(name, text, value)
    if exposure is None:
        assert verdict is None
        return
    assert verdict is not None
    assert (verdict.exposure, verdict.confidence) == (exposure, confidence)
    assert secret_texts(text, verdict) == texts


ALNUM = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7"
HEX = "0a1b2c3d4e5f6789" * 10


def token(lead: str, length: int, alphabet: str = ALNUM * 20) -> str:
    """Put together here, so that no scanner of this repository takes it for a real one."""
    return lead + alphabet[:length]


TOKENS = {
    "GitHub": token("gh" + "p_", 36),
    "GitHub, fine-grained": token("github_" + "pat_", 82),
    "GitLab": token("glp" + "at-", 20),
    "Slack": token("xox" + "b-1234567890-", 24),
    "Stripe": token("sk_" + "live_", 24),
    "Google": token("AI" + "za", 35),
    "OpenAI": token("sk-" + "proj-", 48),
    "Anthropic": token("sk-" + "ant-api03-", 60),
    "npm": token("np" + "m_", 36),
    "PyPI": token("pypi-" + "AgEIcHlwaS5vcmc", 80),
    "Telegram": token("123456789:" + "AA", 33),
    "Discord": token("M", 23) + "." + ALNUM[:6] + "." + ALNUM[:27],
    "Cloudflare": token("ey" + "JhIjoi", 120),
    "SendGrid": token("S" + "G.", 22) + "." + token("", 43),
    "DigitalOcean": token("dop_" + "v1_", 64, HEX),
    "Hugging Face": token("h" + "f_", 34),
    "Docker Hub": token("dckr_" + "pat_", 27),
    "HashiCorp": token("hv" + "s.", 24),
    "Tailscale": token("tskey-" + "auth-", 30),
    "Grafana": token("gl" + "sa_", 32) + "_" + HEX[:8],
    "Notion": token("nt" + "n_", 46),
    "Plex": token("claim" + "-", 20),
    "JSON Web Token": "ey" + "J" + ALNUM + ".ey" + "J" + ALNUM + "." + ALNUM,
    "webhook": "https://hooks." + "slack.com/services/T00000000/B00000000/" + ALNUM[:24],
}


@pytest.mark.parametrize("owner", TOKENS)
def test_tokens_of_known_formats(owner: str) -> None:
    text = TOKENS[owner]
    verdict = verdict_on("FOO", text)
    assert verdict is not None
    assert (verdict.detector, verdict.confidence, verdict.parts) == ("known token", CERTAIN, ((0, len(text)),))
    assert owner.partition(",")[0] in verdict.why
    assert secret_parts(f"curl -H 'X: {text}'") == ((12, 12 + len(text)),)
    inside = verdict_on("FOO", f"x={text}")
    assert inside is not None
    assert inside.exposure is EMBEDDED


@pytest.mark.parametrize(
    "text",
    [
        token("pk_" + "live_", 24),
        token("phc_", 40),
        "AC" + HEX[:32],
        "sha256:" + HEX[:64],
        HEX[:40],
        "io.confluent.kafka.security.authorizer.ConfluentServerAuthorizer",
        "registry.example.com/group/project-name-that-is-long:1.2.3-alpine",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + ALNUM,
    ],
    ids=range(8),
)
def test_identifiers_and_public_keys_are_no_tokens(text: str) -> None:
    assert verdict_on("FOO", text) is None


def test_a_token_that_the_name_calls_public_is_only_possible() -> None:
    verdict = verdict_on("NEXT_PUBLIC_SUPABASE_ANON_KEY", TOKENS["JSON Web Token"])
    assert verdict is not None
    assert verdict.confidence is POSSIBLE


PRIVATE = "-----BEGIN {}PRIVATE KEY-----\nMIIEvQ==\n-----END {}PRIVATE KEY-----"


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_private_keys(kind: str) -> None:
    key = PRIVATE.format(kind, kind)
    for text in (key, key.replace("\n", "\\n"), f"before {key} after"):
        verdict = verdict_on("FOO", text)
        assert verdict is not None
        assert (verdict.detector, verdict.confidence) == ("private key", CERTAIN)
        assert [part.replace("\\n", "\n") for part in secret_texts(text, verdict)] == [key]
    assert verdict_on("FOO", key.replace("PRIVATE", "PUBLIC")) is None


@pytest.mark.parametrize("dollar", ["$", "$$"])
@pytest.mark.parametrize(
    "hashed",
    [
        "$2y$05$" + (ALNUM * 3)[:53],
        "$argon2id$v=19$m=65540,t=3,p=4$" + ALNUM[:22] + "$" + (ALNUM * 2)[:43],
        "$6$rounds=5000$saltsalt$" + (ALNUM * 4)[:86],
        "$apr1$1a2b3c4d$" + ALNUM[:22],
        "$y$j9T$" + ALNUM[:22] + "$" + (ALNUM * 2)[:43],
    ],
    ids=["bcrypt", "argon2", "sha512-crypt", "apr1", "yescrypt"],
)
def test_password_hashes(hashed: str, dollar: str) -> None:
    text = "user:" + hashed.replace("$", dollar)
    verdict = judge(Candidate("service", "USERS_LIST", text, None))
    assert verdict is not None
    assert verdict.confidence is LIKELY
    assert secret_texts(text, verdict) == [text[5:]]
    assert secret_parts(f"labels: {text}") == ((13, 8 + len(text)),)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sonar.jdbc.password", "SONAR JDBC PASSWORD"),
        ("adminPassword", "ADMIN PASSWORD"),
        ("SQLServerPassword", "SQL SERVER PASSWORD"),
        ("ADMINPASS", "ADMIN PASS"),
        ("PGPASSWORD", "PG PASSWORD"),
        ("CLIENTPRIVATEKEY", "CLIENT PRIVATE KEY"),
        ("PASSWORDMINCHAR", "PASSWORD MIN CHAR"),
        ("PASSSTRENGTH", "PASS STRENGTH"),
        ("JWTBASE64HS256SECRET", "JWTBASE64HS256 SECRET"),
        ("PASSWORD2", "PASSWORD"),
        ("BYPASS", "BYPASS"),
        ("KEYCLOAK_URL", "KEYCLOAK URL"),
        ("TOKENIZER", "TOKENIZER"),
        ("MONKEY", "MONKEY"),
        ("", ""),
    ],
)
def test_names_are_split_into_words(name: str, expected: str) -> None:
    assert list(split(name)) == expected.split()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MASTERPASS", Kind.PASSWORD),
        ("DB_PASSWORD_PROD", Kind.PASSWORD),
        ("PASSWORD_ADMIN", Kind.LIKELY),
        ("GRAYLOG_ROOT_PASSWORD_SHA2", Kind.PASSWORD),
        ("CLIENT_SECRET", Kind.SECRET),
        ("SECRET_KEY_BASE", Kind.LIKELY),
        ("APP_KEYS", Kind.LIKELY),
        ("CREDS_IV", Kind.LIKELY),
        ("AWS_SECRET_ACCESS_KEY", Kind.LIKELY),
        ("AWS_ACCESS_KEY", Kind.PLAIN),
        ("STRIPE_KEY_X", Kind.LIKELY),
        ("FOO_KEY", Kind.WEAK),
        ("PUBLIC_KEY", Kind.PLAIN),
        ("PASSWORD_RESET_ENABLED", Kind.PLAIN),
        ("TOKEN_TTL", Kind.PLAIN),
        ("SECRET_NAME", Kind.PLAIN),
        ("MAX_TOKENS", Kind.PLAIN),
        ("PASSWORD_FILE", Kind.PLAIN),
        ("FILE__PASSWORD", Kind.PLAIN),
        ("CACHE_KEY", Kind.PLAIN),
        ("ZIP_CODE", Kind.PLAIN),
        ("PWD", Kind.PLAIN),
    ],
)
def test_what_a_name_says(name: str, kind: Kind) -> None:
    assert meaning(name).kind is kind


def test_a_switch_needs_a_value_that_is_none() -> None:
    assert meaning("ALLOW_EMPTY_PASSWORD").is_switch
    assert verdict_on("REQUIRE_PASSWORD", "always") is None
    assert verdict_on("REQUIRE_PASSWORD", "12") is None
    verdict = verdict_on("REQUIRE_PASSWORD", "tr0ub4dor&3")
    assert verdict is not None
    assert verdict.confidence is LIKELY


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7Gk2pQ9xV4mZ1rT8wB5n", True),
        ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", True),
        ("3f0c9a52-7d41-4be8-9a10-5c2de8b7f613", True),
        ("0J~.cHHn]Kg;>Z{bT4q", True),
        ("short1A", False),
        ("long-and-random-alphanumeric-string", False),
        ("ConfluentServerAuthorizer", False),
        ("00000000000000000000000000000000", False),
        ("1234567890123456", False),
        ("two words of Text 12", False),
    ],
)
def test_random_text(value: str, expected: bool) -> None:
    assert looks_random(value) is expected


SHOWN = [
    # a line, and the same with the secrets marked
    ("docker run -e POSTGRES_PASSWORD=hunter2 -p 80:80 db", "docker run -e POSTGRES_PASSWORD=*** -p 80:80 db"),
    ("mysqladmin ping -uroot -phunter2", "mysqladmin ping -uroot -p***"),
    ('["mysqladmin", "ping", "-phunter2"]', '["mysqladmin", "ping", "-p***"]'),
    ('test: ["CMD", "redis-cli", "-a", "hunter2", "ping"]', 'test: ["CMD", "redis-cli", "-a", "***", "ping"]'),
    ("curl -u elastic:hunter2 http://localhost:9200", "curl -u elastic:*** http://localhost:9200"),
    ('curl -H "Authorization: Bearer abc123def" http://x', 'curl -H "Authorization: Bearer ***" http://x'),
    ("command: --requirepass hunter2 --port 6379", "command: --requirepass *** --port 6379"),
    ("  - --requirepass\n  - hunter2", "  - --requirepass\n  - ***"),
    ("ALTER USER x IDENTIFIED BY 'hunter2';", "ALTER USER x IDENTIFIED BY '***';"),
    ("#- ADMIN_PASSWORD=hunter two # change me", "#- ADMIN_PASSWORD=*** # change me"),
    ("    API_KEY: ${API_KEY:-hunter2}", "    API_KEY: ${API_KEY:-***}"),
    ('  NEO4J_AUTH: "neo4j/hunter2"', '  NEO4J_AUTH: "neo4j/***"'),
    ("homepage.widget.password=hunter2", "homepage.widget.password=***"),
    ("u: postgres://u:hunter2@db/x?token=abcdef", "u: postgres://u:***@db/x?token=***"),
    ("command: scans:Pintail-Mere-31:1001:100:upload", "command: scans:***:1001:100:upload"),
    ('command: -u "alice;Teal-Mere-33" -s "docs;/docs"', 'command: -u "alice;***" -s "docs;/docs"'),
    ('["-u", "alice;Teal-Mere-33", "-p"]', '["-u", "alice;***", "-p"]'),
    ("flower --basic_auth=admin:Ruff-Marsh-12", "flower --basic_auth=admin:***"),
    ("htpasswd -cb /etc/h admin Shoveler-35 && x", "htpasswd -cb /etc/h admin *** && x"),
    ("htpasswd -nbB -C 10 admin 'Shoveler 35'", "htpasswd -nbB -C 10 admin '***'"),
    ("mc alias set s3 http://s3:9000 keeper Dunlin-71;", "mc alias set s3 http://s3:9000 keeper ***;"),
    ('["config", "host", "add", "x"]', None),
    ("mc config host add s3 https://s3 keeper Dunlin-71", "mc config host add s3 https://s3 keeper ***"),
    ("echo machine h login u password Wren62", "echo machine h login u password ***"),
    ("define('DB_PASSWORD', 'hunter2');", "define('DB_PASSWORD', '***');"),
    ("mysql -uroot -p'hunter2 x'", "mysql -uroot -p'***'"),
    ("mc alias set s3 http://s3:9000 \\$${A} \\$${B}", None),
    ("docker run --user node:node -v data:/x:ro x", None),
    ("kafka:broker-1:9092,kafka:broker-2:9092", None),
    ("the login is guest and the password is x", None),
    ("DB_PASSWORD: ${DB_PASSWORD}", None),
    ("DB_PASSWORD: ${DB_PASSWORD:?set a password}", None),
    ("POSTGRES_PASSWORD_FILE: /run/secrets/db_password", None),
    ("mysqladmin ping -p$$MYSQL_ROOT_PASSWORD", None),
    ('redis-cli -a "$${REDIS_PASSWORD}" ping', None),
    ("PASSWORD=$(cat /run/secrets/x) exec app", None),
    ("secrets: [db_password, api_token]", None),
    ("# the password is kept in the vault", None),
    ("# Password: see the wiki", None),
    ("image: ghcr.io/goauthentik/server:2024.1 # not a token", None),
    ("ports: ['8080:80']", None),
    ("./password:/etc/password:ro", None),
    ("password = os.getenv('PASSWORD')", None),
    ("MYSQL_ALLOW_EMPTY_PASSWORD: 'yes'", None),
    ("KEYCLOAK_URL: https://sso.example.com/realms/x", None),
]


@pytest.mark.parametrize(("line", "shown"), SHOWN, ids=range(len(SHOWN)))
def test_secret_parts_of_any_text(line: str, shown: str | None) -> None:
    masked = line
    for start, end in reversed(secret_parts(line)):
        masked = f"{masked[:start]}***{masked[end:]}"
    assert masked == (line if shown is None else shown)


def best_of_all(candidate: Candidate) -> Verdict | None:
    """What `judge` promises, without its short cuts."""
    if is_vetoed(candidate):
        return None
    rank = [CERTAIN, LIKELY, POSSIBLE]
    verdicts = [verdict for one in EVERY if (verdict := one.detect(candidate))]
    return min(verdicts, key=lambda verdict: rank.index(verdict.confidence), default=None)


PIECES = st.sampled_from(
    """$ $$ ${ ${X} ${X:- ${DB_PASSWORD} } : / @ = - -- ; , " ' \\ { } # \n \t space ://  u:p@h password token= KEY
    --requirepass base64: Bearer -----BEGIN PRIVATE KEY----- {SHA} $2a$10$ eyJ neo4j/ jdbc: true 0 /run/secrets/ \x01 é
    _PASSWORD API_ PASS SECRET SERVICE_ MIN_ FILE__ Host= user_""".replace("space", " ").split(" ")
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)


@settings(max_examples=examples(250), deadline=None)
@given(TEXTS | st.sampled_from(["DB_PASSWORD", "KEY", "BASIC_AUTH", "URL"]), st.none() | TEXTS, st.none() | TEXTS)
@example("-", "-password,x", None)
@example("$", "$apr1$abc$defghijklmnopqrstuvwxyz", None)
def test_judge_never_raises_and_parts_lie_in_the_text(name: str, text: str | None, value: str | None) -> None:
    candidate = Candidate("service", name, text, value)
    verdict = judge(candidate)
    assert verdict == best_of_all(candidate)
    if verdict is None:
        return
    ends = [0, *(offset for part in verdict.parts for offset in part), len(text or "")]
    assert ends == sorted(ends)
    assert all(start < end for start, end in verdict.parts)
    assert bool(verdict.parts) == (verdict.exposure in (LITERAL, DEFAULT, EMBEDDED))
    assert verdict.why
    assert verdict.detector


@settings(max_examples=examples(200), deadline=None)
@given(TEXTS)
def test_secret_parts_lie_in_the_text(text: str) -> None:
    ends = [0, *(offset for part in secret_parts(text) for offset in part), len(text)]
    assert ends == sorted(ends)


@settings(max_examples=examples(200), deadline=None)
@given(TEXTS)
def test_a_view_has_the_offsets_of_its_text(text: str) -> None:
    parsed = template(text)
    assert len(parsed.view) == len(text)
    assert all(shown in (own, "\x01") for own, shown in zip(text, parsed.view, strict=True))


@settings(max_examples=examples(200), deadline=None)
@given(
    st.sampled_from(["DB_PASSWORD", "KEY", "BASIC_AUTH", "FOO"]),
    st.text("0123456789.:/@=$!", min_size=6, max_size=40),
    st.sampled_from(["{}", "a:{}", "http://u:{}@h/", "password={};", "${{X:-{}}}", "--token {}", "base64:{}"]),
)
def test_why_never_quotes_the_value(name: str, value: str, form: str) -> None:
    text = form.format(value)
    verdict = judge(Candidate("service", name, text, None))
    assert verdict is None or (value not in verdict.why and text not in verdict.why)


LONG = 100_000
HARD_TEXTS = [
    "aB3" * (LONG // 3),
    "-eyJ" * (LONG // 4),
    ".eyJ" * (LONG // 4),
    "/glc_" * (LONG // 5),
    "password=" * (LONG // 9),
    'password="' * (LONG // 10),
    "password='" * (LONG // 10),
    "--password " * (LONG // 11),
    "--a" * (LONG // 3),
    "mysql -p" * (LONG // 8),
    "redis-cli -a" * (LONG // 12),
    "://a:" * (LONG // 5),
    "a:b@" * (LONG // 4),
    "a:b," * (LONG // 4),
    "/a" * (LONG // 2),
    "a." * (LONG // 2),
    "$6$a$" * (LONG // 5),
    "$2a$10$" * (LONG // 7),
    "-----BEGIN PRIVATE KEY-----" * (LONG // 27),
    "-" * LONG,
    " " * LONG + "x",
    "\\" * LONG,
    "identified by " * (LONG // 14),
    "# " * (LONG // 2),
    "host=" * (LONG // 5) + "password=a",
    "htpasswd -b " * (LONG // 12),
    "htpasswd " + "-b " * (LONG // 3),
    "alias set a http:x " * (LONG // 19),
    "a:" * (LONG // 2),
    "--auth a:" * (LONG // 9),
    "login a password " * (LONG // 17),
    "rabbitmqctl add_user " * (LONG // 21),
    "curl -u a:" * (LONG // 10),
    "set a_password " * (LONG // 15),
    "/token:" * (LONG // 7),
    "--a:" * (LONG // 4),
    "mysql " + '-p"' * (LONG // 3),
    "define('A_PASSWORD'," * (LONG // 20),
    '{"a":"",' * (LONG // 8),
]


@pytest.mark.parametrize("text", HARD_TEXTS, ids=range(len(HARD_TEXTS)))
def test_long_texts_take_linear_time(text: str) -> None:
    start = time.process_time()
    for name in ("FOO", "KEY", "BASIC_AUTH"):
        judge(Candidate("service", name, text, text))
    secret_parts(text)
    # about 0.1 s; anything worse than linear takes minutes
    assert time.process_time() - start < 3


# --- what is there for each detector, as CONTRIBUTING lists it ---

FOLDER = REPOSITORY / "tests" / "fixtures" / "each-detector" / "before"
RECORD = tomllib.loads((REPOSITORY / "benchmarks" / "labels.toml").read_text("utf-8"))


def test_each_detector_is_registered() -> None:
    modules = {path.stem for path in Path(registry.__file__).parent.glob("*.py") if "\ndef detect(" in path.read_text()}
    assert not modules - set(DETECTORS), (
        f"detectors/ has {modules - set(DETECTORS)}: add its name to all_detectors.DETECTORS, or it never runs"
    )
    assert not set(DETECTORS) - modules, f"{set(DETECTORS) - modules} of all_detectors.DETECTORS has no detect"


@pytest.mark.parametrize("module", DETECTORS)
def test_a_detector_describes_itself(module: str) -> None:
    one = importlib.import_module(f"dsec_migrate.detectors.{module}")
    needs = ", ".join(f"Needs.{each.name}" for each in Needs)
    assert isinstance(getattr(one, "NEEDS", None), Needs), (
        f"{module}.py has no NEEDS: say what a value must have, so that it is not shown every value ({needs})"
    )
    assert isinstance(getattr(one, "IN_TEXT", None), bool), (
        f"{module}.py has no IN_TEXT: say whether it also finds secrets in command lines and comments"
    )
    assert isinstance(getattr(one, "NAME", None), str), f"{module}.py has no NAME, which reports show"
    assert [other.NAME for other in EVERY].count(one.NAME) == 1, f"another detector is called {one.NAME}"
    assert (one.__doc__ or "").endswith("."), f"the docstring of {module}.py is the sentence that a user reads"
    for name, kind in {"WHY": str, "CONFIDENCE": Confidence, "find": object}.items() if one.IN_TEXT else ():
        assert isinstance(getattr(one, name, None), kind), f"{module}.py has IN_TEXT, and no {name}, which that takes"


@pytest.mark.parametrize("one", EVERY, ids=DETECTORS)
def test_a_detector_has_a_vector(one: Detector) -> None:
    rows = [(name, text, text) for name, _, text in (row.partition("=") for row in VECTORS["secret"])]
    rows += [(name, text or "", value) for name, text, value, *_ in EXPOSURES]
    decided = {verdict.detector for name, text, value in rows if (verdict := verdict_on(name, text, value))}
    found = [name for name, text, value in rows if one.detect(Candidate("service", name, text, value))]
    assert found, (
        f"the {one.NAME} finds nothing in tests/vectors/detectors.toml: add a value that it finds to `secret`, and one "
        "that only looks like it to `not_secret`"
    )
    assert one.NAME in decided, (
        f"other detectors decide on all that the {one.NAME} finds in tests/vectors/detectors.toml: add a value under a "
        "name that tells nothing; if there is one, NEEDS is too narrow or DETECTORS has it too late"
    )


@pytest.mark.parametrize("row", VECTORS["secret"] + VECTORS["not_secret"], ids=name_of)
def test_what_a_detector_needs_is_true(row: str) -> None:
    name, _, text = row.partition("=")
    candidate = Candidate("service", name, text, None if template(text).references else text.replace("$$", "$"))
    best = best_of_all(candidate)
    assert judge(candidate) == best, f"{best and best.detector} finds what it is not shown: its NEEDS is too narrow"


@pytest.mark.parametrize("one", EVERY, ids=DETECTORS)
def test_a_detector_has_a_line_in_a_fixture(one: Detector) -> None:
    variables = YAML(typ="safe").load(FOLDER / "compose.yml")["services"]["mail"]["environment"]
    verdicts = [verdict_on(name, str(text)) for name, text in variables.items()]
    assert one.NAME in {verdict.detector for verdict in verdicts if verdict}, (
        f"no value of tests/fixtures/each-detector is found by the {one.NAME}: add one that is, and one that looks "
        "like it, to before/compose.yml, then run DSEC_REGENERATE=1 pytest tests/test_fixtures.py -k each-detector"
    )


@pytest.mark.parametrize("one", EVERY, ids=DETECTORS)
def test_a_detector_is_measured(one: Detector) -> None:
    assert one.NAME in RECORD["detectors"], (
        f"benchmarks/labels.toml has no {one.NAME}: run `python benchmarks/labels.py CORPUS --write`, which measures "
        "what each detector adds and what it gets wrong, and commit the file"
    )


def test_the_detectors_are_light_to_import() -> None:
    code = "import sys, dsec_migrate.detectors.judge; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ruamel.yaml", "json", "asyncio", "typer", "jsonschema", "logging"} & set(loaded)


# --- what another tool resolves ---

RESOLVED = (
    "{{ x }}", "((db_password))", "(( grab secrets.db ))", "bao:secret/data/x#pw", "{{ db_root }}", "{{db_root}}",
    "{{- .Values.password -}}", "{{ lookup('env', 'X') }}", "{% if a %}b{% endif %}",
    "<%= @password -%>", "#{X}", "#{DbPassword}", "@@DB_PW@@", "@DB_PASSWORD@", "@db.password@", "__DB_PASSWORD__",
    "%DB_PW%", "[[ x ]]", "[[ .Env.X ]]", "{{resolve:secretsmanager:S:SecretString:password}}", "${{ secrets.X }}",
    "$(DB_PASSWORD)", "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]", "ENC(abc+def=)", "{cipher}AQB12",
    "encrypted:BDqDBibm4wsYqMpCjTQ6Bs", "$ANSIBLE_VAULT;1.1;AES256\n6162",
    "op://v/i/f", "vault:secret/data#x", "ref+vault://x", "pass:web/db", "se://x",
    "gcp:secretmanager:db", "gcpsm://p/db", "aws:ssm:/db", "awssm:db", "awssm://db", "ssm:/db", "sm://p/db", "aws-sm://db",
    "arn:aws:secretsmanager:eu-west-1:1:secret:db", "arn:aws-us-gov:ssm:x:1:parameter/db", "secretsmanager:db", "akv://v/db",
    "keyvault:db", "azure:keyvault:db", "azure-keyvault:v/db", "@Microsoft.KeyVault(VaultName=v;SecretName=db)",
    "bws:1f0c", "bws://1f0c", "bitwarden:db", "infisical://p/db", "infisical:db", "doppler://p/db", "1password:v/db",
    "${DB_PASSWORD}", "$DB_PASSWORD", "$db_password", "$PASSWORD", "$env:DB_PASSWORD", "${file(/run/pw)}",
    "${ssm:/prod/db}", "${vault:secret/db}", "${file(./x.yml):db.password}",
    "%env(DB_PASSWORD)%", "%env(resolve:file:DB_FILE)%", "%kernel.secret%", "@{db.password}", "~{db_password}",
    "<<DB_PASSWORD>>", "<< db_password >>", "#DB_PASSWORD#", "##DB_PASSWORD##", "&&DB_PASSWORD&&", "{$DB_PASSWORD}",
    "{$DB_PASSWORD:x}", "{env:DB_PASSWORD}", "{env.DB_PASSWORD}", "{vault:secret/db#pw}", "{file.db/pw}",
    "{% db_password %}", "{{{ db.password }}}", "<?= $db ?>", "<?php echo getenv('DB') ?>", "[% db.password %]",
    "!secret db_password", "!var db/password", "!vault db", "!Ref DbPassword", "!Sub '${DbPassword}'",
    "AWS_SECRET[db/password]", "getenv('DB_PASSWORD')", 'os.getenv("DB")', "secret('db')", "process.env.DB_PASSWORD",
    "EJ[1:WGj2t4znULHT1IRveMEdvvNXqZzNBNMsJ5iZVy6Dvxs=:kA6ekF8ViYR5ZLeSmMXWsdLfWr7wn9qS:fcHQtdt6nqcN==]",
    "{xor}Lz4sLChvLTs=", "{aes}ABcDeF0123", "{AES}kF8ViYR5ZLeS", "OBF:1v2j1uum1xtv1zej", "![nHWo5JhNAYM+TzxqeHd==]",
    "{COQLCE6DU6GtcS5P8sTh3A9qLo=}", "awskms:AQICAHhdb3", "kms://AQICAHhdb3", "gcp-kms://projects/p", "KMS[AQICAHh]",
    "k8s:secret/db/password", "gcp-secret-manager:projects/1/secrets/db", "doppler://proj/cfg/DB", "lpass://db",
    "cyberark://db", "hashivault://kv/db#password", "azurekeyvault://v/db",
)  # fmt: skip
KEPT_AS_VALUES = (
    "x{{7#k}}Q", "pa#{ss}word9!", "%41%42cde", "a__b__c", "__x9K2q__", "p%ab%x", "{abc}", "{a{b}c}", "hunter2", "@foo",
    "[abc]", "correct__horse__", "100%", "%7B%7D", "pass:word", "a{{b}}c", "$2y$10$abc", "_PASSWORD_", "x%Pw%y", "<%",
    "}}{{", "((", "a((b))c", "(secret)", "aws:hunter2", "bw:hunter2", "vaulted:x", "arn:aws", "keyvaults", "@Microsoft",
    # what people write for people: as `changeme`, it is the password until somebody changes it
    "changeme", "your-password-here", "<DB_PASSWORD>", "<your password>", "[DB_PASSWORD]",
    "{DB_PASSWORD}", "~DB_PASSWORD~", "~X~", "REPLACE_ME", "TODO",
    "$hunter2", "$Hunter", "x$DB_PASSWORD", "$P4ss_word", "#hunter2#", "#hunter#", "&hunter&", "<<hunter2>>", "@{7x#}q",
    "{env}", "{sha}hunter2", "{noop}hunter2", "!hunter 2", "secret(7)", "AWS[x", "kms-hunter2", "k8s:hunter2", "${}",
    "{$}", "%env%(x", "<?hunter?>", "OBF:x", "{hunter2==}", "EJ[hunter", "{vault}hunter2",
)  # fmt: skip


@pytest.mark.parametrize("value", RESOLVED)
def test_what_another_tool_resolves_is_no_value(value: str) -> None:
    assert resolver_of(value) is not None
    verdict = judge(Candidate("service", "DB_PASSWORD", value.replace("$", "$$"), value))
    assert verdict is None or (verdict.exposure is INTERPOLATED and not verdict.parts)


@pytest.mark.parametrize("value", KEPT_AS_VALUES)
def test_a_password_with_such_signs_in_it_is_one(value: str) -> None:
    assert resolver_within(value) is None
    assert judge(Candidate("service", "DB_PASSWORD", value.replace("$", "$$"), value)) is not None


@pytest.mark.parametrize("within", ["{{ pw }}", "#{DB_PASSWORD}", "@@DB_PW@@", "__DB_PW__", "<%= pw %>", "%DB_PW%"])
def test_a_url_with_a_part_that_another_tool_fills_in_is_no_value(within: str) -> None:
    assert resolver_within(f"postgres://app:{within}@db/app") is not None


def test_the_default_of_a_template_is_a_value() -> None:
    text = "{{ password | default('Fern-31-Moss') }}"
    verdict = verdict_on("DB_PASSWORD", text)
    assert verdict is not None
    assert verdict.exposure is DEFAULT
    assert secret_texts(text, verdict) == ["Fern-31-Moss"]


@given(st.text(alphabet="{}%#@_[]<>= aA1$", max_size=3000))
def test_long_texts_of_such_signs_are_read_in_time(text: str) -> None:
    resolver_within(text)
    resolver_within("{{" + "a" * 100 + text)
