"""A server's own words, out of the many shapes in which servers put their errors.

Shapes seen: `{"error": "text"}` (Ollama), `{"error": {"message": …, "code": …}}` (OpenAI, vLLM,
llama.cpp), `{"object": "error", "message": …}` (vLLM), `{"error": null}` (no error at all),
`{"detail": …}` (FastAPI servers), plain text, HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgelet.decoders.json_value import parse_json
from edgelet.errors import InferenceHostError, ProtocolError

_LONGEST_MESSAGE = 2000


def raise_error_in(value: object, status: int = 200) -> dict[str, Any]:
    """`value` itself if it is a JSON object without an error.

    Raises `InferenceHostError` with the server's words if it carries one, `ProtocolError` if it is
    no object.
    """
    if not isinstance(value, dict):
        raise ProtocolError(
            f"expected a JSON object from the inference host, got {_short(value, 80)}"
        )
    if value.get("error") is not None or value.get("object") == "error":
        raise InferenceHostError(status, message_in(value))
    return value


def message_in(value: object) -> str:
    """The most telling sentence in an error value of any shape."""
    match value:
        case str():
            return _short(value.strip(), _LONGEST_MESSAGE)
        case {"error": inner} if inner is not None:
            return message_in(inner)
        case {"message": inner} | {"detail": inner} if inner is not None:
            return message_in(inner)
        case _:
            return _short(value, _LONGEST_MESSAGE)


def host_error(status: int, headers: Mapping[str, str], body: bytes) -> InferenceHostError:
    """The error for a response with an error status."""
    text = body.decode("utf-8", "replace").lstrip("\ufeff").strip()
    message = text
    if status // 100 == 3 and "location" in headers:
        target = headers["location"]
        message = f"it redirects to {target}; give that host in AI_INFERENCE_API_HOST instead"
    elif text:
        try:
            message = message_in(parse_json(text))
        except ProtocolError:
            message = _short(text, _LONGEST_MESSAGE)
    return InferenceHostError(status, message or "no message", text[:_LONGEST_MESSAGE])


def _short(value: object, longest: int) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= longest else text[:longest] + "…"
