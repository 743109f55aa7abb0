"""Untrusted text, safe to show in a terminal: the one module that decides which characters are kept.

Names, comments and messages come from a repository that anybody may have written. A character that controls the
terminal, reorders or breaks its line, or is invisible would let them forge a report.
"""

from __future__ import annotations

from dsec_migrate.text.patterns import Pattern

# C0 but the tab, DEL and C1; soft hyphen; Arabic, Mongolian and general marks without width or with a direction; line
# and paragraph separators; embeddings, overrides and isolates; shaping; byte order mark; annotations; halves of
# characters; tags
_STEERING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f"
)
_IN_A_LINE = Pattern(f"[\n{_STEERING}]")
# only the escape sequences of `reports.style` are kept
_IN_A_REPORT = Pattern(f"\x1b\\[(?:0|1|2|31|32)m|[{_STEERING}]")


def harmless(text: str) -> str:
    """``text`` as one line that any terminal shows unchanged; control characters become escapes such as ``\\x1b``."""
    if text.isprintable():
        return text
    return _IN_A_LINE.sub(lambda match: _escaped(match.group()), text)


def harmless_lines(text: str, *, is_coloured: bool) -> str:
    """A finished report: line ends are kept, and this program's own colors where it has some.

    Its parts were escaped before: this is a second line of defense.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text

    def shown(found: str) -> str:
        return found if len(found) > 1 and is_coloured else "".join(map(_escaped_alone, found))

    return _IN_A_REPORT.sub(lambda match: shown(match.group()), text)


def _escaped_alone(character: str) -> str:
    return character if character.isprintable() else _escaped(character)


def _escaped(character: str) -> str:
    # a surrogate for a byte that is not UTF-8 is shown as that byte
    byte = character.encode("utf-8", "surrogateescape") if "\udc80" <= character <= "\udcff" else b""
    return f"\\x{byte.hex()}" if byte else character.encode("unicode_escape").decode("ascii")
