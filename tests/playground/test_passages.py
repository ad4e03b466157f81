"""How a file is split into passages; the page's own module, in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.js.package import SHIM, needs


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("passages") / "passages.mjs"
    source = SHIM / "playground" / "passages.ts"
    subprocess.run(
        [needs("esbuild"), str(source), "--format=esm", f"--outfile={out}", "--log-level=error"],
        check=True,
    )
    return out


def split(module: Path, text: str) -> list[tuple[str, int]]:
    program = (
        f"import {{ passages }} from {json.dumps(module.as_uri())};"
        "let text = ''; for await (const part of process.stdin) text += part;"
        "console.log(JSON.stringify(passages(text)));"
    )
    done = subprocess.run(
        [needs("node"), "--input-type=module", "-e", program],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return [(each["text"], each["line"]) for each in found]


def test_a_file_without_blank_lines_has_a_passage_a_line(module: Path) -> None:
    assert split(module, "one\n  two\nthree") == [("one", 1), ("two", 2), ("three", 3)]


def test_paragraphs_are_passages_with_their_lines_joined(module: Path) -> None:
    text = "The first\nparagraph.\n\n \t\nThe second\nparagraph.\n"

    assert split(module, text) == [("The first paragraph.", 1), ("The second paragraph.", 5)]


def test_a_long_list_with_a_heading_is_still_a_list(module: Path) -> None:
    text = "Heading\n\n" + "\n".join(f"item {n}" for n in range(100))

    assert len(split(module, text)) == 101


def test_a_long_paragraph_is_cut_between_sentences(module: Path) -> None:
    sentence = "This sentence has some words in it, and it goes on for a while. "
    pieces = split(module, "Short.\n\n" + sentence * 40)

    assert len(pieces) > 3
    assert all(len(text) <= 1000 and text.endswith("while.") for text, _ in pieces[1:])
    assert {line for _, line in pieces[1:]} == {3}
    assert " ".join(text for text, _ in pieces[1:]) == (sentence * 40).strip()


def test_what_has_no_sentences_is_cut_hard_and_no_character_is_lost(module: Path) -> None:
    text = "😀a" * 2000

    pieces = split(module, text)

    assert "".join(piece for piece, _ in pieces) == text
    assert all(len(piece.encode("utf-16-le")) // 2 <= 1500 for piece, _ in pieces)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_every_systems_line_ends_are_known(module: Path, end: str) -> None:
    assert split(module, end.join(["one", "two", "", "three"])) == [("one two", 1), ("three", 4)]


def test_blank_text_has_no_passages(module: Path) -> None:
    assert split(module, " \n\t\n") == []
