"""Functions that try to reach what they were not granted."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from edgelet.effects import TransportFailed
from edgelet_host.sandbox import Grants
from edgelet_host.sandbox.network import Network
from tests.sandbox.attacks import Arena
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head

pytestmark = pytest.mark.asyncio(loop_scope="module")

FETCH = """
try: answer = await fetch(request.query["url"])
except Exception as error: return Response(f"{type(error).__name__}: {error}")
return Response(await answer.bytes(), status=answer.status, headers=answer.headers)
"""


async def ask(arena: Arena, url: str, **grants: Any) -> str:
    from urllib.parse import quote

    outcome = await arena.run(
        FETCH, grants=Grants(**{"env": {}, **grants}), url=f"http://localhost/?url={quote(url)}"
    )
    assert outcome.error is None, outcome
    return f"{outcome.status} {outcome.text()}"


PRIVATE = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "localhost",
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]", "metadata.google.internal",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
async def test_nothing_is_reached_that_was_not_named(arena: Arena, host: str) -> None:
    with ScriptedServer([Head(framing=2), Body(b"hi")]) as server:
        port = server.url.rpartition(":")[2]
        answer = await ask(arena, f"http://{host}:{port}/")

        assert "this function may not reach" in answer or "OptionError" in answer
        assert server.connections == 0


@pytest.mark.parametrize("named", ["127.0.0.1", "localhost"])
async def test_an_address_that_was_named_is_reached(arena: Arena, named: str) -> None:
    with ScriptedServer([Head(framing=2), Body(b"hi")]) as server:
        url = server.url.replace("127.0.0.1", named)
        port = url.rpartition(":")[2]

        assert await ask(arena, url, allow_hosts=(named,)) == "200 hi"
        assert await ask(arena, url, allow_hosts=(f"{named}:{port}",)) == "200 hi"
        assert "may not reach" in await ask(arena, url, allow_hosts=(f"{named}:1",))


async def test_the_inference_host_is_reached_and_no_other_port_of_it(arena: Arena) -> None:
    with ScriptedServer([Head(framing=2), Body(b"hi")]) as server:
        env = {"AI_INFERENCE_API_HOST": server.url}

        assert await ask(arena, f"{server.url}/any/path", env=env) == "200 hi"
        assert "may not reach" in await ask(arena, "http://127.0.0.1:1/", env=env)


async def test_a_redirect_is_returned_and_following_it_is_judged_again(arena: Arena) -> None:
    with ScriptedServer([Head(framing=2), Body(b"no")]) as secret:
        redirect = Head(302, {"location": secret.url}, framing=0)
        with ScriptedServer([redirect]) as server:
            port = server.url.rpartition(":")[2]
            outcome = await arena.run(
                f"""
                answer = await fetch("{server.url}")
                try: await fetch(answer.headers["location"])
                except Exception as error: return Response.json([answer.status, str(error)])
                """,
                grants=Grants(env={}, allow_hosts=(f"127.0.0.1:{port}",)),
            )

        status, error = json.loads(outcome.text())
        assert status == 302
        assert "may not reach" in error
        assert secret.connections == 0


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name be at these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["93.184.216.34", "127.0.0.1"], ["::1"],
     ["::ffff:10.0.0.1"], ["64:ff9b::a00:1"], ["2002:a00:1::"], ["100.64.0.1"], ["0.0.0.0"]],
)  # fmt: skip
async def test_a_name_never_leads_to_a_private_address(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    resolving(monkeypatch, *addresses)

    with pytest.raises(TransportFailed, match="which is no public address"):
        await Network(("evil.example.com",)).address("http://evil.example.com/")


@pytest.mark.parametrize(
    ("entry", "url", "is_allowed"),
    [
        ("api.example.com", "https://api.example.com/x", True),
        ("api.example.com", "https://API.Example.COM./x", True),
        ("api.example.com", "https://evil.api.example.com/", False),
        ("api.example.com", "https://api.example.com.evil.org/", False),
        ("api.example.com", "https://user@evil.org:443/", False),
        ("api.example.com:8443", "https://api.example.com:8443/", True),
        ("api.example.com:8443", "https://api.example.com/", False),
        ("*.example.com", "http://a.b.example.com/", True),
        ("*.example.com", "http://example.com/", False),
        ("*.example.com", "http://badexample.com/", False),
    ],
)
async def test_an_entry_covers_what_it_says(
    monkeypatch: pytest.MonkeyPatch, entry: str, url: str, is_allowed: bool
) -> None:
    resolving(monkeypatch, "93.184.216.34")
    network = Network((entry,))

    if is_allowed:
        assert await network.address(url) == "93.184.216.34"
    else:
        with pytest.raises(TransportFailed, match="may not reach"):
            await network.address(url)
