"""What fine-tuning starts from. Predicted weights come from a running service; the head is always a new one."""

import warnings
from dataclasses import dataclass
from typing import Optional

import torch
from ghn_serve import Client, NotPredictedWarning, Postprocess, load
from networks import IMAGE_SHAPE, NETWORKS
from torch import nn

# The paper's, with orthogonalisation: just enough to tell apart rows that the tiling made equal.
ORTHOGONAL_NOISE = 3e-5
# Alone, that would change nothing that one could measure: this is 1 to 25 % of the weights' deviation.
NOISE_ALONE = 1e-1


@dataclass(frozen=True)
class Condition:
    label: str
    predicted: bool = False
    postprocess: Optional[Postprocess] = None
    orthogonal: bool = False


CONDITIONS = {
    "random": Condition("random (PyTorch's default)"),
    "predicted": Condition("predicted", predicted=True),
    "noise": Condition("predicted + noise", predicted=True, postprocess={"noise": NOISE_ALONE}),
    "noise_orthogonal": Condition(
        "predicted + noise + orthogonal",
        predicted=True,
        postprocess={"noise": ORTHOGONAL_NOISE, "orthogonalize": True},
    ),
    "orthogonal": Condition("orthogonal alone", orthogonal=True),
}


@dataclass(frozen=True)
class Start:
    """A network before its first step; `prediction` is the service's id of its weights, where they were predicted."""

    network: nn.Module
    prediction: Optional[str]


def start(network: str, condition: str, seed: int, client: Client) -> Start:
    """The network, initialised. With the same seed its head is the same in every condition."""
    chosen = CONDITIONS[condition]
    torch.manual_seed(seed)
    module = NETWORKS[network]()
    if chosen.orthogonal:
        for weight in hidden_weights(module).values():
            nn.init.orthogonal_(weight)
    if not chosen.predicted:
        return Start(module, None)
    postprocess: Optional[Postprocess] = chosen.postprocess and {**chosen.postprocess, "seed": seed}
    weights = client.predict(
        module, IMAGE_SHAPE, predict_classifier=False, postprocess=postprocess, format="safetensors"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotPredictedWarning)
        loaded = load(module, weights)
    if loaded.not_predicted != ["head.weight", "head.bias"]:
        raise ValueError(f"the service left out {loaded.not_predicted}, where only the head should be")
    return Start(module, weights.prediction)


def hidden_weights(module: nn.Module) -> dict[str, nn.Parameter]:
    """Weights of two and more dimensions, except the head's: those that the post-processing changes."""
    return {
        name: value
        for name, value in module.named_parameters()
        if value.dim() > 1 and not name.startswith("head.")
    }
