"""The forms in which callers give a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def chat_body(prompt: Any) -> dict[str, Any] | None:
    """A chat request's body from a dict with `messages`, a list of messages, or one message.

    None when `prompt` is none of these.
    """
    match prompt:
        case {"messages": _}:
            return dict(prompt)
        case {"role": _}:
            return {"messages": [dict(prompt)]}
        case Sequence() if prompt and all(isinstance(message, Mapping) for message in prompt):
            return {"messages": [dict(message) for message in prompt]}
        case _:
            return None
