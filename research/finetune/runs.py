"""Runs of the experiment, each in one of several processes with one thread."""

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import torch
from ghn_serve import Client

from conditions import start
from data import few_labels, load_splits
from finetune import finetune


@dataclass(frozen=True)
class Run:
    """One network, fine-tuned once and measured on one split after each of the steps."""

    network: str
    condition: str
    learning_rate: float
    seed: int
    split: str
    steps: tuple[int, ...]
    labels_per_class: int

    def execute(self, url: str) -> list[float]:
        splits = load_splits()
        train = few_labels(splits["pool"], self.labels_per_class, self.seed)
        with Client(url, progress=False) as client:
            network = start(self.network, self.condition, self.seed, client).network
        return finetune(network, train, splits[self.split], self.learning_rate, list(self.steps), self.seed)


def execute_all(runs: Iterable[Run], url: str, workers: int) -> Iterator[tuple[Run, list[float]]]:
    """Each run with its accuracies, in order; says on stderr how many are done."""
    runs = list(runs)
    with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for done, (run, accuracies) in enumerate(zip(runs, pool.map(Run.execute, runs, [url] * len(runs))), 1):
            print(f"{done}/{len(runs)} {run.network}, {run.condition}: {accuracies[-1]:.3f}", file=sys.stderr)
            yield run, accuracies
