"""The command line: ghn-client trace, predict and stats."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .client import Client, Postprocess, name_of
from .errors import GhnServeError
from .examples import ExampleSpec
from .networks import network, prediction_id
from .table import statistics_table, summary_table

NETWORK_HELP = (
    "torchvision:NAME, timm:NAME, MODULE:ATTRIBUTE or FILE.py:ATTRIBUTE (a module, or a function that creates "
    "one), the file of an architecture (.json), or a name that the service knows"
)
EXAMPLE_HELP = (
    "shape of its input, such as 1,3,224,224; for token ids ids:1,8; for a named argument mask=bool:1,8. Repeat it "
    "for several inputs, in their order. Default: an image of the size that the network is made for"
)
PLAIN = (GhnServeError, ImportError, ValueError, OSError)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    warnings.showwarning = print_warning
    # Users' networks are mostly in the current directory.
    sys.path.insert(0, "")
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe. Python would otherwise report an error at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # Users want a sentence; the variable shows the traceback for debugging.
        if os.environ.get("GHN_CLIENT_TRACEBACK"):
            raise
        kind = "" if isinstance(error, PLAIN) and str(error) else f"{type(error).__name__}: "
        print(f"ghn-client: {kind}{error}".rstrip(": "), file=sys.stderr)
        return 1
    return 0


def trace_command(arguments: argparse.Namespace) -> None:
    architecture: Any = asked_network(arguments)
    if isinstance(architecture, str):
        with client(arguments) as service:
            architecture = service.architecture(architecture, arguments.num_classes)
    text = json.dumps(architecture, indent=2)
    if arguments.output is None:
        print(text)
    else:
        arguments.output.write_text(text + "\n")


def predict_command(arguments: argparse.Namespace) -> None:
    asked = asked_network(arguments)
    name = re.sub(r"[^\w.-]+", "_", name_of(asked))
    with client(arguments) as service:
        weights = service.predict(asked, **options(arguments, asked))
    output = arguments.output or Path(f"{name}.safetensors")
    weights.save(output)
    print(f"{weights!r} in {output}", file=sys.stderr)


def stats_command(arguments: argparse.Namespace) -> None:
    with client(arguments) as service:
        prediction = prediction_id(arguments.network)
        if prediction is None:
            asked = asked_network(arguments)
            prediction = service.begin({"architecture": asked, **options(arguments, asked)})["id"]
        statistics = service.statistics(prediction)
    if arguments.json:
        print(json.dumps(statistics, indent=2))
    else:
        print(statistics_table(statistics) if arguments.all else summary_table(statistics))


def asked_network(arguments: argparse.Namespace) -> str | dict[str, Any]:
    return network(
        arguments.network, arguments.example, dict(arguments.argument), arguments.num_classes, arguments.training
    )


def client(arguments: argparse.Namespace) -> Client:
    return Client(
        arguments.url,
        api_key=arguments.api_key,
        timeout=arguments.timeout,
        retries=arguments.retries,
        progress=False if arguments.quiet else None,
    )


def options(arguments: argparse.Namespace, asked: Any) -> dict[str, Any]:
    """The options of the request, and the number of classes if the network does not have it."""
    postprocess: Postprocess = {}
    if arguments.noise is not None:
        postprocess["noise"] = arguments.noise
    if arguments.orthogonalize:
        postprocess["orthogonalize"] = True
    if arguments.from_layer is not None:
        postprocess["from_layer"] = arguments.from_layer
    if arguments.min_channels is not None:
        postprocess["min_channels"] = arguments.min_channels
    given = {
        "num_classes": arguments.num_classes if isinstance(asked, str) else None,
        "ghn": arguments.ghn,
        "predict_classifier": False if arguments.no_classifier else None,
        "unsupported": "skip" if arguments.skip_unsupported else None,
        "postprocess": {**postprocess, "seed": arguments.seed} if postprocess else None,
        "seed": arguments.seed,
        "dtype": arguments.dtype,
    }
    return {key: value for key, value in given.items() if value is not None}


def print_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def example(text: str) -> ExampleSpec:
    try:
        return ExampleSpec.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def argument(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: expected NAME=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def parser() -> argparse.ArgumentParser:
    of_network = argparse.ArgumentParser(add_help=False)
    of_network.add_argument("network", metavar="NETWORK", help=NETWORK_HELP)
    of_network.add_argument(
        "--example", type=example, action="append", default=[], metavar="[NAME=][KIND:]N,…", help=EXAMPLE_HELP
    )
    of_network.add_argument(
        "--training",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="trace it in training mode, with auxiliary heads (default: if it runs in that mode)",
    )
    of_network.add_argument("--num-classes", type=int, metavar="N", help="number of outputs of the head")
    of_network.add_argument(
        "--argument",
        type=argument,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument for its constructor",
    )

    of_service = argparse.ArgumentParser(add_help=False)
    service = of_service.add_argument_group("service")
    service.add_argument("--url", help="the service (default: GHN_SERVE_URL, or http://127.0.0.1:3000)")
    service.add_argument("--api-key", metavar="KEY", help="default: GHN_SERVE_API_KEY")
    service.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="time limit (default: 300)")
    service.add_argument("--retries", type=int, default=5, metavar="N", help="retries of a failed request (default: 5)")
    service.add_argument("--quiet", action="store_true", help="no progress bar")

    of_prediction = argparse.ArgumentParser(add_help=False)
    prediction = of_prediction.add_argument_group("prediction")
    prediction.add_argument("--ghn", metavar="ID", help="one of the service's GHNs")
    prediction.add_argument("--no-classifier", action="store_true", help="do not predict the head")
    prediction.add_argument("--skip-unsupported", action="store_true", help="skip layers without a GHN operation")
    prediction.add_argument("--seed", type=int, default=0, metavar="N", help="seed of random values (default: 0)")
    prediction.add_argument("--dtype", choices=("F32", "F16", "BF16"), default="F32")
    prediction.add_argument("--noise", type=float, metavar="BETA", help="post-processing: noise against equal rows")
    prediction.add_argument("--orthogonalize", action="store_true", help="post-processing: orthogonal weights")
    prediction.add_argument("--from-layer", type=int, metavar="K", help="post-process the weights from the Kth on")
    prediction.add_argument("--min-channels", type=int, metavar="N", help="post-process weights of more channels")

    result = argparse.ArgumentParser(prog="ghn-client", description="Predicted parameters for neural networks.")
    commands = result.add_subparsers(metavar="COMMAND", required=True)
    trace = commands.add_parser("trace", parents=[of_network, of_service], help="print a network's architecture")
    trace.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    trace.set_defaults(run=trace_command)
    predict = commands.add_parser(
        "predict", parents=[of_network, of_prediction, of_service], help="save a network's predicted weights"
    )
    predict.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: NAME.safetensors")
    predict.set_defaults(run=predict_command)
    stats = commands.add_parser(
        "stats", parents=[of_network, of_prediction, of_service], help="print statistics of predicted weights"
    )
    stats.add_argument("--all", action="store_true", help="a line for every tensor")
    stats.add_argument("--json", action="store_true", help="the complete answer of the service, as JSON")
    stats.set_defaults(run=stats_command)
    return result


if __name__ == "__main__":
    sys.exit(main())
