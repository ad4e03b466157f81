"""A server's own words, out of the many shapes in which servers put their errors.

Shapes seen: `{"error": "text"}` (Ollama), `{"error": {"message": …, "code": …}}` (OpenAI, vLLM,
llama.cpp), `{"object": "error", "message": …}` (vLLM), `{"error": null}` (no error at all),
`{"detail": …}` (FastAPI servers), plain text, HTML. Messages are given whole here: they are cut
after secrets have been blotted out of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgelet.decoders.json_value import parse_json
from edgelet.errors import InferenceHostError, ProtocolError


def raise_error_in(value: object, status: int = 200) -> dict[str, Any]:
    """`value` itself if it is a JSON object without an error.

    Raises `InferenceHostError` with the server's words if it carries one, `ProtocolError` if it is
    no object.
    """
    if not isinstance(value, dict):
        raise ProtocolError(
            f"expected a JSON object from the inference host, got {_short(value, 80)}"
        )
    if value.get("error") or value.get("object") == "error":
        raise InferenceHostError(status, message_in(value))
    return value


def message_in(value: object) -> str:
    """The most telling sentence in an error value of any shape."""
    match value:
        case str():
            return value.strip()
        case {"error": inner} if inner is not None:
            return message_in(inner)
        case {"message": inner} | {"detail": inner} if inner is not None:
            return message_in(inner)
        case _:
            return repr(value)


def host_error(status: int, headers: Mapping[str, str], body: bytes) -> InferenceHostError:
    """The error for a response with an error status."""
    text = body.decode("utf-8", "replace").lstrip("\ufeff").strip()
    message = text
    if status // 100 == 3 and "location" in headers:
        target = headers["location"].partition("?")[0]
        message = f"it redirects to {target}; give that host in AI_INFERENCE_API_HOST instead"
    elif text:
        try:
            message = message_in(parse_json(text))
        except ProtocolError:
            message = text
    return InferenceHostError(status, message or "no message", text)


def _short(value: object, longest: int) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= longest else text[:longest] + "…"
