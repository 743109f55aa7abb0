"""What may be a secret, and the verdict of the detectors on it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from dsec_migrate.text.patterns import Pattern
from dsec_migrate.text.records import dataclass, field
from dsec_migrate.text.source import Span


class Confidence(str, Enum):
    """``certain`` and ``likely`` are migrated; ``possible`` is only reported and masked."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Exposure(str, Enum):
    """Where the secret text is.

    ``literal``: it is the value. ``embedded``: it is a part of a longer value, such as a URL. ``default``: it is the
    default of a reference (``${X:-secret}``). ``interpolated``: only references set it (``${X}``, also inside a
    URL), the file itself holds no secret text. ``pass-through``: the variable has no value in the file.
    """

    LITERAL = "literal"
    DEFAULT = "default"
    INTERPOLATED = "interpolated"
    PASS_THROUGH = "pass-through"
    EMBEDDED = "embedded"


@dataclass(frozen=True, repr=False)
class Candidate:
    """One environment variable of one service.

    ``text`` is the value as YAML gives it before interpolation (``$$`` and ``${X}`` intact; of a list item what follows
    the first ``=``), None for a variable without a value. ``value`` is what the container receives now, None when that
    is unknown or unset. ``name`` is the variable's name as written.
    """

    service: str
    name: str
    text: str | None = field(repr=False)
    value: str | None = field(repr=False)
    image: str = ""


LONG = 20
"""Characters of the shortest token and key that have a format."""


# most values are one word or a number, with nothing inside
MARKS = Pattern(r"[\s:;/@=${]")


class Needs(Enum):
    """What a value must have for a detector to find anything in it; a value without it is not shown to that detector.

    ``NOTHING``: any value. ``LENGTH``: at least ``LONG`` characters, or a mark. ``DOLLAR``: a dollar sign, or another
    mark. ``MARKS``: a mark, that is white space or one of ``: ; / @ = {``, in the text or in today's value of its
    references.
    """

    NOTHING = "nothing"
    LENGTH = "length"
    DOLLAR = "dollar"
    MARKS = "marks"


@dataclass(frozen=True, repr=False)
class Verdict:
    """Why a candidate is a secret.

    ``why`` is a short sentence for a user that never quotes the value. ``detector`` is the name of the detector.
    ``parts`` are the ranges of characters of the candidate's ``text`` that are secret, in order and not overlapping:
    all of a literal, the password alone of a URL, the default alone of ``${X:-secret}``, nothing of ``${X}``.
    """

    confidence: Confidence
    exposure: Exposure
    why: str
    detector: str
    parts: tuple[tuple[int, int], ...] = ()


COMMENT = "comment"
"""The kind of a finding in a comment: only ``--check --strict`` counts it."""

COPY = "copy"
"""The kind of a finding that is the value of a secret in another location."""


class Action(str, Enum):
    """What a run does with a finding."""

    MIGRATE = "migrate"
    KEEP = "keep"


class Site(NamedTuple):
    """The location of a finding; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, repr=False)
class Finding:
    """One secret of one service, as the reports show it. It contains no value.

    ``kind``: ``plaintext``, ``half-done`` (the variable and its ``_FILE`` form are both set), ``comment`` (where
    nothing reads it) or ``copy`` (the value of a secret, in a file that should not contain it). ``path`` are the keys
    that lead to it if it is not a variable; outside services it is the only name. ``spans`` are its positions in the
    file if no declaration has them. ``variables`` are those added instead; ``secret`` and ``source`` are None if it is
    skipped; ``note`` says what to check, or why it is skipped. ``is_image_known`` is False if the image is not in the
    table. ``is_excepted``: the project excludes it, with a reason.
    """

    site: Site
    service: str
    variable: str
    kind: str
    verdict: Verdict
    action: Action
    delivery: str
    variables: tuple[str, ...]
    applicability: str
    secret: str | None
    source: str | None
    note: str
    is_image_known: bool = True
    is_excepted: bool = False
    path: str = ""
    spans: tuple[Span, ...] = ()

    @classmethod
    def skipped(
        cls,
        site: Site,
        service: str,
        variable: str,
        kind: str,
        verdict: Verdict,
        note: str,
        *,
        path: str = "",
        spans: tuple[Span, ...] = (),
        is_excepted: bool = False,
    ) -> Finding:
        """One that is not migrated; ``note`` is the reason."""
        return cls(
            site,
            service,
            variable,
            kind,
            verdict,
            Action.KEEP,
            "none",
            (),
            "manual",
            None,
            None,
            note,
            is_excepted=is_excepted,
            path=path,
            spans=spans,
        )

    @property
    def name(self) -> str:
        """``service.VARIABLE``, or the path of what belongs to no service."""
        return f"{self.service}.{self.variable}" if self.service else self.path


@dataclass(frozen=True, repr=False)
class Remaining:
    """A location (line from 1) that still contains the value of a migrated secret after the change.

    ``is_unused``: a line of `.env` that nothing in the project reads any more. ``where`` are the keys that lead there
    (``services.api.command``), or that it is a comment; empty in an env file.
    """

    file: str
    line: int
    secret: str
    is_unused: bool = False
    where: str = ""
