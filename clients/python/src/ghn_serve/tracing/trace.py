from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.parameter import is_lazy

from ..architecture import Architecture, TraceWarning
from ..as_written import as_written, moved_to_meta
from ..given import refuse_other
from ..wrappers import refuse_hidden, unwrapped
from .describe import described
from .recorder import Recorder, kind, tensors
from .rules import RULES

# In training these would change their state, drop activations at random, or want more than one example.
KEPT_IN_EVALUATION = (
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.modules.dropout._DropoutNd,
)
# In evaluation these run as one fused operation that hides what is in it.
KEPT_IN_TRAINING = (nn.MultiheadAttention, nn.TransformerEncoder, nn.TransformerEncoderLayer)


def trace(module: nn.Module, example: Any, *, name: str | None = None, training: bool = True) -> Architecture:
    """
    The architecture of a module: it is run once, and every operation of the run is looked at. Whatever Python it is
    written in, control flow and functional calls included, the graph is that of this run.

    `example` is an input: a tensor, a tuple of arguments, a mapping of keyword arguments, or the shape of a tensor to
    make. The module runs where its parameters are, and is left as it was. With `training` (the default) it runs as it
    does in training, so that auxiliary heads take part; norms and dropout stay as in evaluation.

    Of a sharded module (FSDP2, tensor parallelism) the whole network is traced, by each process for itself.

    Warns (TraceWarning) of every parameter that no rule of the GHN's graphs covers: it is not predicted. Raises
    ValueError where the output does not depend on the example, and WrapperError where a library keeps the parameters
    elsewhere (FSDP1, DeepSpeed's ZeRO-3, accelerate's offloading).
    """
    refuse_other(module)
    lazy = [key for key, parameter in module.named_parameters() if is_lazy(parameter)]
    if lazy:
        raise ValueError(f"{lazy[0]} has no shape yet: run the module once before tracing it")
    module = unwrapped(module)
    refuse_hidden(module)
    with as_written(module) as is_on_meta:
        recorder = Recorder(module, RULES)
        with undisturbed(module, training), torch.no_grad(), followed(recorder):
            args, kwargs = arguments(module, example)
            if is_on_meta:
                args, kwargs = moved_to_meta((args, kwargs))
            recorder.mark_input((args, kwargs))
            with recorder:
                output = module(*args, **kwargs)
            outputs = [recorder.origin(tensor) for tensor in tensors(main_output_first(output))]
        nodes = next((origin.nodes for origin in outputs if origin.nodes), None)
        if nodes is None:
            raise ValueError("the module's output does not depend on the example")
        order = recorder.graph.finish(nodes)
        report(recorder)
        return described(name or kind(module), recorder.graph, order, module)


def arguments(module: nn.Module, example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(example, (tuple, list)) and example and all(isinstance(n, int) for n in example):
        some = next(module.parameters(), torch.empty(0))
        example = torch.rand(*example, device=some.device, dtype=some.dtype)
    if isinstance(example, Mapping):
        return (), dict(example)
    return (tuple(example) if isinstance(example, (tuple, list)) else (example,)), {}


def main_output_first(output: Any) -> Any:
    """Of a mapping of outputs, as Hugging Face's networks give, the logits before the rest."""
    if isinstance(output, Mapping) and "logits" in output:
        return [output["logits"], *output.values()]
    return output


@contextmanager
def undisturbed(module: nn.Module, training: bool) -> Iterator[None]:
    """Sets the modes for a trace, and puts modes, buffers and random state back after it."""
    modes = [(child, child.training) for child in module.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    for child, _ in modes:
        if isinstance(child, KEPT_IN_TRAINING):
            child.training = True
        else:
            child.training = training and not isinstance(child, KEPT_IN_EVALUATION)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        for child, mode in modes:
            child.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


@contextmanager
def followed(recorder: Recorder) -> Iterator[None]:
    """Tells the recorder which module runs."""
    hooks = [
        register_module_forward_pre_hook(lambda module, args: recorder.enter(module)),
        register_module_forward_hook(lambda module, args, output: recorder.leave()),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def report(recorder: Recorder) -> None:
    """One warning for each reason, with the parameters that it goes for and the modules that own them."""
    reasons: dict[str, list[str]] = {}
    for name in recorder.parameters:
        if name not in recorder.graph.owner:
            why = recorder.left_out.get(name, "is not used in this run")
            reasons.setdefault(f"not predicted, since no rule covers a parameter that {why}", []).append(name)
        elif name in recorder.altered:
            reasons.setdefault(f"predicted, but {recorder.altered[name]}", []).append(name)
    for reason, names in reasons.items():
        owners = sorted({kind(recorder.owner(name)) for name in names})
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        warnings.warn(TraceWarning(f"{shown} (of {', '.join(owners)}): {reason}", names), stacklevel=3)
