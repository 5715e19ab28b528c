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
    parameters: frozenset[str] = frozenset()
    verbatim: bool = True
    """Of parameters: whether it is one of them as it is, at most copied, cut or resized."""
    scores: bool = False
    """Of an activation: whether it is a product of two activations, as an attention's q kᵀ is."""
    softmax: frozenset[int] = frozenset()
    """Of an activation: the `msa` nodes whose softmax it is."""


CONSTANT = Origin()


def join(origins: Iterable[Origin]) -> Origin:
    """What an operation without a node gives: its inputs are joined to its outputs. Activations outweigh parameters."""
    origins = list(origins)
    activations = [origin for origin in origins if origin.nodes]
    parameters = frozenset().union(*(origin.parameters for origin in origins))
    if not activations:
        return Origin(parameters=parameters, verbatim=False) if parameters else CONSTANT
    return Origin(
        nodes=frozenset().union(*(origin.nodes for origin in activations)),
        scores=any(origin.scores for origin in activations),
        softmax=frozenset().union(*(origin.softmax for origin in activations)),
    )
