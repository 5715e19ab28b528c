"""What a comparison of the conditions relies on, without a service; `experiment.py --smoke` needs one."""

import pytest
import torch
from ghn_serve import Client, trace

from conditions import hidden_weights, start
from data import few_labels, load_splits
from diversity import measured
from finetune import finetune
from networks import IMAGE_SHAPE, NETWORKS

# No condition that is tested here asks a service for anything.
NOBODY = Client("http://127.0.0.1:9")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_but_the_heads_is_in_the_architecture_that_is_sent(name: str) -> None:
    network = NETWORKS[name]()
    nodes = trace(network, IMAGE_SHAPE)["nodes"]
    sent = {node[kind]["name"] for node in nodes for kind in ("weight", "bias") if kind in node}
    assert sent == {name for name, _ in network.named_parameters()}
    assert {node["id"] for node in nodes if node.get("classifier")} <= {"head", "head.bias"}


def test_with_the_same_seed_conditions_differ_in_the_hidden_weights_alone() -> None:
    random, orthogonal = (
        start("ConvNeXt-like", condition, 3, NOBODY).network for condition in ("random", "orthogonal")
    )
    other = orthogonal.state_dict()
    changed = {name for name, value in random.state_dict().items() if not torch.equal(value, other[name])}
    assert changed == set(hidden_weights(random))


def test_orthogonal_weights_have_full_rank_and_equal_rows_have_rank_one() -> None:
    rank, cosine = measured(torch.linalg.qr(torch.randn(16, 16)).Q)
    assert rank == pytest.approx(16, rel=1e-4)
    assert cosine == pytest.approx(0, abs=1e-5)
    assert measured(torch.randn(1, 8).repeat(4, 1)) == pytest.approx((1, 1), abs=1e-5)


def test_splits_share_no_image_and_few_labels_are_as_many_of_each_class() -> None:
    splits = load_splits()
    assert sum(len(split.labels) for split in splits.values()) == 1797
    train = few_labels(splits["pool"], 4, seed=1)
    assert train.labels.bincount().tolist() == [4] * 10
    assert not torch.equal(train.images, few_labels(splits["pool"], 4, seed=2).images)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_learns_from_few_labels_and_again_the_same(name: str) -> None:
    splits = load_splits()
    train = few_labels(splits["pool"], 10, seed=0)

    def accuracies() -> list[float]:
        network = start(name, "random", 0, NOBODY).network
        return finetune(network, train, splits["validation"], 3e-3, [0, 40], seed=0)

    before, after = accuracies()
    assert before < 0.3 < 0.5 < after
    assert accuracies() == [before, after]
