"""The examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ghn_serve import predict

pytest.importorskip("torchvision")

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("way", ["broadcast", "shards"])
def test_two_processes_train_from_the_same_predicted_weights(service: str, way: str) -> None:
    # With Python 3.11, PyTorch 1.13's torchrun does not start unless it is told what to do with the output.
    output = ["--redirects", "1", "--tee", "1"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *output]
    done = subprocess.run(
        [*torchrun, str(ROOT / "examples" / "distributed.py"), way],
        env={**os.environ, "GHN_SERVE_URL": service, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    weights = predict("resnet18", num_classes=10, url=service)
    expected = np.sqrt(sum(np.square(value, dtype=np.float64).sum() for value in weights.values()))
    norms = [float(norm) for norm in re.findall(r"norm ([\d.]+)", done.stdout)]
    assert norms == pytest.approx([expected, expected], rel=1e-5)
