"""Statistics as a terminal shows them."""

from __future__ import annotations

from typing import Any

COLUMNS = ("mean", "std", "min", "max", "l2", "effective_rank", "mean_abs_cosine")
HEADINGS = ("mean", "std", "min", "max", "l2", "eff. rank", "|cosine|")


def statistics_table(statistics: dict[str, Any]) -> str:
    """One line a tensor, and one for the network."""
    lines: list[tuple[str, ...]] = [("tensor", "shape", *HEADINGS)]
    for tensor in statistics["tensors"]:
        shape = "x".join(str(n) for n in tensor["shape"])
        lines.append((tensor["name"], shape, *(cell(tensor.get(column)) for column in COLUMNS)))
    network = statistics["network"]
    lines.append(("network", str(network["count"]), *(cell(network.get(column)) for column in COLUMNS)))
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if k < 2 else text.rjust(width) for k, (text, width) in enumerate(zip(line, widths))
        )
        for line in lines
    )


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
