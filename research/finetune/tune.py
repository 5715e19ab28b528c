"""Chooses a learning rate for each network and condition: one grid, validation data, seeds of its own."""

from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

from conditions import CONDITIONS
from networks import NETWORKS
from runs import Run, execute_all


@dataclass(frozen=True)
class Tuned:
    """The mean validation accuracy of each learning rate of the grid; the best is chosen, of equals the lowest."""

    network: str
    condition: str
    scores: dict[float, float]

    @property
    def learning_rate(self) -> float:
        return max(self.scores, key=lambda rate: self.scores[rate])


def tune(
    rates: list[float],
    seeds: list[int],
    steps: tuple[int, ...],
    labels_per_class: int,
    url: str,
    workers: int,
) -> list[Tuned]:
    """A rate's score is the mean over seeds and over all steps but 0: how well and how fast it learns."""
    runs = [
        Run(network, condition, rate, seed, "validation", steps, labels_per_class)
        for network in NETWORKS
        for condition in CONDITIONS
        for rate in rates
        for seed in seeds
    ]
    scores = defaultdict(list)
    for run, accuracies in execute_all(runs, url, workers):
        scores[run.network, run.condition, run.learning_rate] += accuracies[1:]
    return [
        Tuned(network, condition, {rate: fmean(scores[network, condition, rate]) for rate in rates})
        for network in NETWORKS
        for condition in CONDITIONS
    ]
