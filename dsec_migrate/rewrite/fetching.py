"""How a container fetches values from a store when a project starts: the vendor's own image and command.

Facts: ``vault kv get -field`` writes only the value, without a line end when its output is not a terminal; ``aws …
--output text`` appends one line end; Vault's command accepts no VAULT_TOKEN_FILE, AWS's reads the file that
AWS_SHARED_CREDENTIALS_FILE names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from dsec_migrate.config.options import Manager


class Runtime(Protocol):
    """``fetch`` is shell that writes the value of ``$1``, ``prelude`` runs before it. ``credential`` is the file of the
    service's only secret, as written in the Compose file; empty where it needs none."""

    title: str
    image: str
    credential_name: str

    def prelude(self, manager: Manager) -> list[str]: ...
    def fetch(self, manager: Manager) -> str: ...
    def environment(self, manager: Manager) -> Mapping[str, str]: ...
    def credential(self, manager: Manager) -> str: ...


class _Vault:
    title = "Vault"
    image = "hashicorp/vault:1.20"
    credential_name = "vault_token"

    def prelude(self, manager: Manager) -> list[str]:
        return ['VAULT_TOKEN="$(cat "$VAULT_TOKEN_FILE")"', "export VAULT_TOKEN"]

    def fetch(self, manager: Manager) -> str:
        return 'vault kv get -mount=secret -field=value "$1"'

    def environment(self, manager: Manager) -> Mapping[str, str]:
        return {
            "VAULT_ADDR": "${VAULT_ADDR:?where Vault is}",
            "VAULT_TOKEN_FILE": f"/run/secrets/{self.credential_name}",
        }

    def credential(self, manager: Manager) -> str:
        return manager.credentials or "./secrets/vault_token.txt"


class _Aws:
    title = "AWS Secrets Manager"
    image = "amazon/aws-cli:2.27.0"
    credential_name = "aws_credentials"

    def prelude(self, manager: Manager) -> list[str]:
        return []

    def fetch(self, manager: Manager) -> str:
        asked = 'aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text'
        return f'value="$({asked} && printf x)" && value="${{value%x}}" && printf %s "${{value%?}}"'

    def environment(self, manager: Manager) -> Mapping[str, str]:
        found = {"AWS_REGION": "${AWS_REGION:?such as eu-central-1}"}
        if manager.credentials:
            found["AWS_SHARED_CREDENTIALS_FILE"] = f"/run/secrets/{self.credential_name}"
        return found

    def credential(self, manager: Manager) -> str:
        """None where the host has an IAM role, whose credentials come from its network."""
        return manager.credentials


RUNTIMES: Mapping[str, Runtime] = {"vault": _Vault(), "aws": _Aws()}


def runtime(manager: Manager) -> Runtime:
    return RUNTIMES[manager.name]
