"""Networks, as the command line names them."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import SourceLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import GhnServeError, NetworkError
from .examples import ExampleSpec, made_example
from .typed import mapping

# The libraries of short names: the module, its function that takes a network's name (or None), and its list of names.
LIBRARIES = {
    "torchvision": ("torchvision.models", None, "list_models"),
    "timm": ("timm", "create_model", "list_models"),
}
PREDICTION_ID = re.compile(r"[0-9a-f]{16,}")
OTHER_FILES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".onnx", ".keras", ".h5", ".py", ".pt2", ".pkl")


def prediction_id(text: str) -> str | None:
    return text if PREDICTION_ID.fullmatch(text) else None


def network(
    text: str,
    examples: Sequence[ExampleSpec] = (),
    arguments: Mapping[str, Any] | None = None,
    num_classes: int | None = None,
    training: bool | None = None,
) -> str | dict[str, Any]:
    """
    An architecture: read from a file, or traced from a module that is imported, or made by what is imported, with
    `arguments`. A text without a colon is left as it is: a name that the service knows.

    Whatever the network's own code raises is told in one sentence, as NetworkError.
    """
    if text.endswith(".json"):
        return read(Path(text))
    place, colon, name = text.partition(":")
    if not colon:
        if text.endswith(OTHER_FILES):
            raise NetworkError(
                f"{text} is not an architecture: give MODULE:ATTRIBUTE for your own network, an architecture's .json, "
                "or a name that the service knows"
            )
        return text
    from . import trace

    if num_classes is not None:
        arguments = {**(arguments or {}), "num_classes": num_classes}
    path, maker, lister = LIBRARIES.get(place, (place, None, None))
    library = own_code(lambda: imported(path), f"{path} cannot be imported", "")
    module = own_code(
        lambda: made(library, maker, lister, place, name, arguments or {}),
        f"{text} cannot be created",
        "--argument NAME=VALUE gives it an argument",
    )
    shown = " ".join(str(spec) for spec in examples) or "an image"
    remedy = "--example gives its inputs, such as ids:1,8 for token ids, and --no-training traces it in evaluation mode"
    example = own_code(lambda: made_example(module, examples), f"{shown} cannot be created", "")
    try:
        return dict(trace(module, example, name=name.rpartition(".")[2], training=training))
    except NetworkError as error:
        if error.__cause__ is None:
            raise
        raise NetworkError(f"{text} does not run on {shown}: {error} ({remedy})") from error


def own_code(act: Callable[[], Any], fault: str, remedy: str) -> Any:
    """Runs foreign code, which may raise any error or end the process."""
    try:
        return act()
    except GhnServeError:
        raise
    except (Exception, SystemExit) as error:
        text = str(error).strip().partition("\n")[0]
        kind = "" if isinstance(error, (ImportError, ValueError)) and text else f"{type(error).__name__}: "
        sentence = f"{fault}: {kind}{text}".rstrip(": ")
        raise NetworkError(f"{sentence} ({remedy})" if remedy else sentence) from error


def read(path: Path) -> dict[str, Any]:
    try:
        architecture: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NetworkError(f"{path} is not JSON: {error}") from error
    if not mapping(architecture):
        raise NetworkError(f"{path} is not an architecture: it is not a JSON object")
    return dict(architecture)


def made(
    library: ModuleType, maker: str | None, lister: str | None, place: str, name: str, arguments: Mapping[str, Any]
) -> Any:
    from torch import nn

    if maker is not None:
        try:
            return getattr(library, maker)(name, **arguments)
        except RuntimeError as error:
            if "nknown model" not in str(error):
                raise
            raise NetworkError(f"{place} has no network {name}{nearest(library, lister, name)}") from error
    found: Any = library
    for part in name.split("."):
        if not hasattr(found, part):
            raise NetworkError(f"{place} has no network {name}{nearest(library, lister, name)}")
        found = getattr(found, part)
    result = found if isinstance(found, nn.Module) or not callable(found) else found(**arguments)
    if not isinstance(result, nn.Module):
        raise NetworkError(f"{place}:{name} is not a torch.nn.Module and does not create one")
    return result


def imported(path: str) -> ModuleType:
    """Imports a module by its name or its file."""
    if not path.endswith(".py"):
        return importlib.import_module(path)
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or not isinstance(spec.loader, SourceLoader):
        raise NetworkError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def nearest(module: ModuleType, lister: str | None, name: str) -> str:
    lists = getattr(module, lister, None) if lister else None
    names: list[str] = lists() if lists else [key for key in vars(module) if not key.startswith("_")]
    close = difflib.get_close_matches(name, names, 3)
    return f"; the nearest are {', '.join(close)}" if close else ""
