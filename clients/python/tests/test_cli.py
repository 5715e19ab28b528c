"""The command line, as a person calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ghn_serve import Client, Weights, predict

TESTS = Path(__file__).parent


def ghn_client(*arguments: str, folder: Path = TESTS, **environment: str) -> subprocess.CompletedProcess[str]:
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
    done = ghn_client("trace", "models:ResidualCnn", "--num-classes", "7", "--example", "1,3,32,32")
    assert done.returncode == 0, done.stderr
    graph = json.loads(done.stdout)
    assert graph["name"] == "ResidualCnn"
    assert graph["nodes"][-1]["bias"] == {"name": "head.bias", "shape": [7]}
    assert "warning: temperature (of ResidualCnn): not predicted" in done.stderr


def test_weights_are_predicted_for_a_name_and_saved(service: str, tmp_path: Path) -> None:
    done = ghn_client("predict", "squeezenet1_1", "--num-classes", "10", "--url", service, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "squeezenet1_1: 52 tensors" in done.stderr
    expected = predict("squeezenet1_1", num_classes=10, url=service)
    saved = Weights.read(tmp_path / "squeezenet1_1.safetensors")
    assert all(np.array_equal(saved[name], expected[name]) for name in expected)


def test_a_traced_architecture_is_predicted_for_from_its_file(service: str, tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    graph, weights = tmp_path / "graph.json", tmp_path / "weights.safetensors"
    spec = ["torchvision:squeezenet1_1", "--argument", "num_classes=10", "--argument", "dropout=0.1"]
    assert ghn_client("trace", *spec, "-o", str(graph)).returncode == 0
    done = ghn_client("predict", str(graph), "-o", str(weights), GHN_SERVE_URL=service)
    assert done.returncode == 0, done.stderr
    expected = predict("squeezenet1_1", num_classes=10, url=service)
    assert all(np.array_equal(value, expected[name]) for name, value in Weights.read(weights).items())


def test_statistics_are_a_table_or_json(service: str) -> None:
    table = ghn_client("stats", "squeezenet1_1", "--all", "--url", service).stdout.splitlines()
    assert table[0].split()[:3] == ["tensor", "shape", "mean"]
    assert table[1].split()[:2] == ["features.0.weight", "64x3x3x3"]
    assert table[-1].startswith("network")
    prediction = predict("squeezenet1_1", url=service, format="safetensors").prediction
    assert prediction is not None
    statistics = json.loads(ghn_client("stats", prediction, "--url", service, "--json").stdout)
    assert len(statistics["tensors"]) == len(table) - 2


def test_statistics_are_short_where_not_all_are_asked_for(service: str) -> None:
    done = ghn_client("stats", "resnet50", "--url", service)
    heading, *parts, network = [line.split() for line in done.stdout.splitlines()]
    assert heading[:4] == ["part", "tensors", "parameters", "mean"]
    assert ["layer1.0", "12", "75,008"] in [part[:3] for part in parts]
    assert network[:3] == ["network", "161", "25,557,032"]
    assert sum(int(part[1]) for part in parts) == 161 and len(parts) <= 24
    with Client(service) as client:
        whole = client.statistics(client.predict("resnet50").prediction or "")["network"]
    keys = ("mean", "std", "min", "max", "l2")
    assert [float(value) for value in network[3:]] == pytest.approx([whole[key] for key in keys], rel=2e-3)


def test_post_processing_is_asked_for(service: str, tmp_path: Path) -> None:
    output = tmp_path / "weights.safetensors"
    done = ghn_client(
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
        (["predict", "models:nothing"], "models has no network nothing"),
        (["predict", "models:ResidualCn"], "the nearest are ResidualCnn"),
        (["predict", "torchvision:resnet51"], "the nearest are resnet50"),
        (["predict", "models:unlicensed"], "RuntimeError: needs a licence"),
        (["predict", "models:quits"], "SystemExit: no GPU"),
        (["predict", "models:Text", "--example", "1,7"], "ids:1,8 for token ids"),
        (["predict", "models:TwoInputs", "--example", "1,4"], "missing 1 required positional argument"),
        (["predict", "models:TwoInputs", "--example", "1,4", "--example", "y=1,3"], "name every example, or none"),
        (["predict", "models:LostKey", "--example", "1,4"], "KeyError: 'mask'"),
        (["predict", "weights.pt"], "weights.pt is not an architecture"),
        (["predict", "models.py"], "give MODULE:ATTRIBUTE"),
        (["predict", "no_such_file.py:Network"], "no_such_file.py"),
        (["predict", "resnet18", "-o", "no/such/folder/weights.safetensors"], "no/such/folder"),
        (["predict", "resnet18", "--num-classes", "0"], "num_classes"),
        (["predict", "builtins:dict"], "is not a torch.nn.Module"),
        (["predict", "models:ResidualCnn", "--argument", "width=3"], "'width'"),
        (["predict", "models:ResidualCnn", "--example", "1,5,32,32"], "--example"),
        (["predict", "missing.json"], "missing.json"),
    ],
)
def test_what_does_not_work_is_said_in_one_line(service: str, arguments: list[str], message: str) -> None:
    done = ghn_client(*arguments, "--url", service)
    assert done.returncode == 1
    assert done.stderr.startswith("ghn-client: ") and message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == (2 if "--num-classes" in arguments else 1)


@pytest.mark.parametrize(
    ("text", "message"), [("not JSON", "is not JSON"), ("[1]", "is not a JSON object"), ('{"nodes": 3}', "422")]
)
def test_a_file_that_holds_no_architecture_is_refused(service: str, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "graph.json"
    file.write_text(text)
    done = ghn_client("predict", str(file), "--url", service)
    assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_where_there_is_no_service_one_line_says_so() -> None:
    done = ghn_client("predict", "resnet18", "--url", "http://127.0.0.1:9", "--retries", "0")
    assert done.stderr.startswith("ghn-client: no service answers at http://127.0.0.1:9: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["models:Text", "--example", "ids:1,7"],
        ["models:Text", "--example", "tokens=ids:1,7"],
        ["models:TwoInputs", "--example", "1,4", "--example", "1,3"],
        ["models:TwoInputs", "--example", "y=1,3", "--example", "x=float32:1,4"],
        ["models.py:Text", "--example", "int64:1,7"],
        ["models:OfAnotherSize"],
        ["models:Detector", "--example", "1,3,8,8", "--no-training"],
    ],
)
def test_inputs_of_every_kind_can_be_named(arguments: list[str]) -> None:
    pytest.importorskip("torch")
    done = ghn_client("trace", *arguments)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["nodes"]) > 1


def test_wrong_arguments_show_the_usage() -> None:
    done = ghn_client("predict")
    assert done.returncode == 2
    assert "usage: ghn-client predict" in done.stderr


def test_an_example_that_is_none_is_said_to_be_none() -> None:
    done = ghn_client("trace", "models:Text", "--example", "1,x")
    assert done.returncode == 2
    assert "'1,x' is not an example: expected a shape such as 1,3,224,224" in done.stderr
