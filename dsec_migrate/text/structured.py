"""Untrusted JSON and TOML, with a limit on nesting."""

from __future__ import annotations

import json
import sys
from typing import Any

from dsec_migrate.text import limits

_TOO_DEEP = f"it is nested more than {limits.DATA_DEPTH} deep"


def json_of(text: str | bytes) -> Any:
    """Raises ValueError for invalid JSON, or JSON nested too deep."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_depth(data)
    return data


def toml_of(text: str) -> dict[str, Any]:
    """Raises ValueError for invalid TOML, or TOML nested too deep."""
    # most projects have no such file
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_depth(data)
    return data


def _check_depth(data: object) -> None:
    level: list[Any] = [data]
    for _ in range(limits.DATA_DEPTH + 1):
        level = [one for one in level if isinstance(one, (dict, list))]
        if not level:
            return
        level = [below for one in level for below in (one.values() if isinstance(one, dict) else one)]
    raise ValueError(_TOO_DEEP)
