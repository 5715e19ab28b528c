"""Generated networks are valid for the service, run, and never cross from one split to another."""

import hashlib

import architectures
import pytest
import torch
from ghn import Ghn, GhnConfig
from graphs import OPERATIONS, batch_graphs, encode_graph
from networks import execute

SPLITS = list(architectures.HELD_OUT)
# A rank per rule of the service's contract.
RANKS = {"conv": (2, 4), "sep_conv": (4,), "bias": (1,), "bn": (1,), "ln": (1,), "pos_enc": (3,)}


def samples():
    for split in SPLITS:
        yield from architectures.held_out(split)[:40]
    yield from (architectures.training(index) for index in range(40))


def test_nodes_are_in_topological_order_and_reached_from_the_input():
    for network in samples():
        position = {node["id"]: index for index, node in enumerate(network.graph["nodes"])}
        assert len(position) == len(network.graph["nodes"])
        assert network.graph["nodes"][0] == {"id": "input", "op": "input"}
        assert all(position[a] < position[b] for a, b in network.graph["edges"])
        sources = {a for a, _ in network.graph["edges"]}
        assert set(position) - sources == {network.graph["nodes"][-1]["id"]}, "only the head has nothing behind it"


def test_nodes_own_tensors_of_ranks_that_fit_their_operation():
    for network in samples():
        names = [node[role]["name"] for node in network.graph["nodes"] for role in ("weight", "bias") if role in node]
        assert len(set(names)) == len(names)
        for node in network.graph["nodes"]:
            assert node["op"] in OPERATIONS
            for role in ("weight", "bias"):
                if role in node:
                    assert len(node[role]["shape"]) in RANKS[node["op"]]
                    assert all(size > 0 for size in node[role]["shape"])


def test_classifier_is_a_head_of_ten_classes():
    for network in samples():
        weight, bias = [node for node in network.graph["nodes"] if node.get("classifier")]
        assert weight["weight"]["shape"][0] == 10 and bias["bias"]["shape"] == [10]


@pytest.mark.parametrize("split", SPLITS)
def test_predicted_parameters_run(split):
    ghn = Ghn(GhnConfig(hid=16, layers=1))
    for network in architectures.held_out(split)[:12]:
        with torch.no_grad():
            (parameters,) = ghn(batch_graphs([encode_graph(network.graph, 10, 7)]))
            logits = execute(network.layers, parameters, torch.randn(4, 1, 28, 28))
        assert logits.shape == (4, 10) and logits.isfinite().all()


def test_splits_share_no_structure():
    digests = [network.digest() for split in SPLITS for network in architectures.held_out(split)]
    assert len(set(digests)) == len(digests) == len(architectures.held_out_digests())
    assert all(architectures.training(index).digest() not in set(digests) for index in range(300))


def digest_of(networks):
    return hashlib.sha256("".join(network.digest() for network in networks).encode()).hexdigest()


def test_splits_are_the_same_on_every_run():
    assert digest_of(a for split in SPLITS for a in architectures.held_out(split)) == HELD_OUT_DIGEST
    assert digest_of(architectures.training(index) for index in range(20)) == TRAINING_DIGEST


def test_wider_and_deeper_networks_are_beyond_those_trained_on():
    def width(network):
        return max(l["out_channels"] for l in network.layers if l["type"] == "Conv2d" and l["groups"] == 1)

    def depth(network):
        return len(network.graph["nodes"])

    trained = [architectures.training(index) for index in range(300)]
    for measure, split in ((width, "wider"), (depth, "deeper")):
        mean = lambda networks: sum(map(measure, networks)) / len(networks)
        assert mean(architectures.held_out(split)) > 1.5 * mean(trained)


HELD_OUT_DIGEST = "a0fcc3568a0f85973a95bddc966fadd56b33b92eb23a9afbf242d4e1791089a7"
TRAINING_DIGEST = "0ab85556a126a509229e588653cc13585699731d805920b21ecd94b42a8cb190"
