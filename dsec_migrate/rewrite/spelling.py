"""How new entries are spelled: unquoted where that is sure, in block or flow style, JSON where the file is JSON."""

from __future__ import annotations

from collections.abc import Sequence as SequenceType

from dsec_migrate.changes import MountOptions
from dsec_migrate.document import Mapping, ParsedNode, Scalar
from dsec_migrate.patterns import Pattern

# what may stand unquoted as a value or an item, in block and in flow style
_PLAIN = Pattern(
    r"[A-Za-z0-9_./][A-Za-z0-9_./-]*(?<![.])|\$(?:\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)[A-Za-z0-9_./-]*"
)


_NUMBER_LIKE = Pattern(r"[-+.]?[0-9].*|(?i:true|false|null|yes|no|on|off|y|n|~)|\.(?i:inf|nan)")


Definition = tuple[str, dict[str, object]]


def is_json(node: Mapping) -> bool:
    """Whether the flow mapping is written with quoted keys, as JSON asks."""
    return (
        node.flow
        and bool(node.entries)
        and isinstance(node.entries[0].key, Scalar)
        and node.entries[0].key.style == '"'
    )


def item_text(name: str, options: MountOptions, quoted: bool) -> str:
    data = options.as_data()
    return flow({"source": name, **data}, quoted) if data else flow_scalar(name, quoted)


def block_item(pairs: SequenceType[str], indentation: str, gap: str) -> list[str]:
    pad = indentation + " " * (1 + len(gap))
    return [f"{indentation}-{gap}{pairs[0]}", *(pad + pair for pair in pairs[1:])]


def option_text(key: str, value: object, is_json: bool = False) -> str:
    """Compose and Swarm both read `mode: 0400` unquoted and uid and gid as strings (observed with Compose 2.40)."""
    if key == "target" and not is_json:
        return flow_scalar(str(value))
    if key == "mode" and is_json:
        # JSON has no octal numbers
        return str(value)
    return f"0{value:o}" if key == "mode" and isinstance(value, int) else f'"{value}"'


def quote_of(definition: ParsedNode) -> str:
    """The quotes that an existing definition puts around its file."""
    file = definition.get("file") if isinstance(definition, Mapping) else None
    return file.style if isinstance(file, Scalar) and file.style in {"'", '"'} else ""


def definition_lines(pairs: SequenceType[Definition], indentation: str, step: int, quote: str = "") -> list[str]:
    lines: list[str] = []
    for name, data in pairs:
        lines.append(f"{indentation}{flow_scalar(name)}:")
        lines.extend(f"{indentation}{' ' * step}{key}: {_block_scalar(value, quote)}" for key, value in data.items())
    return lines


def _block_scalar(value: object, quote: str = "") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return f"{quote}{text}{quote}" if quote and _PLAIN.fullmatch(text) else flow_scalar(text)


def flow(data: dict[str, object], quoted: bool) -> str:
    pairs = (
        f"{flow_scalar(key, quoted)}: "
        + (option_text(key, value, quoted) if key in {"mode", "uid", "gid"} else _flow_value(value, quoted))
        for key, value in data.items()
    )
    return "{" + ", ".join(pairs) + "}"


def _flow_value(value: object, quoted: bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else flow_scalar(str(value), quoted)


def flow_scalar(text: str, quoted: bool = False) -> str:
    """``text`` as a scalar that reads back as this string: unquoted where that is sure."""
    if not quoted and _PLAIN.fullmatch(text) and not _NUMBER_LIKE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
