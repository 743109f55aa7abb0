"""Which change makes a proof fail: that one is skipped, with the reason, and the rest of its project is migrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from dsec_migrate.text.errors import VerificationError

MOST_CAUSES = 3
# each takes as many attempts as the number of candidates has binary digits
MOST_CANDIDATES = 1000

Candidate = TypeVar("Candidate")
Result = TypeVar("Result")


def isolate(
    candidates: Sequence[Candidate], attempt: Callable[[Sequence[Candidate]], Result], failure: VerificationError
) -> Result:
    """The result of ``attempt`` when only the candidates that make the proof fail are skipped.

    ``attempt`` receives those to skip. Raises ``failure`` where it fails without any of them as well, where there are
    too many to search, or where more than a few would have to be skipped.
    """

    def result_without(left: Sequence[Candidate]) -> Result | None:
        try:
            return attempt(left)
        except VerificationError:
            return None

    if not candidates or len(candidates) > MOST_CANDIDATES or result_without(candidates) is None:
        raise failure
    left: list[Candidate] = []
    for _ in range(MOST_CAUSES):
        rest = [candidate for candidate in candidates if candidate not in left]
        # it fails while the first `low` are skipped, and succeeds when the first `high` are
        low, high = 0, len(rest)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if result_without([*left, *rest[:middle]]) is None else (low, middle)
        left += rest[high - 1 : high]
        result = result_without(left)
        if result is not None:
            return result
    raise failure
