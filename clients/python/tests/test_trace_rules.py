"""What a trace makes of modules that people write."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import inputs_of, labels, ops, owned

from ghn_serve import TraceWarning, trace

torch = pytest.importorskip("torch")
nn = torch.nn
F = torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore::ghn_serve.TraceWarning", "ignore:Lazy modules:UserWarning")

IMAGE = (2, 3, 16, 16)


class Residual(nn.Module):
    def __init__(self, channels: int, blocks: int = 2) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(blocks))

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            # Whether it is skipped depends on the values: no symbolic trace gets through this.
            if x.abs().mean() >= 0:
                x = x + F.relu(block(x))
        return x


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Linear(channels, 4), nn.Linear(4, channels)

    def forward(self, x: Any) -> Any:
        gate = torch.sigmoid(self.expand(F.relu(self.reduce(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class Head(nn.Module):
    def __init__(self, channels: int, classes: int = 10) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Any) -> Any:
        return self.fc(x.mean((2, 3)))


class WrittenOutLayerNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Any) -> Any:
        mean = x.mean(1, keepdim=True)
        x = (x - mean) / ((x - mean).pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class Attention(nn.Module):
    """Self-attention over tokens, in as many ways as people write it."""

    def __init__(self, size: int, late_values: bool = False) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(size, size) for _ in range(3))
        self.late_values = late_values

    def forward(self, x: Any) -> Any:
        v = None if self.late_values else self.v(x)
        scores = self.q(x) @ self.k(x).transpose(1, 2)
        weights = F.dropout(F.softmax(scores, dim=-1), 0.1, self.training)
        return weights @ (self.v(x) if v is None else v)


class Tokens(nn.Module):
    def __init__(self, size: int = 8, body: Any = None) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, size, 4, 4)
        self.position = nn.Parameter(torch.zeros(1, 17, size))
        self.token = nn.Parameter(torch.zeros(1, 1, size))
        self.body = body or nn.Identity()
        self.head = nn.Linear(size, 10)

    def forward(self, x: Any) -> Any:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.position
        return self.head(self.body(x)[:, 0])


def warned_of(recwarn: pytest.WarningsRecorder) -> dict[str, str]:
    """By a parameter's name, what is said of it."""
    found = [entry.message for entry in recwarn if isinstance(entry.message, TraceWarning)]
    return {name: str(message) for message in found for name in message.parameters}


def test_control_flow_is_followed(recwarn: pytest.WarningsRecorder) -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 3), Residual(8), Head(8)), IMAGE)
    assert ops(graph) == [
        "input",
        "conv",
        "bias",
        "conv",
        "bias",
        "sum",
        "conv",
        "bias",
        "sum",
        "glob_avg",
        "conv",
        "bias",
    ]
    assert inputs_of(graph, "sum_1") == {"sum_0", "1.blocks.1.bias"}
    assert not warned_of(recwarn)


def test_a_residual_added_in_place_is_a_sum() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)

        def forward(self, x: Any) -> Any:
            y = self.conv(x)
            y += x
            return y.relu_()

    graph = trace(InPlace(), IMAGE)
    assert inputs_of(graph, "sum_0") == {"input", "conv"}


def test_scripted_modules_are_seen_through() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    )
    assert labels(trace(torch.jit.script(network), IMAGE)) == labels(trace(network, IMAGE))


def test_groups_and_dilation_tell_convolutions_apart() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False),
        nn.Conv2d(6, 6, 1, groups=6, bias=False),
        nn.Conv2d(6, 6, 1, groups=2, dilation=2, bias=False),
        nn.Conv2d(6, 6, 1, groups=2, dilation=(1, 2), bias=False),
        nn.Conv2d(6, 6, 1, dilation=2, bias=False),
    )
    assert ops(trace(network, IMAGE)) == ["input", "conv", "sep_conv", "dil_conv", "sep_conv", "conv"]


def test_squeeze_and_excitation_has_no_pooling_node() -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), SqueezeExcite(8), Head(8)), IMAGE)
    assert ops(graph) == ["input", "conv", "conv", "bias", "conv", "bias", "cse", "glob_avg", "conv", "bias"]
    assert inputs_of(graph, "1.reduce") == {"0"}
    assert inputs_of(graph, "cse_0") == {"0", "1.expand.bias"}


def test_a_gate_that_is_not_pooled_from_its_input_is_no_node() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 8, 3, bias=False), nn.Conv2d(3, 8, 3, bias=False)
            self.head = Head(8)

        def forward(self, x: Any) -> Any:
            return self.head(self.a(x) * torch.sigmoid(self.b(x)))

    graph = trace(Gated(), IMAGE)
    assert "cse" not in ops(graph)
    assert inputs_of(graph, "glob_avg_0") == {"a", "b"}


