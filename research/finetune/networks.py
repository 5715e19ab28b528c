"""The two networks that are fine-tuned: small, for 28 × 28 grey images and ten classes."""

from torch import Tensor, nn
from torch.nn import functional

NUM_CLASSES = 10
IMAGE_SHAPE = (1, 1, 28, 28)


class LayerNorm2d(nn.LayerNorm):
    """LayerNorm over the channels of maps [B, C, h, w]."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """ResNet's basic block: two 3 × 3 convolutions, and a 1 × 1 projection where shapes differ."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != width or stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.shortcut(x) + self.bn2(self.conv2(inner)))


class ResNet(nn.Module):
    """As wide and as deep as the residual networks that the packaged GHN is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 24, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.blocks = nn.Sequential(ResidualBlock(24, 32, 1), ResidualBlock(32, 48, 2), ResidualBlock(48, 48, 1))
        self.head = nn.Linear(48, NUM_CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(images)).mean((2, 3)))


class ConvNeXtBlock(nn.Module):
    """Depthwise 7 × 7 convolution, LayerNorm, two 1 × 1 convolutions with GELU between; no layer scale."""

    def __init__(self, width: int, ratio: int = 4) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = LayerNorm2d(width, eps=1e-6)
        self.expand = nn.Conv2d(width, ratio * width, 1)
        self.reduce = nn.Conv2d(ratio * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.reduce(functional.gelu(self.expand(self.norm(self.depthwise(x)))))


class ConvNeXt(nn.Module):
    """The novel one: its second stage is twice as wide as any that the packaged GHN is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 48, 4, stride=4), LayerNorm2d(48, eps=1e-6))
        self.stage1 = ConvNeXtBlock(48)
        self.downsample = nn.Sequential(LayerNorm2d(48, eps=1e-6), nn.Conv2d(48, 96, 2, stride=2))
        self.stage2 = nn.Sequential(ConvNeXtBlock(96), ConvNeXtBlock(96))
        self.norm = nn.LayerNorm(96, eps=1e-6)
        self.head = nn.Linear(96, NUM_CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stage2(self.downsample(self.stage1(self.stem(images))))
        return self.head(self.norm(features.mean((2, 3))))


NETWORKS: dict[str, type[nn.Module]] = {"ResNet-like": ResNet, "ConvNeXt-like": ConvNeXt}
