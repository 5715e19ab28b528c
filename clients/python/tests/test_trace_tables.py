"""Embeddings, language models, tables of positions, and weights that follow no node."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from graphs import FIXTURES, inputs_of, labels, ops, owned

from ghn_serve import TraceWarning, trace

torch = pytest.importorskip("torch")
nn = torch.nn
F = torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore::ghn_serve.TraceWarning")

TOKENS = torch.tensor([[1, 2, 3]])


class Conv1D(nn.Module):
    """A linear layer whose weight is laid out as [in, out]."""

    def __init__(self, out: int, size: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(size, out)), nn.Parameter(torch.zeros(out))

    def forward(self, x: Any) -> Any:
        return torch.addmm(self.bias, x.view(-1, x.shape[-1]), self.weight).view(*x.shape[:-1], -1)


class Attention(nn.Module):
    def __init__(self, size: int, fused: bool) -> None:
        super().__init__()
        self.c_attn, self.c_proj, self.fused = Conv1D(3 * size, size), Conv1D(size, size), fused

    def forward(self, x: Any) -> Any:
        q, k, v = (part.view(*x.shape[:2], 4, -1).transpose(1, 2) for part in self.c_attn(x).chunk(3, 2))
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
            ahead = torch.ones(x.shape[1], x.shape[1]).triu(1).bool()
            y = F.softmax(scores.masked_fill(ahead, -math.inf), -1) @ v
        return self.c_proj(y.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    def __init__(self, size: int, fused: bool) -> None:
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(size), Attention(size, fused), nn.LayerNorm(size)
        self.mlp = nn.Module()
        self.mlp.c_fc, self.mlp.c_proj = Conv1D(4 * size, size), Conv1D(size, 4 * size)

    def forward(self, x: Any) -> Any:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x))))


class Gpt2(nn.Module):
    def __init__(self, tied: bool = False, fused: bool = False) -> None:
        super().__init__()
        self.transformer = nn.Module()
        self.transformer.wte, self.transformer.wpe = nn.Embedding(50257, 96), nn.Embedding(256, 96)
        self.transformer.h = nn.ModuleList(Block(96, fused) for _ in range(2))
        self.transformer.ln_f, self.lm_head = nn.LayerNorm(96), nn.Linear(96, 50257, bias=False)
        if tied:
            self.lm_head.weight = self.transformer.wte.weight

    def forward(self, tokens: Any, places: Any = None) -> Any:
        body = self.transformer
        places = torch.arange(tokens.shape[1]) if places is None else places
        x = body.wte(tokens) + body.wpe(places)
        for block in body.h:
            x = block(x)
        return self.lm_head(body.ln_f(x))


def warned_of(recwarn: pytest.WarningsRecorder) -> dict[str, str]:
    found = [entry.message for entry in recwarn if isinstance(entry.message, TraceWarning)]
    return {name: str(message) for message in found for name in message.parameters}


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("example", [TOKENS, (TOKENS, torch.arange(3))], ids=["places made", "places given"])
def test_gpt2_is_the_references(fused: bool, example: Any) -> None:
    if fused and not hasattr(F, "scaled_dot_product_attention"):
        pytest.skip(f"PyTorch {torch.__version__} has no fused attention")
    expected = json.loads((FIXTURES / "architectures" / "gpt2-2x96.json").read_text())
    graph = trace(Gpt2(fused=fused), example)
    assert labels(graph) == labels(expected)
    assert graph["state_dict"] == expected["state_dict"]


def test_a_tied_head_has_its_node_where_the_tokens_are_looked_up() -> None:
    graph = trace(Gpt2(tied=True), TOKENS)
    (node,) = (node for node in graph["nodes"] if node["id"] == "transformer.wte")
    assert node["op"] == "conv"
    assert inputs_of(graph, "transformer.wte") == {"input"}
    assert not any(node.get("classifier") for node in graph["nodes"])
    assert owned(graph) == {name for name, _ in Gpt2(tied=True).named_parameters()}


def test_weights_whose_data_is_shared_are_one() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
            self.b.weight.data = self.a.weight.data

        def forward(self, x: Any) -> Any:
            return self.b(torch.relu(self.a(x)))

    with pytest.warns(TraceWarning, match=r"b\.weight .*in common with a\.weight"):
        assert owned(trace(Shared(), (1, 4))) == {"a.weight"}


class Classifier(nn.Module):
    """Of sentences: the head has no token for a class."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 8), nn.Linear(8, 2, bias=False)

    def forward(self, tokens: Any) -> Any:
        return self.head(self.embedding(tokens).mean(1))


