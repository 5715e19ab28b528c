"""What a tensor's values come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """
    Of a tensor seen during the trace. One of three: an activation (`nodes`), something made of parameters alone
    (`parameters`), or a constant (neither).
    """

    nodes: frozenset[int] = frozenset()
    """The nodes that an activation comes from, with no other node in between."""
    sources: frozenset[int] = frozenset()
    """Of an activation: the example's tensors that it comes from with no layer in between, by their numbers."""
    mask: bool = False
    """Of an activation: whether it only says where something is: where other activations meet it, they are the data."""
    scores: bool = False
    """Of an activation: whether it is a product of two activations, as an attention's q kᵀ is."""
    softmax: frozenset[int] = frozenset()
    """Of an activation: the `msa` nodes whose softmax it is."""
    relative: bool = False
    """Of an activation: whether it is a product with a table of relative positions, for an attention's scores."""
    passed_over: bool = False
    """Of an activation: whether a parameter's later use is missing before it, as that would have closed a cycle."""
    parameters: frozenset[str] = frozenset()
    verbatim: bool = True
    """Of parameters: whether it is one of them as it is, at most copied, cut or resized."""
    looked_up: bool = False
    """Of parameters: whether it is rows of a table, in an order that is not the table's."""
    table: str | None = None
    """Of parameters: the embedding that rows were looked up in, at places that do not depend on the example."""
    fed: bool = False
    """Of what is no activation: whether a layer was called on it, as on learned queries."""


CONSTANT = Origin()


def join(origins: Iterable[Origin]) -> Origin:
    """
    What an operation without a node gives: its inputs are joined to its outputs. Activations outweigh parameters, and
    data outweigh masks.
    """
    origins = list(origins)
    activations = [origin for origin in origins if origin.nodes]
    activations = [origin for origin in activations if not origin.mask] or activations
    if not activations:
        parameters = frozenset().union(*(origin.parameters for origin in origins))
        fed = any(origin.fed for origin in origins)
        looked_up = any(origin.looked_up for origin in origins)
        tables = {origin.table for origin in origins if origin.parameters}
        table = tables.pop() if len(tables) == 1 else None
        return Origin(parameters=parameters, verbatim=not parameters, looked_up=looked_up, table=table, fed=fed)
    return Origin(
        nodes=frozenset().union(*(origin.nodes for origin in activations)),
        sources=frozenset().union(*(origin.sources for origin in activations)),
        mask=all(origin.mask for origin in activations),
        scores=any(origin.scores for origin in activations),
        relative=all(origin.relative for origin in activations),
        softmax=frozenset().union(*(origin.softmax for origin in activations)),
        passed_over=any(origin.passed_over for origin in activations),
    )
