"""`python report.py results.jsonl`: accuracy in %, mean ± 95 % confidence interval over seeds, as a Markdown table."""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean, stdev

# Student's t at 97.5 % by degrees of freedom; beyond the last it is near the normal's.
T = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23]


def interval(values: list[float]) -> str:
    if len(values) < 2:
        return f"{100 * values[0]:.1f}"
    t = T[len(values) - 2] if len(values) - 2 < len(T) else 1.96
    return f"{100 * fmean(values):.1f} ± {100 * t * stdev(values) / math.sqrt(len(values)):.1f}"


def table(lines: list[str]) -> str:
    cells: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        result = json.loads(line)
        run = result["run"]
        cells[run["start"]][run["network"], run["dataset"]].append(result["accuracy"])
    columns = sorted({column for row in cells.values() for column in row})
    rows = [
        "| start | " + " | ".join(f"{network}, {dataset}" for network, dataset in columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for start, row in cells.items():
        rows.append(f"| {start} | " + " | ".join(interval(row[c]) if c in row else "" for c in columns) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text().splitlines()))
