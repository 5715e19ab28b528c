"""The trainer's GHN computes the authors' numbers."""

import json
from pathlib import Path

import pytest
import torch
from ghn import Ghn, GhnConfig
from graphs import batch_graphs, encode_graph, widened

FIXTURES = Path(__file__).resolve().parents[3] / "test" / "fixtures"
NAMES = sorted(path.stem for path in (FIXTURES / "predictions" / "ghn3-nano").glob("*.json"))


def graph(ghn, name):
    architecture = json.loads((FIXTURES / "architectures" / f"{name}.json").read_text())
    return encode_graph(architecture, ghn.config.num_classes, ghn.config.max_kernel)


@pytest.fixture(scope="module")
def ghn():
    checkpoint = torch.load(FIXTURES / "checkpoints" / "ghn3-nano.pt")
    ghn = Ghn(GhnConfig.from_metadata(checkpoint["config"]))
    ghn.load_state_dict(checkpoint["state_dict"])
    return ghn.eval()


@pytest.mark.parametrize("name", NAMES)
def test_predictions_equal_the_fixtures(ghn, name):
    golden = json.loads((FIXTURES / "predictions" / "ghn3-nano" / f"{name}.json").read_text())
    with torch.no_grad():
        (predicted,) = ghn(batch_graphs([graph(ghn, name)]))
    assert predicted.keys() == golden.keys()
    for tensor, expected in golden.items():
        values = predicted[tensor].flatten()[expected["index"]]
        error = (values - torch.tensor(expected["value"])).abs().max()
        assert list(predicted[tensor].shape) == expected["shape"]
        assert error < 1e-4 * expected["std"], tensor


def test_a_network_gets_the_same_parameters_alone_and_in_a_padded_batch(ghn):
    graphs = [graph(ghn, name) for name in ("resnet18-10", "squeezenet1_1-10")]
    with torch.no_grad():
        together = ghn(batch_graphs(graphs))
        alone = [ghn(batch_graphs([one]))[0] for one in graphs]
    for batched, single in zip(together, alone):
        for name, value in single.items():
            assert torch.allclose(batched[name], value, atol=1e-5), name


def test_a_widened_graph_reads_as_that_of_a_wider_network_and_keeps_its_tensors():
    def network(width):
        return {
            "nodes": [
                {"id": "input", "op": "input"},
                {"id": "stem", "op": "conv", "weight": {"name": "stem", "shape": [16, 1, 3, 3]}},
                {"id": "conv", "op": "conv", "weight": {"name": "conv", "shape": [width, 16, 5, 5]}},
                {"id": "norm", "op": "bn", "weight": {"name": "norm", "shape": [width]}},
                {"id": "position", "op": "pos_enc", "weight": {"name": "position", "shape": [1, 49, width]}},
            ],
            "edges": [["input", "stem"], ["stem", "conv"], ["conv", "norm"], ["norm", "position"]],
        }

    narrow, wide = (encode_graph(network(width), 10, 7) for width in (48, 96))
    twice = widened(narrow, network(48), 2, 10, 7)
    assert twice.shape_rows.equal(wide.shape_rows) and not twice.shape_rows.equal(narrow.shape_rows)
    assert twice.parameters == narrow.parameters
