"""The GHN's decoders, vectorised over all tensors of a meta-batch: what has the same shape is computed together."""

from collections import defaultdict
from math import isqrt, prod, sqrt

import torch
from torch import nn
from torch.nn import functional

MISSING_TOKEN_STD = 0.02


class KernelDecoder(nn.Module):
    """Weights with two and more dimensions. `fc.0`, `conv.0`, `conv.2`, `class_layer_predictor.1` as in checkpoints."""

    def __init__(self, hidden, channels, kernel, num_classes):
        super().__init__()
        self.hidden, self.channels, self.kernel = hidden, channels, kernel
        self.fc = nn.Sequential(nn.Linear(hidden, 4 * hidden * kernel * kernel), nn.ReLU())
        self.conv = nn.Sequential(
            nn.Linear(4 * hidden, 8 * hidden), nn.ReLU(), nn.Linear(8 * hidden, channels * channels)
        )
        self.class_layer_predictor = nn.Sequential(nn.ReLU(), nn.Linear(channels, num_classes))

    def windows(self, states, sizes):
        """For each of the sizes (h, w), states [n, d] to features [n, h·w, 4d] at the centre window's locations."""
        size, features = self.kernel, 4 * self.hidden
        table = torch.arange(features * size * size).view(features, size, size)
        rows = []
        for height, width in sizes:
            top, left = max(0, size // 2 - height // 2), max(0, size // 2 - width // 2)
            cut = table[:, top : top + min(height, size), left : left + min(width, size)]
            rows.append(cut.permute(1, 2, 0).flatten())
        linears = zip(states, *_select_rows(self.fc[0], rows))
        return [functional.relu(functional.linear(*one)).view(len(one[0]), -1, features) for one in linears]

    def channel_pairs(self, features, sizes):
        """For each of the sizes (o, i), features [r, 8d] to [r, o, i]: only the last linear's used rows."""
        table = torch.arange(self.channels * self.channels).view(self.channels, self.channels)
        rows = [table[:outputs, :inputs].flatten() for outputs, inputs in sizes]
        linears = zip(features, *_select_rows(self.conv[2], rows))
        return [functional.linear(*one).view(-1, *size) for one, size in zip(linears, sizes)]

    def classifier(self, block):
        """[n, C, i, 1, 1] to [n, K, i, 1, 1]."""
        return self.class_layer_predictor(block.movedim(1, -1)).movedim(-1, 1)


def _select_rows(linear, rows):
    """The linear's weights and biases at each of several selections of its rows: one gather, and one gradient."""
    together, counts = torch.cat(rows), [len(selection) for selection in rows]
    return linear.weight[together].split(counts), linear.bias[together].split(counts)


class VectorDecoder(nn.Module):
    """Gains (row 0) and biases (row 1): states [n, d] to [n, 2, C]."""

    def __init__(self, hidden, channels):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.ReLU(), nn.Linear(2 * hidden, 2 * channels))

    def forward(self, states):
        return self.fc(states).unflatten(-1, (2, -1))


