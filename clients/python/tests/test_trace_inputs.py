"""What a trace takes as an example, and what of it counts as the network's input."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from graphs import inputs_of, labels, ops, owned

from ghn_serve import NetworkError, TraceWarning, predict, trace

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
nn = torch.nn
F = torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore::ghn_serve.TraceWarning")


class Convolved(nn.Module):
    """A graph convolution, whose neighbourhood is an argument or a buffer, dense or as pairs."""

    def __init__(self, neighbours: Any = None) -> None:
        super().__init__()
        self.a, self.bias, self.b = nn.Linear(6, 8, bias=False), nn.Parameter(torch.zeros(8)), nn.Linear(8, 2)
        self.register_buffer("neighbours", neighbours, persistent=False)

    def forward(self, x: Any, neighbours: Any = None) -> Any:
        neighbours = self.neighbours if neighbours is None else neighbours
        for layer in (self.a, self.b):
            x = self.spread(layer(x), neighbours)
            x = torch.relu(x + self.bias) if layer is self.a else x
        return x

    def spread(self, x: Any, neighbours: Any) -> Any:
        if neighbours.is_floating_point():
            return neighbours @ x / neighbours.sum(1, keepdim=True)
        source, target = neighbours
        return torch.zeros_like(x).index_add(0, target, x[source])


class AdjacencyFirst(Convolved):
    def forward(self, x: Any, neighbours: Any = None) -> Any:
        neighbours = self.neighbours if neighbours is None else neighbours
        return self.b(torch.relu(self.a(neighbours @ x) + self.bias))


NEIGHBOURS = [torch.rand(5, 5), torch.randint(0, 5, (2, 7))]


@pytest.mark.parametrize("neighbours", NEIGHBOURS, ids=["matrix", "pairs"])
def test_a_neighbourhood_is_no_data(neighbours: Any) -> None:
    x = torch.rand(5, 6)
    given = trace(Convolved(), (x, neighbours))
    assert labels(given) == labels(trace(Convolved(neighbours), x))
    assert ops(given) == ["input", "conv", "bias", "conv", "bias"]


def test_nor_is_one_that_comes_before_the_first_layer() -> None:
    x, neighbours = torch.rand(5, 6), NEIGHBOURS[0]
    given = trace(AdjacencyFirst(), (x, neighbours))
    assert labels(given) == labels(trace(AdjacencyFirst(neighbours), x))


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 2)

    def forward(self, x: Any, mask: Any = None) -> Any:
        mask = torch.ones(x.shape[:2]) if mask is None else mask
        x = x * mask[..., None]
        y = self.a(x) * mask.unsqueeze(-1)
        y = y.masked_fill(mask.unsqueeze(-1) == 0, 0.0) + torch.where(mask[..., None] > 0, y, torch.zeros(()))
        return self.b(y.sum(1) / mask.sum(1, keepdim=True).clamp(min=1))


@pytest.mark.parametrize("mask", [torch.ones(2, 5), torch.tensor([[1.0, 1, 1, 0, 0]] * 2)])
def test_a_mask_is_no_data(mask: Any) -> None:
    x = torch.rand(2, 5, 6)
    assert labels(trace(Masked(), (x, mask))) == labels(trace(Masked(), x))


def test_a_mask_that_is_made_of_the_tokens_themselves_is_no_data() -> None:
    class Text(nn.Module):
        def __init__(self, padded: bool) -> None:
            super().__init__()
            self.embedding, self.attention = nn.Embedding(9, 8), nn.MultiheadAttention(8, 2, batch_first=True)
            self.head, self.padded = nn.Linear(8, 2), padded

        def forward(self, tokens: Any) -> Any:
            x = self.embedding(tokens)
            if not self.padded:
                return self.head(self.attention(x, x, x)[0].mean(1))
            present = tokens != 0
            x = self.attention(x, x, x, key_padding_mask=~present)[0] * present[..., None]
            return self.head(x.sum(1) / present.sum(1, keepdim=True))

    graph = trace(Text(True), torch.tensor([[1, 2, 0]]))
    assert [edge for edge in graph["edges"] if edge[0] == "input"] == [["input", "embedding"]]
    assert owned(graph) == owned(trace(Text(False), torch.tensor([[1, 2, 3]])))


def test_nor_is_one_of_the_datas_own_shape() -> None:
    class Inpainting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 3)

        def forward(self, x: Any, mask: Any = None) -> Any:
            mask = torch.ones_like(x) if mask is None else mask
            return self.b(self.a(x * mask) * mask)

    x = torch.rand(2, 1, 8, 8)
    assert labels(trace(Inpainting(), (x, (x > 0.5).float()))) == labels(trace(Inpainting(), x))


@pytest.mark.parametrize("scale", [torch.ones(6), torch.rand(1, 1, 6)])
def test_a_scale_and_a_mean_are_no_data(scale: Any) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 2)

        def forward(self, x: Any, mean: Any = scale, deviation: Any = scale) -> Any:
            return self.b(self.a((x - mean) / deviation) * deviation + mean)

    x = torch.rand(2, 5, 6)
    assert labels(trace(Scaled(), (x, scale, scale.clone()))) == labels(trace(Scaled(), x))


def test_an_input_that_is_joined_to_activations_is_data() -> None:
    class Late(nn.Module):
        def __init__(self, join: Any) -> None:
            super().__init__()
            self.a, self.b, self.join = nn.Linear(4, 4), nn.LazyLinear(2), join

        def forward(self, x: Any, y: Any) -> Any:
            return self.b(self.join(self.a(x), y))

    for join, op in ((lambda x, y: torch.cat([x, y], 1), "concat"), (torch.add, "sum")):
        module = Late(join)
        module(torch.rand(1, 4), torch.rand(1, 4))
        assert inputs_of(trace(module, ((1, 4), (1, 4))), f"{op}_0") == {"input", "a.bias"}


class Wrapped:
    def __init__(self, x: Any) -> None:
        self.x = x


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x


@dataclass
class Data:
    x: Any


class Nested:
    """As graph libraries keep their data: in a mapping of an object that refers back."""

    def __init__(self, x: Any) -> None:
        self.store = {"x": x, "all": self}

    @property
    def x(self) -> Any:
        return self.store["x"]


HOLDERS = [Wrapped, Slotted, Data, Nested, lambda x: SimpleNamespace(x=x), namedtuple("Named", "x")]


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("named", [False, True])
def test_objects_are_looked_into(holder: Any, named: bool) -> None:
    class Through(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, batch: Any) -> Any:
            return holder(self.layer(batch.x))

    example = holder(torch.rand(2, 4))
    graph = trace(Through(), {"batch": example} if named else (example,))
    assert ops(graph) == ["input", "conv", "bias"]
    assert graph["edges"] == [["input", "layer"], ["layer", "layer.bias"]]


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 2), nn.Linear(3, 2)

    def forward(self, x: Any, y: Any) -> Any:
        return self.a(x) + self.b(y)


EXAMPLES = [
    ((1, 4), (1, 3)),
    [(1, 4), (1, 3)],
    {"x": (1, 4), "y": (1, 3)},
    (np.zeros((1, 4)), np.zeros((1, 3), np.float32)),
    {"x": np.zeros((1, 4)), "y": torch.zeros(1, 3)},
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_shapes_and_arrays_become_tensors(example: Any) -> None:
    assert inputs_of(trace(Two(), example), "sum_0") == {"a.bias", "b.bias"}


def test_a_shape_becomes_a_tensor_of_the_modules_real_numbers() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.complex = nn.Parameter(torch.zeros(4, dtype=torch.cfloat))
            self.layer = nn.Linear(4, 2).double()

        def forward(self, x: Any) -> Any:
            return self.layer(x)

    assert owned(trace(Mixed(), (1, 4))) == {"layer.weight", "layer.bias"}


@pytest.mark.parametrize("kept", [{"input_size": (1, 20, 20)}, SimpleNamespace(input_size=(1, 20, 20))])
def test_an_image_has_the_size_that_the_network_says_it_was_trained_with(kept: Any) -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 5), nn.Flatten(), nn.Linear(2 * 16 * 16, 3))
    module.pretrained_cfg = kept
    assert ops(trace(module)) == ["input", "conv", "bias", "conv", "bias"]


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 4), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.embedding(x))


REFUSED = [
    (Text(), (1, 5), "give token ids as a tensor"),
    (Two(), (1, 4), "one input for each argument"),
    (Two(), "two", "the example is a str"),
    (Two(), object(), "the example is an object"),
    (nn.Linear(4, 2), (1, 5), r"Linear does not run on an input of shape \(1, 5\)"),
    (nn.Sequential(nn.ReLU()), (1, 4), "Sequential has no parameters to predict"),
    (nn.Sequential(nn.PReLU()), (1, 4), "no parameter that a GHN could predict: .*prelu"),
]


@pytest.mark.parametrize(("module", "example", "sentence"), REFUSED)
def test_what_cannot_be_traced_is_refused_in_a_sentence(module: Any, example: Any, sentence: str) -> None:
    with pytest.raises(NetworkError, match=sentence) as refused:
        trace(module, example)
    assert "\n" not in str(refused.value)
    with pytest.raises(NetworkError, match=sentence):
        predict(module, example, url="http://127.0.0.1:9")


def test_a_network_without_an_output_is_refused() -> None:
    class Silent(nn.Linear):
        def forward(self, x: Any) -> None:
            super().forward(x)

    with pytest.raises(NetworkError, match="Silent returns no tensor"):
        trace(Silent(4, 2), (1, 4))


@pytest.mark.filterwarnings("ignore")
def test_quantised_networks_are_refused_as_such() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(NetworkError, match="its layers are quantised"):
        trace(torch.ao.quantization.quantize_dynamic(module, {nn.Linear}), (1, 4))


class Detector(nn.Module):
    """Asks for targets in training."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.boxes = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1)

    def forward(self, images: Any, targets: Any = None) -> Any:
        if self.training and targets is None:
            raise ValueError("in training, targets should be passed")
        return [{"boxes": self.boxes(self.body(image[None]))} for image in images]


