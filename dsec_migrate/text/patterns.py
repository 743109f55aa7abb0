"""Regular expressions that are compiled on first use: most runs need few of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any


class Pattern:
    """``re.compile(source, flags)``, but lazily, for start-up time. Its methods are those of the compiled pattern."""

    # (text, start, end)
    match: Callable[..., re.Match[str] | None]
    fullmatch: Callable[..., re.Match[str] | None]
    search: Callable[..., re.Match[str] | None]
    finditer: Callable[..., Iterator[re.Match[str]]]
    findall: Callable[..., list[str]]
    # the attributes of the compiled pattern
    split: Callable[..., list[str]]
    sub: Callable[..., str]

    def __init__(self, source: str, flags: int = 0) -> None:
        self._source = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # runs once: afterwards the attributes exist
        if name not in Pattern.__annotations__:
            raise AttributeError(name)
        compiled = re.compile(self._source, self._flags)
        self.match = compiled.match
        self.fullmatch = compiled.fullmatch
        self.search = compiled.search
        self.finditer = compiled.finditer
        self.findall = compiled.findall
        self.split = compiled.split
        self.sub = compiled.sub
        return getattr(self, name)
