"""What a client is told when it is not the function that answers: the table of Supabase's gateway.

    401  {"msg": …}                       no token, or one that is not valid
    404  Function not found
    431  Request headers too large
    500  {"code": "WORKER_ERROR", …}      the function failed, or its process died
    503  {"code": "BOOT_ERROR", …}        it could not be loaded
    503  {"code": "SERVICE_UNAVAILABLE"}  too many requests wait already
    504  {"code": "IDLE_TIMEOUT", …}      no answer began in time
    546  {"code": "WORKER_LIMIT", …}      it used more memory or time than it may

What went wrong inside a function is for its console; a client is told no more than this. From 500
on `x-relay-error` says that the answer stands in for the function's own.

Source: the server of `supabase functions serve`, and
https://supabase.com/docs/guides/functions/status-codes
"""

from __future__ import annotations

from edgelet.errors import EdgeletError
from edgelet.http import Response
from edgelet_host.sandbox.errors import FunctionNotBooted, LimitExceeded, QueueFull

RELAY_ERROR = ("x-relay-error", "true")


class NoAnswerInTime(EdgeletError):
    """The function did not begin to answer within `timeout_s`."""

    def __init__(self, function: str, seconds: float) -> None:
        super().__init__(
            f"the function {function} did not begin to answer within {seconds:g} s; "
            f"allow more with timeout_s"
        )
        self.seconds = seconds


def not_found() -> Response:
    """There is no such function."""
    return Response("Function not found", status=404, headers={"content-type": "text/plain"})


def too_large() -> Response:
    """The request's headers are longer than any function gets."""
    headers = {"content-type": "text/plain"}
    return Response("Request headers too large", status=431, headers=headers)


def unauthorized(reason: str) -> Response:
    """The caller may not call this function."""
    return Response.json({"msg": reason}, status=401)


def answer_of(failure: Exception) -> Response:
    """The answer in place of the one that the function did not give.

    >>> answer_of(NoAnswerInTime("hello", 150)).status
    504
    """
    match failure:
        case FunctionNotBooted():
            return _failed(503, "BOOT_ERROR", "Worker failed to boot (please check logs)")
        case NoAnswerInTime(seconds=seconds):
            return _failed(
                504, "IDLE_TIMEOUT", f"Request idle timeout limit ({seconds:g}s) reached"
            )
        case LimitExceeded():
            return _failed(
                546,
                "WORKER_LIMIT",
                "Worker failed to respond due to a resource limit (please check logs)",
            )
        case QueueFull():
            return _failed(503, "SERVICE_UNAVAILABLE", "Too many requests wait; try again later")
    return _failed(500, "WORKER_ERROR", "Function exited due to an error (please check logs)")


def _failed(status: int, code: str, message: str) -> Response:
    return Response.json({"code": code, "message": message}, status=status, headers=[RELAY_ERROR])
