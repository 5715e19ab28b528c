"""Muon (Jordan et al., 2024): momentum, orthogonalised, for the matrices between a network's layers."""

import torch
import torch.distributed as distributed

# Of the quintic iteration that pushes all singular values towards 1.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
# Makes an update as large as AdamW's, so that both take the same learning rate (Liu et al., 2025).
RMS_RATIO = 0.2


class Muon(torch.optim.Optimizer):
    """For parameters with two dimensions, all in one group. Each worker orthogonalises its share of them."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.0, worker=0, workers=1):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.workers = workers
        self.own = _shares(self.param_groups[0]["params"], workers)[worker]

    @torch.no_grad()
    def step(self):
        (group,) = self.param_groups
        momentum, rate = group["momentum"], group["lr"]
        flat = torch.zeros(sum(parameter.numel() for parameter in group["params"]))
        updates = flat.split([parameter.numel() for parameter in group["params"]])
        for position, (parameter, update) in enumerate(zip(group["params"], updates)):
            state = self.state[parameter]
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            average = state["momentum"].lerp_(parameter.grad, 1 - momentum)
            if position in self.own:
                update.view_as(parameter).copy_(orthogonalise(parameter.grad.lerp(average, momentum)))
        if self.workers > 1:
            distributed.all_reduce(flat)
        for parameter, update in zip(group["params"], updates):
            parameter.mul_(1 - rate * group["weight_decay"])
            parameter.add_(update.view_as(parameter), alpha=-rate * RMS_RATIO * max(parameter.shape) ** 0.5)


def _shares(parameters, workers):
    """Positions of parameters for each worker, by what their orthogonalisation costs."""
    cost = [max(p.shape) * min(p.shape) ** 2 for p in parameters]
    shares, loads = [set() for _ in range(workers)], [0] * workers
    for position in sorted(range(len(parameters)), key=lambda p: -cost[p]):
        worker = loads.index(min(loads))
        shares[worker].add(position)
        loads[worker] += cost[position]
    return shares


def orthogonalise(matrix):
    """A matrix with the same singular vectors whose singular values are near 1."""
    a, b, c = COEFFICIENTS
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / (wide.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if matrix.shape[0] > matrix.shape[1] else x
