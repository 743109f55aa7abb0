"""A value that cannot be printed, joined, formatted or serialised by accident."""

from __future__ import annotations

from typing import NoReturn

MASK = "********"


class Secret:
    """Holds one secret string. Not a ``str``: a subclass would leak through ``+`` and ``join``.

    Only stores (which write it) and the verification (which compares it) call :meth:`reveal`.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    @classmethod
    def of(cls, content: bytes) -> Secret:
        """Holds the bytes of a file, including undecodable ones: :meth:`content` returns them unchanged."""
        return cls(content.decode("utf-8", "surrogateescape"))

    def reveal(self) -> str:
        return self.__text

    def content(self) -> bytes:
        """The exact bytes."""
        return self.__text.encode("utf-8", "surrogateescape")

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__text == other.__text

    def __hash__(self) -> int:
        return hash(self.__text)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would leave the process in clear")
