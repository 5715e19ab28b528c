"""Networks that are sharded over two processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
ROOT = Path(__file__).parents[1]


def needs_fsdp2() -> None:
    try:
        from torch.distributed.fsdp import fully_shard  # noqa: F401
    except (ImportError, ValueError):  # PyTorch 1.13 fails with ValueError on Python 3.11.
        pytest.skip(f"PyTorch {torch.__version__} has no torch.distributed.fsdp.fully_shard (FSDP2): 2.6 has")


def on_two_processes(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *command],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment},
        text=True,
        capture_output=True,
        timeout=500,
    )


@pytest.fixture(scope="module")
def results() -> dict[str, list[str]]:
    needs_fsdp2()
    done = on_two_processes(str(ROOT / "tests" / "sharded.py"))
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@pytest.mark.parametrize(
    "way",
    [
        "whole_weights",
        "own_part",
        "on_meta",
        "gathered_for_a_forward",
        "along_other_dimensions",
        "two_meshes",
        "tensor_parallel",
        "parts_of_others_are_refused",
        "traces",
        "fsdp1_is_refused_by_its_name",
    ],
)
def test_a_sharded_network_is_the_whole_one(results: dict[str, list[str]], way: str) -> None:
    assert results[way] == []


def test_fsdp2_loads_a_sharded_prediction_bit_equal_to_the_whole_one(service: str, tmp_path: Path) -> None:
    needs_fsdp2()
    pytest.importorskip("torchvision")
    from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

    from ghn_serve import predict

    done = on_two_processes(str(ROOT / "examples" / "fsdp2.py"), str(tmp_path), GHN_SERVE_URL=service)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"rank (\d) of 2: 62 tensors, .*, resumed: True", done.stdout) in (["0", "1"], ["1", "0"])
    dcp_to_torch_save(tmp_path / "predicted", tmp_path / "whole.pt")
    saved: dict[str, Any] = torch.load(tmp_path / "whole.pt")["model"]
    weights = predict("resnet18", num_classes=10, url=service)
    assert len(weights) == 62
    assert all(torch.equal(saved[name], weights.tensor(name)) for name in weights)
