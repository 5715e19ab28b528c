"""run_keras_twin.py MODEL FILE INPUT: the output of a Keras model's PyTorch twin, as JSON.

MODEL is mobilenet or resnet, the networks of test/fixtures/keras/make_keras.py, which are here once more in PyTorch. FILE
is a prediction's weights, a safetensors file in Keras' names and layouts; INPUT has the input's values, float32 and
channels last, of a batch of two.
"""

import json
import struct
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F


class SamePadding(nn.Conv2d):
    """Keras' "same": the odd pixel of padding is at the right and at the bottom."""

    def forward(self, x):
        pads = []
        for length, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
            padding = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            pads += [padding // 2, padding - padding // 2]
        return super().forward(F.pad(x, pads))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        wide = 4 * inputs
        self.expand = nn.Conv2d(inputs, wide, 1, bias=False)
        self.expand_bn = nn.BatchNorm2d(wide, eps=1e-3)
        self.depthwise = SamePadding(wide, wide, 3, stride, groups=wide, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(wide, eps=1e-3)
        self.project = nn.Conv2d(wide, outputs, 1, bias=False)
        self.project_bn = nn.BatchNorm2d(outputs, eps=1e-3)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = F.relu6(self.expand_bn(self.expand(x)))
        y = F.relu6(self.depthwise_bn(self.depthwise(y)))
        y = self.project_bn(self.project(y))
        return x + y if self.is_residual else y


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = SamePadding(3, 16, 3, 2, bias=False)
        self.conv1_bn = nn.BatchNorm2d(16, eps=1e-3)
        self.block_0 = InvertedResidual(16, 24, 2)
        self.block_1 = InvertedResidual(24, 24, 1)
        self.block_2 = InvertedResidual(24, 40, 2)
        self.block_3 = InvertedResidual(40, 40, 1)
        self.predictions = nn.Linear(40, 10)

    def forward(self, x):
        x = F.relu6(self.conv1_bn(self.conv1(x)))
        x = self.block_3(self.block_2(self.block_1(self.block_0(x))))
        return self.predictions(x.mean((2, 3))).softmax(-1)


class ConvolutionAndNorm(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.bn = nn.BatchNorm2d(outputs, eps=1.001e-5)

    def forward(self, x):
        return self.bn(self.conv(x))


class Bottleneck(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        self.shortcut = ConvolutionAndNorm(inputs, 4 * filters, 1, stride)
        self.first = ConvolutionAndNorm(inputs, filters, 1, stride)
        self.second = ConvolutionAndNorm(filters, filters, 3, padding=1)
        self.third = ConvolutionAndNorm(filters, 4 * filters, 1)

    def forward(self, x):
        y = self.third(F.relu(self.second(F.relu(self.first(x)))))
        return F.relu(self.shortcut(x) + y)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = ConvolutionAndNorm(3, 16, 7, 2, 3)
        self.conv2 = Bottleneck(16, 16, 1)
        self.conv3 = Bottleneck(64, 32, 2)
        self.predictions = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2)
        return self.predictions(self.conv3(self.conv2(x)).mean((2, 3)))


BOTTLENECK = {"shortcut": "0", "first": "1", "second": "2", "third": "3"}


def keras_layer(module):
    """The name that Keras' layer has for a module of these networks."""
    for part, number in BOTTLENECK.items():
        module = module.replace(f".{part}.", f"_{number}_")
    return module.replace(".", "_")


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(data[start:end], "<f4").reshape(entry["shape"]).copy()
    return tensors


def to_pytorch(module, tensor):
    """A kernel in PyTorch's layout."""
    if isinstance(module, nn.Linear) and tensor.ndim == 2:
        return tensor.T
    if isinstance(module, nn.Conv2d) and tensor.ndim == 4:
        # Depthwise: [height, width, channels, 1]; else [height, width, in, out].
        return tensor.transpose(2, 3, 0, 1) if module.groups > 1 else tensor.transpose(3, 2, 0, 1)
    return tensor


def load(network, tensors):
    left = set(tensors)
    for name, module in network.named_modules():
        for own, parameter in module.named_parameters(recurse=False):
            kernels = ["depthwise_kernel", "kernel"] if isinstance(module, (nn.Conv2d, nn.Linear)) else ["gamma"]
            names = kernels if own == "weight" else ["bias", "beta"]
            paths = [f"{keras_layer(name)}/{variable}" for variable in names]
            (path,) = left.intersection(paths)
            left.remove(path)
            value = torch.from_numpy(numpy.ascontiguousarray(to_pytorch(module, tensors[path])))
            assert value.shape == parameter.shape, f"{path}: {value.shape} instead of {parameter.shape}"
            parameter.data = value
    assert not left, f"not in PyTorch's network: {left}"


def main(model, weights, values):
    network, side = {"mobilenet": (MobileNet(), 32), "resnet": (ResNet(), 64)}[model]
    load(network, read_safetensors(weights))
    images = numpy.fromfile(values, "<f4").reshape(2, side, side, 3)
    network.eval()
    with torch.no_grad():
        output = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    print(json.dumps(output.flatten().tolist()))


main(*sys.argv[1:])
