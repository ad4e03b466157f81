"""Functions that try to reach more than they were granted, with names that mean other things."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from edgelet import Request
from edgelet_host.sandbox import Function, Grants
from tests.sandbox.attacks import Arena
from tests.sandbox.proofs import past_core
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = [Head(framing=2), Body(b"hi")]
FETCH = Function.of_source(
    """
from edgelet import EdgeletError, Response, fetch, serve

@serve
async def handler(request):
    try:
        answer = await fetch(request.query["url"])
        return Response(f"{answer.status} {await answer.text()}")
    except EdgeletError as error:
        return Response(str(error))
""",
    "fetching",
)
LOOPBACK = ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0", "0", "127.0.0.2"]
"""Forms that `getaddrinfo` takes for this machine."""


async def fetched(arena: Arena, url: str, grants: Grants) -> str:
    request = Request("http://localhost/", method="GET")
    request = Request(f"{request.url}?url={url}")
    answer = await arena.sandbox.respond(FETCH, request, grants=grants)
    return await answer.text()


def port(server: ScriptedServer) -> str:
    return server.url.rpartition(":")[2]


@pytest.mark.parametrize("form", LOOPBACK)
async def test_an_odd_form_of_a_private_address_is_no_name(watched: Arena, form: str) -> None:
    """Even one that was named: to reach an address it is to be named as it reads."""
    with ScriptedServer(HELLO) as server:
        url = f"http://{form}:{port(server)}/"
        unnamed = await fetched(watched, url, Grants(env={}))
        answer = await fetched(watched, url, Grants(env={}, allow_hosts=("127.0.0.1",)))

        assert "this function may not reach" in unnamed
        assert "this function may not reach" in answer
        if form.count(".") < 3 or form.startswith("0177"):
            named = await fetched(watched, url, Grants(env={}, allow_hosts=(form,)))
            assert "no public address" in named or "cannot be looked up" in named
        assert server.connections == 0


async def test_a_name_of_this_machine_does_not_lead_to_it(
    watched: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(HELLO) as server:
        at = int(port(server))
        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fec0::1"):
            found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, at))]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=found, **__: found)
            answer = await fetched(
                watched,
                f"http://innocent.example.com:{at}/",
                Grants(env={}, allow_hosts=("*.example.com", "innocent.example.com")),
            )
            assert f"innocent.example.com is at {address}, which is no public address" in answer
        assert server.connections == 0


async def test_the_address_that_was_judged_is_the_one_that_is_reached(
    watched: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that says something else at the second look gains nothing: there is none."""
    looks: list[str] = []

    def found(host: str, *_: object, **__: object) -> list[object]:
        looks.append(host)
        address = "192.0.2.1" if len(looks) > 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

    with ScriptedServer(HELLO) as server:
        url = f"http://localhost:{port(server)}/"
        monkeypatch.setattr(socket, "getaddrinfo", found)
        answer = await fetched(watched, url, Grants(env={}, allow_hosts=("localhost",)))

    assert answer == "200 hi"
    assert looks == ["localhost"]


async def test_a_mapped_address_is_reached_when_it_was_named_and_only_then(watched: Arena) -> None:
    with ScriptedServer(HELLO) as server:
        url = f"http://[::ffff:127.0.0.1]:{port(server)}/"
        other = await fetched(watched, url, Grants(env={}, allow_hosts=("127.0.0.1",)))
        assert "this function may not reach" in other
        assert server.connections == 0

        grants = Grants(env={}, allow_hosts=("[::ffff:127.0.0.1]",))
        assert await fetched(watched, url, grants) == "200 hi"


async def test_two_tenants_of_one_source_reach_their_own_hosts_alone(watched: Arena) -> None:
    with ScriptedServer(HELLO) as one, ScriptedServer(HELLO) as two:
        own = {one.url: f"127.0.0.1:{port(one)}", two.url: f"127.0.0.1:{port(two)}"}

        async def ask(mine: str, theirs: str) -> None:
            grants = Grants(env={"AI_INFERENCE_API_HOST": mine}, allow_hosts=(own[mine],))
            assert await fetched(watched, mine, grants) == "200 hi"
            assert "this function may not reach" in await fetched(watched, theirs, grants)

        await asyncio.gather(*(ask(*pair) for pair in [(one.url, two.url), (two.url, one.url)] * 5))
        assert (one.connections, two.connections) == (5, 5)


