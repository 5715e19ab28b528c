"""A trace concerns its own thread, and leaves all that it runs as it was."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from graphs import labels, ops

from ghn_serve import NetworkError, TraceWarning, trace

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
nn = torch.nn
F = torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore::ghn_serve.TraceWarning")

IMAGE = (2, 3, 16, 16)


def network() -> Any:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout(0.5), nn.Flatten(), nn.Linear(1568, 10))


class Beside:
    """Work that another thread does over and over, for as long as the block lasts."""

    def __init__(self, work: Any) -> None:
        self.work, self.errors, self.times = work, [], 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set() or not self.times:
            try:
                self.work()
            except Exception as error:
                self.errors.append(error)
            self.times += 1

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize("other", [nn.Sequential(*(nn.Linear(8, 8) for _ in range(30))), nn.LSTM(8, 8)])
def test_another_thread_can_run_a_network_meanwhile(other: Any) -> None:
    expected = labels(trace(network(), IMAGE))
    with Beside(lambda: other(torch.rand(4, 1, 8))) as beside:
        assert all(labels(trace(network(), IMAGE)) == expected for _ in range(20))
    assert not beside.errors


def test_another_thread_can_run_the_traced_network_itself() -> None:
    shared = network().eval()
    expected = labels(trace(shared, IMAGE))
    with Beside(lambda: shared(torch.rand(*IMAGE))) as beside:
        assert all(labels(trace(shared, IMAGE)) == expected for _ in range(20))
    assert not beside.errors


def test_two_threads_can_trace_at_once_the_same_network_too() -> None:
    shared = network().eval()
    expected = labels(trace(shared, IMAGE))
    with Beside(lambda: trace(shared, IMAGE)) as beside:
        assert all(labels(trace(module, IMAGE)) == expected for module in (shared, network()) for _ in range(10))
    assert not beside.errors
    assert not any(module.training for module in shared.modules())


def test_generators_are_as_they_were_after_two_traces_at_once() -> None:
    torch.manual_seed(1), random.seed(1)
    expected = torch.rand(1).item(), random.random()
    one, other = network(), network()
    torch.manual_seed(1), random.seed(1)
    with Beside(lambda: trace(other, IMAGE)) as beside:
        for _ in range(5):
            trace(one, IMAGE)
    assert not beside.errors
    assert (torch.rand(1).item(), random.random()) == expected


def test_an_error_that_a_network_catches_itself_does_not_confuse_the_trace() -> None:
    class Failing(nn.Module):
        def forward(self, x: Any) -> Any:
            raise RuntimeError("not here")

    class Catching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.failing, self.norm, self.head = Failing(), nn.LayerNorm(8), nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            try:
                x = self.failing(x)
            except RuntimeError:
                x = self.norm(x)
            return self.head(x)

    assert ops(trace(Catching(), (1, 8))) == ["input", "ln", "conv", "bias"]


def test_modes_values_and_generators_are_as_they_were() -> None:
    module = network()
    module[1].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    modes = [child.training for child in module.modules()]
    draws = (random.random, np.random.rand, lambda: torch.rand(1).item())
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = [draw() for draw in draws]
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    trace(module, IMAGE)
    assert [draw() for draw in draws] == expected
    assert [child.training for child in module.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in module.modules())


class Clipping(nn.Linear):
    """Writes to its weight while it runs, as Wasserstein critics do."""

    def forward(self, x: Any) -> Any:
        with torch.no_grad():
            self.weight.clamp_(-0.01, 0.01)
            self.bias[1:].zero_()
        return super().forward(x)


class Reassigning(nn.Linear):
    """Puts other data in its weight's place, as layers with a norm's limit do."""

    def forward(self, x: Any) -> Any:
        self.weight.data = torch.renorm(self.weight.data, 2, 0, 0.01)
        return super().forward(x)


class Replacing(nn.Linear):
    def forward(self, x: Any) -> Any:
        self.weight = nn.Parameter(self.weight * 2)
        return super().forward(x)


class Remembering(nn.Linear):
    """Counts, keeps what it saw, and has a buffer that grows."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.register_buffer("seen", torch.zeros(1, sizes[0]))
        self.register_buffer("last", torch.zeros(3))
        self.steps, self.memory = 0, []

    def forward(self, x: Any) -> Any:
        self.seen = torch.cat([self.seen, x])
        self.last.resize_(7).fill_(1)
        self.steps += 1
        self.memory.append(x)
        self.new = x
        self.weight.requires_grad_(False)
        return super().forward(x)


class Unruly(nn.Linear):
    def forward(self, x: Any) -> Any:
        self.weight.data.zero_()
        self.weight.data = torch.ones(1)
        raise RuntimeError("broken")


