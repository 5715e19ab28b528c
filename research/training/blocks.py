"""The blocks that networks are stacks of. Each appends itself to a NetworkBuilder; a stride of 2 halves the map."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """What the blocks of one network have in common."""

    norm: str
    activation: str
    kernel: int

    def conv(self, net, channels, kernel=None, stride=1, groups=1, activate=True):
        net.conv(channels, kernel or self.kernel, stride, groups)
        net.norm(self.norm)
        if activate:
            net.activation(self.activation)
        return net.last


def _downsample(random, net, stride):
    """Some networks halve the map by a pool before the block, others by a stride in it. Returns the stride left."""
    if stride == 2 and random.random() < 0.4:
        net.pool(random.choice(("MaxPool2d", "AvgPool2d")), 2, 2, 0)
        return 1
    return stride


def _shortcut(net, style, start, channels, stride):
    """The residual's other side: a 1×1 projection where shapes differ."""
    net.branch(start)
    if net.channels == channels and stride == 1:
        return start
    return style.conv(net, channels, 1, stride, activate=False)


def plain_block(random, net, style, width, stride):
    """A convolution."""
    style.conv(net, width, stride=_downsample(random, net, stride))


def residual_block(random, net, style, width, stride):
    """ResNet's basic block: two convolutions and a shortcut."""
    stride = _downsample(random, net, stride)
    start = net.last
    style.conv(net, width, stride=stride)
    end = style.conv(net, width, activate=False)
    net.add(_shortcut(net, style, start, width, stride), end)
    net.activation(style.activation)


def inverted_block(random, net, style, width, stride, squeeze=False):
    """MobileNet's: wide by a 1×1 convolution, depthwise, and narrow again."""
    start, inputs = net.last, net.channels
    hidden = inputs * random.choice((2, 3))
    style.conv(net, hidden, 1)
    style.conv(net, hidden, random.choice((3, 5)), stride, groups=hidden)
    if squeeze:
        net.squeeze_excitation(max(8, inputs // 4))
    end = style.conv(net, width, 1, activate=False)
    if inputs == width and stride == 1:
        net.add(start, end)


def squeeze_inverted_block(random, net, style, width, stride):
    """The same with squeeze-and-excitation, as EfficientNet's."""
    inverted_block(random, net, style, width, stride, squeeze=True)


def squeeze_residual_block(random, net, style, width, stride):
    """The residual block with squeeze-and-excitation."""
    start = net.last
    style.conv(net, width, stride=stride)
    style.conv(net, width, activate=False)
    end = net.squeeze_excitation(max(8, width // 4))
    net.add(_shortcut(net, style, start, width, stride), end)
    net.activation(style.activation)


def fire_block(random, net, style, width, stride):
    """SqueezeNet's: a 1×1 squeeze, then 1×1 and 3×3 side by side, concatenated."""
    _downsample_by_pool(random, net, stride)
    squeezed = style.conv(net, max(16, width // 2), 1)
    left = style.conv(net, width // 2, 1)
    net.branch(squeezed)
    right = style.conv(net, width // 2, 3)
    net.concat(left, right)


def _downsample_by_pool(random, net, stride):
    if stride == 2:
        net.pool(random.choice(("MaxPool2d", "AvgPool2d")), 2, 2, 0)


def bottleneck_block(random, net, style, width, stride, groups=1):
    """ResNet-50's; with groups, ResNeXt's."""
    start, inner = net.last, max(16, width // 2)
    style.conv(net, inner, 1)
    style.conv(net, inner, 3, stride, groups=groups)
    end = style.conv(net, width, 1, activate=False)
    net.add(_shortcut(net, style, start, width, stride), end)
    net.activation(style.activation)


def grouped_block(random, net, style, width, stride):
    """ResNeXt's."""
    bottleneck_block(random, net, style, width, stride, groups=4)


def dense_block(random, net, style, width, stride):
    """DenseNet's: what is new is concatenated to what came in; a 1×1 transition where the map is halved."""
    if stride == 2:
        style.conv(net, width, 1)
        net.pool("AvgPool2d", 2, 2, 0)
    start = net.last
    style.conv(net, 32, 1)
    new = style.conv(net, 16, 3)
    net.concat(start, new)


def _cell_operation(random, net, style, width, stride, activate):
    """One of a cell's convolutions: full, grouped, or depthwise, which keeps the width."""
    kernel, groups = random.choice(((1, 1), (3, 1), (5, 1), (3, 2), (3, 4), (3, 8), (3, 0), (5, 0)))
    if groups == 0:
        width = groups = net.channels
    style.conv(net, width, kernel, stride, groups, activate)


def cell_block(random, net, style, width, stride):
    """One or two random convolutions, perhaps with a shortcut or with squeeze-and-excitation."""
    start, count = net.last, random.choice((1, 2, 2))
    joins = random.random() < 0.6
    for position in range(count):
        last = position == count - 1
        _cell_operation(random, net, style, width, stride if position == 0 else 1, not (last and joins))
    if random.random() < 0.2:
        net.squeeze_excitation(max(8, net.channels // 4))
    if joins:
        end = net.last
        net.add(_shortcut(net, style, start, net.channels, stride), end)
        net.activation(style.activation)
