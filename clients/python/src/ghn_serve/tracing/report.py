"""Says what a trace leaves out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from ..architecture import TraceWarning
from .recorder import Recorder, kind


def report(recorder: Recorder, stacklevel: int) -> None:
    """One warning for each reason, with the parameters that it goes for and the modules that own them."""
    reasons: dict[str, list[str]] = {}
    for name, reason in reservations(recorder):
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        owners = sorted({kind(recorder.parameters.owner(name)) for name in names})
        message = f"{shown(names)} (of {', '.join(owners)}): {reason}"
        warnings.warn(TraceWarning(message, names), stacklevel=stacklevel)


def reservations(recorder: Recorder) -> Iterator[tuple[str, str]]:
    parameters = recorder.parameters
    for name in parameters:
        twin = parameters.twins.get(name)
        if twin is not None:
            yield name, f"has its numbers in common with {twin}, and gets what is predicted for that"
        elif name in parameters.unfit:
            yield name, f"not predicted, since it {parameters.unfit[name]}"
        elif name not in recorder.graph.owner:
            why = recorder.left_out.get(name, "is not used in this run")
            yield name, f"not predicted, since no rule covers a parameter that {why}"
        elif name in recorder.altered:
            yield name, f"predicted, but {recorder.altered[name]}"


def shown(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
