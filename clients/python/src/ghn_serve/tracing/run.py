"""Runs a module under the recorder, in the modes and as often as it takes to see the whole of it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..errors import NetworkError
from .example import Inputs, copied, does_not_run
from .identity import tensors
from .origin import Origin
from .recorder import Recorder, kind
from .rules import RULES
from .undisturbed import generators_kept, undisturbed

# In training these would change their state, drop activations at random, or want more than one example.
KEPT_IN_EVALUATION = (
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.modules.dropout._DropoutNd,
)
# In evaluation these run as one fused operation that hides what is in it.
KEPT_IN_TRAINING = (nn.MultiheadAttention, nn.TransformerEncoder, nn.TransformerEncoderLayer)

# They hold modules, and leave it to others to run them.
CONTAINERS = (nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Run:
    recorder: Recorder
    outputs: list[Origin]

    @property
    def seen(self) -> frozenset[str]:
        """The parameters that the run has used in any way."""
        return frozenset(self.recorder.graph.owner) | self.recorder.left_out.keys()


@dataclass(frozen=True)
class Subject:
    """A module with the example that it runs on."""

    module: nn.Module
    inputs: Inputs
    from_shape: bool

    def whole(self, training: bool | None) -> Run:
        """
        The run that uses most of the parameters: in training, where auxiliary heads take part, unless the module does
        not run so, or drops layers at random; those modules then run as in evaluation.
        """
        everything = frozenset(self.module.modules())
        if training is False:
            return self.of(frozenset())
        try:
            first = self.of(everything)
        except NetworkError:
            if training:
                raise
            return self.of(frozenset())
        if first.seen.issuperset(first.recorder.parameters):
            return first
        try:
            evaluated = self.of(frozenset())
            dropped = evaluated.seen - first.seen
            if not dropped:
                return first
            holders = droppers(self.module, {first.recorder.parameters.owner(n) for n in dropped})
            # A list of a class of its own may do the choosing; the module around it then stays in training.
            lists = {module for module in holders if isinstance(module, CONTAINERS) and type(module) not in CONTAINERS}
            mixed = [self.of(everything - chosen) for chosen in (lists, holders) if chosen]
        except NetworkError:
            return first
        return max(*mixed, evaluated, first, key=lambda run: len(run.seen))

    def of(self, training: frozenset[nn.Module]) -> Run:
        """A run with these modules in training, whose input is those of the example's tensors that layers work on."""
        run = self.once(training, None)
        reached = run.recorder.reached
        several = sum(1 for _ in distinct(tensors(self.inputs))) > 1
        return self.once(training, reached) if several and reached else run

    def once(self, training: frozenset[nn.Module], data: frozenset[int] | None) -> Run:
        module, name = self.module, kind(self.module)
        with undisturbed(module) as snapshot, generators_kept(module), torch.no_grad():
            for child in module.modules():
                usual = child in training and not isinstance(child, KEPT_IN_EVALUATION)
                child.training = usual or isinstance(child, KEPT_IN_TRAINING)
            recorder = Recorder(module, RULES, snapshot.before_write)
            args, kwargs = copied(self.inputs)
            recorder.mark_inputs(list(distinct(tensors((args, kwargs)))), data)
            with followed(module, recorder):
                try:
                    with recorder:
                        output = module(*args, **kwargs)
                except Exception as error:
                    raise does_not_run(name, self.inputs, error, bool(training), self.from_shape) from error
            new = next((n for n, p in module.named_parameters() if not recorder.parameters.knows(n, p)), None)
            if new is not None:
                raise NetworkError(
                    f"{new} is made when {name} first runs: run it once, so that it is there, before tracing it"
                )
            return Run(recorder, [recorder.origin(tensor) for tensor in tensors(main_output_first(output))])


def distinct(found: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Each once, however many containers it is in."""
    seen: dict[int, torch.Tensor] = {}
    for tensor in found:
        if id(tensor) not in seen:
            seen[id(tensor)] = tensor
            yield tensor


def droppers(root: nn.Module, dropped: set[nn.Module]) -> set[nn.Module]:
    """The modules that decide whether these are run: those that hold them, whole blocks of them or lists of such."""

    def is_dropped(module: nn.Module) -> bool:
        owners = [child for child in module.modules() if next(child.parameters(recurse=False), None) is not None]
        return bool(owners) and all(owner in dropped for owner in owners)

    def chosen_from(module: nn.Module) -> Iterator[nn.Module]:
        for child in module.children():
            yield child
            if isinstance(child, CONTAINERS):
                yield from chosen_from(child)

    return {module for module in root.modules() if not is_dropped(module) and any(map(is_dropped, chosen_from(module)))}


def main_output_first(output: Any) -> Any:
    """Puts the logits before the other named outputs, which Hugging Face's networks have."""
    logits = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    return output if logits is None else [logits, output]


@contextmanager
def followed(module: nn.Module, recorder: Recorder) -> Iterator[None]:
    """Tells the recorder which of the module's parts runs in this thread."""
    thread = threading.get_ident()

    def enter(child: nn.Module, args: Any, kwargs: Any = None) -> None:
        if threading.get_ident() == thread:
            recorder.enter(child, (args, kwargs))

    def leave(child: nn.Module, args: Any, output: Any) -> None:
        if threading.get_ident() == thread:
            recorder.leave(child)

    by_name = "with_kwargs" in inspect.signature(nn.Module.register_forward_pre_hook).parameters
    options: Any = {"with_kwargs": True} if by_name else {}
    hooks: list[Any] = []
    try:
        for child in module.modules():
            # Scripted modules take no hooks: what they run counts as run by the module that they are in.
            if not isinstance(child, torch.jit.ScriptModule):
                hooks.append(child.register_forward_pre_hook(enter, **options))
                hooks.append(child.register_forward_hook(leave))
        yield
    finally:
        for hook in hooks:
            hook.remove()
