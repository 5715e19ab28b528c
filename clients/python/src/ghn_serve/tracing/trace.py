from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from ..architecture import Architecture
from ..as_written import as_written, moved_to_meta
from ..errors import NetworkError
from ..given import refuse_other
from ..wrappers import refuse_hidden, unwrapped
from . import example as examples
from .describe import described
from .origin import CONSTANT
from .recorder import Recorder, kind
from .report import report
from .run import Run, Subject
from .undisturbed import generators_kept, in_turn, not_compiled


def trace(
    module: nn.Module, example: Any = None, *, name: str | None = None, training: bool | None = None
) -> Architecture:
    """
    The architecture of a module: it is run, and every operation of the run is looked at. Whatever Python it is written
    in, control flow and functional calls included, the graph is that of this run.

    `example` is an input: a tensor or the shape of one to make, a tuple of them for several arguments, a mapping of
    arguments by name; an image of the usual size where none is given. Arrays of NumPy become tensors, and tensors are
    looked for in objects. The module runs where its parameters are; it, the example and the generators of random
    numbers are left as they were, and other threads may run it meanwhile.

    It runs as in training, so that auxiliary heads take part; norms and dropout stay as in evaluation, and so do
    modules that drop layers at random. A module that does not run in training without more than the example (targets,
    say) runs as in evaluation; `training` says which of the two it has to be.

    Of a sharded module (FSDP2, tensor parallelism) the whole network is traced, by each process for itself.

    Warns (TraceWarning) of every parameter that no rule of the GHN's graphs covers: it is not predicted. Raises
    NetworkError for what is no module, does not run on the example, or has nothing to predict, and WrapperError where
    a library keeps the parameters elsewhere (FSDP1, DeepSpeed's ZeRO-3, accelerate's offloading).
    """
    refuse_other(module)
    network = unwrapped(module)
    refuse_hidden(network)
    for key, parameter in network.named_parameters():
        if is_lazy(parameter):
            raise NetworkError(f"{key} has no shape yet: run the module once before tracing it")
    if next(network.parameters(), None) is None:
        raise NetworkError(nothing(network))
    with (
        in_turn(),
        not_compiled(),
        generators_kept(network),
        torch.inference_mode(False),
        as_written(network) as is_on_meta,
    ):
        inputs = examples.inputs(network, example)
        if is_on_meta:
            inputs = moved_to_meta(inputs)
        run = Subject(network, inputs, examples.is_shape(example)).whole(training)
        order = finished(run, kind(network))
        architecture = described(name or kind(network), run.recorder.graph, order, network)
    report(run.recorder, stacklevel=3)
    return architecture


def finished(run: Run, name: str) -> list[int]:
    """The indices of the nodes, in their order, of the settled graph."""
    recorder = run.recorder
    output = next((origin for origin in run.outputs if origin.nodes), CONSTANT)
    if not recorder.graph.owner:
        why = next(iter([*recorder.parameters.unfit.values(), *recorder.left_out.values()]), "is not used")
        raise NetworkError(f"{name} has no parameter that a GHN could predict: no rule covers one that {why}")
    if not run.outputs:
        raise NetworkError(f"{name} returns no tensor, at which its graph could end")
    if not output.nodes:
        raise NetworkError(f"the output of {name} does not depend on the example")
    head = language_head(recorder, output.nodes)
    if head is not None:
        recorder.graph.nodes[head].inputs = set()
    headless = head is not None or output.passed_over
    return recorder.graph.finish(output.nodes, headless)


def language_head(recorder: Recorder, outputs: frozenset[int]) -> int | None:
    """
    A matrix without a bias that gives a score to each token that the network reads: the GHNs for language models are
    trained on graphs in which it follows the input alone, and leads nowhere.
    """
    nodes = recorder.graph.nodes
    tables = [nodes[k].weight for k in recorder.vocabularies]
    tokens = {table.shape[0] for table in tables if table is not None}
    if len(outputs) != 1:
        return None
    (index,) = outputs
    weight = nodes[index].weight
    scores = nodes[index].op == "conv" and weight is not None and weight.shape[0] in tokens
    return index if scores and index not in recorder.vocabularies else None


def nothing(network: nn.Module) -> str:
    quantised = any("quantized" in type(child).__module__ for child in network.modules())
    why = ", since its layers are quantised: trace the network before it is quantised" if quantised else ""
    return f"{kind(network)} has no parameters to predict{why}"
