"""Random networks, one function per kind: a NetworkBuilder for 28 × 28 grey images and 10 classes.

`limits` says how wide and how deep: widths are drawn from limits.widths, the number of blocks from limits.blocks.
"""

from dataclasses import dataclass

from blocks import (
    Style,
    bottleneck_block,
    cell_block,
    dense_block,
    fire_block,
    grouped_block,
    inverted_block,
    plain_block,
    residual_block,
    squeeze_inverted_block,
    squeeze_residual_block,
)
from builder import NetworkBuilder

IMAGE_SIZE, IMAGE_CHANNELS, NUM_CLASSES = 28, 1, 10
# Layers at 14 × 14 cost four times as much as at 7 × 7, so they are narrow.
EARLY_WIDTHS = (16, 24)
ACTIVATIONS = ("ReLU", "ReLU", "GELU", "SiLU")


@dataclass(frozen=True)
class Limits:
    """How wide, how deep, and with which norms."""

    widths: tuple = (16, 24, 32, 40, 48)
    blocks: tuple = (1, 2, 3, 4, 5)
    token_widths: tuple = (32, 40, 48)
    token_blocks: tuple = (1, 2, 3)
    norms: tuple = ("BatchNorm2d", "BatchNorm2d", "LayerNorm2d")


SAME = Limits()
# Trained on more often than tested on, as LayerNorm's networks are harder to predict; never wider or deeper.
TRAINED = Limits(
    widths=(16, 24, 32, 40, 48, 56), token_widths=(24, 32, 40, 48, 56), norms=("BatchNorm2d", "LayerNorm2d")
)
WIDER = Limits(widths=(64, 80, 96), token_widths=(64, 80, 96))
DEEPER = Limits(blocks=(7, 8, 9, 10), token_blocks=(5, 6))


def _stem(random, net, style):
    """From 28 × 28 to 14 × 14 or 7 × 7."""
    kind = random.choice(("conv", "conv", "conv_pool", "conv_pool", "patch"))
    width = random.choice(EARLY_WIDTHS)
    if kind == "patch":
        net.conv(width, 4, stride=4, padding=0)
        net.norm(style.norm)
        return net.activation(style.activation)
    style.conv(net, width, random.choice((3, 3, 5, 7)), stride=2)
    if kind == "conv_pool":
        net.pool(*random.choice((("MaxPool2d", 2, 2, 0), ("MaxPool2d", 3, 2, 1), ("AvgPool2d", 2, 2, 0))))
    return net.last


def _head(random, net, norm):
    net.global_pool()
    if norm != "BatchNorm2d" and random.random() < 0.7:
        net.norm("LayerNorm")
    if random.random() < 0.15:
        net.linear(random.choice((32, 48, 64)))
        net.activation("ReLU")
    net.linear(NUM_CLASSES, classifier=True)
    return net


def _staged(random, limits, block, kernels=(3, 3, 3, 3, 5)):
    """Stem, stages of blocks of which the first may halve the map, head."""
    style = Style(random.choice(limits.norms), random.choice(ACTIVATIONS), random.choice(kernels))
    net = NetworkBuilder(IMAGE_CHANNELS, IMAGE_SIZE)
    _stem(random, net, style)
    blocks = random.choice(limits.blocks)
    stages = min(random.choice((1, 2, 2)), blocks)
    first = random.randint(1, blocks - 1) if stages == 2 else blocks
    widths = sorted(random.choice(limits.widths) for _ in range(stages))
    if net.size == 14 and random.random() < 0.3:
        block(random, net, style, net.channels, 1)
    for position in range(blocks):
        halve = position == first or (position == 0 and net.size == 14)
        block(random, net, style, widths[position >= first], 2 if halve else 1)
    return _head(random, net, style.norm)


def _token_feed_forward(net, width, ratio):
    net.linear(width * ratio)
    net.activation("GELU")
    net.linear(width)


