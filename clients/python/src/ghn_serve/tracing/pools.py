"""Pools, and means over space."""

from __future__ import annotations

from collections.abc import Sequence

from .call import Call
from .graph import Node, Op
from .origin import Origin
from .recorder import Recorder, joined


def maximum_pool(recorder: Recorder, call: Call) -> Origin:
    return pool(recorder, call, "max_pool", call["kernel_size"])


def average_pool(recorder: Recorder, call: Call) -> Origin:
    return pool(recorder, call, "avg_pool", call["kernel_size"])


def adaptive_maximum(recorder: Recorder, call: Call) -> Origin:
    """Treats it as a pool with the equivalent kernel, if its output's size divides its input's."""
    sizes = zip(call["self"].shape[-2:], call["output_size"])
    return pool(recorder, call, "max_pool", [n - (m - 1) * (n // m) for n, m in sizes])


def adaptive_average(recorder: Recorder, call: Call) -> Origin:
    return pool(recorder, call, "glob_avg", None)


def mean(recorder: Recorder, call: Call) -> Origin:
    """`glob_avg` where it is over space; a mean of a global mean adds nothing to it."""
    x = recorder.origin(call["self"])
    averaged = any(recorder.graph.nodes[k].op == "glob_avg" for k in x.nodes)
    dims = call.get("dim")
    if averaged or not dims or not over_space(call["self"].shape, dims, recorder.channels(x.nodes)):
        return joined(recorder, call)
    return pool(recorder, call, "glob_avg", None)


def over_space(shape: Sequence[int], dims: Sequence[int], channels: int | None) -> bool:
    """
    Whether a mean over `dims` leaves the channels: by their number where that tells, else by the usual layouts,
    [B, C, H, W], [B, H, W, C] and [B, L, C].
    """
    reduced = {dim % len(shape) for dim in dims}
    if 0 in reduced:
        return False
    kept_channels = any(n == channels for k, n in enumerate(shape) if k and k not in reduced)
    lost_channels = any(shape[k] == channels for k in reduced)
    if kept_channels != lost_channels:
        return kept_channels
    last = len(shape) - 1
    return len(shape) > 2 and reduced in (set(range(2, last + 1)) if last > 2 else {1}, set(range(1, last)))


def pool(recorder: Recorder, call: Call, op: Op, kernel: Sequence[int] | None) -> Origin:
    x = recorder.origin(call["self"])
    if not x.nodes:
        return joined(recorder, call)
    sides = None if kernel is None else (kernel[0], kernel[-1])
    node = Node(op, set(x.nodes), kernel=sides, channels=recorder.channels(x.nodes))
    return Origin(frozenset({recorder.graph.add(node)}))
