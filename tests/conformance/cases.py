"""The conformance cases, as values.

A case says what a `Session` is asked, what the inference host does, and what must come of it. Cases
are JSON, so that hosts in any language can run the same ones; see `README.md` beside this file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.steps import Body, Head, Reset, Script, Sleep, Stall

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One row of a case file; see `README.md` for the fields."""

    case: str
    label: str
    model: str
    prompt: Any
    expect: dict[str, Any]
    session: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    no_host: bool = False
    abort_after: float | None = None
    server: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Write out what the file abbreviates."""
        object.__setattr__(self, "prompt", _expanded(self.prompt))

    def row(self) -> dict[str, Any]:
        """The case as JSON, with all that the file abbreviates, for a host in another language."""
        return asdict(self)

    def environment(self, url: str) -> dict[str, str]:
        """The variables of the case, when the inference host is at `url`."""
        host = {} if self.no_host else {"AI_INFERENCE_API_HOST": url + self.prefix}
        return {**host, **self.env}

    def script(self) -> Script:
        """What the inference host does; nothing when no case of it is expected to be asked."""
        return [] if self.server is None else script_of(self.server)


def load_cases(name: str) -> list[Case]:
    """The cases of `<name>.json`."""
    return [Case(**row) for row in load_rows(name)]


def load_rows(name: str) -> list[dict[str, Any]]:
    """The rows of `<name>.json`, as they are."""
    rows: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return rows


def script_of(server: dict[str, Any]) -> Script:
    """What the inference host does in a case."""
    end = server.get("end")
    if end == "stall before the head":
        return [Stall()]
    body = _expanded(server["body"]).encode()
    piece = 1 if server.get("delivery") == "bytewise" else None
    steps: Script = [
        Head(server.get("status", 200), server["headers"]),
        Body(body, piece),
    ]
    match end:
        case "stall":
            return [*steps, Stall()]
        case "reset":
            return [*steps, Sleep(0.1), Reset()]  # so that the bytes before are read
        case _:
            return steps


def _expanded(value: Any) -> Any:
    match value:
        case {"repeat": text, "times": times}:
            return text * times
        case _:
            return value
