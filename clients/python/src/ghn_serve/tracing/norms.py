"""Norms: one node owns gain and bias."""

from __future__ import annotations

import torch

from .call import Call
from .graph import Node, Op, Tensor
from .origin import Origin
from .recorder import Recorder, joined


def batch_norm(recorder: Recorder, call: Call) -> Origin:
    return norm(recorder, call, "bn")


def layer_norm(recorder: Recorder, call: Call) -> Origin:
    return norm(recorder, call, "ln")


def norm(recorder: Recorder, call: Call, op: Op) -> Origin:
    """A norm without gain and bias is no node."""
    x = recorder.grounded(recorder.origin(call["input"]))
    if not x.nodes and not x.fed:
        return joined(recorder, call)
    weight, bias = (own(recorder, call.get(name)) for name in ("weight", "bias"))
    for name in ("weight", "bias"):
        recorder.leave_out(call.get(name), "is the gain or the bias of a norm, but not one value a channel")
    owned = [tensor for tensor in (weight, bias) if tensor is not None]
    if not owned:
        return x
    return recorder.place(Node(op, set(x.nodes), weight=weight, bias=bias, channels=owned[0].shape[0]), x)


def own(recorder: Recorder, tensor: torch.Tensor | None) -> Tensor | None:
    found = recorder.find(tensor, lambda shape: len(shape) == 1)
    return found.tensor if found is not None and found.verbatim and not found.part else None
