"""Progress of a download: tqdm's bar if it is installed, otherwise a line of text."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Protocol

MIB = 2**20


class Progress(Protocol):
    def __enter__(self) -> Progress: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...

    def update(self, n: int) -> object:
        """Adds `n` bytes; negative if a download starts again."""


class Silent:
    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def update(self, n: int) -> None:
        pass


class Line(Silent):
    """A line on a terminal, written again for every whole percent."""

    def __init__(self, total: int, label: str) -> None:
        self._total, self._label = total, label
        self._done, self._percent = 0, -1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        print(file=sys.stderr)

    def update(self, n: int) -> None:
        self._done += n
        percent = 100 * self._done // max(self._total, 1)
        if percent != self._percent:
            self._percent = percent
            amount = f"{self._done / MIB:.1f} of {self._total / MIB:.1f} MiB"
            print(f"\r{self._label}: {percent:3d} %, {amount}", end="", file=sys.stderr, flush=True)


def progress_bar(total: int, label: str, shown: bool | None) -> Progress:
    """`shown` None: show it if standard error is a terminal."""
    if not (sys.stderr.isatty() if shown is None else shown):
        return Silent()
    try:
        from tqdm import tqdm
    except ImportError:
        return Line(total, label)
    bar: Any = tqdm(total=total, desc=label, unit="B", unit_scale=True, unit_divisor=1024)
    progress: Progress = bar
    return progress