ODD_URLS = {
    "a file": ("file:///etc/passwd", "expected an http or https URL"),
    "a socket": ("unix:///run/docker.sock", "expected an http or https URL"),
    "no host": ("http:///etc/passwd", "the URL names no host"),
    "an address that never ends": ("http://[::1", "Invalid IPv6 URL"),
    "a port that is none": ("http://127.0.0.1:99999/", "expected an http or https URL"),
    "another host behind a fragment": ("http://evil.example#@{allowed}/", "may not reach evil"),
    "another host behind a user": ("http://{allowed}@evil.example/", "may not reach evil"),
    "another host behind a backslash": ("http://{allowed}\\\\@evil.example/", "may not reach evil"),
    "digits of another script": ("http://１２７.0.0.1/", "may not reach"),
}


@pytest.mark.parametrize(("url", "words"), ODD_URLS.values(), ids=ODD_URLS)
async def test_an_odd_url_leads_nowhere(watched: Arena, url: str, words: str) -> None:
    with ScriptedServer(HELLO) as server:
        allowed = f"127.0.0.1:{port(server)}"
        outcome = await watched.run(
            past_core(f"return Response(answer(send('{url.format(allowed=allowed)}')))"),
            grants=Grants(env={}, allow_hosts=(allowed,)),
        )

        assert words in outcome.text(), outcome
        assert server.connections == 0


INJECTIONS = {
    "a line in a value": ("send(url, json.dumps([['a', 'b\\r\\nx-evil: c']]))", "not valid HTTP"),
    "a line in a name": ("send(url, json.dumps([['a\\r\\nx-evil', 'b']]))", "not valid HTTP"),
    "a line in the method": ("send(url, method='GET / HTTP/1.1\\r\\nx-evil: c')", "not valid HTTP"),
    "a line in the URL": ("send(url + '/a\\r\\nx-evil: c')", "connect: "),
    "no pairs": ("send(url, '[1, 2]')", "these are no headers"),
    "no texts": ("send(url, '[[1, 2]]')", "these are no headers"),
    "an object": ("send(url, '{}')", "these are no headers"),
    "no JSON": ("send(url, 'x-evil: c')", "these are no headers"),
    "deep JSON": ("send(url, '[' * 100_000)", "these are no headers"),
    "too many": ("send(url, json.dumps([['a', 'b' * 300_000]]))", "these are no headers"),
}


@pytest.mark.parametrize(("question", "words"), INJECTIONS.values(), ids=INJECTIONS)
async def test_nothing_is_slipped_into_a_request(watched: Arena, question: str, words: str) -> None:
    with ScriptedServer(HELLO) as server:
        outcome = await watched.run(
            past_core(f"url = {server.url!r}\nreturn Response(answer({question}))"),
            grants=Grants(env={"AI_INFERENCE_API_HOST": server.url}),
        )

        assert words in outcome.text(), outcome
        assert not any("x-evil" in request.headers for request in server.requests)


async def test_who_the_request_is_for_and_how_long_it_is_is_not_the_functions_to_say(
    watched: Arena,
) -> None:
    frames = {"Host": "evil.example", "content-length": "3", "Transfer-Encoding": "chunked"}
    headers = json.dumps([*frames.items(), ["accept-encoding", "gzip"], ["x-own", "kept"]])
    with ScriptedServer(HELLO) as server:
        outcome = await watched.run(
            past_core(f"return Response(answer(send({server.url!r}, {headers!r})))"),
            grants=Grants(env={"AI_INFERENCE_API_HOST": server.url}),
        )
        sent = server.requests[0].headers

    assert json.loads(outcome.text())["status"] == 200
    assert sent["host"] == server.url.removeprefix("http://")
    assert sent["x-own"] == "kept"
    assert not {"content-length", "transfer-encoding"} & set(sent)
    assert sent["accept-encoding"] == "identity"
