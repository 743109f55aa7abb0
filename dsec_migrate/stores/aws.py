"""AWS Secrets Manager, through boto3 (extra ``aws``) and its default credential chain.

Facts of its API (https://docs.aws.amazon.com/secretsmanager/latest/apireference): one call creates an entry with its
value and tags; a value has at most 65,536 bytes; a deleted entry keeps its name until its recovery window ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from dsec_migrate.stores.managers import Found, Item, Reach, compare, need_library, need_text
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.secret import Secret

OPTIONS = frozenset({"--entry", "--label", "--prefix"})
MAXIMUM_BYTES = 65_536
_NAME = Pattern(r"[A-Za-z0-9/_+=.@-]{1,512}")
_TAG = Pattern(r"[^\w .:/=+@-]")
_Answer = TypeVar("_Answer")


def connect(reach: Reach) -> SecretsManager:
    """Raises UserError if the library is not installed, or no region is known."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise need_library("boto3", "aws") from None
    patience = Config(connect_timeout=10, read_timeout=20, retries={"max_attempts": 3, "mode": "standard"})
    try:
        # boto3 itself reads only AWS_DEFAULT_REGION and profiles
        region = reach.shell.get("AWS_REGION") or None
        return SecretsManager(boto3.client("secretsmanager", region_name=region, config=patience), reach)
    except BotoCoreError as error:
        raise UserError(
            f"AWS cannot be reached ({type(error).__name__})",
            help="set AWS_REGION, or choose a profile with AWS_PROFILE",
        ) from None


class SecretsManager:
    title = "AWS Secrets Manager"
    has_names_of_its_own = False

    def __init__(self, client: Any, reach: Reach) -> None:
        self.client = client
        self.reach = reach

    def check(self, items: Sequence[Item]) -> None:
        for item in items:
            need_text(item)
            if _NAME.fullmatch(self._path(item.place)) is None:
                raise UserError(
                    f"AWS refuses the name {self._path(item.place)}", help="choose another prefix with --prefix"
                )
        sizes = [len(need_text(item).encode()) for item in items]
        if (sum(sizes) if self.reach.entry is not None else max(sizes, default=0)) > MAXIMUM_BYTES:
            raise UserError("a value is too large: an entry of AWS Secrets Manager holds at most 65,536 bytes")

    def find(self, items: Sequence[Item]) -> Mapping[str, Found]:
        return compare(items, self.fetch({item.name: item.place for item in items}))

    def put(self, item: Item) -> None:
        path = self._path(item.place)
        text = self._read(path)
        if self.reach.entry is None:
            value = need_text(item)
        else:
            value = json.dumps({**_keys(path, text), item.name: need_text(item)})
        if text is None:
            tags = {"dsec.project": self.reach.project, "dsec.service": " ".join(item.services), **self.reach.labels}
            listed = [{"Key": key, "Value": _TAG.sub(" ", tag)[:256]} for key, tag in tags.items()]
            self._ask(lambda: self.client.create_secret(Name=path, SecretString=value, Tags=listed), f"create {path}")
        else:
            self._ask(lambda: self.client.put_secret_value(SecretId=path, SecretString=value), f"write {path}")

    def fetch(self, places: Mapping[str, str]) -> Mapping[str, Secret]:
        found: dict[str, Secret] = {}
        texts: dict[str, str | None] = {}
        for name, place in places.items():
            path = self._path(place)
            if path not in texts:
                texts[path] = self._read(path)
            text = texts[path]
            value = text if self.reach.entry is None else _keys(path, text).get(name)
            if isinstance(value, str):
                found[name] = Secret(value)
        return found

    def _path(self, place: str) -> str:
        return self.reach.entry if self.reach.entry is not None else place

    def _read(self, path: str) -> str | None:
        answer = self._ask(lambda: self.client.get_secret_value(SecretId=path), f"read {path}", is_asked=True)
        if answer is None:
            return None
        if "SecretString" not in answer:
            raise UserError(
                f"{path} contains binary data, not text", help="choose another entry with --prefix or --entry"
            )
        return str(answer["SecretString"])

    def _ask(self, call: Callable[[], _Answer], what: str, *, is_asked: bool = False) -> _Answer | None:
        """None if ``is_asked`` and there is no entry. AWS's messages are not repeated: they may contain what was
        sent."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if is_asked and code == "ResourceNotFoundException":
                return None
            raise UserError(f"AWS refuses to {what} ({code})", help=_ADVICE.get(code, _ADVICE[""])) from None
        except BotoCoreError as error:
            raise UserError(
                f"AWS cannot be reached to {what} ({type(error).__name__})",
                help="check the credentials, the region and the network, then run again: finished steps are kept",
            ) from None


_ADVICE = {
    "": "check the credentials and their permissions, then run again: finished steps are kept",
    "InvalidRequestException": "an entry of that name is being deleted: restore it, or change --prefix",
    "ResourceExistsException": "another client created it meanwhile: run the command again",
}


def _keys(path: str, text: str | None) -> Mapping[str, Any]:
    """The keys of an entry that is a JSON object."""
    if text is None:
        return {}
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise UserError(f"{path} is not a JSON object, so it has no keys", help="choose another entry with --entry")
    return data
