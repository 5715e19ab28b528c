"""The outcome of loading predicted weights into a network."""

from __future__ import annotations

from dataclasses import dataclass


class NotPredictedWarning(UserWarning):
    """Parameters that the network has and the weights do not. They are unchanged."""


@dataclass(frozen=True)
class Loaded:
    """The parameters that were loaded, and those that were not predicted and are unchanged."""

    predicted: list[str]
    not_predicted: list[str]

    def __repr__(self) -> str:
        """The number of tensors, and the first names of those that are missing: a ResNet-50 has 161."""
        missing = ", ".join(self.not_predicted[:3]) + (", …" if len(self.not_predicted) > 3 else "")
        rest = f"{len(self.not_predicted)} not: {missing}" if self.not_predicted else "none left"
        return f"<Loaded: {len(self.predicted)} tensors predicted, {rest}>"