@pytest.mark.parametrize("late_values", [False, True])
def test_an_attention_is_one_node_behind_its_projections(late_values: bool) -> None:
    graph = trace(Tokens(body=Attention(8, late_values)), IMAGE)
    assert inputs_of(graph, "msa_0") == {"body.q.bias", "body.k.bias", "body.v.bias"}
    assert inputs_of(graph, "head") == {"msa_0"}


def test_fused_and_written_out_attention_are_the_same() -> None:
    if not hasattr(F, "scaled_dot_product_attention"):
        pytest.skip(f"PyTorch {torch.__version__} has no fused attention")

    class Fused(Attention):
        def forward(self, x: Any) -> Any:
            q, k, v = (layer(x)[:, None] for layer in (self.q, self.k, self.v))
            return F.scaled_dot_product_attention(q, k, v)[:, 0]

    assert labels(trace(Tokens(body=Fused(8)), IMAGE)) == labels(trace(Tokens(body=Attention(8)), IMAGE))


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_transformer_layer_is_the_same_in_training_and_in_evaluation(mode: str) -> None:
    network = Tokens(body=nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))
    getattr(network, mode)()
    graph = trace(network, IMAGE, training=mode == "train")
    assert ops(graph).count("msa") == 1
    assert inputs_of(graph, "body.self_attn.out_proj") == {"msa_0"}
    assert owned(graph) == {name for name, _ in network.named_parameters()} - {"token"}


def test_cross_attention_projects_both_its_inputs_through_one_node() -> None:
    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 8), nn.Linear(3, 8)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Any) -> Any:
            tokens = x.flatten(2).transpose(1, 2)
            other = self.b(tokens)
            return self.attention(self.a(tokens), other, other)[0]

    graph = trace(Cross(), IMAGE)
    assert inputs_of(graph, "attention.in_proj_weight") == {"a.bias", "b.bias"}


def test_a_softmax_at_the_end_hides_no_head() -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 3), Head(8), nn.Softmax(1)), IMAGE)
    assert "msa" not in ops(graph)
    assert [node["id"] for node in graph["nodes"] if node.get("classifier")] == ["1.fc", "1.fc.bias"]


def test_a_convolutional_head_stands_behind_the_global_pool() -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()), IMAGE)
    assert [node["id"] for node in graph["nodes"]] == ["input", "0", "0.bias", "glob_avg_0", "1", "1.bias"]
    assert [node["id"] for node in graph["nodes"] if node.get("classifier")] == ["1", "1.bias"]


def test_a_network_without_a_head_says_so() -> None:
    graph = trace(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.LayerNorm(8)), (2, 8))
    assert [node.get("classifier") for node in graph["nodes"]] == [None, None, None, False]


def test_the_logits_of_named_outputs_are_the_head() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 8, 3), Head(8)

        def forward(self, pixels: Any) -> Any:
            hidden = self.conv(pixels)
            return {"hidden": hidden, "logits": self.head(hidden)}

    graph = trace(Named(), {"pixels": torch.rand(*IMAGE)})
    assert [node["id"] for node in graph["nodes"] if node.get("classifier")] == ["head.fc", "head.fc.bias"]


def test_a_layer_norm_that_is_written_out_is_a_node(recwarn: pytest.WarningsRecorder) -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), WrittenOutLayerNorm(8), Head(8)), IMAGE)
    assert ops(graph) == ["input", "conv", "ln", "glob_avg", "conv", "bias"]
    assert not warned_of(recwarn)


def test_position_embeddings_are_nodes_and_tokens_are_not(recwarn: pytest.WarningsRecorder) -> None:
    graph = trace(Tokens(), IMAGE)
    assert inputs_of(graph, "sum_0") == {"patches.bias", "position"}
    assert "token" in warned_of(recwarn)["token"]
    assert set(warned_of(recwarn)) == {"token"}


@pytest.mark.parametrize("same", [False, True])
def test_an_embedding_that_is_looked_up_is_a_position_embedding_too(
    same: bool, recwarn: pytest.WarningsRecorder
) -> None:
    class LookedUp(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 10)
            self.positions = nn.Embedding(16, 8)
            self.register_buffer("places", torch.zeros(16, dtype=torch.long) if same else torch.arange(16))

        def forward(self, x: Any) -> Any:
            return self.head((self.patches(x).flatten(2).transpose(1, 2) + self.positions(self.places)).mean(1))

    graph = trace(LookedUp(), IMAGE)
    assert inputs_of(graph, "sum_0") == {"patches.bias", "positions"}
    assert inputs_of(graph, "positions") == {"input"}
    assert "rows" in warned_of(recwarn)["positions.weight"]


