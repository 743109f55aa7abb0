"""What images do regardless of their configuration: connect to a data store, or to external hosts.

An image that is not in these lists may have the name of a store built in (``redis`` is a common default), so no service
is cut off only because the files do not mention the store.
"""

from __future__ import annotations

import re

from dsec_migrate.images import reference
from dsec_migrate.text.patterns import Pattern

_QUIET_BY_KIND = {
    "web servers and proxies: what they forward to is in their configuration": (
        "nginx httpd caddy traefik haproxy varnish nginxinc/nginx-unprivileged bitnami/nginx ubuntu/squid"
    ),
    "mail for developers": (
        "mailhog/mailhog axllent/mailpit maildev/maildev djfarrelly/maildev schickling/mailcatcher sj26/mailcatcher "
        "dockage/mailcatcher rnwood/smtp4dev greenmail/standalone"
    ),
    "certificates, names, tunnels": (
        "certbot/certbot cloudflare/cloudflared ngrok/ngrok mvance/unbound coredns/coredns"
    ),
    "they manage containers, through the engine": (
        "containrrr/watchtower v2tec/watchtower nickfedor/watchtower willfarrell/autoheal amir20/dozzle "
        "tecnativa/docker-socket-proxy"
    ),
    "documents, images, browsers": (
        "gotenberg/gotenberg thecodingmachine/gotenberg apache/tika darthsim/imgproxy h2non/imaginary "
        "plantuml/plantuml-server yuzutech/kroki libretranslate/libretranslate clamav/clamav browserless/chrome "
        "selenium/hub selenium/standalone-chrome selenium/standalone-firefox selenium/standalone-chromium "
        "selenium/node-chrome selenium/node-firefox chromedp/headless-shell zenika/alpine-chrome"
    ),
    "mock services, and examples": (
        "traefik/whoami containous/whoami hello-world kennethreitz/httpbin ealen/echo-server hashicorp/http-echo "
        "wiremock/wiremock mockserver/mockserver stripe/stripe-mock fsouza/fake-gcs-server azure-storage/azurite "
        "amazon/dynamodb-local softwaremill/elasticmq softwaremill/elasticmq-native swaggerapi/swagger-ui "
        "swaggerapi/swagger-editor redocly/redoc"
    ),
    "file stores, message brokers, host metrics": (
        "minio/minio eclipse-mosquitto binwiederhier/ntfy prom/node-exporter cadvisor/cadvisor"
    ),
    "they run what the project passes to them": (
        "busybox alpine debian ubuntu node python php ruby golang rust openjdk eclipse-temurin maven gradle composer "
        "curlimages/curl bash perl elixir erlang denoland/deno oven/bun dotnet/sdk dotnet/aspnet dotnet/runtime"
    ),
}
_QUIET = frozenset(name for names in _QUIET_BY_KIND.values() for name in names.split())
_MAKERS = (
    "library bitnami bitnamilegacy bitnamisecure linuxserver postgis timescale pgvector ankane tensorchord immich-app "
    "debezium supabase percona mysql clickhouse yandex opensearchproject elasticsearch getmeili typesense confluentinc "
    "apache wurstmeister redpandadata redis valkey eqalpha dragonflydb neo4j qdrant semitechnologies milvusdb scylladb "
    "cockroachdb mongodb wodby coreos arangodb mssql azure-sql-edge"
)
"""Publishers of data stores that do nothing else; images of the same name from others may run their own jobs."""
_OF_THE_ENGINE = frozenset({"traefik", "watchtower", "autoheal", "dozzle", "docker-socket-proxy"})
# these keep their data in another store, wherever their defaults say
_BUILT_ON_OTHERS = frozenset({"milvus", "ferretdb", "kafka", "cp-kafka", "weaviate"})
_WITHOUT_PAGES = frozenset(
    {"PostgreSQL", "MySQL", "MongoDB", "Redis", "Memcached", "SQL Server", "Cassandra", "ZooKeeper"}
)
# their queries read from other stores, so no file has to name these
_READS_OTHERS = frozenset({"ClickHouse", "CockroachDB", "Solr", "Neo4j", "InfluxDB", "CouchDB", "Kafka"})
_ONE_OF_A_KIND = frozenset({"PostgreSQL", "MySQL", "MongoDB", "SQL Server"})
# a cluster of these needs settings; members of others find each other through their data
_ALONE_KINDS = frozenset({"PostgreSQL", "MySQL", "Redis", "Memcached", "SQL Server"})
_TOGETHER = Pattern(
    r"(?i)(?:^|[^a-z])(?:repl(?:ica|icas|icaof|icaset|ication|set)?|slave(?:of)?|master|primary|secondary|standby|cluster|galera|"
    r"sentinel|repmgr|patroni|wsrep|group_replication)(?:[^a-z]|$)"
)

