"""The graph under construction: nodes, and what is set right once the whole network has been seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Op = Literal[
    "max_pool", "avg_pool", "sep_conv", "dil_conv", "conv", "msa", "cse", "sum",
    "concat", "input", "bias", "bn", "ln", "pos_enc", "glob_avg",
]  # fmt: skip

WEIGHT_OPS = frozenset({"conv", "sep_conv", "dil_conv"})
POOL_OPS = frozenset({"glob_avg", "avg_pool", "max_pool"})


@dataclass(frozen=True)
class Tensor:
    """A named tensor that a node owns."""

    name: str
    shape: tuple[int, ...]


@dataclass
class Node:
    op: Op
    inputs: set[int]
    weight: Tensor | None = None
    bias: Tensor | None = None
    kernel: tuple[int, int] | None = None
    channels: int | None = None
    """Number of channels of its output, if known."""
    tentative: bool = False
    """A softmax that has not yet been seen to be an attention's."""
    classifier: bool = False

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in (self.weight, self.bias) if tensor is not None)


@dataclass
class Graph:
    nodes: list[Node] = field(default_factory=lambda: [Node("input", set())])
    owner: dict[str, int] = field(default_factory=dict)
    """By a parameter's name, the node that owns it."""
    bypassed: set[int] = field(default_factory=set)
    """Nodes whose inputs are joined to their outputs."""

    def add(self, node: Node) -> int:
        index = len(self.nodes)
        self.nodes.append(node)
        for tensor in node.tensors:
            self.owner[tensor.name] = index
        return index

    def own_bias(self, index: int, bias: Tensor) -> None:
        self.nodes[index].bias = bias
        self.owner[bias.name] = index

    def reaches(self, start: int, ends: Iterable[int]) -> bool:
        """True if a path of any number of hops leads from `start` to one of `ends`."""
        return start in self.ancestors(ends)

    def ancestors(self, ends: Iterable[int], stop: frozenset[int] = frozenset()) -> set[int]:
        """`ends` and every node before them; `stop` are neither entered nor passed."""
        seen: set[int] = set()
        front = [end for end in ends if end not in stop]
        while front:
            node = front.pop()
            if node not in seen:
                seen.add(node)
                front.extend(self.nodes[node].inputs - stop)
        return seen

    def extend(self, index: int, inputs: frozenset[int]) -> bool:
        """Adds inputs to a node, unless that would close a cycle; says whether it did."""
        if self.reaches(index, inputs):
            return False
        self.nodes[index].inputs |= inputs
        return True

    def finish(self, outputs: frozenset[int], headless: bool) -> list[int]:
        """
        Settles the graph and gives the indices of the nodes that remain, in topological order. `outputs` are the nodes
        that the network's first output comes from: the head, which is marked, is looked for there, unless it is known
        that the network has none (`headless`).
        """
        self.bypassed |= {k for k, node in enumerate(self.nodes) if node.tentative}
        self._join_bypassed()
        outputs = self._resolve(outputs)
        if not headless:
            self._mark_classifier(outputs)
        self._follow_input()
        return self._order(self._used(outputs))

    def _resolve(self, nodes: Iterable[int]) -> frozenset[int]:
        found: set[int] = set()
        front = list(nodes)
        while front:
            node = front.pop()
            if node in self.bypassed:
                front.extend(self.nodes[node].inputs)
            else:
                found.add(node)
        return frozenset(found)

    def _join_bypassed(self) -> None:
        """Also drops sums and concatenations that bypassing has left with a single input."""
        for index in self._order(range(len(self.nodes))):
            node = self.nodes[index]
            node.inputs = set(self._resolve(node.inputs))
            if node.op in ("sum", "concat") and len(node.inputs) < 2:
                self.bypassed.add(index)

    def _mark_classifier(self, outputs: frozenset[int]) -> None:
        if len(outputs) != 1:
            return
        (last,) = outputs
        pool = last if self.nodes[last].op == "glob_avg" else None
        if pool is not None:
            if len(self.nodes[pool].inputs) != 1:
                return
            (last,) = self.nodes[pool].inputs
        chain = [last]
        if self.nodes[last].op == "bias" and len(self.nodes[last].inputs) == 1:
            chain.extend(self.nodes[last].inputs)
        weight = self.nodes[chain[-1]]
        if weight.op != "conv" or weight.weight is None or any(n > 1 for n in weight.weight.shape[2:]):
            return
        for index in chain:
            self.nodes[index].classifier = True
        if pool is not None:
            self._move_before(pool, first=chain[-1], last=chain[0])

    def _move_before(self, pool: int, first: int, last: int) -> None:
        """A fully convolutional head and the pool behind it stand in the GHN's graphs the other way round."""
        self.nodes[pool].inputs = self.nodes[first].inputs
        self.nodes[first].inputs = {pool}
        for index, node in enumerate(self.nodes):
            if pool in node.inputs and index != first:
                node.inputs = node.inputs - {pool} | {last}

    def _follow_input(self) -> None:
        """Connects weights without a predecessor to the input, as the graphs of the GHNs' authors do."""
        for node in self.nodes[1:]:
            if not node.inputs and node.tensors and "weight" in node.tensors[0].name:
                node.inputs = {0}

    def _used(self, outputs: frozenset[int]) -> set[int]:
        """The input, the nodes that own tensors, and whatever leads to one of them or to the output."""
        ends = {k for k, node in enumerate(self.nodes) if node.tensors} | outputs
        return (self.ancestors(ends) | {0}) - self.bypassed

    def _order(self, nodes: Iterable[int]) -> list[int]:
        """A topological order, as close as it can be to the order in which the nodes were found."""
        wanted = set(nodes)
        ordered: list[int] = []
        placed: set[int] = set()
        for start in sorted(wanted):
            front = [start]
            while front:
                node = front[-1]
                missing = sorted((self.nodes[node].inputs & wanted) - placed, reverse=True)
                if node in placed:
                    front.pop()
                elif missing:
                    front.extend(missing)
                else:
                    placed.add(node)
                    ordered.append(front.pop())
        return ordered
