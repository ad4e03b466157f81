"""The page on deploying: its commands are typed, and its table has every target."""

from __future__ import annotations

import re
from pathlib import Path

from edgelet_host.deploy import TARGETS
from tests.deploy.deployed import EXAMPLES, deploy
from tests.docs.shell import typed
from tests.js.package import built_dist

PAGE = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text("utf-8")
[COMMANDS] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def test_the_functions_of_the_page_are_deployed(tmp_path: Path) -> None:
    built_dist()
    for template in ("hello", "search"):
        typed(f"edgelet functions new {template} --template {template}", tmp_path)
    printed = typed(COMMANDS, tmp_path)
    assert printed.count("Wrote ") == 3
    assert printed.count("Would write ") == 1
    folder = tmp_path / "deployed"
    assert (folder / "hello" / "main.js").is_file()
    assert (folder / "hello-worker" / "wrangler.jsonc").is_file()
    assert (folder / "hello-deno" / "deno.json").is_file()
    assert not (folder / "search").exists()


def test_the_table_has_every_target() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(TARGETS)


def test_the_limits_are_those_of_an_embedding_function(tmp_path: Path) -> None:
    ended = deploy(EXAMPLES, "embed-minilm", "--target", "cloudflare", "--out", tmp_path / "out")
    [shown] = re.findall(r"```\n(Limits.*?)```", PAGE, re.DOTALL)
    assert set(shown.splitlines()) <= set(ended.out.splitlines())
