"""What is made ready before a memory snapshot, and made new after it.

A snapshot freezes whatever the interpreter held: modules, tokenizers, and also the state of
`random`, which must not be the same in every page.
"""

from __future__ import annotations

import random

from edgelet.tokenizer import tokenizer_for
from edgelet_pyodide.calls import Calls

__all__ = ["Calls", "prepare", "restored"]


def prepare(tokenizer_json: bytes) -> None:
    """Read a tokenizer, so that a snapshot taken now holds it.

    Raises `ModelError` when core does not cover it.
    """
    tokenizer_for(tokenizer_json, None, "the model of the snapshot").encode("Hello world", 16)


def restored() -> None:
    """Seed anew what the snapshot froze. Call it after every start from a snapshot."""
    random.seed()