def test_a_network_that_asks_for_targets_in_training_is_traced_in_evaluation() -> None:
    example = ([torch.rand(3, 8, 8)],)
    for module in (Detector(), Detector().eval()):
        assert ops(trace(module, example)) == ["input", "conv", "bias", "conv", "bias"]
        assert ops(trace(module, example, training=False)) == ["input", "conv", "bias", "conv", "bias"]
        with pytest.raises(NetworkError, match="training=False traces it without targets"):
            trace(module, example, training=True)


def test_a_parameter_can_be_called_input() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_parameter("input", nn.Parameter(torch.randn(4, 4)))

        def forward(self, x: Any) -> Any:
            return F.linear(x, self.input)

    graph = trace(Named(), (2, 4))
    assert len({node["id"] for node in graph["nodes"]}) == 2
    assert owned(graph) == {"input"}


def test_what_holds_no_real_numbers_is_not_predicted() -> None:
    class Spectral(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mixing, self.head = nn.Parameter(torch.zeros(4, 4, dtype=torch.cfloat)), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.head(F.linear(x.to(torch.cfloat), self.mixing).real)

    with pytest.warns(TraceWarning, match="holds no real numbers"):
        assert owned(trace(Spectral(), torch.rand(1, 4))) == {"head.weight", "head.bias"}


def test_parameters_have_the_names_of_the_state_dict() -> None:
    class Renamed(nn.Sequential):
        """Hides a part of its names in the state dict, as wrappers for checkpoints do."""

        def state_dict(self, *args: Any, **kwargs: Any) -> Any:
            return {name.replace("hidden.", ""): value for name, value in super().state_dict(*args, **kwargs).items()}

    module = Renamed()
    module.add_module("hidden", nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)))
    graph = trace(module, (1, 4))
    assert owned(graph) == set(module.state_dict()) == {entry["name"] for entry in graph["state_dict"]}
