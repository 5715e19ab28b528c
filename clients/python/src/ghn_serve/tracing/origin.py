"""The origin of a tensor's values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """
    The origin of a tensor in a trace. The tensor is one of three: an activation (`nodes`), a value made only of
    parameters (`parameters`), or a constant (neither).
    """

    nodes: frozenset[int] = frozenset()
    """The nodes that an activation comes from, with no other node in between."""
    sources: frozenset[int] = frozenset()
    """The example's tensors, by their numbers, that an activation comes from without a layer in between."""
    mask: bool = False
    """True if an activation only marks positions. Where other activations meet it, they are the data."""
    scores: bool = False
    """True if an activation is a product of two activations, such as an attention's q kᵀ."""
    softmax: frozenset[int] = frozenset()
    """The `msa` nodes whose softmax an activation is."""
    relative: bool = False
    """True if an activation is a product with a table of relative positions, for an attention's scores."""
    passed_over: bool = False
    """True if a parameter's later use is missing before an activation, because it would have closed a cycle."""
    parameters: frozenset[str] = frozenset()
    verbatim: bool = True
    """True if a value made of parameters is one of them unchanged: at most copied, cut or resized."""
    looked_up: bool = False
    """True if a value made of parameters is rows of a table, in an order other than the table's."""
    table: str | None = None
    """The embedding whose rows were looked up, at positions that do not depend on the example."""
    fed: bool = False
    """True if a layer was called on a value that is not an activation, such as learned queries."""


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
