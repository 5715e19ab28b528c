"""Client of a ghn-serve service: the parameters that a Graph HyperNetwork predicts for a network of yours."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .architecture import Architecture, TraceWarning
from .client import Client, Postprocess, predict
from .errors import (
    AnswerError,
    DownloadError,
    GhnServeError,
    LoadError,
    NetworkError,
    NoAnswerError,
    ServiceError,
    UnreachableError,
    WrapperError,
)
from .outcome import Loaded, NotPredictedWarning
from .weights import Weights

if TYPE_CHECKING:
    from .loading import load
    from .tracing import trace

__all__ = [
    "AnswerError",
    "Architecture",
    "Client",
    "DownloadError",
    "GhnServeError",
    "LoadError",
    "Loaded",
    "NetworkError",
    "NoAnswerError",
    "NotPredictedWarning",
    "Postprocess",
    "ServiceError",
    "TraceWarning",
    "UnreachableError",
    "Weights",
    "WrapperError",
    "load",
    "predict",
    "trace",
]

# Names that need PyTorch are imported on first use.
_WITH_TORCH = {
    "load": ".loading",
    "trace": ".tracing",
}


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(_WITH_TORCH[name], __name__)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError(f"ghn_serve.{name} needs PyTorch: pip install ghn-serve[torch]") from error
    return getattr(module, name)
