"""Fine-tunes networks on few images of CIFAR from random, predicted and post-processed weights.

    GHN_SERVE_URL=http://127.0.0.1:3000 python run.py --ghns ghn2-imagenet ghn3-xl --output results.jsonl

Each run is a line of the output; runs that are there are not repeated, so an interrupted experiment goes on where it stopped.
`python report.py results.jsonl` makes the table.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from ghn_serve import Client, load, trace
from torch import nn
from torch.nn import functional

from images import Images, augmented, cifar, few, generated
from setups import DATASETS, NETWORKS, Recipe, starts

GRADIENT_NORM = 5
TEST_BATCH = 64
"""The authors' size; BatchNorm's running statistics are used all the same, since fine-tuning makes them."""


@dataclass(frozen=True)
class Run:
    dataset: str
    network: str
    start: str
    seed: int


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    options: dict[str, Any] = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=0.9, **options)
    return torch.optim.AdamW(network.parameters(), **options)


def finetune(network: nn.Module, recipe: Recipe, train: Images, epochs: int, seed: int, device: str) -> None:
    """The learning rate falls as a cosine, by the epoch; gradients are clipped, as in the authors' code."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = optimizer_of(network, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: (1 + math.cos(math.pi * epoch / epochs)) / 2)
    network.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(train.labels), generator=generator).split(recipe.batch_size):
            if len(batch) == 1:
                continue  # BatchNorm needs two
            pixels = augmented(train.pixels[batch], generator).to(device)
            optimizer.zero_grad()
            functional.cross_entropy(network(pixels), train.labels[batch].to(device)).backward()
            nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
            optimizer.step()
        schedule.step()


@torch.no_grad()
def accuracy(network: nn.Module, test: Images, device: str) -> float:
    network.eval()
    batches = zip(test.pixels.split(TEST_BATCH), test.labels.split(TEST_BATCH))
    correct = sum(int((network(pixels.to(device)).argmax(1).cpu() == labels).sum()) for pixels, labels in batches)
    return correct / len(test.labels)


def start_network(run: Run, client: Client, options: dict[str, Any] | None) -> nn.Module:
    """The head is PyTorch's own in every condition: the GHN knows other classes."""
    recipe = NETWORKS[run.network]
    torch.manual_seed(run.seed)
    network = recipe.build(DATASETS[run.dataset])
    if options is None:
        return network
    request = {**options, "predict_classifier": False}
    if "postprocess" in request:
        request["postprocess"] = {**request["postprocess"], "from_layer": recipe.from_layer, "seed": run.seed}
    load(network, client.predict(trace(network, (1, 3, 32, 32)), **request))
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ghns", nargs="+", required=True, help="ids of GET /ghns")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), choices=list(DATASETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shots", type=int, default=100, help="training images of a class")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--data", type=Path, default=Path("data"), help="where CIFAR is, or is downloaded to")
    parser.add_argument("--generated", type=int, help="so many generated images of a class instead of CIFAR")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--output", type=Path, default=Path("results.jsonl"))
    arguments = parser.parse_args()

    client = Client()
    named = starts(arguments.ghns)
    lines = arguments.output.read_text().splitlines() if arguments.output.exists() else []
    done = {Run(**json.loads(line)["run"]) for line in lines}
    for dataset in arguments.datasets:
        if arguments.generated:
            pool, test = (generated(DATASETS[dataset], arguments.generated, seed) for seed in (1, 2))
        else:
            pool, test = (cifar(dataset, arguments.data, train) for train in (True, False))
        for name, start, seed in product(arguments.networks, named, range(arguments.seeds)):
            run = Run(dataset, name, start, seed)
            if run in done:
                continue
            began = monotonic()
            network = start_network(run, client, named[start]).to(arguments.device)
            finetune(network, NETWORKS[name], few(pool, arguments.shots, seed), arguments.epochs, seed, arguments.device)
            result = {
                "run": asdict(run),
                "accuracy": accuracy(network, test, arguments.device),
                "epochs": arguments.epochs,
                "shots": arguments.shots,
                "seconds": round(monotonic() - began, 1),
                "device": arguments.device,
                "torch": torch.__version__,
            }
            with arguments.output.open("a") as output:
                output.write(json.dumps(result) + "\n")
            print(f"{dataset} {name} {start} seed {seed}: {100 * result['accuracy']:.1f} %, {result['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