def test_a_classifier_of_sentences_keeps_its_head() -> None:
    graph = trace(Classifier(), TOKENS)
    assert inputs_of(graph, "head") != {"input"}
    assert [node["id"] for node in graph["nodes"] if node.get("classifier")] == ["head"]


class Positioned(nn.Module):
    """Attention with what tells tokens' distances apart, in one of the ways that there are."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self.q, self.k, self.v, self.head = (nn.Linear(8, 8) for _ in range(4))
        self.table, side = table, 5
        self.register_buffer("distance", torch.arange(3)[:, None] - torch.arange(3)[None] + 2)
        if table in ("embedded bias", "embedded keys"):
            self.relative = nn.Embedding(side, 1 if table == "embedded bias" else 8)
        elif table != "none":
            self.relative = nn.Parameter(torch.zeros(side, 1 if table == "bias" else 8))

    def forward(self, x: Any) -> Any:
        q = self.q(x)
        scores = q @ self.k(x).transpose(1, 2)
        if self.table in ("bias", "embedded bias"):
            rows = self.relative[self.distance] if self.table == "bias" else self.relative(self.distance)
            scores = scores + rows.squeeze(-1)
        elif self.table != "none":
            rows = self.relative[self.distance] if self.table == "keys" else self.relative(self.distance)
            scores = scores + torch.einsum("bqc,qkc->bqk", q, rows)
        return self.head(F.softmax(scores, -1) @ self.v(x))


@pytest.mark.parametrize("table", ["bias", "keys", "embedded bias", "embedded keys"])
def test_a_table_of_relative_positions_is_left_out_and_changes_nothing(
    table: str, recwarn: pytest.WarningsRecorder
) -> None:
    graph = trace(Positioned(table), (2, 3, 8))
    assert labels(graph) == labels(trace(Positioned("none"), (2, 3, 8)))
    assert [message for name, message in warned_of(recwarn).items() if name.startswith("relative")]


class Queried(nn.Module):
    """Learned queries that attend to an image, as a parameter or as an embedding's weight."""

    def __init__(self, embedded: bool) -> None:
        super().__init__()
        self.patches, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.queries = nn.Embedding(5, 8) if embedded else nn.Parameter(torch.zeros(5, 8))
        self.q, self.k, self.v, self.head = (nn.Linear(8, 8) for _ in range(4))

    def forward(self, x: Any) -> Any:
        x = self.patches(x).flatten(2).transpose(1, 2)
        queries = self.queries.weight if isinstance(self.queries, nn.Embedding) else self.queries
        q = self.q(self.norm(queries)).expand(len(x), -1, -1)
        return self.head(F.softmax(q @ self.k(x).transpose(1, 2), -1) @ self.v(x))


def test_layers_on_learned_queries_follow_the_input() -> None:
    graph = trace(Queried(False), (2, 3, 16, 16))
    assert inputs_of(graph, "norm") == {"input"}
    assert inputs_of(graph, "q") == {"norm"}
    assert inputs_of(graph, "msa_0") == {"q.bias", "k.bias", "v.bias"}
    assert "queries" not in owned(graph)


def test_queries_in_an_embedding_have_a_node() -> None:
    graph = trace(Queried(True), (2, 3, 16, 16))
    assert inputs_of(graph, "queries") == {"input"}
    assert inputs_of(graph, "norm") == {"queries"}


