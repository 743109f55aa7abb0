"""HashiCorp Vault, KV version 2 engine, through hvac (extra ``vault``).

Facts of its HTTP API (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2): a write with ``cas`` 0 succeeds
only if there is no entry, with another number only if that is its version; the credential is a token or an AppRole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dsec_migrate.stores.managers import Found, Item, Reach, compare, need_library, need_text
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.secret import Secret

OPTIONS = frozenset({"--entry", "--mount", "--prefix"})
TIMEOUT_SECONDS = 20
KEY = "value"
"""The key of an entry with one secret."""
_Answer = TypeVar("_Answer")


def connect(reach: Reach) -> Vault:
    """Credentials come from VAULT_TOKEN, the file that VAULT_TOKEN_FILE names or ~/.vault-token, or from VAULT_ROLE_ID
    and VAULT_SECRET_ID (each also with ``_FILE``). Raises UserError."""
    try:
        import hvac
    except ImportError:
        raise need_library("hvac", "vault") from None
    shell = reach.shell
    address = shell.get("VAULT_ADDR")
    if not address:
        raise UserError(
            "VAULT_ADDR is not set to the address of Vault",
            help="set it, as in VAULT_ADDR=https://vault.example.com:8200",
        )
    ca = shell.get("VAULT_CACERT")
    client = hvac.Client(
        url=address, namespace=shell.get("VAULT_NAMESPACE"), verify=ca or True, timeout=TIMEOUT_SECONDS, token=""
    )
    vault = Vault(client, reach)
    token = _given(shell, "VAULT_TOKEN") or _home_token(shell)
    role, secret = _given(shell, "VAULT_ROLE_ID"), _given(shell, "VAULT_SECRET_ID")
    if role is not None and secret is not None:
        vault.ask(lambda: client.auth.approle.login(role_id=role.reveal(), secret_id=secret.reveal()), "log in")
    elif token is not None:
        client.token = token.reveal()
    else:
        raise UserError(
            "no credential for Vault",
            help="set VAULT_TOKEN or VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID (each also as _FILE)",
        )
    return vault


def _given(shell: Mapping[str, str], name: str) -> Secret | None:
    if shell.get(name):
        return Secret(shell[name])
    return _content(Path(shell[f"{name}_FILE"])) if shell.get(f"{name}_FILE") else None


def _home_token(shell: Mapping[str, str]) -> Secret | None:
    """The token that the Vault CLI stored at login."""
    path = Path(shell.get("HOME") or "/nonexistent") / ".vault-token"
    return _content(path) if path.is_file() else None


def _content(path: Path) -> Secret:
    try:
        return Secret(path.read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        raise UserError("cannot read the credential", str(path), help="make it a readable text file") from None


class Vault:
    title = "Vault"
    has_names_of_its_own = False

    def __init__(self, client: Any, reach: Reach) -> None:
        self.client = client
        self.reach = reach

    def check(self, items: Sequence[Item]) -> None:
        for item in items:
            need_text(item)

    def find(self, items: Sequence[Item]) -> Mapping[str, Found]:
        return compare(items, self.fetch({item.name: item.place for item in items}))

    def put(self, item: Item) -> None:
        path, key = self._path(item.place)
        data, version = self._read(path)
        # `cas` refuses it if another client was faster
        self.ask(
            lambda: self.client.secrets.kv.v2.create_or_update_secret(
                path=path, secret={**data, key: need_text(item)}, cas=version, mount_point=self.reach.mount
            ),
            f"write {path}",
        )

    def fetch(self, places: Mapping[str, str]) -> Mapping[str, Secret]:
        found: dict[str, Secret] = {}
        entries: dict[str, Mapping[str, Any]] = {}
        for name, place in places.items():
            path, key = self._path(place)
            if path not in entries:
                entries[path], _ = self._read(path)
            value = entries[path].get(key)
            if isinstance(value, str):
                found[name] = Secret(value)
        return found

    def _path(self, place: str) -> tuple[str, str]:
        """The entry and its key."""
        return (self.reach.entry, place.rpartition("/")[2]) if self.reach.entry is not None else (place, KEY)

    def _read(self, path: str) -> tuple[Mapping[str, Any], int]:
        """The data of an entry and its version, 0 if there is none."""
        from hvac.exceptions import InvalidPath

        try:
            answer = self.ask(
                lambda: self.client.secrets.kv.v2.read_secret_version(
                    path=path, mount_point=self.reach.mount, raise_on_deleted_version=False
                ),
                f"read {path}",
                passes=InvalidPath,
            )
        except InvalidPath:
            return {}, 0
        data = answer["data"]
        return data.get("data") or {}, int(data["metadata"]["version"])

    def ask(self, call: Callable[[], _Answer], what: str, passes: type[Exception] | tuple[()] = ()) -> _Answer:
        """``what`` is shown if it fails. The library's message is not: it may contain what was sent."""
        from hvac import exceptions
        from requests.exceptions import RequestException

        try:
            return call()
        except passes:
            raise
        except (exceptions.Forbidden, exceptions.Unauthorized):
            raise UserError(
                f"Vault does not permit to {what}", help="check the credential and its policy; nothing else was sent"
            ) from None
        except exceptions.InvalidRequest:
            raise UserError(
                f"Vault refuses to {what}",
                help="another client may have changed it meanwhile, or the credential is wrong: run the command again",
            ) from None
        except exceptions.InvalidPath:
            raise UserError(
                f"Vault has no KV version 2 engine at {self.reach.mount}", help="pass its path with --mount"
            ) from None
        except (exceptions.VaultError, RequestException) as error:
            raise UserError(
                f"Vault cannot be reached to {what} ({type(error).__name__})",
                help="check VAULT_ADDR and the network, then run again: finished steps are kept",
            ) from None
