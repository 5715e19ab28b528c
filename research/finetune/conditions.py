"""What fine-tuning starts from. Predicted weights come from a running service; the head is always new."""

import warnings
from dataclasses import dataclass
from typing import Optional

import torch
from ghn_serve import Client, NotPredictedWarning, Postprocess, load
from torch import nn

from networks import IMAGE_SHAPE, NETWORKS

# The paper's, with orthogonalisation: just enough to tell apart rows that the tiling made equal.
ORTHOGONAL_NOISE = 3e-5
# The paper orthogonalises from layer 37 of ResNet-50's 53 and from 94 of ConvNeXt-Base's 112, not counting the head:
# its last third and its last sixth. Here these are 3 of 9 layers and 2 of 11.
LAST_LAYERS = {"ResNet-like": 7, "ConvNeXt-like": 10}
# Alone, that would change nothing that one could measure: this is 1 to 28 % of the weights' deviation.
NOISE_ALONE = 1e-1
ORTHOGONALIZED: Postprocess = {"noise": ORTHOGONAL_NOISE, "orthogonalize": True}


@dataclass(frozen=True)
class Condition:
    """`last_layers`: the others are not post-processed. `orthogonal`: PyTorch's orthogonal weights."""

    label: str
    predicted: bool = False
    postprocess: Optional[Postprocess] = None
    last_layers: bool = False
    orthogonal: bool = False


CONDITIONS = {
    "random": Condition("random (PyTorch's default)"),
    "predicted": Condition("predicted", predicted=True),
    "noise": Condition("predicted + noise", predicted=True, postprocess={"noise": NOISE_ALONE}),
    "noise_orthogonal": Condition("predicted + noise + orthogonal", predicted=True, postprocess=ORTHOGONALIZED),
    "noise_orthogonal_last": Condition(
        "the same, last layers only", predicted=True, postprocess=ORTHOGONALIZED, last_layers=True
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
    weights = client.predict(
        module,
        IMAGE_SHAPE,
        predict_classifier=False,
        postprocess=postprocessing(network, chosen, seed),
        format="safetensors",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotPredictedWarning)
        loaded = load(module, weights)
    if loaded.not_predicted != ["head.weight", "head.bias"]:
        raise ValueError(f"the service left out {loaded.not_predicted}, where only the head should be")
    return Start(module, weights.prediction)


def postprocessing(network: str, condition: Condition, seed: int) -> Optional[Postprocess]:
    if condition.postprocess is None:
        return None
    from_layer = LAST_LAYERS[network] if condition.last_layers else 0
    return {**condition.postprocess, "from_layer": from_layer, "seed": seed}


def hidden_weights(module: nn.Module) -> dict[str, nn.Parameter]:
    """Weights of two and more dimensions, except the head's: those that the post-processing changes."""
    return {
        name: value for name, value in module.named_parameters() if value.dim() > 1 and not name.startswith("head.")
    }
