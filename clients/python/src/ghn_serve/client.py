"""The service's client."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Union, cast
from urllib.parse import quote

import requests

from . import keras
from .architecture import Architecture
from .errors import AnswerError, ServiceError
from .given import is_state_dict, refuse_other
from .many import MAX_REQUESTS, outcomes
from .safetensors_format import Dtype
from .transport import Query, Transport
from .typed import mapping
from .weights import Part, Sharding, Weights

if TYPE_CHECKING:
    from torch import nn

    Network = Union[str, Mapping[str, Any], nn.Module, keras.Model]

Format = Literal["tiled", "safetensors"]
Unsupported = Literal["refuse", "skip"]

DEFAULT_URL = "http://127.0.0.1:3000"


class Postprocess(TypedDict, total=False):
    """The post-processing of predicted weights: noise, then orthogonalisation."""

    noise: float
    orthogonalize: bool
    from_layer: int
    min_channels: int
    seed: int


class Client:
    """
    Of a service at `url` (else the environment variable GHN_SERVE_URL, else http://127.0.0.1:3000), with `api_key`
    (else GHN_SERVE_API_KEY).

    A request is given up after `timeout` seconds without an answer. It is tried again, up to `retries` times, where
    there is no connection and where the service is overloaded: then after as long as it says. A download that breaks
    goes on where it stopped. `progress` shows or hides the progress of downloads; else terminals see it.

    Raises ServiceError for what the service refuses, DownloadError for weights that do not arrive whole,
    UnreachableError and NoAnswerError where there is no service or it does not answer in time, and AnswerError where
    what answers is no ghn-serve service. All are GhnServeErrors.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = 300.0,
        retries: int = 5,
        progress: bool | None = None,
    ) -> None:
        url = url or os.environ.get("GHN_SERVE_URL") or DEFAULT_URL
        key = api_key or os.environ.get("GHN_SERVE_API_KEY")
        self._transport = Transport(url, key, timeout=timeout, retries=retries, progress=progress)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def predict(
        self,
        network: Network,
        example: Any = None,
        *,
        training: bool | None = None,
        num_classes: int | None = None,
        ghn: str | None = None,
        predict_classifier: bool = True,
        postprocess: Postprocess | None = None,
        unsupported: Unsupported = "refuse",
        seed: int = 0,
        dtype: Dtype = "F32",
        format: Format | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        dim: int = 0,
        sharding: Sharding = "chunk",
        tensors: str | None = None,
    ) -> Weights:
        """
        Predicts the weights of a network: the name of one that the service knows, an architecture, a Keras model (which
        needs no PyTorch), or a PyTorch module, which is traced with `example` and `training` (trace says what they
        can be); without an example on an image.

        Layers that a GHN has no operation for are refused, or left out (`unsupported="skip"`): the prediction's record
        names them.

        They are sent `tiled`, a small part of the whole, unless `format` or post-processing has it otherwise. In
        distributed training `rank` and `world_size` fetch this rank's part of each tensor along the dimension `dim`:
        by `sharding="chunk"` that of torch.chunk, DTensor and FSDP2, ⌈n/w⌉ entries a rank and the last ones fewer or
        none; by "even" those from ⌊r·n/w⌋ on. `tensors` fetches those whose names fit, as in "layer1.*,fc.weight".
        """
        architecture = described(network, example, training)
        request = {
            "architecture": architecture,
            "num_classes": num_classes,
            "ghn": ghn,
            "predict_classifier": predict_classifier,
            "postprocess": postprocess,
            "unsupported": unsupported,
            "seed": seed,
            "dtype": dtype,
            "format": format or ("safetensors" if postprocess else "tiled"),
        }
        body = {key: value for key, value in request.items() if value is not None}
        asked: dict[str, str | int | None] = {"rank": rank, "world_size": world_size, "tensors": tensors}
        if rank is not None:
            asked.update(dim=dim, sharding=sharding)
        part = {key: value for key, value in asked.items() if value is not None}
        label = name_of(architecture)
        if not part:
            response = self._transport.request("POST", "/predict", body=body)
            return self._download(response, f"{location(response)}/weights", None, label)
        path = f"{self.begin(body)['links']['self']}/weights"
        weights = self._download(self._transport.when_ready(path, part), path, part, label)
        if rank is None or world_size is None:
            return weights
        return weights.as_part(Part(rank, world_size, dim, sharding))

    def predict_many(self, networks: Sequence[Network], **options: Any) -> list[Weights | ServiceError]:
        """
        Predicts the weights of many networks, 256 by each request: of each its weights, or the error that predict would
        raise, in the order of the networks. `options` are predict's, but for an example and for parts of weights: they
        hold for all.
        """
        given = {"format": "safetensors" if options.get("postprocess") else "tiled", **options}
        body = [
            {"architecture": described(network, None, None), **{k: v for k, v in given.items() if v is not None}}
            for network in networks
        ]
        found: list[Weights | ServiceError] = []
        for start in range(0, len(body), MAX_REQUESTS):
            response = self._transport.request(
                "POST", "/predict", body=body[start : start + MAX_REQUESTS], headers={"accept": "multipart/mixed"}
            )
            found.extend(outcomes(response, self._transport.content(response)))
        return found

    def _download(self, response: requests.Response, path: str, query: Query | None, label: str) -> Weights:
        data = self._transport.download(response, path, query, label)
        try:
            return Weights.from_bytes(data)
        except ValueError as error:
            raise AnswerError(f"{response.url} answered with {len(data)} bytes, not with weights: {error}") from error

    def begin(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Starts a prediction and returns its record at once. `request` is the body of POST /predict."""
        return cast(
            "dict[str, Any]",
            self._transport.json("POST", "/predict", body=request, headers={"prefer": "respond-async"}),
        )

    def record(self, prediction: str) -> dict[str, Any]:
        """The record of a prediction: its request, status, timings and statistics."""
        return cast("dict[str, Any]", self._transport.json("GET", f"/predictions/{prediction}"))

    def statistics(self, prediction: str) -> dict[str, Any]:
        """Statistics of a prediction's weights, together and by tensor. Waits for a prediction in progress."""
        response = self._transport.when_ready(f"/predictions/{prediction}/statistics")
        return cast("dict[str, Any]", self._transport.parsed(response))

    def architectures(self) -> list[dict[str, Any]]:
        """The architectures that the service has by name."""
        return cast("list[dict[str, Any]]", self._transport.json("GET", "/architectures")["architectures"])

    def architecture(self, name: str, num_classes: int | None = None) -> Architecture:
        query = None if num_classes is None else {"num_classes": num_classes}
        return cast(Architecture, self._transport.json("GET", f"/architectures/{quote(name, safe='')}", query=query))

    def ghns(self) -> list[dict[str, Any]]:
        """The GHNs that the service has loaded."""
        return cast("list[dict[str, Any]]", self._transport.json("GET", "/ghns")["ghns"])


def predict(
    network: Network,
    example: Any = None,
    *,
    url: str | None = None,
    api_key: str | None = None,
    timeout: float = 300.0,
    retries: int = 5,
    progress: bool | None = None,
    training: bool | None = None,
    num_classes: int | None = None,
    ghn: str | None = None,
    predict_classifier: bool = True,
    postprocess: Postprocess | None = None,
    unsupported: Unsupported = "refuse",
    seed: int = 0,
    dtype: Dtype = "F32",
    format: Format | None = None,
    rank: int | None = None,
    world_size: int | None = None,
    dim: int = 0,
    sharding: Sharding = "chunk",
    tensors: str | None = None,
) -> Weights:
    """Makes one prediction with a new client. The arguments are those of Client and its predict."""
    with Client(url, api_key=api_key, timeout=timeout, retries=retries, progress=progress) as client:
        return client.predict(
            network,
            example,
            training=training,
            num_classes=num_classes,
            ghn=ghn,
            predict_classifier=predict_classifier,
            postprocess=postprocess,
            unsupported=unsupported,
            seed=seed,
            dtype=dtype,
            format=format,
            rank=rank,
            world_size=world_size,
            dim=dim,
            sharding=sharding,
            tensors=tensors,
        )


def described(network: Network, example: Any, training: bool | None) -> str | Mapping[str, Any]:
    if isinstance(network, str) or (isinstance(network, Mapping) and not is_state_dict(network)):
        return network
    if keras.is_model(network):
        return keras.architecture(cast("keras.Model", network))
    refuse_other(network)
    from . import trace

    return cast("Mapping[str, Any]", trace(cast("nn.Module", network), example, training=training))


def location(response: requests.Response) -> str:
    path = response.headers.get("location")
    if path is None:
        raise AnswerError(f"{response.url} answered, but without a prediction: is it a ghn-serve service?")
    return path


def name_of(architecture: str | Mapping[str, Any]) -> str:
    if isinstance(architecture, str):
        return architecture
    named = mapping(mapping(architecture.get("keras")).get("config")) or architecture
    return str(named.get("name", "weights"))
