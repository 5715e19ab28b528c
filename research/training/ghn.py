"""GHN-3 (Knyazev et al., "Can We Scale Transformers to Predict Parameters of Diverse ImageNet Models?", 2023).

Module names are chosen so that `state_dict()` has the published checkpoints' names.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from decoder import Decoder
from graphs import (
    MAX_DEGREE,
    MAX_DISTANCE,
    MAX_INPUT_DISTANCE,
    OPERATIONS,
    channel_table,
    pair_distances,
    spatial_table,
)

EDGE_ROWS = 257
EDGE_OFFSET = 2


@dataclass(frozen=True)
class GhnConfig:
    """Sizes of a GHN-3: max_shape is (C, C, S, S)."""

    hid: int = 64
    layers: int = 3
    heads: int = 8
    max_channels: int = 32
    max_kernel: int = 7
    num_classes: int = 10

    def metadata(self):
        """The config as a checkpoint keeps it."""
        return {
            "max_shape": [self.max_channels, self.max_channels, self.max_kernel, self.max_kernel],
            "num_classes": self.num_classes,
            "hid": self.hid,
            "heads": self.heads,
            "layers": self.layers,
            "weight_norm": True,
            "ve": True,
            "layernorm": True,
        }

    @staticmethod
    def from_metadata(config):
        channels, _, kernel, _ = config["max_shape"]
        return GhnConfig(
            config["hid"], config["layers"], config["heads"], channels, kernel, config["num_classes"]
        )


class EdgeEmbedding(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embed = nn.Embedding(EDGE_ROWS, hidden)


class Attention(nn.Module):
    """Self-attention whose scores get a bias from the distances between nodes; layer 0 owns the bias's tables."""

    def __init__(self, hidden, heads, owns_edges):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.to_out = nn.Sequential(nn.Linear(hidden, hidden))
        if owns_edges:
            self.edge_embed = EdgeEmbedding(hidden)
            self.proj_e = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, heads))

    def edge_bias(self, pair_rows, mask):
        """[B, heads, N, N]; minus infinity where the key is padding."""
        pairs = self.edge_embed.embed(pair_distances() + EDGE_OFFSET).flatten(1)
        bias = functional.embedding(pair_rows, self.proj_e(pairs)).permute(0, 3, 1, 2)
        return bias.masked_fill(~mask[:, None, None, :], float("-inf"))

    def forward(self, x, bias):
        batch, nodes, hidden = x.shape
        qkv = self.to_qkv(x).view(batch, nodes, 3, self.heads, hidden // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) * (hidden // self.heads) ** -0.5 + bias
        mixed = scores.softmax(-1) @ v
        return self.to_out(mixed.transpose(1, 2).reshape(batch, nodes, hidden))


class FeedForward(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Identity(), nn.Linear(4 * hidden, hidden)
        )

    def forward(self, x):
        return self.net(x)


class GraphormerLayer(nn.Module):
    def __init__(self, hidden, heads, is_first):
        super().__init__()
        self.ln1 = nn.LayerNorm(hidden)
        self.attn = Attention(hidden, heads, owns_edges=is_first)
        self.ln2 = nn.LayerNorm(hidden)
        self.ff = FeedForward(hidden)
        if is_first:
            self.centrality_embed_in = nn.Embedding(MAX_DEGREE + 1, hidden)
            self.centrality_embed_out = nn.Embedding(MAX_DEGREE + 1, hidden)
            self.input_dist_embed = nn.Embedding(MAX_INPUT_DISTANCE + 1, hidden)

    def forward(self, x, bias):
        x = x + self.attn(self.ln1(x), bias)
        return x + self.ff(self.ln2(x))


class ShapeEncoder(nn.Module):
    """Four embeddings of size d/4: output channels, input channels, height, width."""

    def __init__(self, hidden, num_classes, max_kernel):
        super().__init__()
        self.embed_spatial = nn.Embedding(len(spatial_table(max_kernel)) + 1, hidden // 4)
        self.embed_channel = nn.Embedding(len(channel_table(num_classes)) + 1, hidden // 4)

    def forward(self, rows):
        return torch.cat([self.embed_channel(rows[..., :2]), self.embed_spatial(rows[..., 2:])], -2).flatten(-2)


class Ghn(nn.Module):
    """Predicts the parameters of a batch of networks from their graphs."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(len(OPERATIONS), config.hid)
        self.shape_enc = ShapeEncoder(config.hid, config.num_classes, config.max_kernel)
        self.gnn = nn.ModuleList(
            GraphormerLayer(config.hid, config.heads, is_first=layer == 0) for layer in range(config.layers)
        )
        self.ln = nn.LayerNorm(config.hid)
        decoder = Decoder(config.hid, config.max_channels, config.max_kernel, config.num_classes)
        self.decoder, self.decoder_1d, self.bias_class = decoder.kernel, decoder.vector, decoder.bias_class
        self._decode = decoder.decode
        self._reset_embeddings()

    def _reset_embeddings(self):
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=EMBEDDING_STD)

    def encode(self, batch):
        """Node states [B, N, d] after the last norm."""
        first = self.gnn[0]
        x = (
            self.embed(batch.operations)
            + self.shape_enc(batch.shape_rows)
            + first.centrality_embed_in(batch.in_degrees)
            + first.centrality_embed_out(batch.out_degrees)
            + first.input_dist_embed(batch.input_distances)
        )
        bias = first.attn.edge_bias(batch.pair_rows, batch.mask)
        for layer in self.gnn:
            x = layer(x, bias)
        return self.ln(x)

    def forward(self, batch):
        """One dictionary name → tensor for each of the batch's networks."""
        return self._decode(self.encode(batch), batch.parameters)


EMBEDDING_STD = 0.1
assert MAX_DISTANCE + EDGE_OFFSET < EDGE_ROWS
