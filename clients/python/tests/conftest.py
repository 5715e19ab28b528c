from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from graphs import FIXTURES

ROOT = Path(__file__).parents[3]
SERVICE = ROOT / "dist" / "main.js"
START_SECONDS = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole-zoo", action="store_true", help="trace all of the zoo's networks again, not only some")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real service with the fixtures' small GHN."""
    if not SERVICE.exists() or shutil.which("node") is None:
        pytest.skip("the service is not built: npm run build in the repository's root")
    folder = tmp_path_factory.mktemp("service")
    port = free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "STORE": str(folder / "store"),
        "GHN_CHECKPOINTS": str(FIXTURES / "checkpoints" / "ghn3-nano.pt"),
        "LOG_LEVEL": "warn",
    }
    url = f"http://127.0.0.1:{port}"
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(["node", str(SERVICE)], env=environment, stdout=output, stderr=output, cwd=folder)
    try:
        wait_until_ready(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/readyz", timeout=1).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    pytest.fail(f"the service did not start:\n{log.read_text()}")
