"""What a YAML scalar means to Compose, and the string that a container receives for it.

Compose reads YAML with go-yaml, which mixes YAML 1.1 and 1.2: ``0123`` is octal, ``yes`` is a string, a date is a
timestamp. Everything here was observed with Compose 2.40 (docs/architecture.md).
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from math import inf, isinf, isnan, nan

from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field

_LONG_PREFIX = "tag:yaml.org,2002:"
_NUMBER_STARTS = frozenset("0123456789+-.")
# a plain scalar that starts otherwise is a string, whatever follows
_TYPED_STARTS = _NUMBER_STARTS | frozenset(["", *"~nNtTfF"])
_WORDS: dict[str, bool | float | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
    ".nan": nan, ".NaN": nan, ".NAN": nan,
    ".inf": inf, ".Inf": inf, ".INF": inf,
    "+.inf": inf, "+.Inf": inf, "+.INF": inf,
    "-.inf": -inf, "-.Inf": -inf, "-.INF": -inf,
}  # fmt: skip
_INTEGER = Pattern(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = Pattern(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# rare patterns are compiled on first use, for start-up time
_SIGN_BEHIND_PREFIX = r"0(?:b([-+][01]+)|o([-+][0-7]+))"
_FLOAT_FROM_POINT = r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?"
_TIMESTAMP = (
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?:[Tt]|( +))([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(Z|[-+]([0-9]{2}):([0-9]{2}))?)?"
)
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_OCTAL_MODE = r"\+?[0-7]+"
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_INT_MIN, _INT_MAX, _UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1


class ScalarError(ValueError):
    """A scalar that Compose refuses here. The message names types, never the value."""


@dataclass(frozen=True, repr=False)
class Timestamp:
    """An unquoted date or date and time, ``text`` as written. Compose refuses it where it wants text or a number."""

    text: str = field(repr=False)


Value = bool | int | float | str | Timestamp | None


def resolve(text: str, tag: str | None = None, plain: bool = True) -> Value:
    """What a scalar means. ``text`` is its content as YAML delivers it, ``plain`` is False for quotes and blocks.

    ``tag`` is the one written in the file, in short (``!!int``) or long form, or None. Compose ignores tags of its
    own making (``!vault``): the text stays text, whatever it looks like; ``!`` alone counts as no tag. The merge key
    ``<<`` stays a string. Raises ScalarError when the text does not fit a ``!!`` tag.
    """
    if tag is None or tag in ("", "!"):
        if not plain or text[:1] not in _TYPED_STARTS:
            return text
        return _implicit(text, timestamps=True)
    if tag.startswith(_LONG_PREFIX):
        tag = "!!" + tag[len(_LONG_PREFIX) :]
    if tag == "!!binary":
        return _decode_binary(text)
    if tag not in ("!!null", "!!bool", "!!int", "!!float", "!!timestamp"):
        return text
    value = _implicit(text, timestamps=tag == "!!timestamp")
    found = _tag_of(value)
    if found == tag:
        return value
    if tag == "!!float" and isinstance(value, int) and not isinstance(value, bool) and value <= _INT_MAX:
        return float(value)
    raise ScalarError(f"a {tag} is not written like a {found}")


def environment_text(value: Value) -> str | None:
    """What a container receives for ``value`` in an ``environment:`` mapping; None: passed through, or removed.

    Raises ScalarError for a Timestamp, as Compose does ("invalid jsonType time.Time").
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    raise ScalarError("an unquoted date is not a boolean, null, number or string: put it in quotes")


def file_mode(value: Value) -> int:
    """The permission bits of a ``mode:``. A number counts as it is (``0400`` is octal in YAML), a string is octal.

    Raises ScalarError for anything else, as Compose does, and for a negative number.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and re.fullmatch(_OCTAL_MODE, value):
        mode = int(value, 8)
        if mode <= _INT_MAX:
            return mode
    raise ScalarError('a mode is a number such as 0400 or octal digits in quotes such as "0400"')


def _implicit(text: str, timestamps: bool) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first not in _NUMBER_STARTS:
        return text
    number: int | float | None = None
    if first == ".":
        if re.fullmatch(_FLOAT_FROM_POINT, text):
            number = _finite(text)
    else:
        if timestamps and text[4:5] == "-" and _is_timestamp(text):
            return Timestamp(text)
        digits = text.replace("_", "")
        number = _integer(digits)
        if number is None and _FLOAT.fullmatch(digits):
            number = _finite(digits)
    return text if number is None else number


def _integer(digits: str) -> int | None:
    """``digits`` as an integer of 64 bits, which without a sign may use all of them; else None."""
    match = _INTEGER.fullmatch(digits)
    if match is None:
        # go-yaml strips 0b and 0o and reads on, so a sign may follow
        match = re.fullmatch(_SIGN_BEHIND_PREFIX, digits)
        if match is None:
            return None
        binary, octal = match.groups()
        value = int(binary, 2) if binary else int(octal, 8)
        return value if _INT_MIN <= value <= _INT_MAX else None
    sign, hexadecimal, binary, octal, decimal = match.groups()
    if hexadecimal:
        value = int(hexadecimal, 16)
    elif binary:
        value = int(binary, 2)
    elif octal:
        value = int(octal, 8)
    else:
        # 20 digits hold every integer of 64 bits
        value = int(decimal) if len(decimal) <= 20 else _UINT_MAX + 1
    if sign == "-":
        value = -value
    return value if _INT_MIN <= value <= (_INT_MAX if sign else _UINT_MAX) else None


def _finite(digits: str) -> float | None:
    """None for a number that overflows a float; one that underflows is 0."""
    value = float(digits)
    return None if isinf(value) else value


def _is_timestamp(text: str) -> bool:
    match = re.fullmatch(_TIMESTAMP, text)
    if match is None:
        return False
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not 1 <= month <= 12:
        return False
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _DAYS[month - 1] + leap:
        return False
    if match[5] is None:
        return True
    # after a "T" the zone is required, after a space there is none
    if (match[4] is None) is (match[8] is None):
        return False
    if not (int(match[5]) < 24 and int(match[6]) < 60 and int(match[7]) < 60):
        return False
    return match[9] is None or (int(match[9]) <= 24 and int(match[10]) <= 60)


def _decode_binary(text: str) -> str:
    packed = text.replace("\n", "").replace("\r", "")
    if re.fullmatch(_BASE64, packed):
        try:
            return a2b_base64(packed).decode("utf-8")
        except UnicodeDecodeError:
            raise ScalarError("this !!binary value is not UTF-8") from None
    raise ScalarError("a !!binary value is not valid base64")


def _tag_of(value: Value) -> str:
    if value is None:
        return "!!null"
    names = {bool: "!!bool", int: "!!int", float: "!!float", str: "!!str", Timestamp: "!!timestamp"}
    return names[type(value)]


def _float_text(value: float) -> str:
    """As Go prints a float: the fewest digits that read back, with an exponent where it is below -4 or above 5."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    sign = "-" if text.startswith("-") else ""
    mantissa, _, power = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    exponent = int(power or 0) + len(digits) - len(fraction) - 1
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0"
    if not -4 <= exponent <= 5:
        point = "." if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{point}{digits[1:]}e{exponent:+03d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole, fraction = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
    return sign + whole + ("." + fraction if fraction else "")