# --- external access of a store ---

_OUTSIDE_VARIABLE = Pattern(
    r"(?i)(?:^|_)(?:s3|aws|gcs|azure|wal[eg]|wale|walg|backups?|pgbackrest|barman|restic|rclone|plugins|apikey|proxy|smtp|"
    r"ldap)(?:_|$)|(?:master|primary|replica|slave|source|standby|peer|seed|join)s?_(?:host|node|server|addr|service)"
)
_OUTSIDE_COMMAND = Pattern(
    r"(?<![\w-])(?:curl|wget|apt-get|apt|apk|yum|dnf|pip3?|npm|git|aws|rclone|restic|wal-[eg]|pgbackrest|barman)(?![\w-])|"
    r"plugin[s]? install|install-plugin"
)
_OUTSIDE_SCRIPT = Pattern(
    r"(?i)^[^#\n]*(?:primary_conninfo|(?:archive|restore)_command|dblink|postgres_fdw|create\s+subscription|create\s+server|"
    r"replicaof|slaveof|change\s+(?:master|replication\s+source)|mysql_fdw|\bcopy\b.*\bprogram\b|s3\()",
    re.MULTILINE,
)
_ADDRESS = Pattern(
    r"(?<![\w.@-])(?:[a-z0-9-]+\.)+(?:com|net|org|io|eu|de|fr|uk|co|cloud|dev|app|internal|lan|corp|aero|ru|cn)(?![\w.-])|"
    r"(?<![\w.])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"
)
_URL = Pattern(r"[a-z][a-z0-9+]*://(?:[^/\s@]*@)?([A-Za-z0-9_.-]+)")
_HERE = frozenset({"localhost", "127.0.0.1", "0.0.0.0"})
_GEOIP_SINCE = (7, 14)


def last_part(image: str) -> str:
    """The last part of an image's name, without its publisher; empty if it has no name."""
    return reference.parse(image).path.rsplit("/", 1)[-1].lower() if image else ""


def _name(image: str) -> str:
    """The name as in the lists above: without registry, official images without ``library/``."""
    return reference.parse(image).path.removeprefix("docker/").removeprefix("library/").lower() if image else ""


def is_of_a_known_maker(image: str) -> bool:
    """Whether an image is only a data store, judging by its publisher's name."""
    return reference.parse(image).path.removeprefix("docker/").split("/")[0].lower() in _MAKERS.split()


def is_quiet(image: str) -> bool:
    """Whether the program connects only to data stores that its configuration names."""
    return _name(image) in _QUIET


def is_proxy_of_labels(image: str) -> bool:
    """Whether the program by default exposes whatever answers HTTP on its networks."""
    return _name(image) == "traefik"


def works_through_the_engine(image: str) -> bool:
    return last_part(image) in _OF_THE_ENGINE


def is_built_on_others(image: str) -> bool:
    return last_part(image) in _BUILT_ON_OTHERS


def reads_others(kind: str) -> bool:
    """Whether a store of this kind connects to other stores when a query says so."""
    return kind in _READS_OTHERS


def has_pages(kind: str) -> bool:
    """Whether a store of this kind serves HTTP, so that a proxy may expose it."""
    return kind not in _WITHOUT_PAGES


def is_one_of_a_kind(kind: str) -> bool:
    """Whether a program that names one store of this kind uses no other."""
    return kind in _ONE_OF_A_KIND


def may_be_alone(kind: str) -> bool:
    """Whether stores of this kind are independent unless a setting joins them."""
    return kind in _ALONE_KINDS


def speaks_of_others(text: str) -> bool:
    """Whether a store's configuration mentions a cluster or replicas."""
    return _TOGETHER.search(text) is not None


def fetches_by_itself(image: str, texts: str) -> str:
    """What a store downloads by default; empty if nothing."""
    if last_part(image) == "elasticsearch" and not _is_older(image) and "geoip.downloader.enabled" not in texts:
        return "it fetches GeoIP databases (set ingest.geoip.downloader.enabled=false to stop it)"
    return ""


def _is_older(image: str) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", reference.parse(image).version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < _GEOIP_SINCE


def is_outside_variable(name: str) -> bool:
    return _OUTSIDE_VARIABLE.search(name) is not None


def is_outside_command(text: str) -> bool:
    return _OUTSIDE_COMMAND.search(text) is not None


def is_outside_script(text: str) -> bool:
    return _OUTSIDE_SCRIPT.search(text) is not None


def names_outside(text: str, inside: frozenset[str]) -> bool:
    """Whether ``text`` names a host that is not one of the services ``inside``."""
    if _ADDRESS.search(text) is not None:
        return True
    return any(host not in inside and host not in _HERE for host in _URL.findall(text))