UNCOVERED = [
    pytest.param(lambda: nn.GroupNorm(2, 8), {"1.weight", "1.bias"}, "native_group_norm", id="group norm"),
    pytest.param(lambda: nn.InstanceNorm2d(8, affine=True), {"1.weight", "1.bias"}, "a norm", id="instance norm"),
    pytest.param(
        lambda: nn.ConvTranspose2d(8, 8, 3), {"1.weight", "1.bias"}, "transposed", id="transposed convolution"
    ),
    pytest.param(lambda: nn.PReLU(8), {"1.weight"}, "prelu", id="activation with a parameter"),
    pytest.param(lambda: nn.LayerNorm([8, 14, 14]), {"1.weight", "1.bias"}, "a norm", id="norm over space"),
]


@pytest.mark.parametrize(("layer", "parameters", "why"), UNCOVERED)
def test_what_no_rule_covers_is_named_with_the_reason(
    layer: Any, parameters: set[str], why: str, recwarn: pytest.WarningsRecorder
) -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 3), layer(), Head(8)), IMAGE)
    warned = warned_of(recwarn)
    assert set(warned) == parameters
    assert all(why in message and type(layer()).__name__ in message for message in warned.values())
    assert not parameters & owned(graph)


def test_recurrent_layers_are_left_out(recwarn: pytest.WarningsRecorder) -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.LSTM(3, 8, batch_first=True), nn.Linear(8, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.rnn(x.flatten(2).transpose(1, 2))[0][:, -1])

    network = Recurrent()
    assert ops(trace(network, IMAGE)) == ["input", "conv", "bias"]
    assert set(warned_of(recwarn)) == {f"rnn.{name}" for name, _ in network.rnn.named_parameters()}


@pytest.mark.parametrize("width", [5, 8])
def test_a_matrix_that_is_stored_the_other_way_round_is_predicted_as_it_stands(
    width: int, recwarn: pytest.WarningsRecorder
) -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(width, 10)
            self.matrix, self.shift = nn.Parameter(torch.ones(8, width)), nn.Parameter(torch.ones(width))

        def forward(self, x: Any) -> Any:
            return self.head(torch.addmm(self.shift, self.conv(x).mean((2, 3)), self.matrix))

    graph = trace(Backwards(), IMAGE)
    assert "[in, out]" in warned_of(recwarn)["matrix"]
    assert inputs_of(graph, "matrix") == {"glob_avg_0"}
    assert inputs_of(graph, "shift") == {"matrix"}
    assert inputs_of(graph, "head") == {"shift"}


def test_a_weight_that_is_computed_from_its_parameter_is_predicted_with_a_reservation(
    recwarn: pytest.WarningsRecorder,
) -> None:
    graph = trace(nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 8, 3)), Head(8)), IMAGE)
    warned = warned_of(recwarn)
    assert "0.weight_v" in owned(graph) and "predicted, but" in warned["0.weight_v"]
    assert "0.weight_g" not in owned(graph) and "not predicted" in warned["0.weight_g"]


def test_a_layer_that_is_used_twice_has_one_node(recwarn: pytest.WarningsRecorder) -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 3, 3, padding=1), Head(3)

        def forward(self, x: Any) -> Any:
            return self.head(self.conv(self.conv(x)))

    graph = trace(Shared(), IMAGE)
    assert ops(graph) == ["input", "conv", "bias", "glob_avg", "conv", "bias"]
    assert "more than once" in warned_of(recwarn)["conv.weight"]


def test_what_is_not_used_is_said_to_be_so(recwarn: pytest.WarningsRecorder) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), Head(8))
    network[1].spare = nn.Linear(8, 8)
    trace(network, IMAGE)
    assert "not used" in warned_of(recwarn)["1.spare.weight"]


def test_nodes_are_named_apart_from_modules_with_such_names() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.input, self.sum_0 = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1)

        def forward(self, x: Any) -> Any:
            x = self.input(x)
            return x + self.sum_0(x)

    ids = [node["id"] for node in trace(Named(), IMAGE)["nodes"]]
    assert ids == ["input", "input.weight", "input.bias", "sum_0", "sum_0.bias", "sum_1"]


def test_a_network_that_ignores_its_input_is_refused() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            self.layer(x.mean((2, 3))[:, :2])
            return torch.zeros(1)

    with pytest.raises(ValueError, match="does not depend on the example"):
        trace(Constant(), IMAGE)


def test_a_module_whose_shapes_are_not_known_yet_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.weight has no shape yet"):
        trace(nn.Sequential(nn.LazyLinear(10)), (2, 8))
