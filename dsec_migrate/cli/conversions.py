"""Converts single arguments of the command line: ``VARIABLE=NAME``, ``PATTERN=KIND``, a mode, a host. Each function
takes one argument and raises UserError where it is invalid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import TypeVar

from dsec_migrate.config.options import SourceKind, Unknown
from dsec_migrate.planning.naming import is_valid
from dsec_migrate.text.errors import UserError

_Kind = TypeVar("_Kind", bound=Enum)


def chosen_name(text: str) -> tuple[str, str]:
    variable, equals, name = text.rpartition("=")
    if not equals or not variable:
        raise UserError("--rename takes VARIABLE=NAME", help="such as --rename web.API_KEY=shop_api_key")
    if not is_valid(name):
        # the argument is not repeated: it may be a value, typed for the wrong option
        raise UserError(
            f"--rename of {variable}: not a valid name for a secret in Compose and Swarm",
            help="use letters, digits, and - _ . between them, at most 64 characters, such as shop_api_key",
        )
    return variable, name


def chosen_source(text: str) -> tuple[str, SourceKind]:
    return _chosen("--source-of", text, [kind for kind in SourceKind if not kind.is_managed])


def chosen_delivery(text: str) -> tuple[str, Unknown]:
    return _chosen("--delivery-of", text, (Unknown.REWRITE, Unknown.WRAP))


def _chosen(option: str, text: str, kinds: Sequence[_Kind]) -> tuple[str, _Kind]:
    pattern, equals, word = text.rpartition("=")
    kind = next((kind for kind in kinds if kind.value == word), None)
    if not equals or not pattern or kind is None:
        known = " or ".join(str(kind.value) for kind in kinds)
        raise UserError(
            f"{option} takes PATTERN=KIND, with {known}", help=f"such as {option} '*_TOKEN={kinds[0].value}'"
        )
    return pattern, kind


def skipped(text: str) -> tuple[str, str]:
    pattern, equals, reason = text.partition("=")
    if not equals or not pattern or not reason.strip():
        raise UserError(
            "--skip-because takes PATTERN=REASON", help="such as --skip-because '*_SALT=not a secret, it is public'"
        )
    return pattern, reason.strip()


def owner(option: str, text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        help_text = f"pass a number such as {option} 1000: names exist only inside the container"
        raise UserError(f"{option} takes a number", help=help_text)
    return text


def octal(text: str) -> int:
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise UserError("--mode takes three octal digits, with or without a leading 0", help="such as --mode 0400")
    return int(text, 8)


def recipient(text: str) -> str:
    from dsec_migrate.stores import age

    age.check([text])
    return text


def registry_host(text: str) -> str:
    from dsec_migrate.images.registry import is_host

    if not is_host(text):
        raise UserError("--registry takes a host with an optional port", help="such as --registry 10.0.0.5:5000")
    return text
