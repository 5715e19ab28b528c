"""Writes a run's averaged GHN as the safetensors file that the service loads.

    python export.py --run runs/mnist --output ghn3-mnist.safetensors
"""

import argparse
import json
from pathlib import Path

import torch

from checkpoints import write_safetensors
from data import MEAN, STD
from ghn import Ghn
from graphs import OPERATIONS
from train import Settings, split_parameters

# Tables whose rows are sizes or distances: a row that no trained network used gets its nearest used one's values.
ORDERED_TABLES = (
    "gnn.0.attn.edge_embed.embed.weight",
    "gnn.0.centrality_embed_in.weight",
    "gnn.0.centrality_embed_out.weight",
    "gnn.0.input_dist_embed.weight",
)
# The same, but the last row means that there is no shape.
SHAPE_TABLES = ("shape_enc.embed_spatial.weight", "shape_enc.embed_channel.weight")


def fill_untrained_rows(state, second_moments):
    """Makes embeddings of sizes beyond the trained ones those of the nearest trained; changes `state`.

    `second_moments`: name → the optimiser's running mean of squared gradients, zero where a row was never used.
    """
    for name in ORDERED_TABLES + SHAPE_TABLES:
        table, used = state[name], second_moments[name].sum(1) > 0
        count = len(table) - 1 if name in SHAPE_TABLES else len(table)
        sources = used[:count].nonzero().flatten()
        nearest = (torch.arange(count)[:, None] - sources).abs().argmin(1)
        table[:count] = table[sources[nearest]]
    operations = state["embed.weight"]
    operations[OPERATIONS.index("dil_conv")] = operations[OPERATIONS.index("sep_conv")]


def exported_state(checkpoint):
    """The state dict that is shipped, from what Trainer.save wrote."""
    ghn = Ghn(Settings(**checkpoint["settings"]).ghn())
    names = list(split_parameters(ghn, checkpoint["settings"]["muon"])[1])
    moments = checkpoint["optimizers"]["adamw"]["state"]
    state = {name: value.clone() for name, value in checkpoint["average"].items()}
    fill_untrained_rows(state, {name: moments[index]["exp_avg_sq"] for index, name in enumerate(names)})
    return ghn.config, state


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--dtype", choices=("F32", "F16"), default="F16")
    arguments = parser.parse_args()
    checkpoint = torch.load(arguments.run / "checkpoint.pt", map_location="cpu")
    config, state = exported_state(checkpoint)
    metadata = {
        "format": "pt",
        "config": json.dumps(config.metadata()),
        "images": json.dumps({"shape": [1, 28, 28], "mean": MEAN, "std": STD}),
        "steps": str(checkpoint["step"]),
    }
    write_safetensors(arguments.output, state, metadata, arguments.dtype)


if __name__ == "__main__":
    main()