class Decoder:
    """Owns the three decoding modules (the GHN registers them) and the work around them."""

    def __init__(self, hidden, channels, kernel, num_classes):
        self.channels = channels
        self.kernel = KernelDecoder(hidden, channels, kernel, num_classes)
        self.vector = VectorDecoder(hidden, channels)
        self.bias_class = nn.Sequential(nn.ReLU(), nn.Linear(channels, num_classes))

    def decode(self, states, parameters):
        """States [B, N, d] and B tuples of ParameterTensor to B dictionaries name → tensor."""
        nodes = states.shape[1]
        flat = states.flatten(0, 1)
        groups = defaultdict(list)
        for network, tensors in enumerate(parameters):
            for tensor in tensors:
                key = (tensor.shape, tensor.is_weight, tensor.is_classifier)
                groups[key].append((network, tensor.name, network * nodes + tensor.node))
        vectors = {key: members for key, members in groups.items() if len(key[0]) == 1}
        kernels = {key: members for key, members in groups.items() if len(key[0]) > 1}
        values = {**self._vectors(flat, vectors), **self._kernels(flat, kernels)}
        predicted = [{tensor.name: None for tensor in tensors} for tensors in parameters]
        for key, members in groups.items():
            for (network, name, _), value in zip(members, values[key].unbind(0)):
                predicted[network][name] = value
        return predicted

    def _vectors(self, flat, groups):
        if not groups:
            return {}
        rows = [row for members in groups.values() for _, _, row in members]
        decoded = self.vector(flat[rows]).split([len(members) for members in groups.values()])
        values = {}
        for ((shape, is_weight, is_classifier), _), block in zip(groups.items(), decoded):
            block = self.bias_class(block) if is_classifier else block
            values[shape, is_weight, is_classifier] = normalise(
                tile(block[:, 0 if is_weight else 1], shape), shape, is_weight
            )
        return values

    def _kernels(self, flat, groups):
        by_window = defaultdict(list)
        for key in groups:
            by_window[kernel_shape(key[0])[2:]].append(key)
        states = [flat[[row for key in keys for _, _, row in groups[key]]] for keys in by_window.values()]
        windows = self.kernel.windows(states, list(by_window))
        place, start = {}, 0
        for window, keys in zip(windows, by_window.values()):
            for key in keys:
                count = len(groups[key]) * window.shape[1]
                place[key] = range(start, start + count)
                start += count
        features = self.kernel.conv[:2](torch.cat([window.flatten(0, 1) for window in windows]))
        by_channels = defaultdict(list)
        for key in groups:
            by_channels[self._used_channels(key)].append(key)
        used = [features[[row for key in keys for row in place[key]]] for keys in by_channels.values()]
        values = {}
        for pairs, keys in zip(self.kernel.channel_pairs(used, list(by_channels)), by_channels.values()):
            for key, block in zip(keys, pairs.split([len(place[key]) for key in keys])):
                values[key] = self._finish(block.unflatten(0, (len(groups[key]), -1)), key)
        return values

    def _used_channels(self, key):
        shape, _, is_classifier = key
        outputs, inputs = kernel_shape(shape)[:2]
        return (self.channels if is_classifier else min(outputs, self.channels)), min(inputs, self.channels)

    def _finish(self, pairs, key):
        """Pairs [n, locations, o, i] to tensors [n, *shape]."""
        shape, is_weight, is_classifier = key
        height, width = kernel_shape(shape)[2:]
        h, w = min(height, self.kernel.kernel), min(width, self.kernel.kernel)
        block = pairs.permute(0, 2, 3, 1).unflatten(-1, (h, w))
        if is_classifier:
            block = self.kernel.classifier(block)
        if (h, w) != (height, width):
            resized = functional.interpolate(block.flatten(1, 2), (height, width), mode="bilinear")
            block = resized.unflatten(1, block.shape[1:3])
        if len(shape) == 2:
            block = block[..., 0, 0]
        if len(shape) == 3:
            block = block.flatten(3).transpose(2, 3).squeeze(1)[:, None]
            missing = torch.randn(len(block), 1, shape[1] - block.shape[2], block.shape[3]) * MISSING_TOKEN_STD
            block = torch.cat([missing, block], 2)
        return normalise(tile(block, shape), shape, is_weight)


def kernel_shape(shape):
    """A weight's shape as the kernel (o, i, h, w) that it is decoded as."""
    if len(shape) == 3:
        side = isqrt(shape[1])
        return (1, shape[2], side, side)
    return (tuple(shape) + (1, 1))[:4]


def tile(block, shape):
    """Repeats [n, *block] along every dimension in which it is smaller than shape, and cuts."""
    cut = tuple(slice(size) for size in shape)
    block = block[(slice(None), *cut)]
    if block.shape[1:] == shape:
        return block
    repeats = [-(-size // have) for size, have in zip(shape, block.shape[1:])]
    return block.repeat(1, *repeats)[(slice(None), *cut)]


def normalise(value, shape, is_weight):
    """Weight normalisation: fan-in scaling for kernels, bounded gains and biases."""
    if len(shape) == 1:
        return 2 * torch.sigmoid(0.5 * value) if is_weight else torch.tanh(0.2 * value)
    if len(shape) > 2 and shape[0] == 1 and shape[2] >= 11:
        return value
    beta = 1 if len(shape) > 2 and (shape[1] == 1 or shape[2] < shape[-1]) else 2
    return value * sqrt(beta / prod(shape[1:]))
