"""The command line, as a person calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ghn_serve import Weights, predict

TESTS = Path(__file__).parent


def ghn_serve(*arguments: str, folder: Path = TESTS, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(TESTS.parent / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "ghn_serve.cli", *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        cwd=folder,
        text=True,
        capture_output=True,
        timeout=300,
    )


def test_a_network_of_ones_own_is_traced() -> None:
    pytest.importorskip("torch")
    done = ghn_serve("trace", "models:ResidualCnn", "--num-classes", "7", "--example", "1,3,32,32")
    assert done.returncode == 0, done.stderr
    graph = json.loads(done.stdout)
    assert graph["name"] == "ResidualCnn"
    assert graph["nodes"][-1]["bias"] == {"name": "head.bias", "shape": [7]}
    assert "warning: temperature (of ResidualCnn): not predicted" in done.stderr


def test_weights_are_predicted_for_a_name_and_saved(service: str, tmp_path: Path) -> None:
    done = ghn_serve("predict", "squeezenet1_1", "--num-classes", "10", "--url", service, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "squeezenet1_1: 52 tensors" in done.stderr
    expected = predict("squeezenet1_1", num_classes=10, url=service)
    saved = Weights.read(tmp_path / "squeezenet1_1.safetensors")
    assert all(np.array_equal(saved[name], expected[name]) for name in expected)


def test_a_traced_architecture_is_predicted_for_from_its_file(service: str, tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    graph, weights = tmp_path / "graph.json", tmp_path / "weights.safetensors"
    spec = ["torchvision:squeezenet1_1", "--argument", "num_classes=10", "--argument", "dropout=0.1"]
    assert ghn_serve("trace", *spec, "-o", str(graph)).returncode == 0
    done = ghn_serve("predict", str(graph), "-o", str(weights), GHN_SERVE_URL=service)
    assert done.returncode == 0, done.stderr
    expected = predict("squeezenet1_1", num_classes=10, url=service)
    assert all(np.array_equal(value, expected[name]) for name, value in Weights.read(weights).items())


def test_statistics_are_a_table_or_json(service: str) -> None:
    table = ghn_serve("stats", "squeezenet1_1", "--url", service).stdout.splitlines()
    assert table[0].split()[:3] == ["tensor", "shape", "mean"]
    assert table[1].split()[:2] == ["features.0.weight", "64x3x3x3"]
    assert table[-1].startswith("network")
    prediction = predict("squeezenet1_1", url=service, format="safetensors").prediction
    assert prediction is not None
    statistics = json.loads(ghn_serve("stats", prediction, "--url", service, "--json").stdout)
    assert len(statistics["tensors"]) == len(table) - 2


def test_post_processing_is_asked_for(service: str, tmp_path: Path) -> None:
    output = tmp_path / "weights.safetensors"
    done = ghn_serve(
        "predict", "squeezenet1_1", "--orthogonalize", "--noise", "3e-5", "--url", service, "-o", str(output)
    )
    assert done.returncode == 0, done.stderr
    applied = json.loads(Weights.read(output).metadata["postprocess"])
    assert applied["orthogonalize"] is True and applied["noise"] == 3e-5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "resnet51"], "resnet50"),
        (["predict", "no_such_package:Network"], "no_such_package"),
        (["predict", "models:nothing"], "nothing"),
        (["predict", "builtins:dict"], "no torch.nn.Module"),
        (["predict", "models:ResidualCnn", "--argument", "width=3"], "'width'"),
        (["predict", "models:ResidualCnn", "--example", "1,5,32,32"], "--example"),
        (["predict", "missing.json"], "missing.json"),
    ],
)
def test_what_does_not_work_is_said_in_one_line(service: str, arguments: list[str], message: str) -> None:
    done = ghn_serve(*arguments, "--url", service)
    assert done.returncode == 1
    assert done.stderr.startswith("ghn-serve: ") and message in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_arguments_show_the_usage() -> None:
    done = ghn_serve("predict")
    assert done.returncode == 2
    assert "usage: ghn-serve predict" in done.stderr
