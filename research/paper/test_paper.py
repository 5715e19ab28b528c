"""The experiment end to end on generated images, against a service at GHN_SERVE_URL; the rest needs none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from images import few, generated
from report import table
from setups import NETWORKS, starts

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_images_of_32_by_32(name: str) -> None:
    network = NETWORKS[name].build(10).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_few_images_are_as_many_of_each_class_and_others_by_another_seed() -> None:
    pool = generated(10, 8, seed=1)
    chosen = few(pool, 3, seed=0)
    assert chosen.labels.bincount().tolist() == [3] * 10
    assert not torch.equal(chosen.pixels, few(pool, 3, seed=1).pixels)


def test_each_ghn_is_compared_with_and_without_post_processing() -> None:
    assert list(starts(["a", "b"])) == ["random", "a", "a-orth", "b", "b-orth"]


def test_the_table_has_means_and_intervals() -> None:
    lines = [
        json.dumps({"run": {"dataset": "cifar10", "network": "resnet50", "start": "a", "seed": seed}, "accuracy": value})
        for seed, value in enumerate((0.5, 0.6))
    ]
    assert table(lines).splitlines()[-1] == "| a | 55.0 ± 63.5 |"


@pytest.mark.skipif("GHN_SERVE_URL" not in os.environ, reason="no service at GHN_SERVE_URL")
def test_the_experiment_runs_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    output = tmp_path / "results.jsonl"
    command = [
        *(sys.executable, "run.py", "--ghns", os.environ.get("GHN", "ghn3-mnist"), "--networks", "resnet50"),
        *("--datasets", "cifar10", "--generated", "2", "--shots", "1", "--epochs", "1", "--output", str(output), "--seeds"),
    ]
    subprocess.run([*command, "1"], cwd=HERE, check=True)
    first = output.read_text()
    assert len(first.splitlines()) == 3
    subprocess.run([*command, "2"], cwd=HERE, check=True)
    assert output.read_text().startswith(first)
    assert len(output.read_text().splitlines()) == 6
