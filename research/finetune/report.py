"""Table and plot from results.json; `python report.py` puts the table into README.md, between its marks."""

import json
import math
from itertools import cycle
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from scipy.stats import t

from conditions import CONDITIONS

HERE = Path(__file__).parent
BEGIN, END = "<!-- results: written by report.py -->", "<!-- end of results -->"
PLOT, RESULTS = "accuracy.svg", "results.json"


def write_report(folder: Path) -> None:
    """Writes the plot beside results.json, and the table into README.md (a new one where there is none)."""
    results = json.loads((folder / RESULTS).read_text())
    plot(results, folder / PLOT)
    readme = folder / "README.md"
    text = readme.read_text() if readme.exists() else f"{BEGIN}\n{END}\n"
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n\n{tables(results)}\n{END}{after}")


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % confidence interval by Student's t; 0 of one value alone."""
    if len(values) < 2:
        return values[0], 0.0
    return fmean(values), float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))


def percent(values: list[float]) -> str:
    mean, half = interval(values)
    return f"{100 * mean:.1f} ± {100 * half:.1f}"


def by_network(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in results["conditions"]:
        groups.setdefault(row["network"], []).append(row)
    return groups


def tables(results: dict[str, Any]) -> str:
    steps = results["steps"]
    parts = []
    for network, rows in by_network(results).items():
        parts += [
            f"**{network}** ({results['parameters'][network]:,} parameters): test accuracy in % after so many steps,"
            f" mean ± 95 % confidence interval over {len(results['seeds'])} seeds",
            "",
            "| start | rate | " + " | ".join(map(str, steps)) + " |",
            "| --- |" + " ---: |" * (len(steps) + 1),
            *(accuracy_row(row, len(steps)) for row in rows),
            "",
            "The difference to predicted weights as they are, seed by seed, in percentage points:",
            "",
            "| start | " + " | ".join(map(str, steps)) + " |",
            "| --- |" + " ---: |" * len(steps),
            *(difference_row(row, rows, len(steps)) for row in rows if row["condition"] != "predicted"),
            "",
        ]
    difference = max(row["diversity"]["difference"] for row in results["conditions"])
    parts += [
        "**Diversity** before the first step, mean over the hidden weights (of the first seed): effective rank"
        " as a part of the full rank, and mean |cosine| between the rows of a weight. Of predictions they are"
        " those of `/predictions/{id}/statistics`; computed here they differ from these by"
        f" {difference:.0e} at most.",
        "",
        "| start | " + " | ".join(f"{n}: rank | \\|cosine\\|" for n in by_network(results)) + " |",
        "| --- |" + " ---: | ---: |" * len(by_network(results)),
        *diversity_rows(results),
        "",
        provenance(results),
    ]
    return "\n".join(parts) + "\n"


def accuracy_row(row: dict[str, Any], count: int) -> str:
    cells = [percent([accuracies[i] for accuracies in row["accuracy"]]) for i in range(count)]
    return f"| {CONDITIONS[row['condition']].label} | {row['learning_rate']:g} | " + " | ".join(cells) + " |"


def difference_row(row: dict[str, Any], rows: list[dict[str, Any]], count: int) -> str:
    (predicted,) = (other["accuracy"] for other in rows if other["condition"] == "predicted")
    cells = []
    for i in range(count):
        mean, half = interval([own[i] - base[i] for own, base in zip(row["accuracy"], predicted)])
        cells.append(f"{100 * mean:+.1f} ± {100 * half:.1f}")
    return f"| {CONDITIONS[row['condition']].label} | " + " | ".join(cells) + " |"


def diversity_rows(results: dict[str, Any]) -> list[str]:
    cells: dict[str, list[str]] = {}
    for row in results["conditions"]:
        figures = row["diversity"]
        cells.setdefault(row["condition"], []).append(
            f"{figures['effective_rank']:.2f} | {figures['mean_abs_cosine']:.3f}"
        )
    return [f"| {CONDITIONS[name].label} | " + " | ".join(values) + " |" for name, values in cells.items()]


def provenance(results: dict[str, Any]) -> str:
    ghn, images = results["ghn"], results["images"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return (
        f"GHN `{ghn['id']}` ({ghn['parameters']:,} parameters, `{ghn['digest'][:19]}…`);"
        f" {results['labels_per_class']} labels a class, drawn again for each seed from {images['pool']} images;"
        f" {images['validation']} validation and {images['test']} test images; {results['minutes']:g} minutes"
        f" with {results['workers']} processes; {versions}."
    )


def plot(results: dict[str, Any], path: Path) -> None:
    """Accuracy against steps, one panel a network, the confidence intervals as bands."""
    plt.rcParams.update({"svg.hashsalt": "finetune", "svg.fonttype": "none", "font.size": 9})
    groups = by_network(results)
    figure, panels = plt.subplots(1, len(groups), figsize=(9, 4.2), sharey=True, constrained_layout=True)
    for panel, (network, rows) in zip(panels, groups.items()):
        for row, style in zip(rows, cycle(("-", "-", "--"))):
            intervals = [interval(list(values)) for values in zip(*row["accuracy"])]
            means = [100 * mean for mean, _ in intervals]
            halves = [100 * half for _, half in intervals]
            (line,) = panel.plot(results["steps"], means, style, marker="o", markersize=3)
            line.set_label(CONDITIONS[row["condition"]].label)
            low, high = zip(*((m - h, m + h) for m, h in zip(means, halves)))
            panel.fill_between(results["steps"], low, high, color=line.get_color(), alpha=0.2, linewidth=0)
        panel.set(title=network, xlabel="steps")
        panel.set_xscale("symlog", linthresh=max(results["steps"][1], 1))
        panel.set_xticks(results["steps"])
        panel.set_xticklabels(map(str, results["steps"]))
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy, %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    write_report(HERE)
