"""The charts of a run, as SVG: written by hand, the same figures give the same bytes.

Their colours are read on white and on black, and nothing is painted behind them.

    python -m bench.embed.chart FILE.json FOLDER
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bench.embed.contenders import CONTENDERS

Results = Mapping[str, Any]

WIDTH = 860
TEXT = "#7d8590"
FAINT = "#7d859055"
COLOURS = {"edgelet": "#2f81f7", "peer": "#9a8fb0", "ceiling": "#c9963b"}
NAMED = {
    "short": "short, 5–20 tokens",
    "passages": "passages, 100–200 tokens",
    "mixed": "mixed, 5–512 tokens",
}
LEFT, TOP, ROW, GAP = 190, 62, 22, 16


def charts(results: Results) -> dict[str, str]:
    """Every chart that there are figures for, by the name of its file."""
    drawn = {}
    if results["speed"]:
        drawn["embed.svg"] = _bars(results)
    if len(results["linear"]) > 1:
        drawn["embed-linear.svg"] = _line(results["linear"])
    return drawn


def _bars(results: Results) -> str:
    """Texts a second of all, a column a set, for the first model with the most threads."""
    model = results["speed"][0]["model"]
    threads = max(row["threads"] for row in results["speed"] if row["model"] == model)
    rows = [r for r in results["speed"] if (r["model"], r["threads"]) == (model, threads)]
    kinds = list(dict.fromkeys(row["set"] for row in rows))
    roles = {each.name: each.role for each in CONTENDERS}
    order = {each.name: number for number, each in enumerate(CONTENDERS)}
    names = sorted({row["contender"] for row in rows}, key=lambda name: order[name])
    rates = {(row["contender"], row["set"]): row["texts/s"] for row in rows}
    wide = (WIDTH - LEFT) / len(kinds)
    height = TOP + ROW * len(names) + 28
    parts = [_text(0, 18, f"{model}, {threads} threads: texts a second", size=15, bold=True)]
    for number, name in enumerate(names):
        y = TOP + ROW * number
        bold = roles[name] == "edgelet"
        parts.append(_text(LEFT - 10, y + 14, name, anchor="end", bold=bold))
        for column, kind in enumerate(kinds):
            rate = rates.get((name, kind))
            if rate is None:
                continue
            longest = max(rates[each, kind] for each in names if (each, kind) in rates)
            length = rate / longest * (wide - GAP - 46)
            x = LEFT + column * wide
            parts.append(
                f'<rect x="{x:.1f}" y="{y + 3}" width="{length:.1f}" height="{ROW - 6}" rx="2" '
                f'fill="{COLOURS[roles[name]]}"/>'
            )
            parts.append(_text(x + length + 5, y + 14, _number(rate), bold=bold))
    for column, kind in enumerate(kinds):
        parts.append(_text(LEFT + column * wide, TOP - 10, NAMED[kind], size=13))
    facts = results["facts"]
    versions = ("onnxruntime", "torch", "openvino")
    said = ", ".join(f"{name} {facts[name]}" for name in versions if name in facts)
    parts.append(_text(0, height - 6, f"{facts['machine']}; {said}", size=11))
    return _svg(height, parts)


def _line(rows: Sequence[Mapping[str, Any]]) -> str:
    """The cost of a text, and the growth of memory, against the length of a list."""
    height, top, bottom = 250, 62, 40
    half = (WIDTH - 60) / 2
    name = rows[0]["contender"]
    parts = [_text(0, 18, f"{name}: longer and longer lists of short texts", size=15, bold=True)]
    least, most = (math.log10(each(row["texts"] for row in rows)) for each in (min, max))
    for column, (figure, title) in enumerate(
        (("µs a text", "µs a text"), ("growth MB", "MB of memory beyond the result"))
    ):
        values = [(row["texts"], row[figure]) for row in rows if row[figure] is not None]
        if not values:
            continue
        x0, span = 30 + column * (half + 30), half - 60
        highest = max(*(value for _, value in values), 1.0) * 1.15
        floor = height - bottom
        points = [
            (
                x0 + (math.log10(count) - least) / (most - least) * span,
                floor - max(value, 0.0) / highest * (floor - top),
            )
            for count, value in values
        ]
        parts.append(_text(x0, top - 14, title, size=13))
        parts.append(f'<path d="M{x0} {floor}h{span:.1f}" stroke="{FAINT}" fill="none"/>')
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        colour = COLOURS["edgelet"]
        parts.append(f'<path d="M{path}" stroke="{colour}" stroke-width="2" fill="none"/>')
        for (x, y), (count, value) in zip(points, values, strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
            parts.append(_text(x, y - 9, _number(value), anchor="middle", bold=True))
            parts.append(_text(x, floor + 18, f"{count:,}", anchor="middle"))
    return _svg(height, parts)


def _text(
    x: float, y: float, said: str, *, size: int = 12, anchor: str = "start", bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{weight}>'
        f"{escape(said)}</text>"
    )


def _svg(height: float, parts: Sequence[str]) -> str:
    font = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="{font}" fill="{TEXT}">'
    )
    return "\n".join((head, *parts, "</svg>", ""))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


if __name__ == "__main__":
    for file, content in charts(json.loads(Path(sys.argv[1]).read_text("utf-8"))).items():
        (Path(sys.argv[2]) / file).write_text(content, "utf-8")
