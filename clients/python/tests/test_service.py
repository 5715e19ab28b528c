"""The client against a real service."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flaky import FlakyProxy

from ghn_serve import (
    AnswerError,
    Client,
    DownloadError,
    GhnServeError,
    LoadError,
    NoAnswerError,
    ServiceError,
    UnreachableError,
    Weights,
    load,
    predict,
    trace,
)
from ghn_serve.weights import Part

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::ghn_serve.TraceWarning", "ignore::ghn_serve.NotPredictedWarning")


def torchvision_network(name: str) -> Any:
    return getattr(pytest.importorskip("torchvision").models, name)(num_classes=10)


def by_hand() -> Any:
    from models import ResidualCnn

    return ResidualCnn()


def from_timm() -> Any:
    timm = pytest.importorskip("timm", reason="timm is not installed: pip install timm")
    return timm.create_model("regnetz_b16", num_classes=10)


def from_hugging_face() -> Any:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")
    config = transformers.SegformerConfig(num_labels=10)
    return transformers.SegformerForImageClassification(config)


NETWORKS = [
    pytest.param(lambda: torchvision_network("resnet18"), set(), id="ResNet-18"),
    pytest.param(lambda: torchvision_network("vit_b_16"), {"class_token"}, id="ViT-B/16"),
    pytest.param(lambda: torchvision_network("convnext_tiny"), {"layer_scale"}, id="ConvNeXt-T"),
    pytest.param(lambda: torchvision_network("swin_t"), {"relative_position_bias_table"}, id="Swin-T"),
    pytest.param(by_hand, {"temperature"}, id="written by hand"),
    pytest.param(from_timm, set(), id="timm"),
    pytest.param(from_hugging_face, set(), id="Hugging Face"),
]


@pytest.mark.parametrize(("make", "not_predicted"), NETWORKS)
def test_a_network_is_traced_predicted_loaded_and_runs(service: str, make: Any, not_predicted: set[str]) -> None:
    network = make()
    before = {name: parameter.clone() for name, parameter in network.named_parameters()}
    weights = predict(network, url=service)
    loaded = load(network, weights)
    parameters = dict(network.named_parameters())
    assert set(loaded.predicted) == set(weights)
    assert {name.rpartition(".")[2] for name in loaded.not_predicted} == not_predicted
    assert set(loaded.predicted) | set(loaded.not_predicted) == set(parameters)
    for name, parameter in parameters.items():
        expected = weights.tensor(name) if name in weights else before[name]
        assert torch.equal(parameter, expected), name
    with torch.no_grad():
        output = network.eval()(torch.rand(1, 3, 224, 224))
    logits = getattr(output, "logits", output)
    assert logits.shape == (1, 10)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "squeezenet1_1", "googlenet"])
def test_a_name_and_a_trace_of_it_give_the_same_weights(service: str, name: str) -> None:
    by_name = predict(name, url=service, num_classes=10)
    by_trace = predict(torchvision_network(name), url=service)
    assert list(by_name) == list(by_trace)
    assert all(np.array_equal(by_name[tensor], by_trace[tensor]) for tensor in by_name)


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_tiled_weights_are_the_whole_ones(service: str, dtype: Any) -> None:
    tiled = predict("shufflenet_v2_x0_5", url=service, dtype=dtype)
    whole = predict("shufflenet_v2_x0_5", url=service, dtype=dtype, format="safetensors")
    assert tiled.shapes == whole.shapes
    assert all(np.array_equal(tiled[name], whole[name]) for name in whole)
    assert {tiled.tensor(name).dtype for name in tiled} == {whole.tensor(name).dtype for name in whole}


def test_many_networks_are_predicted_by_one_request(service: str) -> None:
    with Client(service) as client:
        first, refused, last = client.predict_many(["resnet18", "resnet19", "squeezenet1_1"], dtype="F16")
        assert isinstance(refused, ServiceError)
        assert refused.status == 404
        assert "resnet18" in refused.detail
        for name, weights in (("resnet18", first), ("squeezenet1_1", last)):
            assert isinstance(weights, Weights)
            assert weights.metadata == client.predict(name, dtype="F16").metadata


def test_post_processed_weights_come_whole(service: str) -> None:
    weights = predict("squeezenet1_1", url=service, postprocess={"orthogonalize": True, "noise": 3e-5})
    matrix = weights["features.3.expand3x3.weight"].reshape(64, -1)
    assert np.allclose(matrix @ matrix.T, np.eye(64), atol=1e-4)


@pytest.mark.parametrize("world_size", [3, 16])
def test_ranks_get_the_rows_of_torch_chunk(service: str, world_size: int) -> None:
    whole = predict("squeezenet1_1", url=service, num_classes=10).state_dict()
    for rank in range(0, world_size, 5 if world_size > 3 else 1):
        part = predict("squeezenet1_1", url=service, num_classes=10, rank=rank, world_size=world_size)
        assert part.part == Part(rank, world_size, 0, "chunk")
        for name, value in whole.items():
            chunks = value.chunk(world_size)
            expected = chunks[rank] if rank < len(chunks) else value[:0]
            assert torch.equal(part.tensor(name), expected), name


def test_ranks_can_have_their_rows_divided_evenly(service: str) -> None:
    options = {"url": service, "num_classes": 10, "world_size": 3, "sharding": "even"}
    whole = predict("squeezenet1_1", url=service, num_classes=10)
    parts = [predict("squeezenet1_1", rank=rank, **options) for rank in range(3)]
    assert [len(part["classifier.1.bias"]) for part in parts] == [3, 3, 4]
    for name in whole:
        assert np.array_equal(np.concatenate([part[name] for part in parts]), whole[name])


def test_a_part_that_is_saved_is_still_known_for_one(service: str, tmp_path: Path) -> None:
    part = predict("squeezenet1_1", url=service, rank=1, world_size=2, dim=1)
    part.save(tmp_path / "part.safetensors")
    assert Weights.read(tmp_path / "part.safetensors").part == Part(1, 2, 1, "chunk")


def test_a_part_is_not_loaded_into_a_whole_module(service: str) -> None:
    network = torchvision_network("squeezenet1_1")
    part = predict("squeezenet1_1", url=service, num_classes=10, rank=1, world_size=2)
    with pytest.raises(LoadError, match=r"the weights are rank 1's of 2 along dimension 0.*predict without rank"):
        load(network, part)


def test_some_tensors_can_be_had_alone(service: str) -> None:
    weights = predict("squeezenet1_1", url=service, tensors="classifier.*,features.0.bias")
    assert list(weights) == ["features.0.bias", "classifier.1.weight", "classifier.1.bias"]


def test_a_network_without_its_head(service: str) -> None:
    weights = predict("resnet18", url=service, predict_classifier=False)
    assert "conv1.weight" in weights and "fc.weight" not in weights


def test_what_the_service_knows(service: str) -> None:
    with Client(service) as client:
        weights = client.predict("squeezenet1_1")
        assert weights.prediction is not None
        assert client.record(weights.prediction)["architecture"]["name"] == "squeezenet1_1"
        statistics = client.statistics(weights.prediction)
        assert [tensor["name"] for tensor in statistics["tensors"]] == list(weights)
        assert "resnet50" in {architecture["name"] for architecture in client.architectures()}
        assert client.architecture("resnet18", num_classes=7)["nodes"][-1]["bias"]["shape"] == [7]
        assert [ghn["id"] for ghn in client.ghns()] == ["ghn3-nano"]


def test_a_refusal_says_what_is_wrong_and_where(service: str) -> None:
    with pytest.raises(ServiceError, match="resnet50") as unknown:
        predict("resnet51", url=service)
    assert unknown.value.status == 404
    graph = trace(by_hand(), (1, 3, 32, 32))
    graph["nodes"][1]["op"] = "convolution"
    with pytest.raises(ServiceError, match="/architecture/nodes/1/op") as invalid:
        predict(graph, url=service)
    assert invalid.value.status == 422
    assert invalid.value.errors[0]["path"] == "/architecture/nodes/1/op"


def test_a_broken_download_goes_on_where_it_broke(service: str) -> None:
    expected = predict("squeezenet1_1", url=service, format="safetensors")
    with FlakyProxy(service, [("cut", 100_000), ("cut", 200_000)]) as proxy:
        weights = predict("squeezenet1_1", url=proxy.url, format="safetensors")
    assert all(np.array_equal(weights[name], expected[name]) for name in expected)
    (method, _, _), (_, path, second), (_, _, third) = proxy.requests
    assert method == "POST"
    assert path == f"/predictions/{weights.prediction}/weights"
    assert (second["range"], third["range"]) == ("bytes=100000-", "bytes=300000-")
    assert second["if-range"].startswith('"')


def test_a_download_that_brings_nothing_is_given_up(service: str) -> None:
    with (
        FlakyProxy(service, [("cut", 1000), *[("cut", 0)] * 3]) as proxy,
        pytest.raises(DownloadError, match="1000 of the"),
    ):
        predict("squeezenet1_1", url=proxy.url, retries=1)


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_service_is_asked_again(service: str, status: int) -> None:
    refusal = ("status", status, {"retry-after": "0"})
    with FlakyProxy(service, [refusal, refusal]) as proxy:
        assert "fc.weight" in predict("resnet18", url=proxy.url)
    assert [path for _, path, _ in proxy.requests] == ["/predict"] * 3


def test_a_service_that_stays_overloaded_is_given_up(service: str) -> None:
    refusals = [("status", 503, {"retry-after": "0"})] * 3
    with FlakyProxy(service, refusals) as proxy, pytest.raises(ServiceError, match="503"):
        predict("resnet18", url=proxy.url, retries=1)
    assert len(proxy.requests) == 2


def test_weights_that_are_not_ready_are_waited_for(service: str) -> None:
    not_ready = ("status", 409, {"retry-after": "0"})
    with FlakyProxy(service, [("none",), not_ready, not_ready]) as proxy:
        assert predict("squeezenet1_1", url=proxy.url, rank=0, world_size=2)
    assert [method for method, _, _ in proxy.requests] == ["POST", "GET", "GET", "GET"]
    assert proxy.requests[0][2]["prefer"] == "respond-async"


def test_the_key_and_the_url_are_taken_from_the_environment(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FlakyProxy(service, []) as proxy:
        monkeypatch.setenv("GHN_SERVE_URL", proxy.url)
        monkeypatch.setenv("GHN_SERVE_API_KEY", "from the environment")
        Client().ghns()
        Client(api_key="given").ghns()
    keys = [headers["authorization"] for _, _, headers in proxy.requests]
    assert keys == ["Bearer from the environment", "Bearer given"]


def test_where_there_is_no_service_the_error_says_so() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=str(unused.getsockname()[1])):
            predict("resnet18", url=url, retries=0)


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_is_said_to_be_none(url: str) -> None:
    with pytest.raises(UnreachableError):
        predict("resnet18", url=url, retries=0)


def test_a_service_that_does_not_answer_in_time_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for retries in (0, 1):
            with pytest.raises(NoAnswerError, match=r"has not answered in 0\.2 seconds"):
                predict("resnet18", url=url, retries=retries, timeout=0.2)


def test_what_is_no_service_is_said_to_be_none(service: str) -> None:
    with FlakyProxy(service, [("body", 200, b"<html>Log in</html>")] * 2) as proxy:
        with pytest.raises(AnswerError, match="without a prediction"):
            predict("resnet18", url=proxy.url)
        with Client(proxy.url) as client, pytest.raises(AnswerError, match="not with JSON"):
            client.ghns()


def test_all_errors_are_of_one_kind() -> None:
    for kind in (AnswerError, DownloadError, LoadError, NoAnswerError, ServiceError, UnreachableError):
        assert issubclass(kind, GhnServeError)


def test_what_a_ghn_has_no_operation_for_is_left_out_on_request(service: str) -> None:
    layers = [
        {"name": "conv", "type": "Conv2d", "in_channels": 3, "out_channels": 8, "kernel_size": 3},
        {"name": "norm", "type": "GroupNorm", "num_groups": 4, "num_channels": 8},
        {"name": "pool", "type": "AdaptiveAvgPool2d"},
        {"name": "fc", "type": "Linear", "in_features": 8, "out_features": 2},
    ]
    network = {"name": "net", "layers": layers}
    with Client(service) as client:
        with pytest.raises(ServiceError, match="skip"):
            client.predict(network)
        assert list(client.predict(network, unsupported="skip")) == ["conv.weight", "conv.bias", "fc.weight", "fc.bias"]
