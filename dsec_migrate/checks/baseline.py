"""The baseline: a file with the known items of a project, without any value."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dsec_migrate.checks.subject import Item
from dsec_migrate.text.errors import UserError
from dsec_migrate.text.structured import json_of

_FORMAT = 1


class Known(NamedTuple):
    """An item as in the baseline: the check, the file relative to the baseline's folder, and the subject."""

    check: str
    file: str
    subject: str


class Baseline(NamedTuple):
    """``path`` is that of the baseline; it need not exist."""

    path: Path
    known: frozenset[Known]

    def entry(self, check: str, item: Item) -> Known:
        """The identity of an item, independent of its line."""
        folder = os.path.abspath(self.path.parent)  # noqa: PTH100
        seen = os.path.relpath(os.path.abspath(item.site.file), folder)  # noqa: PTH100
        return Known(check, seen.replace(os.sep, "/"), item.subject)

    def text(self, items: Iterable[tuple[str, Item]]) -> str:
        """The content of a baseline with these items."""
        entries = sorted({self.entry(check, item) for check, item in items})
        return json.dumps({"version": _FORMAT, "items": [one._asdict() for one in entries]}, indent=1) + "\n"


def read(path: Path) -> Baseline:
    """Empty where there is no file. Raises UserError where it is not a baseline."""
    try:
        data = json_of(path.read_bytes())
        if data["version"] == _FORMAT:
            return Baseline(path, frozenset(Known(one["check"], one["file"], one["subject"]) for one in data["items"]))
    except FileNotFoundError:
        return Baseline(path, frozenset())
    except OSError as error:
        raise UserError(f"cannot read the baseline: {error.strerror or type(error).__name__}", str(path)) from None
    except (ValueError, LookupError, TypeError):
        pass
    raise UserError(
        "the file is not a baseline of an audit",
        str(path),
        help="run `dsec-migrate audit --baseline FILE --write` to create one",
    )
