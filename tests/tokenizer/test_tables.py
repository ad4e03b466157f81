"""The tables in core are what the probing script finds."""

from __future__ import annotations

import tokenizers

from edgelet import wordpiece, wordpiece_tables
from tests.tokenizer import probe_tables


def test_the_tables_are_what_rust_answers_today() -> None:
    # Another version of the library is welcome as long as it gives the same answers.
    today = probe_tables.module_text()
    version = wordpiece_tables.TOKENIZERS_VERSION
    text = today.replace(tokenizers.__version__, version)
    assert text == probe_tables.TABLES.read_text("ascii")


def test_all_that_python_takes_for_whitespace_is_removed_or_a_space() -> None:
    spaces = {chr(code) for code in range(0x110000) if chr(code).isspace()}
    removed = {char for char in spaces if ord(char) in wordpiece._REMOVED}
    assert all(ord(char) in wordpiece._SPACES for char in spaces - removed)
    assert {char for char in spaces if wordpiece._NO_SPACE.match(char)} == removed