def convnext(random, limits):
    """Patch stem, blocks of depthwise convolution, LayerNorm and two 1×1 convolutions, LayerNorm before the head."""
    net = NetworkBuilder(IMAGE_CHANNELS, IMAGE_SIZE)
    width = random.choice(limits.widths)
    if random.random() < 0.6:
        net.conv(width, 4, stride=4, padding=0, bias=True)
    else:
        net.conv(random.choice(EARLY_WIDTHS), 3, stride=2, bias=True)
        net.norm("LayerNorm2d")
        net.activation("GELU")
        net.conv(width, 2, stride=2, padding=0, bias=True)
    net.norm("LayerNorm2d")
    kernel, ratio, blocks = random.choice((3, 5, 7)), random.choice((2, 3, 4)), random.choice(limits.blocks)
    halving = random.randint(1, blocks - 1) if blocks > 1 and random.random() < 0.4 else None
    for position in range(blocks):
        if position == halving:
            wider = random.choice([w for w in limits.widths if w >= net.channels])
            net.norm("LayerNorm2d")
            net.conv(wider, 2, stride=2, padding=0, bias=True)
        start, channels = net.last, net.channels
        net.conv(channels, kernel, groups=channels, bias=True)
        net.norm("LayerNorm2d")
        net.conv(channels * ratio, 1, bias=True)
        net.activation("GELU")
        net.add(start, net.conv(channels, 1, bias=True))
    net.global_pool()
    net.norm("LayerNorm")
    net.linear(NUM_CLASSES, classifier=True)
    return net


def vit(random, limits):
    """A small vision transformer with pre-norm blocks; tokens are averaged before the head."""
    net = NetworkBuilder(IMAGE_CHANNELS, IMAGE_SIZE)
    width = random.choice(limits.token_widths)
    if random.random() < 0.5:
        patch = random.choice((4, 7))
        net.conv(width, patch, stride=patch, padding=0, bias=True)
    else:
        net.conv(random.choice(EARLY_WIDTHS), 3, stride=2)
        net.norm(random.choice(("BatchNorm2d", "LayerNorm2d")))
        net.activation("ReLU")
        stride = random.choice((2, 4))
        net.conv(width, stride, stride=stride, padding=stride // 4, bias=True)
    net.tokens()
    net.position_embedding()
    heads, ratio = random.choice((2, 4)), random.choice((2, 3, 4))
    for _ in range(random.choice(limits.token_blocks)):
        start = net.last
        net.norm("LayerNorm")
        attended = net.add(start, net.attention(heads))
        net.norm("LayerNorm")
        _token_feed_forward(net, width, ratio)
        net.add(attended, net.last)
    net.norm("LayerNorm")
    net.mean_token()
    net.linear(NUM_CLASSES, classifier=True)
    return net


def plain(random, limits):
    """VGG-like: one convolution after the other."""
    return _staged(random, limits, plain_block)


def residual(random, limits):
    """ResNet-like, two convolutions a block."""
    return _staged(random, limits, residual_block)


def inverted(random, limits):
    """MobileNet-like inverted bottlenecks."""
    return _staged(random, limits, inverted_block)


def squeeze(random, limits):
    """Squeeze-and-excitation networks."""
    return _staged(random, limits, random.choice((squeeze_inverted_block, squeeze_residual_block)))


def fire(random, limits):
    """SqueezeNet-like."""
    return _staged(random, limits, fire_block)


def cells(random, limits):
    """Every block another random cell."""
    return _staged(random, limits, cell_block)


def bottleneck(random, limits):
    """ResNet-50-like. Never trained on."""
    return _staged(random, limits, bottleneck_block)


def grouped(random, limits):
    """ResNeXt-like. Never trained on."""
    return _staged(random, limits, grouped_block)


def dense(random, limits):
    """DenseNet-like. Never trained on."""
    return _staged(random, limits, dense_block)


# kind → how often it is drawn, in per cent.
TESTED_KINDS = {plain: 16, residual: 20, inverted: 14, squeeze: 14, fire: 6, convnext: 16, vit: 14}
# What is harder to predict is trained on more often; random cells are there for the sake of blocks never trained on.
TRAINED_KINDS = {plain: 7, residual: 9, inverted: 15, squeeze: 14, fire: 12, convnext: 11, vit: 17, cells: 15}
UNSEEN_KINDS = {bottleneck: 1, grouped: 1, dense: 1}
