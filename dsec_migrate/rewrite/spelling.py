"""How new values are spelled: unquoted where that is safe, in block or flow style, JSON where the file is JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence as SequenceType

from dsec_migrate.compose.document import Mapping, ParsedNode, Scalar
from dsec_migrate.compose.scalars import resolve
from dsec_migrate.planning.patches import Bare, Octal, Quoted, Value
from dsec_migrate.text.patterns import Pattern

# what may be unquoted as a value or an item; in brackets or braces without an expression
_PLAIN = Pattern(
    r"[A-Za-z0-9_./][A-Za-z0-9_./-]*(?<![.])|\$(?:\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)[A-Za-z0-9_./-]*"
)
# what may replace a string that is unquoted
_UNQUOTED = Pattern(r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`]|[-?:](?=[^\s]))(?:[^\s:#]|:(?=[^\s])|(?<!\s)#|[ ](?=[^\s#]))*")
_OF_FLOW = Pattern(r"[,\[\]{}]")
_NUMBER_LIKE = Pattern(r"[-+.]?[0-9].*|(?i:true|false|null|yes|no|on|off|y|n|~)|\.(?i:inf|nan)")


def is_json(node: ParsedNode) -> bool:
    """Whether the flow mapping has quoted keys, as JSON requires."""
    return (
        isinstance(node, Mapping)
        and node.flow
        and bool(node.entries)
        and isinstance(node.entries[0].key, Scalar)
        and node.entries[0].key.style == '"'
    )


def scalar(value: Value, quoted: bool = False) -> str:
    """A value as a scalar that reads back as the same: a string is unquoted where that is safe, in any position."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Octal):
        return str(int(value)) if quoted else f"0{value:o}"
    if isinstance(value, int):
        return str(value)
    assert isinstance(value, str)
    if isinstance(value, Bare) and not quoted:
        return str(value)
    if not quoted and not isinstance(value, Quoted) and _PLAIN.fullmatch(value) and not _NUMBER_LIKE.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def like(node: Scalar, value: Value, *, in_flow: bool) -> str:
    """``value`` instead of a scalar, in the same quotes."""
    if not isinstance(value, str) or isinstance(value, Quoted) or (isinstance(value, Bare) and not node.style):
        return scalar(value)
    if node.tag is None and node.style == "'" and "\n" not in value:
        return "'" + value.replace("'", "''") + "'"
    if node.tag is None and node.style == '"':
        return scalar(value, quoted=True)
    return unquoted(value, in_flow=in_flow)


def unquoted(value: str, *, in_flow: bool) -> str:
    """A string without quotes, where it reads back as itself."""
    is_odd = in_flow and _OF_FLOW.search(value) is not None
    is_sure = _UNQUOTED.fullmatch(value) is not None and isinstance(resolve(value), str)
    return value if is_sure and not is_odd else scalar(value, quoted=is_odd)


def quotes_of(definition: ParsedNode) -> str:
    """The quotes around the file of an existing definition."""
    file = definition.get("file") if isinstance(definition, Mapping) else None
    return file.style if isinstance(file, Scalar) and file.style in {"'", '"'} else ""


def in_quotes(value: Value, quotes: str) -> str:
    """A value in the quotes that such values have in this file."""
    is_plain = isinstance(value, str) and _PLAIN.fullmatch(value) is not None
    return f"{quotes}{value}{quotes}" if quotes and is_plain else scalar(value)


def flow(value: Value, quoted: bool = False) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        pairs = (f"{scalar(key, quoted)}: {flow(one, quoted)}" for key, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(flow(one, quoted) for one in value)}]"
    return scalar(value, quoted or (isinstance(value, str) and _OF_FLOW.search(value) is not None))


def block_item(pairs: SequenceType[str], indentation: str, gap: str) -> list[str]:
    pad = indentation + " " * (1 + len(gap))
    return [f"{indentation}-{gap}{pairs[0]}", *(pad + pair for pair in pairs[1:])]
