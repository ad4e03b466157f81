"""Firefox runs what was deployed, as Chromium does."""

from __future__ import annotations

from pathlib import Path

from tests.browser.firefox import start_firefox
from tests.deploy.browser.native import TEXT, hold_to_native
from tests.deploy.browser.visited import visited
from tests.deploy.deployed import EXAMPLES, deployed
from tests.deploy.scripts import (
    go_on,
    never_ends,
    says_a_word_then_waits,
)
from tests.servers.scripted_server import ScriptedServer
from tests.serving.served import write


def test_firefox_embeds_and_streams(tmp_path: Path, inference_host: ScriptedServer) -> None:
    for name in ("embed-minilm", "ollama-test"):
        deployed(EXAMPLES, name, "browser", tmp_path / name)
    write(tmp_path, {"profile/user.js": ""})
    with start_firefox(tmp_path / "profile") as tab:
        with visited(tab, tmp_path / "embed-minilm", "embed-minilm") as site:
            hold_to_native(site.visit().ask(f"?input={TEXT}").json())
            assert site.ask(method="POST", body="unread").status == 400
        with visited(tab, tmp_path / "ollama-test", "ollama-test") as site:
            site.visit(AI_INFERENCE_API_HOST=inference_host.url)
            inference_host.play_next(says_a_word_then_waits)
            assert site.begin("?prompt=Why%3F") == "Because "
            go_on.set()
            assert site.rest() == "of Rayleigh."
            inference_host.play_next(never_ends)
            assert site.begin("?prompt=Why%3F").startswith("word")
            site.leave()
            inference_host.wait_until_client_left(20)


_ASKED_TO_STAY = """async () => {
  const { serviceWorker } = navigator;
  const asked = (hear) => serviceWorker.addEventListener("message", hear, { once: true });
  for (let times = 0; times < 2; times += 1) await new Promise(asked);
}"""


def test_firefox_does_not_cut_a_long_answer_short(
    tmp_path: Path, inference_host: ScriptedServer
) -> None:
    """It stops workers after two of these times, if nobody asks them for anything."""
    names = ("idle_timeout", "idle_extended_timeout")
    preferences = [f'user_pref("dom.serviceWorkers.{name}", 3500);\n' for name in names]
    write(tmp_path, {"profile/user.js": "".join(preferences)})
    inference_host.play_next(says_a_word_then_waits)
    deployed(EXAMPLES, "ollama-test", "browser", tmp_path / "out", "--no-model")
    with (
        start_firefox(tmp_path / "profile") as tab,
        visited(tab, tmp_path / "out", "ollama-test") as site,
    ):
        site.visit(AI_INFERENCE_API_HOST=inference_host.url)
        assert site.begin("?prompt=Why%3F") == "Because "
        tab.evaluate(_ASKED_TO_STAY)
        go_on.set()
        assert site.rest() == "of Rayleigh."
