"""Images whose programs keep data for others: databases, caches, queues, search engines.

Recognized by the last part of an image's name, whoever publishes it (``bitnami/postgresql``,
``timescale/timescaledb``): all listen on the same ports, since their clients do not depend on the publisher.
"""

from __future__ import annotations

from typing import NamedTuple

from dsec_migrate.images import reference


class DataStore(NamedTuple):
    """``ports`` are those on which its clients reach it, from its documentation."""

    name: str
    ports: tuple[int, ...]


_STORES: tuple[tuple[DataStore, str], ...] = (
    (
        DataStore("PostgreSQL", (5432,)),
        "postgres postgresql postgresql-repmgr postgres-ha postgis timescaledb timescaledb-ha timescaledb-postgis "
        "pgvector pgvecto-rs vectorchord spilo pgvector-postgres",
    ),
    (
        DataStore("MySQL", (3306, 33060)),
        "mysql mysql-server mysql-cluster mariadb mariadb-galera percona percona-server docker-mariadb",
    ),
    (DataStore("MongoDB", (27017,)), "mongo mongodb mongodb-community-server percona-server-mongodb ferretdb"),
    (DataStore("Redis", (6379,)), "redis redis-stack redis-stack-server redis-cluster valkey keydb dragonfly garnet"),
    (DataStore("Memcached", (11211,)), "memcached"),
    (DataStore("Elasticsearch", (9200, 9300)), "elasticsearch elasticsearch-oss opensearch"),
    (DataStore("Solr", (8983,)), "solr"),
    (DataStore("Meilisearch", (7700,)), "meilisearch"),
    (DataStore("Typesense", (8108,)), "typesense"),
    (DataStore("RabbitMQ", (5672, 5671)), "rabbitmq"),
    (DataStore("Kafka", (9092,)), "kafka cp-kafka redpanda"),
    (DataStore("ZooKeeper", (2181,)), "zookeeper cp-zookeeper"),
    (DataStore("InfluxDB", (8086,)), "influxdb influxdb2"),
    (DataStore("Cassandra", (9042,)), "cassandra scylla"),
    (DataStore("ClickHouse", (8123, 9000)), "clickhouse clickhouse-server"),
    (DataStore("CouchDB", (5984,)), "couchdb"),
    (DataStore("CockroachDB", (26257,)), "cockroach"),
    (DataStore("etcd", (2379,)), "etcd"),
    (DataStore("SQL Server", (1433,)), "mssql-server mssql-server-linux azure-sql-edge"),
    (DataStore("Neo4j", (7687, 7474)), "neo4j"),
    (DataStore("ArangoDB", (8529,)), "arangodb"),
    (DataStore("Qdrant", (6333, 6334)), "qdrant"),
    (DataStore("Weaviate", (8080, 50051)), "weaviate"),
    (DataStore("Milvus", (19530,)), "milvus"),
)
_BY_NAME = {name: store for store, names in _STORES for name in names.split()}


def find(image: str) -> DataStore | None:
    """The data store that ``image``, as in a Compose file, runs; None if it is not a data store, or unknown."""
    if not image:
        return None
    *_, last = reference.parse(image).path.split("/")
    if last == "server":
        # mcr.microsoft.com/mssql/server, mysql/mysql-server
        last = "mssql-server" if "mssql/" in image else last
    return _BY_NAME.get(last.lower())
