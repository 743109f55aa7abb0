"""Distributes work among processes: one that is killed loses only its own piece of work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def shared(
    pieces: Sequence[Piece],
    work: Callable[[Piece], Result],
    jobs: int,
    begin: Callable[[Any], None],
    common: object,
    failed: Callable[[Piece, Exception], Result],
) -> Iterator[Result]:
    """The results of ``work`` as they arrive. Each process receives what is ``common`` to all once, through ``begin``.

    ``failed`` returns the result of a piece whose process was killed, such as for its memory.
    """
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    unfinished: list[Piece] = []
    with ProcessPoolExecutor(min(jobs, len(pieces)), initializer=begin, initargs=(common,)) as pool:
        pieces_of = {pool.submit(work, piece): piece for piece in pieces}
        for future in as_completed(pieces_of):
            try:
                yield future.result()
            except BrokenProcessPool:
                unfinished.append(pieces_of[future])
    # which of them it was is unknown: each gets its own process
    for piece in unfinished:
        with ProcessPoolExecutor(1, initializer=begin, initargs=(common,)) as pool:
            try:
                yield pool.submit(work, piece).result()
            except BrokenProcessPool as error:
                yield failed(piece, error)


def bytes_of(paths: Iterable[Path]) -> int:
    """The total size of all files, as far as known."""
    size = 0
    for path in paths:
        with suppress(OSError):
            size += os.stat(path).st_size  # noqa: PTH116
    return size


def collect_garbage_seldom() -> None:
    """A run creates many small objects that live as long as their file: collecting garbage among them costs a fifth."""
    import gc

    gc.set_threshold(200_000, 20, 20)
