"""The system's Firefox, driven by WebDriver BiDi over its own socket: no geckodriver is needed.

Playwright drives only a Firefox of its own. What a smoke test needs of the protocol is three
commands, so they are spoken here: https://w3c.github.io/webdriver-bidi/.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

SECONDS = 120.0


class ScriptFailed(Exception):
    """A script in the page threw."""


class FirefoxPage:
    """A tab of a running Firefox."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._command("session.new", capabilities={})
        self._context = self._command("browsingContext.create", type="tab")["context"]

    def goto(self, url: str) -> None:
        """Visit a page and wait until it has loaded."""
        self._command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call an async JavaScript function with JSON values; its answer, as JSON."""
        given = ", ".join(json.dumps(argument) for argument in arguments)
        answer = self._command(
            "script.evaluate",
            expression=f"({function})({given}).then((answer) => JSON.stringify(answer ?? null))",
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise ScriptFailed(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def _command(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            reply = json.loads(self._socket.recv(timeout=SECONDS))
            if reply.get("id") != number:
                continue  # an event
            if reply["type"] == "error":
                raise ScriptFailed(f"{method}: {reply['message']}")
            return reply["result"]


@contextmanager
def start_firefox(profile: Path) -> Iterator[FirefoxPage]:
    """Start it without a window and with an empty profile; skip where there is none."""
    program = shutil.which("firefox") or shutil.which("firefox-esr")
    if program is None:
        pytest.skip("no Firefox is installed on this machine")
    with subprocess.Popen(
        [program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            with connect(f"{_address(process)}/session", max_size=None) as socket:
                yield FirefoxPage(socket)
        finally:
            process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    pytest.fail(f"Firefox ended with exit code {process.wait()} before it could be driven")
