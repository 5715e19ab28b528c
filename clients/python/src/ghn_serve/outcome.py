"""What came of putting predicted weights into a network."""

from __future__ import annotations

from dataclasses import dataclass


class NotPredictedWarning(UserWarning):
    """Parameters that a network has and the weights do not: they are as they were."""


@dataclass(frozen=True)
class Loaded:
    """What was put in place, and which parameters were not predicted and are as they were."""

    predicted: list[str]
    not_predicted: list[str]
