"""Text as HTML. Everything that comes from a file passes through here, to be masked, made harmless and escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from dsec_migrate.text.visible import harmless

# from this number of items on, a table or a list is laid out only when it scrolls into view
MANY = 100

_TYPED = re.compile(r"`([^`]+)`")


def safe(text: str) -> str:
    """A name or a sentence that has been through ``reports.shown``, as the content of an element."""
    return html.escape(harmless(text))


def code(text: str) -> str:
    return f"<code>{safe(text)}</code>"


def prose(text: str) -> str:
    """A sentence; text in backticks becomes ``<code>``."""
    return _TYPED.sub(r"<code>\1</code>", safe(text))


def listed(items: Iterable[str], most: int = 6) -> str:
    """A list of names: the first of many, and how many more there are."""
    names = list(dict.fromkeys(items))
    more = len(names) - most
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:most])} and {more} more"
