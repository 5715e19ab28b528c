"""Weights are put in their places, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from ghn_serve import NotPredictedWarning, load

torch = pytest.importorskip("torch")
nn = torch.nn


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_what_is_predicted_is_put_in_place_and_the_rest_is_named_and_left() -> None:
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.warns(NotPredictedWarning, match=r"0\.bias, 1\.weight, 1\.bias"):
        loaded = load(module, {"0.weight": np.full((4, 3), 2.0)})
    assert loaded.predicted == ["0.weight"]
    assert loaded.not_predicted == ["0.bias", "1.weight", "1.bias"]
    assert torch.equal(module[0].weight, torch.full((4, 3), 2.0))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items() if name != "0.weight")


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ({"0.bias": np.ones(4), "0.weight": np.ones((3, 4))}, r"0\.weight: \[3, 4\], and the module's is \[4, 3\]"),
        ({"0.bias": np.ones(4), "2.weight": np.ones(4)}, r"2\.weight: the module has no such tensor"),
        ({"0.bias": np.ones(4), "0.weight": np.ones(12)}, r"0\.weight: \[12\]"),
    ],
)
def test_another_networks_weights_are_refused_whole(weights: dict[str, np.ndarray], fault: str) -> None:
    module = network()
    before = module[0].bias.clone()
    with pytest.raises(ValueError, match=fault):
        load(module, weights)
    assert torch.equal(module[0].bias, before)


def test_values_take_the_types_of_their_places() -> None:
    module = network().half()
    complete = {name: np.ones(parameter.shape, np.float32) for name, parameter in module.named_parameters()}
    assert load(module, complete).not_predicted == []
    assert module[0].weight.dtype == torch.float16


def test_a_shared_parameter_is_not_missing_under_its_other_name(recwarn: pytest.WarningsRecorder) -> None:
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    assert load(module, {"0.weight": torch.ones(3, 3)}).not_predicted == []
    assert not recwarn


def test_a_wrapped_network_is_the_network() -> None:
    module = nn.DataParallel(nn.Linear(3, 4, bias=False))
    load(module, {"weight": torch.ones(4, 3)})
    assert torch.equal(module.module.weight, torch.ones(4, 3))
