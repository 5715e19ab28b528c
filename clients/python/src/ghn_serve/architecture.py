"""The JSON form of a network, as `POST /predict` takes it."""

from __future__ import annotations

from typing import Literal, TypedDict


class TensorSpec(TypedDict):
    name: str
    shape: list[int]


class _NodeBase(TypedDict):
    id: str
    op: str


class Node(_NodeBase, total=False):
    weight: TensorSpec
    bias: TensorSpec
    kernel: list[int]
    classifier: bool


class StateDictEntry(TensorSpec):
    kind: Literal["parameter", "buffer"]


class Architecture(TypedDict):
    name: str
    nodes: list[Node]
    edges: list[list[str]]
    state_dict: list[StateDictEntry]


class TraceWarning(UserWarning):
    """A trace left out a parameter, or included it with a reservation. The message and `parameters` name it."""

    def __init__(self, message: str, parameters: list[str]) -> None:
        super().__init__(message)
        self.parameters = parameters
