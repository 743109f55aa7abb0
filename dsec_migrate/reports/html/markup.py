"""Text as HTML. Everything that comes from a file passes through here: masked, harmless, escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from dsec_migrate.visible import harmless

# so many items of a table or a list are laid out only when they come into view
MANY = 100

_TYPED = re.compile(r"`([^`]+)`")


class Words:
    """The names and sentences of one project, which have been through ``reports.shown``."""

    @staticmethod
    def plain(text: str) -> str:
        """``text`` not yet escaped."""
        return harmless(text)

    def __call__(self, text: str) -> str:
        return html.escape(self.plain(text))

    def code(self, text: str) -> str:
        return f"<code>{self(text)}</code>"

    def sentence(self, text: str) -> str:
        """A sentence; what stands between backticks is typed or stands in a file."""
        return _TYPED.sub(r"<code>\1</code>", self(text))


def listed(items: Iterable[str], most: int = 6) -> str:
    """Names in a row: the first of many, and how many more there are."""
    names = list(dict.fromkeys(items))
    more = len(names) - most
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:most])} and {more} more"
