"""Text as HTML. Everything that comes from a file passes through here: masked, harmless, escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from dsec_migrate.text.visible import harmless

# so many items of a table or a list are laid out only when they come into view
MANY = 100

_TYPED = re.compile(r"`([^`]+)`")


def safe(text: str) -> str:
    """A name or a sentence, which has been through ``reports.shown``, for the inside of an element."""
    return html.escape(harmless(text))


def code(text: str) -> str:
    return f"<code>{safe(text)}</code>"


def prose(text: str) -> str:
    """A sentence; what stands between backticks is typed or stands in a file."""
    return _TYPED.sub(r"<code>\1</code>", safe(text))


def listed(items: Iterable[str], most: int = 6) -> str:
    """Names in a row: the first of many, and how many more there are."""
    names = list(dict.fromkeys(items))
    more = len(names) - most
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:most])} and {more} more"
