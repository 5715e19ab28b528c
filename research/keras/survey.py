"""
What the service makes of every network in models.py and of all of keras.applications. Each is built in Keras, asked for,
and its prediction held against the model's own weights: their order, their paths and shapes; then it is loaded back by
ghn_serve.keras.load, into the model and into one that is read from its JSON. Prints a table in Markdown, and a line on
standard error for whatever is wrong.

    python survey.py http://127.0.0.1:3000 [--keras2] [--applications] [--only NAME]

It takes keras with tensorflow (or tf_keras), and the Python client.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
from models import KERAS3, NETWORKS, Make

import ghn_serve.keras as loader
from ghn_serve import Client, ServiceError
from ghn_serve.weights import Weights


@dataclass
class Row:
    name: str
    outcome: str = ""
    """predicted, in part, or refused."""
    predicted: int = 0
    weights: int = 0
    trainable: int = 0
    parameters: float = 1.0
    """The share of the trainable weights' numbers that is predicted."""
    note: str = ""
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    arguments = parsed()
    K = imported(arguments.keras2)
    rows = []
    with Client(arguments.url, progress=False) as client:
        for name, make in chosen(K, arguments):
            row = surveyed(K, name, make, client)
            rows.append(row)
            for line in row.wrong:
                print(f"{name}: {line}", file=sys.stderr, flush=True)
            K.backend.clear_session()
            gc.collect()
    print(table(rows))
    return 1 if any(row.wrong for row in rows) else 0


def parsed() -> argparse.Namespace:
    result = argparse.ArgumentParser(description="What the service makes of Keras models.")
    result.add_argument("url", metavar="URL")
    result.add_argument("--keras2", action="store_true", help="with tf_keras")
    result.add_argument("--applications", action="store_true", help="keras.applications in place of models.py")
    result.add_argument("--only", metavar="NAME", help="one network alone")
    return result.parse_args()


def imported(keras2: bool) -> Any:
    if keras2:
        import tf_keras

        return tf_keras
    import keras

    # One network has a lambda, which is this file's own.
    keras.config.enable_unsafe_deserialization()
    return keras


def chosen(K: Any, arguments: argparse.Namespace) -> Iterator[tuple[str, Make]]:
    if arguments.applications:
        networks = applications(K)
    else:
        networks = {**NETWORKS, **({} if arguments.keras2 else KERAS3)}
    for name, make in networks.items():
        if arguments.only in (None, name):
            yield name, make


def applications(K: Any) -> dict[str, Make]:
    """Every network of keras.applications with its head, and without one for images of another size."""

    def maker(make: Any, **options: Any) -> Make:
        return lambda _: make(weights=None, **options)

    found: dict[str, Make] = {}
    for name in dir(K.applications):
        make = getattr(K.applications, name)
        if name[0].isupper() and callable(make):
            found[name] = maker(make)
            size = 331 if name.startswith("NASNet") else 160
            found[f"{name} without its head"] = maker(make, include_top=False, input_shape=(size, size, 3))
    return found


def surveyed(K: Any, name: str, make: Make, client: Client) -> Row:
    row = Row(name)
    try:
        model = make(K)
    except Exception as error:
        row.outcome, row.note = "not built", f"Keras: {first_line(error)}"
        return row
    row.weights, row.trainable = len(model.weights), len(model.trainable_weights)
    try:
        architecture = loader.architecture(model)
    except ValueError as error:
        row.outcome, row.note = "refused", first_line(error)
        return row
    try:
        weights, record = asked(client, architecture)
        row.outcome = "predicted"
    except ServiceError as error:
        row.outcome, row.note = "refused", first_line(error)
        try:
            weights, record = asked(client, architecture, unsupported="skip")
            row.outcome = "in part"
        except ServiceError as again:
            row.note += f"; with skip: {first_line(again)}"
            return row
    row.predicted = len(weights)
    shared = Counter(warning["code"] for warning in record["warnings"])
    if shared:
        row.note = "; ".join(filter(None, [row.note, *(f"{n} {code}" for code, n in shared.items())]))
    compare(row, model, weights)
    load(row, model, weights)
    try:
        again = K.models.model_from_json(model.to_json())
    except Exception as error:
        row.note = "; ".join(filter(None, [row.note, f"Keras cannot read its JSON: {first_line(error)}"]))
        return row
    load(row, again, weights, where="read from JSON")
    return row


def asked(client: Client, architecture: Any, **options: Any) -> tuple[Weights, dict[str, Any]]:
    weights = client.predict(architecture, **options)
    return weights, client.record(weights.metadata["prediction"])


def compare(row: Row, model: Any, weights: Weights) -> None:
    """The prediction's tensors are some of the model's weights, in their order, with their paths and shapes."""
    own = [(loader.path_of(weight), tuple(weight.shape)) for weight in model.weights]
    places = {id(weight): at for at, weight in enumerate(model.weights)}
    found = loader.find_places({name: tuple(weights.shapes[name]) for name in weights}, list(model.weights))
    at = [places[id(variable)] for variable in found.values()]
    if at != sorted(at):
        row.wrong.append("its tensors are in another order than the model's weights")
    for (name, shape), index in zip(((name, tuple(weights.shapes[name])) for name in weights), at):
        if shape != own[index][1]:
            row.wrong.append(f"{name}: {shape}, and the model's {own[index][0]} is {own[index][1]}")
    other_paths = sum(name != own[index][0] for name, index in zip(weights, at))
    if other_paths:
        row.note = "; ".join(filter(None, [row.note, f"{other_paths} paths are the models' names longer, as Keras has them twice"]))
    filled = {id(variable) for variable in found.values()}
    trained = [weight for weight in model.weights if weight.trainable or id(weight) in filled]
    total = sum(int(np.prod(weight.shape)) for weight in trained)
    predicted = sum(int(np.prod(weight.shape)) for weight in trained if id(weight) in filled)
    row.parameters = predicted / total if total else 1.0


def load(row: Row, model: Any, weights: Weights, where: str = "itself") -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            loaded = loader.load(model, weights)
        except ValueError as error:
            row.wrong.append(f"does not load into the model {where}: {first_line(error)}")
            return
    if set(loaded.predicted) != set(weights):
        row.wrong.append(f"{len(weights) - len(loaded.predicted)} tensors are not loaded into the model {where}")
    for name, variable in list(loader.find_places({n: tuple(weights.shapes[n]) for n in weights}, list(model.weights)).items())[:3]:
        if not np.array_equal(variable.numpy(), weights[name]):
            row.wrong.append(f"{name} has another value in the model {where}")


def first_line(error: BaseException) -> str:
    text = str(error).replace("|", "\\|")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines)[:400]


def table(rows: list[Row]) -> str:
    counts = Counter(row.outcome for row in rows)
    wrong = sum(bool(row.wrong) for row in rows)
    head = ", ".join(f"{n} {outcome}" for outcome, n in counts.most_common())
    lines = [
        f"{len(rows)} networks: {head}; {wrong} with something wrong.",
        "",
        "| network | outcome | tensors of the model's trainable | of their numbers | |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        share = "" if row.outcome in ("refused", "not built") else f"{100 * row.parameters:.1f} %"
        lines.append(f"| {row.name} | {row.outcome} | {row.predicted} of {row.trainable} | {share} | {row.note} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
