"""How diverse the rows of weights are, by the two figures of `GET /predictions/{id}/statistics`."""

from statistics import fmean

import torch
from ghn_serve import Client
from torch import Tensor

from conditions import Start, hidden_weights


def diversity(start: Start, client: Client) -> dict[str, float]:
    """
    Means over the hidden weights: `effective_rank`, as a part of the full rank, and `mean_abs_cosine`. The service is
    asked for those of its predictions; `difference` is the largest between its figures and those computed here.
    """
    weights = {name: value.detach() for name, value in hidden_weights(start.network).items()}
    rows = {name: measured(value) for name, value in weights.items()}
    difference = 0.0
    if start.prediction is not None:
        served = {
            tensor["name"]: (tensor["effective_rank"], tensor["mean_abs_cosine"])
            for tensor in client.statistics(start.prediction)["tensors"]
        }
        difference = max(abs(a - b) for name in rows for a, b in zip(rows[name], served[name]))
        rows = {name: served[name] for name in rows}
    full = {name: min(len(value), value[0].numel()) for name, value in weights.items()}
    return {
        "effective_rank": fmean(rank / full[name] for name, (rank, _) in rows.items()),
        "mean_abs_cosine": fmean(cosine for _, cosine in rows.values()),
        "difference": difference,
    }


def measured(weight: Tensor) -> tuple[float, float]:
    """exp of the entropy of the normalised singular values of [o, rest], and the mean |cosine| over pairs of rows."""
    matrix = weight.flatten(1).double()
    values = torch.linalg.svdvals(matrix)
    share = values / values.sum()
    entropy = -(share * share.clamp_min(torch.finfo(share.dtype).tiny).log()).sum()
    unit = torch.nn.functional.normalize(matrix)
    cosines = (unit @ unit.T).abs()
    pairs = torch.ones_like(cosines).triu(1).bool()
    return float(entropy.exp()), float(cosines[pairs].mean())
