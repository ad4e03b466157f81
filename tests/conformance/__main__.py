"""Run the shared cases in every host that is found, and write `docs/portability.*`.

`./build.sh conformance`, or `python -m tests.conformance`; names of rooms (`cpython`, `sandbox`,
`browser`, `js`) run these alone, and keep what is known of the others. The exit code is 1, and each
case is told, when anything fails that `expectations.json` does not expect, passes that it expects
to fail, or was not asked at all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.hosts import (
    HOSTS,
    PYTHONS,
    ROOMS,
    ROOT,
    MatrixHost,
    engines,
    environment,
    find_python,
)
from tests.docs.write_portability import RESULTS, write

EXPECTATIONS = Path(__file__).with_name("expectations.json")
NOT_FOUND = "not found here"


def expectations() -> dict[str, dict[str, str]]:
    """By host, the cases that are known not to pass there, each with its reason."""
    known: dict[str, dict[str, str]] = json.loads(EXPECTATIONS.read_text("utf-8"))
    return known


def held(host: MatrixHost, rows: list[dict[str, Any]], known: dict[str, str]) -> dict[str, Any]:
    """What the tests said about a host, held against what is known about it."""
    answered = [row for row in rows if row["outcome"] != "skipped"]
    version = "" if rows and not answered else host.version()
    if not answered and not version:
        reason = rows[0]["reason"] if rows else NOT_FOUND
        return {"name": host.name, "title": host.title, "version": None, "not_run": reason}
    found = {row["case"]: row for row in rows}
    cases = {case: _held(found.get(case), known.get(case)) for case in host.cases()}
    vectors = {row["case"]: row["vectors"] for row in answered if "vectors" in row}
    return {
        "name": host.name,
        "title": host.title,
        "version": version,
        "cases": cases,
        "vectors": vectors,
    }


def _held(row: dict[str, Any] | None, known: str | None) -> dict[str, str]:
    match row:
        case {"outcome": "passed"} if known is None:
            return {"outcome": "pass"}
        case {"outcome": "passed"}:
            return {"outcome": "unexpected pass", "reason": f"expected: {known}"}
        case {"outcome": "failed"} if known is None:
            return {"outcome": "fails", "reason": row["reason"]}
        case {"outcome": "failed"}:
            return {"outcome": "gap", "reason": known}
        case {"outcome": "skipped"}:
            return {"outcome": "not run", "reason": row["reason"]}
        case _ if known is None:
            return {"outcome": "fails", "reason": "no test asks for it"}
        case _:
            return {"outcome": "not asked", "reason": known}


def wrong(hosts: list[dict[str, Any]]) -> list[str]:
    """A line for each outcome that nobody expected."""
    return [
        f"{host['title']}: {case}: {found['outcome']}: {found['reason']}"
        for host in hosts
        for case, found in host.get("cases", {}).items()
        if found["outcome"] in ("fails", "unexpected pass")
    ]


def run(room: str, python: Path, file: Path, vectors: Path) -> list[dict[str, Any]]:
    """What the tests of a room say in that Python."""
    options = ["--quiet", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
    command = [str(python), "-m", "pytest", *options, "-p", "tests.conformance.matrix"]
    done = subprocess.run(
        [*command, f"--portability={file}", *ROOMS[room]],
        cwd=ROOT,
        env={**environment(), "EDGELET_NATIVE_VECTORS": str(vectors)},
        check=False,
    )
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit(f"error: the tests of {room} did not come to their end")
    rows: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return rows


def measure(rooms: list[str]) -> list[dict[str, Any]]:
    """What the tests of all these rooms say."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = Path(sys.executable)
        pythons = [own]
        if "cpython" in rooms:
            pythons += [
                found
                for version in PYTHONS
                if (found := find_python(version)) is not None and found != own
            ]
        for room in rooms:
            for number, python in enumerate(pythons if room == "cpython" else [own]):
                rows += run(room, python, folder / f"{room}-{number}.json", folder)
    return rows


def main(arguments: list[str]) -> int:
    """Run, hold, write, tell."""
    if unknown := [name for name in arguments if name not in ROOMS]:
        sys.exit(f"error: there is no room {unknown[0]}; use {', '.join(ROOMS)}")
    rooms = [room for room in ROOMS if room in arguments or not arguments]
    rows = measure(rooms)
    known = expectations()
    before = {}
    if len(rooms) < len(ROOMS) and RESULTS.exists():
        before = {host["name"]: host for host in json.loads(RESULTS.read_text("utf-8"))["hosts"]}
    hosts = []
    for host in HOSTS:
        if host.room in rooms:
            mine = [row for row in rows if row["host"] == host.name]
            hosts.append(held(host, mine, known.get(host.name, {})))
        else:
            nothing = {"name": host.name, "title": host.title, "version": None}
            hosts.append(before.get(host.name, {**nothing, "not_run": "it was not asked for"}))
    write({"engines": engines(), "hosts": hosts})
    mistakes = wrong(hosts)
    for line in mistakes:
        print(line, file=sys.stderr)  # noqa: T201 (it is a program)
    ran = sum("cases" in host for host in hosts)
    print(f"{ran} of {len(hosts)} hosts ran; docs/portability.md says how")  # noqa: T201
    return 1 if mistakes else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except pytest.skip.Exception as reason:
        sys.exit(f"error: {reason}")
