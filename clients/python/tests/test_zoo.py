"""The service's zoo is what the client would make of it now."""

from __future__ import annotations

from typing import Any

import pytest

torchvision = pytest.importorskip("torchvision")

make_zoo = pytest.importorskip("make_zoo")

# One of each kind of node, and of each kind of head.
SOME = ["resnet18", "googlenet", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5", "vit_b_32", "swin_t"]


def pytest_generate_tests(metafunc: Any) -> None:
    if "network" in metafunc.fixturenames:
        whole = metafunc.config.getoption("--whole-zoo")
        metafunc.parametrize("network", make_zoo.NAMES if whole else SOME)


def test_a_network_is_current(network: str) -> None:
    assert make_zoo.is_current(network), f"run clients/python/scripts/make_zoo.py {network}"


def test_every_network_is_there() -> None:
    assert list(make_zoo.stored_index()) == make_zoo.NAMES


def test_the_counts_of_parameters_are_torchvisions() -> None:
    if not hasattr(torchvision.models, "get_model_weights"):
        pytest.skip(f"torchvision {torchvision.__version__} does not say them")
    for name, line in make_zoo.stored_index().items():
        published = torchvision.models.get_model_weights(name).DEFAULT.meta["num_params"]
        # Torchvision counts GoogLeNet without the auxiliary heads that it trains with.
        assert line["parameters"] == published or name == "googlenet"