@pytest.mark.parametrize("layer", [Clipping, Reassigning, Replacing, Remembering, Unruly])
def test_what_a_network_changes_in_itself_is_put_back(layer: Any) -> None:
    module = nn.Sequential(layer(4, 4), nn.ReLU(), nn.Linear(4, 2))
    first = module[0]
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    places = {name: tensor.data_ptr() for name, tensor in module.named_parameters()}
    attributes = set(vars(first))
    for _ in range(3):
        if layer is Unruly:
            with pytest.raises(NetworkError, match=r"Sequential does not run on .* \(RuntimeError: broken\)"):
                trace(module, (2, 4))
        else:
            assert ops(trace(module, (2, 4))) == ["input", "conv", "bias", "conv", "bias"]
    after = module.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.items())
    assert {name: tensor.data_ptr() for name, tensor in module.named_parameters()} == places
    assert set(vars(first)) == attributes
    if layer is Remembering:
        assert (first.steps, first.memory) == (0, [])
        assert first.weight.requires_grad


def test_the_example_is_left_as_it_was() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, batch: Any) -> Any:
            return self.layer(batch.pop("x").mul_(0))

    example = ({"x": torch.ones(1, 4)},)
    trace(InPlace(), example)
    assert torch.equal(example[0]["x"], torch.ones(1, 4))


def test_a_layer_that_is_made_in_the_first_run_is_asked_for() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), None

        def forward(self, x: Any) -> Any:
            x = self.first(x)
            if self.second is None:
                self.second = nn.Linear(x.shape[1], 2)
            return self.second(x)

    module = Late()
    with pytest.raises(NetworkError, match=r"second\.weight is made when Late first runs: run it once"):
        trace(module, (1, 4))
    assert module.second is None
    module(torch.rand(1, 4))
    assert ops(trace(module, (1, 4))) == ["input", "conv", "bias", "conv", "bias"]


def test_sparse_tensors_are_followed() -> None:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)

        def forward(self, x: Any, neighbours: Any) -> Any:
            return self.b(torch.relu(torch.sparse.mm(neighbours, self.a(x))))

    graph = trace(Graph(), (torch.rand(5, 4), torch.eye(5).to_sparse()))
    assert ops(graph) == ["input", "conv", "bias", "conv", "bias"]


def test_the_graph_is_the_same_inside_inference_mode() -> None:
    class Decorated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = network()

        @torch.inference_mode()
        def forward(self, x: Any) -> Any:
            return self.body(x)

    expected = ops(trace(network(), IMAGE))
    with torch.inference_mode():
        made_inside = network()
        assert ops(trace(made_inside, IMAGE)) == expected
    assert ops(trace(made_inside, IMAGE)) == expected
    assert ops(trace(Decorated(), IMAGE)) == expected


class Dropping(nn.Module):
    """Skips layers at random in training, in one of the ways that people write it."""

    def __init__(self, draw: Any) -> None:
        super().__init__()
        self.layers, self.head = nn.ModuleList(nn.Linear(8, 8) for _ in range(6)), nn.Linear(8, 2)
        self.draw = draw

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            if not self.training or self.draw() >= 0.5:
                x = x + torch.relu(layer(x))
        return self.head(x)


@pytest.mark.parametrize("draw", [random.random, np.random.rand, lambda: torch.rand(())])
def test_layers_that_are_dropped_at_random_are_all_there(draw: Any, recwarn: pytest.WarningsRecorder) -> None:
    module = Dropping(draw)
    graphs = [labels(trace(module, (1, 8))) for _ in range(4)]
    assert all(graph == labels(trace(module, (1, 8), training=False)) for graph in graphs)
    assert not [entry for entry in recwarn if isinstance(entry.message, TraceWarning)]


def test_auxiliary_heads_are_there_although_layers_are_dropped() -> None:
    class WithAuxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.auxiliary = Dropping(random.random), nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            x = self.body(x)
            return (x, self.auxiliary(x)) if self.training else x

    assert ops(trace(WithAuxiliary(), (1, 8))).count("conv") == 8


def test_a_list_can_be_what_drops_layers() -> None:
    class Sparing(nn.ModuleList):
        """Gives its layers by chance."""

        def __iter__(self) -> Any:
            chances = torch.empty(len(self)).uniform_()
            return (layer for layer, chance in zip(super().__iter__(), chances) if not self.training or chance > 0.5)

    class WithAuxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = Sparing(nn.Linear(8, 8) for _ in range(6))
            self.head, self.auxiliary = nn.Linear(8, 2), nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = x + torch.relu(layer(x))
            return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)

    assert ops(trace(WithAuxiliary(), (1, 8))).count("conv") == 8
