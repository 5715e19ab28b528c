"""Torchvision's networks give the graphs of the reference."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphs import FIXTURES, labels, owned

from ghn_serve import TraceWarning, trace

torchvision = pytest.importorskip("torchvision")

# torchvision has no GPT-2.
REFERENCES = sorted(path.stem for path in (FIXTURES / "architectures").glob("*.json") if "gpt2" not in path.stem)
# What the GHN's authors leave at its initial value, too.
NEVER_PREDICTED = ("class_token", ".layer_scale", ".relative_position_bias_table")


def traced(reference: str) -> Any:
    name, _, classes = reference.partition("-")
    side = 299 if name == "inception_v3" else 224
    # Their default initial values take scipy, and long.
    plain = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    network = getattr(torchvision.models, name)(num_classes=int(classes or 1000), **plain)
    return trace(network, (1, 3, side, side), name=reference)


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.filterwarnings("ignore::ghn_serve.TraceWarning")
def test_the_graph_is_the_references(reference: str) -> None:
    expected = json.loads((FIXTURES / "architectures" / f"{reference}.json").read_text())
    graph = traced(reference)
    assert labels(graph) == labels(expected)
    assert graph["state_dict"] == expected["state_dict"]


@pytest.mark.parametrize("reference", ["resnet18-10", "vit_b_16-10", "convnext_tiny-10", "swin_t-10"])
def test_every_parameter_is_predicted_or_warned_of(reference: str, recwarn: pytest.WarningsRecorder) -> None:
    graph = traced(reference)
    warned = {name for entry in recwarn if isinstance(entry.message, TraceWarning) for name in entry.message.parameters}
    parameters = {entry["name"] for entry in graph["state_dict"] if entry["kind"] == "parameter"}
    assert warned == parameters - owned(graph)
    assert all(name.endswith(NEVER_PREDICTED) for name in warned)
