"""Write `docs/portability.json` and, from it, `docs/portability.md`.

The results are those of `./build.sh conformance`; the page says nothing that the JSON does not.
`python -m tests.docs.write_portability` writes the page again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance.cases import load_cases, load_rows
from tests.conformance.hosts import REFERENCE, TOKEN_IDS, group_of

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "portability.md"
RESULTS = DOCS / "portability.json"

_BEGINNING = """\
# Where edgelet runs

One core runs on every host, and every host is asked the same cases: [those of the conformance
suite](../tests/conformance/README.md), with real weights and real sockets. `./build.sh conformance`
asks all hosts that it finds, and writes this page and [the same as JSON](portability.json).

In JavaScript hosts the package brings {engines}.
"""
_VECTORS = """\
## Vectors

The vectors of {texts} texts, held against those of onnxruntime on CPython {own} in the same
precision: the largest difference between two numbers, and the least cosine. Each is a vector of
length 1.

"""
_GAPS = """\
## Gaps

What is known not to pass, or is not asked of a host, and why.
[expectations.json](../tests/conformance/expectations.json) holds the list; a case that fails
without being in it fails the command, and so does one that passes in spite of it.

"""
_SIGNS = {"pass": "✓", "gap": "gap", "not asked": "–", "not run": "not run"}


def write(results: dict[str, Any]) -> None:
    """Write both files."""
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(page(results), "utf-8")


def page(results: dict[str, Any]) -> str:
    """The page's text."""
    hosts = results["hosts"]
    engines = " and ".join(
        f"{name} {version}"
        for name, version in results["engines"].items()
        if name != "onnxruntime-node"
    )
    parts = [
        _BEGINNING.format(engines=engines),
        _summary(hosts),
        _vectors(hosts),
        _gaps(hosts),
        _every_case(hosts),
    ]
    return "\n".join(parts)


def _summary(hosts: list[dict[str, Any]]) -> str:
    groups: dict[str, list[str]] = {}
    for case in load_cases("compatibility"):
        groups.setdefault(group_of(case), []).append(case.case)
    rows = [["host", "version", *groups, "token ids"]]
    for host in hosts:
        if "cases" not in host:
            rows.append([host["title"], "not run", *["–"] * len(groups), "–"])
            continue
        counts = [_count(host["cases"], names) for names in groups.values()]
        rows.append([host["title"], host["version"], *counts, _token_ids(host["cases"])])
    return _table(rows)


def _count(cases: dict[str, Any], names: list[str]) -> str:
    outcomes = [cases[name]["outcome"] for name in names]
    others = sorted({each for each in outcomes if each != "pass"})
    told = [f"{outcomes.count('pass')}/{len(names)}"]
    return ", ".join(told + [f"{outcomes.count(each)} {each}" for each in others])


def _token_ids(cases: dict[str, Any]) -> str:
    outcome: str = cases[TOKEN_IDS]["outcome"]
    return f"{len(load_rows('token_ids'))} texts equal" if outcome == "pass" else outcome


def _vectors(hosts: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for host in hosts for name in host.get("vectors", {})))
    precisions = list(dict.fromkeys(name.split()[1].rstrip(",") for name in names))
    rows = [["host", *(f"{each}: max │Δ│, cosine" for each in precisions), "sentence-transformers"]]
    for host in hosts:
        if "cases" not in host:
            rows.append([host["title"], *["not run"] * (len(precisions) + 1)])
            continue
        for ending in ("", ", onnxruntime-node"):
            cells = [_near(host["vectors"].get(f"vectors {each}{ending}")) for each in precisions]
            reference = _SIGNS.get(outcome := host["cases"][REFERENCE]["outcome"], outcome)
            if not ending or any(cell != "–" for cell in cells):
                rows.append([host["title"] + ending, *cells, "–" if ending else reference])
    own = next((host["version"] for host in hosts if "cases" in host), "").split(",")[0]
    return _VECTORS.format(texts=240, own=own) + _table(rows)


def _near(found: dict[str, float] | None) -> str:
    if found is None:
        return "–"
    return f"{found['max_delta']:.1e}, {found['least_cosine']:.6f}"


def _gaps(hosts: list[dict[str, Any]]) -> str:
    lines = [
        f"- {host['title']}: not run, {host['not_run']}." for host in hosts if "not_run" in host
    ]
    for host in hosts:
        by_reason: dict[tuple[str, str], list[str]] = {}
        for case, found in host.get("cases", {}).items():
            if found["outcome"] != "pass":
                by_reason.setdefault((found["outcome"], found["reason"]), []).append(case)
        for (outcome, reason), cases in by_reason.items():
            lines.append(f"- {host['title']}: {'; '.join(cases)}: {outcome}, {reason}.")
    return _GAPS + "\n".join(lines or ["None."]) + "\n"


def _every_case(hosts: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for host in hosts for name in host.get("cases", {})))
    rows = [["case", *(host["title"] for host in hosts)]]
    rows += [[name, *(_cell(host, name) for host in hosts)] for name in names]
    return "## Every case\n\n" + _table(rows)


def _cell(host: dict[str, Any], name: str) -> str:
    if "cases" not in host:
        return "not run"
    if name not in host["cases"]:
        return ""
    outcome: str = host["cases"][name]["outcome"]
    return _SIGNS.get(outcome, outcome)


def _table(rows: list[list[str]]) -> str:
    head, *others = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *others]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RESULTS.read_text("utf-8"))), "utf-8")
