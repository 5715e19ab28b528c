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

    def __repr__(self) -> str:
        """How many, and of the few that are missing the names: of a ResNet-50 there are 161."""
        missing = ", ".join(self.not_predicted[:3]) + (", …" if len(self.not_predicted) > 3 else "")
        rest = f"{len(self.not_predicted)} not: {missing}" if self.not_predicted else "none left"
        return f"<Loaded: {len(self.predicted)} tensors predicted, {rest}>"
