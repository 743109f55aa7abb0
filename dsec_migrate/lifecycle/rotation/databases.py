"""The statement that sets the new password of a database, and the login that proves it.

An image reads the password only for an empty volume, so a live one is changed by a statement. It is composed inside the
container, from the files that are mounted there: no value is ever an argument.

Facts: psql quotes ``:'name'`` itself, and a backquoted command reads a file; the images of PostgreSQL trust
connections from loopback, so a proof takes another address; in a text of MySQL ``\\`` and ``'`` stand twice, and its
images make accounts for ``%`` and, of root, for ``localhost``.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsec_migrate.compose.project.mounted import SECRETS_MOUNT
from dsec_migrate.text.records import dataclass

_SQL = r'''sed -e 's/\\/\\\\/g' -e "s/'/''/g"'''

_POSTGRES_CHANGE = r"""user="${POSTGRES_USER:-postgres}"
psql -v ON_ERROR_STOP=1 -v user="$user" -U "$user" -d "${POSTGRES_DB:-$user}" <<'SQL'
\set new `cat @NEW@`
ALTER ROLE :"user" PASSWORD :'new';
SQL
"""
_POSTGRES_PROOF = r"""user="${POSTGRES_USER:-postgres}"
host="$(hostname -i | cut -d ' ' -f 1)"
PGPASSWORD="$(cat @FILE@)" psql -w -h "$host" -U "$user" -d "${POSTGRES_DB:-$user}" -c 'SELECT 1'
"""
_MYSQL_CHANGE = r"""client="$(command -v mariadb || command -v mysql)"
for host in % localhost; do
  printf "ALTER USER IF EXISTS '%s'@'%s' IDENTIFIED BY '%s';\n" "@USER@" "$host" "$(@QUOTE@ @NEW@)"
done | MYSQL_PWD="$(cat @ROOT@)" "$client" -u root
"""
_MYSQL_PROOF = r"""client="$(command -v mariadb || command -v mysql)"
MYSQL_PWD="$(cat @FILE@)" "$client" -h 127.0.0.1 -u "@USER@" -e 'SELECT 1'
"""
_MONGO_CHANGE = r"""mongosh --quiet admin --eval '
const fs = require("fs"), user = process.env.MONGO_INITDB_ROOT_USERNAME
db.auth(user, fs.readFileSync("@OLD@", "utf8"))
db.changeUserPassword(user, fs.readFileSync("@NEW@", "utf8"))'
"""
_MONGO_PROOF = r"""mongosh --quiet admin --eval '
const fs = require("fs"), user = process.env.MONGO_INITDB_ROOT_USERNAME
if (!db.auth(user, fs.readFileSync("@FILE@", "utf8"))) quit(1)'
"""


@dataclass(frozen=True)
class Database:
    """``change`` and ``proof`` are scripts for the container's shell; ``@NEW@``, ``@OLD@`` and ``@FILE@`` are paths."""

    title: str
    change: str
    proof: str

    def to_change(self, old: str, new: str) -> str:
        return self.change.replace("@NEW@", f"{SECRETS_MOUNT}/{new}").replace("@OLD@", f"{SECRETS_MOUNT}/{old}")

    def to_prove(self, name: str) -> str:
        return self.proof.replace("@FILE@", f"{SECRETS_MOUNT}/{name}")


def _mysql(user: str, root: str) -> Database:
    change = _MYSQL_CHANGE.replace("@USER@", user).replace("@ROOT@", root).replace("@QUOTE@", _SQL)
    return Database("MySQL or MariaDB", change, _MYSQL_PROOF.replace("@USER@", user))


def of(paths: Mapping[str, str]) -> Mapping[str, Database]:
    """By the variable that names the password's file: the database that the program of these variables is. ``paths``
    are the values of all variables of the service."""
    roots = (paths.get(name) for name in ("MYSQL_ROOT_PASSWORD_FILE", "MARIADB_ROOT_PASSWORD_FILE"))
    root = next((path for path in roots if path), "")
    known = {
        "POSTGRES_PASSWORD_FILE": Database("PostgreSQL", _POSTGRES_CHANGE, _POSTGRES_PROOF),
        "MYSQL_ROOT_PASSWORD_FILE": _mysql("root", "@OLD@"),
        "MARIADB_ROOT_PASSWORD_FILE": _mysql("root", "@OLD@"),
        "MONGO_INITDB_ROOT_PASSWORD_FILE": Database("MongoDB", _MONGO_CHANGE, _MONGO_PROOF),
    }
    for kind in ("MYSQL", "MARIADB"):
        if root:
            known[f"{kind}_PASSWORD_FILE"] = _mysql(f"${kind}_USER", root)
    return known