def test_layers_on_constants_follow_the_input() -> None:
    class Continuous(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.positions, self.head = nn.Linear(8, 8), nn.Linear(1, 8, bias=False), nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x) + self.positions(torch.linspace(-1, 1, x.shape[1])[:, None]))

    graph = trace(Continuous(), (2, 5, 8))
    assert inputs_of(graph, "positions") == {"input"}
    assert inputs_of(graph, "sum_0") == {"body.bias", "positions"}


def spectral_norms() -> list[Any]:
    return [nn.utils.spectral_norm, nn.utils.parametrizations.spectral_norm]


@pytest.mark.parametrize("spectral_norm", spectral_norms())
@pytest.mark.parametrize("training", [True, False])
def test_spectral_norm_changes_no_edge(spectral_norm: Any, training: bool) -> None:
    def network(norm: Any) -> Any:
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), norm(nn.Linear(8, 8)), nn.ReLU(), norm(nn.Linear(8, 4)))

    plain = trace(network(lambda layer: layer), (2, 6))
    graph = trace(network(spectral_norm), (2, 6), training=training)
    assert ops(graph) == ops(plain)
    assert len(graph["edges"]) == len(plain["edges"])


def test_a_stack_of_matrices_is_left_out_with_the_reason(recwarn: pytest.WarningsRecorder) -> None:
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.experts, self.head = nn.Linear(8, 3), nn.Parameter(torch.ones(3, 8, 4)), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            weights = F.softmax(self.gate(x), -1)
            parts = torch.stack([x @ self.experts[k] for k in range(3)], -1)
            return self.head((parts * weights[:, None]).sum(-1))

    trace(Experts(), (2, 8))
    assert "stack of several matrices" in warned_of(recwarn)["experts"]


needs_operators = pytest.mark.skipif(not hasattr(torch, "cond"), reason="this PyTorch has no such operators")


class Compiled(nn.Module):
    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)), nn.Linear(8, 2)
        self.compiled = torch.compile(self.head, fullgraph=True) if whole else torch.compile(self.body)

    def forward(self, x: Any) -> Any:
        x = (self.body if self.compiled._orig_mod is self.head else self.compiled)(x).mean((2, 3))
        return (self.compiled if self.compiled._orig_mod is self.head else self.head)(x)


@needs_operators
@pytest.mark.parametrize("whole", [True, False])
def test_compiled_parts_are_traced_as_they_are_written(whole: bool) -> None:
    graph = trace(Compiled(whole), (2, 3, 8, 8))
    assert ops(graph) == ["input", "conv", "bias", "bn", "glob_avg", "conv", "bias"]


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        return torch.cond(x.sum() > -1, self.a, self.b, (x,))


@needs_operators
def test_a_branch_is_looked_into(recwarn: pytest.WarningsRecorder) -> None:
    assert ops(trace(Branching(), (1, 4))) == ["input", "conv", "bias"]
    assert "not used" in warned_of(recwarn)["b.weight"]


@needs_operators
def test_flexible_attention_is_attention() -> None:
    from torch.nn.attention.flex_attention import flex_attention

    class Flexible(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v, self.head = (nn.Linear(16, 16) for _ in range(4))

        def forward(self, x: Any) -> Any:
            q, k, v = (layer(x)[:, None] for layer in (self.q, self.k, self.v))
            return self.head(flex_attention(q, k, v, score_mod=lambda score, b, h, i, j: score + (i - j))[:, 0])

    graph = trace(Flexible(), (1, 16, 16))
    assert inputs_of(graph, "msa_0") == {"q.bias", "k.bias", "v.bias"}
    assert inputs_of(graph, "head") == {"msa_0"}


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_parts_are_seen_through(reentrant: bool) -> None:
    from torch.utils.checkpoint import checkpoint

    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.b(checkpoint(self.a, x, use_reentrant=reentrant))

    assert ops(trace(Checkpointed(), (1, 4))) == ["input", "conv", "bias", "conv", "bias"]
