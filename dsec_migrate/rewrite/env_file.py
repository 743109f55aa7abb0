"""Edits of one env file: an assignment names a file instead of its value, or is removed.

Everything else keeps its bytes: ``export``, blanks, the separator, comments, line ends. An edited file gives the same
entries as before except for the requested ones. Whether the *values* of other entries refer to one of these
(``B=x${A}``) is up to the caller: :class:`dsec_migrate.compose.dotenv.Entry` lists the references of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dsec_migrate.compose.dotenv import SPACES, Entry, quote
from dsec_migrate.compose.project import EnvFileText
from dsec_migrate.detectors.placeholder import is_telling
from dsec_migrate.planning.patches import Patch, Patches, Remove, RenameKey, SetValue
from dsec_migrate.rewrite.layout import Made
from dsec_migrate.text.secret import MASK
from dsec_migrate.text.source import Edit, Span

_NAME = re.compile(r"[\w.\-\[\]]+")
_NAME_IN_RAW_FORMAT = re.compile(r"[^\s#=][^\s=]*")
_SPACES_IN_LINE = SPACES.replace("\n", "")
_COMMENT = re.compile(rf"[{_SPACES_IN_LINE}]*#")
_NOTHING_ELSE = re.compile(rf"[{_SPACES_IN_LINE}]*(?:#[^\n]*)?(?:\n|\Z)")
_ONE_REFERENCE = re.compile(r"\$(?:\w+|\{[^{}]*\})")


def made(document: EnvFileText, patches: Patches) -> Iterator[Made]:
    """A new name and a new value of one line are written together: what the line can hold depends on both."""
    patches.only(RenameKey, SetValue, Remove)
    text = document.source.text
    named = {patch.target: patch for patch in patches.of(RenameKey)}
    values = {patch.target: patch for patch in patches.of(SetValue)}
    for line in dict.fromkeys((*named, *values)):
        assert isinstance(line, Entry)
        name = named[line].name if line in named else line.name
        value = values[line].value if line in values else line.value
        patch: Patch = values[line] if line in values else named[line]
        yield from (Made(edit, patch) for edit in move(text, line, name, str(value), raw=document.is_raw))
    removed = patches.of(Remove)
    lines = [patch.target for patch in removed if isinstance(patch.target, Entry)]
    yield from (Made(edit, removed[0]) for edit in remove(text, lines))


def move(text: str, entry: Entry, new_name: str, value: str, *, raw: bool = False) -> list[Edit]:
    """``entry`` becomes ``new_name`` with ``value``, on its line and in its quotes where those can hold the value.

    A value over several lines becomes one line; the comment right after the entry no longer repeats the old value.
    ``raw``: the file is read as ``format: raw``, which has neither quotes nor such comments.

    Raises ValueError, without any value in it, for what cannot be done: an entry without a value (a bare ``NAME``), one
    without a name (``=x``, or a last line ``NAME`` without a line break), a new name that would not be read as one, a
    value with a line break in ``format: raw`` or one that no variable can hold.
    """
    if entry.value is None or not entry.name:
        raise ValueError("only an entry with a name and a value of its own can be renamed")
    if not (_NAME_IN_RAW_FORMAT if raw else _NAME).fullmatch(new_name) or (new_name == "export" and not raw):
        raise ValueError("the new name would not be read as the name of a variable")
    if raw and re.search(r"[\n\0]|\r\Z", value):
        raise ValueError("format: raw holds no line breaks and no NUL characters")
    start, end = entry.value_span
    if start == end and not raw:
        # blanks after the separator count as before the value: among them the first half of a CRLF
        start = end = entry.name_span.end + len(text[entry.name_span.end : start].rstrip(SPACES))
    name = Edit(*entry.name_span, new_name)
    if raw:
        return [name, Edit(start, end, value)]
    # without a value before it, a comment would be the value
    spelling = quote(value, entry.quote or ("" if value else "'"))
    masks = [Edit(*span, MASK) for span in _repeated_in_comment(text, entry)]
    return [name, Edit(start, end, spelling), *masks]


def remove(text: str, entries: Iterable[Entry]) -> list[Edit]:
    """Removes ``entries``: with their whole lines, and a trailing comment, where nothing else is on them.

    Where another entry shares a line with them (``A="1" B=2``) only their own characters are removed. Comments on
    separate lines are kept. Any entry can be removed, in both formats; none twice.
    """
    edits = []
    for start, end in _together(text, sorted({entry.span for entry in entries})):
        line_start = text.rfind("\n", 0, start) + 1
        if line_start == 0 and text.startswith("\ufeff"):
            line_start = 1
        behind = _NOTHING_ELSE.match(text, end)
        if behind and not text[line_start:start].strip(SPACES):
            start, end = line_start, behind.end()
        edits.append(Edit(start, end, ""))
    return edits


def _together(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans separated only by blanks on one line, joined."""
    joined: list[Span] = []
    for span in spans:
        if joined:
            between = text[joined[-1].end : span.start]
            if "\n" not in between and not between.strip(SPACES):
                joined[-1] = Span(joined[-1].start, span.end)
                continue
        joined.append(span)
    return joined


def _repeated_in_comment(text: str, entry: Entry) -> Iterator[Span]:
    """Where the comment after ``entry`` repeats its value, as it is read or as it is written."""
    end = entry.span.end
    line_end = text.find("\n", end)
    comment = _COMMENT.match(text, end, len(text) if line_end < 0 else line_end)
    if comment is None:
        return
    marks = len(entry.quote)
    written = text[entry.value_span.start + marks : entry.value_span.end - marks]
    if _ONE_REFERENCE.fullmatch(written):
        written = ""
    known = {value for value in (entry.value or "", written) if is_telling(value)}
    if known:
        longest_first = "|".join(re.escape(value) for value in sorted(known, key=len, reverse=True))
        for match in re.compile(longest_first).finditer(text, comment.end(), comment.endpos):
            yield Span(*match.span())
