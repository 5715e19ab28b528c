"""scikit-learn's 1,797 digits: of other writers than MNIST's, on which the packaged GHN is trained."""

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

SPLIT_SEED = 7
POOL_COUNT, VALIDATION_COUNT = 600, 400
# MNIST's digits are 20 × 20 in a frame of 28 × 28, and the GHN's networks expect its mean and deviation.
DIGIT_SIZE, MARGIN = 20, 4
MEAN, STD = 0.1307, 0.3081
DARKEST = 16


@dataclass(frozen=True)
class Images:
    """Images [n, 1, 28, 28], normalised, and labels [n]."""

    images: Tensor
    labels: Tensor

    def __getitem__(self, rows: Tensor) -> "Images":
        return Images(self.images[rows], self.labels[rows])


def load_splits() -> dict[str, Images]:
    """`pool`, from which few labels are drawn; `validation`, to choose learning rates; `test`, the rest."""
    digits = load_digits()
    pixels = torch.tensor(digits.images, dtype=torch.float32)[:, None] / DARKEST
    enlarged = functional.interpolate(pixels, size=DIGIT_SIZE, mode="bilinear", align_corners=False)
    framed = (functional.pad(enlarged, (MARGIN,) * 4) - MEAN) / STD
    everything = Images(framed, torch.tensor(digits.target))
    order = torch.randperm(len(everything.labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
    pool, validation, test = order.tensor_split((POOL_COUNT, POOL_COUNT + VALIDATION_COUNT))
    return {"pool": everything[pool], "validation": everything[validation], "test": everything[test]}


def few_labels(pool: Images, labels_per_class: int, seed: int) -> Images:
    """A random training set with so many images of each class."""
    order = torch.randperm(len(pool.labels), generator=torch.Generator().manual_seed(seed))
    shuffled = pool[order]
    rows = [(shuffled.labels == label).nonzero().flatten()[:labels_per_class] for label in pool.labels.unique()]
    return shuffled[torch.cat(rows)]
