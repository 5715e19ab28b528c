"""The service predicts with the shipped file what the training code predicts with it."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import architectures
import pytest
import torch
from checkpoints import load_ghn, read_safetensors
from evaluate import predict

ROOT = Path(__file__).resolve().parents[3]
SERVICE = ROOT / "dist" / "main.js"
WEIGHTS = ROOT / "weights" / "ghn3-mnist.safetensors"
START_SECONDS = 60
NETWORKS_PER_SPLIT = 8
# Of a tensor's standard deviation, or of its largest value where it hardly varies.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The URL of a real service as it starts without any settings."""
    if not SERVICE.exists() or shutil.which("node") is None:
        pytest.skip("the service is not built: npm run build in the repository's root")
    folder = tmp_path_factory.mktemp("service")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    unset = {name: value for name, value in os.environ.items() if name != "GHN_CHECKPOINTS"}
    environment = {**unset, "PORT": str(port), "STORE": str(folder / "store"), "LOG_LEVEL": "warn"}
    process = subprocess.Popen(["node", str(SERVICE)], env=environment, cwd=folder)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(url, process):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return urllib.request.urlopen(f"{url}/readyz", timeout=1).close()
        except OSError:
            time.sleep(0.2)
    pytest.fail("the service did not start")


def ask(url, architecture, path):
    """Parameters that the service predicts for an architecture, read from a file at `path`."""
    body = json.dumps({"architecture": architecture}).encode()
    request = urllib.request.Request(f"{url}/predict", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        path.write_bytes(answer.read())
    return read_safetensors(path)[0]


@pytest.mark.parametrize("split", list(architectures.HELD_OUT))
def test_the_service_predicts_what_the_training_code_predicts(service, split, tmp_path):
    ghn = load_ghn(WEIGHTS)
    for network in architectures.held_out(split)[:NETWORKS_PER_SPLIT]:
        expected = predict(ghn, network)
        served = ask(service, network.graph, tmp_path / "weights.safetensors")
        assert served.keys() == expected.keys()
        for name, value in expected.items():
            scale = value.std() if value.numel() > 1 and value.std() > 1e-6 else value.abs().max().clamp_min(1e-6)
            assert served[name].shape == value.shape
            assert (served[name] - value).abs().max() <= TOLERANCE * scale, (network.name, name)


def test_layers_get_the_same_parameters_as_the_graph(service, tmp_path):
    (network, *_) = architectures.held_out("unseen")
    by_graph = ask(service, network.graph, tmp_path / "graph.safetensors")
    by_layers = ask(service, network.request(), tmp_path / "layers.safetensors")
    for name, value in by_graph.items():
        assert torch.equal(by_layers[name], value), name
