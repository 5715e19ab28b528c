"""What is given for a network, and is none, is told in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ghn_serve import NetworkError, predict, trace

torch = pytest.importorskip("torch")
nn = torch.nn


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(2, 2).state_dict(), "this is a state dict"),
        ({"weight": np.ones(2)}, "this is a state dict"),
        (nn.Linear, r"Linear is a class: give an instance of it, Linear\(…\)"),
        ([nn.Linear(2, 2)], "this is a list of modules"),
        (None, "but this is NoneType"),
        (np.ones(2), "but this is ndarray"),
        (lambda x: x, "but this is function"),
    ],
)
def test_what_is_no_network_is_said_to_be_none(network: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        predict(network, (1, 2), url="http://127.0.0.1:9", retries=0)
    with pytest.raises(NetworkError, match=message):
        trace(network, (1, 2))


def test_an_exported_program_is_no_network() -> None:
    if not hasattr(torch, "export"):
        pytest.skip(f"PyTorch {torch.__version__} has no torch.export")
    with pytest.raises(NetworkError, match="ExportedProgram"):
        predict(torch.export.export(nn.Linear(2, 2), (torch.rand(1, 2),)), url="http://127.0.0.1:9", retries=0)
