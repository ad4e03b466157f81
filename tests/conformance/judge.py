"""The judge of conformance: what a host made of a case, held against what the case expects.

It knows outcomes as plain values, so that hosts in any language can be judged by it; it never knows
which host it judges.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conformance.cases import Case
    from tests.servers.connection import Request
    from tests.servers.scripted_server import ScriptedServer

_NAMES = {"AbortError": "Aborted"}
"""What JavaScript calls differently: the web's standards name the error of an `AbortSignal`."""


@dataclass(frozen=True)
class Failure:
    """The error that ended a case: the name of its class, its message, the server's status."""

    name: str
    message: str
    status: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a case: the result (vectors as lists), or the chunks of a stream; an error."""

    result: Any = None
    chunks: list[Any] = field(default_factory=list)
    error: Failure | None = None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Outcome:
        """An outcome as a host in another language tells it: `{result, chunks, error}`."""
        error = row.get("error")
        if error is not None:
            name = _NAMES.get(error["name"], error["name"])
            error = Failure(name, error["message"], error.get("status"))
        return cls(row.get("result"), row.get("chunks", []), error)


def hold_to_case(
    case: Case, server: ScriptedServer, run: Callable[[dict[str, str]], dict[str, Any]]
) -> None:
    """Let a host run a case against `server`, and judge it.

    `run` is called with the variables of the case, and answers with the outcome as JSON.
    """
    server.play_next(case.script())
    outcome = Outcome.from_json(run(case.environment(server.url)))
    ended = time.monotonic()
    if case.expect.get("disconnected"):
        assert server.wait_until_client_left() - ended < 0.1
    judge_requests(case, server.requests)
    judge(case, outcome)


def judge(case: Case, outcome: Outcome) -> None:
    """Assert that the outcome is the one that the case expects."""
    _judge_error(case.expect.get("error"), outcome.error)
    if "chunks" in case.expect:
        assert outcome.chunks == case.expect["chunks"]
    if "answer" in case.expect:
        assert outcome.result == case.expect["answer"]
    if "embedding" in case.expect:
        _judge_embedding(case.expect["embedding"], outcome.result)


def judge_token_ids(row: dict[str, Any], ids: list[int]) -> None:
    """Assert that a host's uncut ids are those of a row of `token_ids.json`, which may be cut."""
    *kept, last = row["ids"]
    if row["cut"]:
        assert ids[: len(kept)] == kept, ascii(row["text"])
        assert ids[-1] == last
        assert len(ids) > len(row["ids"])
    else:
        assert ids == row["ids"], ascii(row["text"])


def judge_requests(case: Case, requests: Sequence[Request]) -> None:
    """Assert that the inference host saw the one request that the case expects, or none."""
    expected = case.expect.get("request", {})
    if case.server is None:
        assert list(requests) == []
        return
    assert len(requests) == 1
    request = requests[0]
    assert request.method == expected.get("method", "POST")
    assert request.path == expected.get("path", request.path)
    for name, value in expected.get("headers", {}).items():
        assert request.headers[name] == value
    if "body" in expected:
        assert request.json() == expected["body"]


def _judge_error(expected: dict[str, Any] | None, error: Failure | None) -> None:
    if expected is None:
        assert error is None
        return
    assert error is not None
    assert error.name == expected["type"], error.message
    assert expected.get("message", "") in error.message
    assert error.status == expected.get("status", error.status)


def _judge_embedding(expected: dict[str, Any], result: Any) -> None:
    assert _shape(result) == expected["shape"]
    rows = result if len(expected["shape"]) > 1 else [result][: expected["shape"][0]]
    for row in rows:
        length = math.sqrt(sum(value * value for value in row))
        assert (abs(length - 1) < 1e-5) is expected["unit"]


def _shape(result: Any) -> list[int]:
    """The shape of nested lists."""
    if not isinstance(result, list):
        return []
    return [len(result), *(_shape(result[0]) if result else [])]
