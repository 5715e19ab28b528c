"""The experiment, with a running service: tunes, fine-tunes, measures diversity, writes results and report."""

import argparse
import json
import os
import platform
import time
from pathlib import Path
from tempfile import mkdtemp

import numpy
import sklearn
import torch
from ghn_serve import Client

from conditions import start
from data import load_splits
from diversity import diversity
from networks import NETWORKS
from report import HERE, PLOT, RESULTS, write_report
from runs import Run, execute_all
from tune import Tuned, tune

DEFAULT_URL = "http://127.0.0.1:3000"
LEARNING_RATES = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
STEPS = (0, 10, 25, 50, 100, 200)
LABELS_PER_CLASS = 10
SEEDS = list(range(8))
# None of them is among SEEDS, whatever their number: what is tuned on is never reported.
TUNING_SEEDS = [1000, 1001]
SMOKE_STEPS = (0, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", help=f"the service; by default $GHN_SERVE_URL, else {DEFAULT_URL}")
    parser.add_argument(
        "--output", type=Path, help="the folder for results; by default this one, with --smoke a new one"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--smoke", action="store_true", help="one seed and three steps: to see that it runs")
    arguments = parser.parse_args()
    url = arguments.url or os.environ.get("GHN_SERVE_URL") or DEFAULT_URL
    output = arguments.output or (Path(mkdtemp()) if arguments.smoke else HERE)
    if arguments.smoke:
        results = experiment(url, arguments.workers, [1e-3], [1000], [0], SMOKE_STEPS)
    else:
        results = experiment(url, arguments.workers, LEARNING_RATES, TUNING_SEEDS, SEEDS, STEPS)
    output.mkdir(parents=True, exist_ok=True)
    (output / RESULTS).write_text(json.dumps(results, indent=1) + "\n")
    write_report(output)
    print(f"written to {output}: {RESULTS}, {PLOT}, README.md")


def experiment(
    url: str,
    workers: int,
    rates: list[float],
    tuning_seeds: list[int],
    seeds: list[int],
    steps: tuple[int, ...],
) -> dict:
    began = time.monotonic()
    with Client(url, progress=False) as client:
        ghn = next(ghn for ghn in client.ghns() if ghn["default"])
    tuned = tune(rates, tuning_seeds, steps, LABELS_PER_CLASS, url, workers)
    runs = [
        Run(choice.network, choice.condition, choice.learning_rate, seed, "test", steps, LABELS_PER_CLASS)
        for choice in tuned
        for seed in seeds
    ]
    accuracies: dict[tuple[str, str], list[list[float]]] = {}
    for run, measured in execute_all(runs, url, workers):
        accuracies.setdefault((run.network, run.condition), []).append(measured)
    return {
        "ghn": {key: ghn[key] for key in ("id", "digest", "parameters")},
        "versions": versions(),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "workers": workers,
        "labels_per_class": LABELS_PER_CLASS,
        "images": {name: len(split.labels) for name, split in load_splits().items()},
        "steps": list(steps),
        "seeds": seeds,
        "tuning_seeds": tuning_seeds,
        "parameters": {name: sum(p.numel() for p in network().parameters()) for name, network in NETWORKS.items()},
        "conditions": [
            {
                "network": choice.network,
                "condition": choice.condition,
                "learning_rate": choice.learning_rate,
                "validation": {str(rate): round(score, 4) for rate, score in choice.scores.items()},
                "accuracy": accuracies[choice.network, choice.condition],
                "diversity": measured_diversity(choice, seeds[0], url),
            }
            for choice in tuned
        ],
    }


def measured_diversity(choice: Tuned, seed: int, url: str) -> dict[str, float]:
    with Client(url, progress=False) as client:
        return diversity(start(choice.network, choice.condition, seed, client), client)


def versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "scikit-learn": sklearn.__version__,
    }


if __name__ == "__main__":
    main()
