"""What is no HTTP, and paths that lead elsewhere, are refused; nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.serving.hostile import connected, everything, head, memory_within, prompt_neighbours
from tests.serving.served import Served, served, write

PYTHON = """
from edgelet import Response, serve

@serve
async def handler(request):
    if request.method == "POST":
        print("got", len(await request.text()))
    return Response("prompt")
"""

PATH = "/functions/v1/neighbour"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    files = {"functions/neighbour/main.py": PYTHON, "functions/.hidden/main.py": PYTHON}
    with served(write(tmp_path_factory.mktemp("project"), files), deno=False) as running:
        yield running


@pytest.fixture(autouse=True)
def neighbour(server: Served) -> Iterator[None]:
    with prompt_neighbours(server, "neighbour"):
        yield


def answer_to(server: Served, sent: bytes) -> bytes:
    """All that the server says to that, until it closes the connection."""
    with connected(server) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(sent)
        return everything(client)


CHUNKED = "transfer-encoding: chunked"


@pytest.mark.parametrize(
    ("fields", "rest"),
    [
        (["content-length: 4", "content-length: 5"], b"abcde"),
        (["content-length: 4", CHUNKED], b"4\r\nabcd\r\n0\r\n\r\n"),
        ([CHUNKED, "content-length: 4"], b"4\r\nabcd\r\n0\r\n\r\n"),
        (["content-length: -1"], b"abcd"),
        (["content-length: four"], b"abcd"),
        (["content-length: 4,4"], b"abcd"),
        (["content-length: 99999999999999999999999"], b"abcd"),
        (["x-own: a\0b"], b""),
        (["x-own: a\rb: c"], b""),
        (["x own: a"], b""),
        ([": a"], b""),
        ([CHUNKED], b"zz\r\nabcd\r\n0\r\n\r\n"),
        ([CHUNKED], b"-4\r\nabcd\r\n0\r\n\r\n"),
        ([CHUNKED], b"fffffffffffffffff\r\nabcd\r\n0\r\n\r\n"),
        ([CHUNKED], b"2\r\nabcd\r\n0\r\n\r\n"),
    ],
)
def test_fields_and_chunks_that_are_malformed_are_refused(
    server: Served, fields: list[str], rest: bytes
) -> None:
    said = answer_to(server, head(server, "POST", PATH, *fields) + rest)
    assert said == b"" or said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 500")), said
    assert b"prompt" not in said


@pytest.mark.parametrize(
    "sent",
    [
        b"\0\1\2\3\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /functions/v1/neighbour HTTP/9.9\r\nhost: x\r\n\r\n",
        b"NO-SUCH /functions/v1/neighbour HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET functions/v1/neighbour HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /functions/v1/neigh bour HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_a_beginning_that_is_no_http_is_refused(server: Served, sent: bytes) -> None:
    said = answer_to(server, sent)
    assert said == b"" or said.startswith(b"HTTP/1.1 400"), said


def test_headers_without_an_end_are_not_collected(server: Served) -> None:
    with memory_within(server, 10):
        endless = head(server, "GET", PATH)[:-4] + b"\r\nx-own: " + b"x" * 20_000_000
        said = answer_to(server, endless)
    assert said == b"" or said.startswith(b"HTTP/1.1 431"), said


def test_headers_without_number_are_not_collected(server: Served) -> None:
    with memory_within(server, 10):
        endless = head(server, "GET", PATH)[:-2] + b"x-own: x\r\n" * 2_000_000
        said = answer_to(server, endless)
    assert said == b"" or said.startswith(b"HTTP/1.1 431"), said


def test_headers_of_a_useful_size_are_no_trouble(server: Served) -> None:
    asked = head(server, "GET", PATH, f"cookie: {'x' * 30_000}", "connection: close")
    assert b"prompt" in answer_to(server, asked)


@pytest.mark.parametrize(
    "path",
    [
        "/functions/v1",
        "/functions/v1/",
        "/functions/v1//",
        "/functions/v1//neighbour",
        "//functions/v1/neighbour",
        "/functions//v1/neighbour",
        "/functions/v1/../v1/neighbour",
        "/functions/v1/../../etc/passwd",
        "/functions/v1/./neighbour",
        "/functions/v1/%2e%2e/neighbour",
        "/functions/v1/%2E%2E%2Fneighbour",
        "/functions/v1/..%2Fneighbour",
        "/functions/v1/.hidden",
        "/functions/v1/%2ehidden",
        "/functions/v1/neighbour%00",
        "/functions/v1/neighbour%2F",
        "/functions/v1/neighbour%20",
        "/functions/v1/n%C3%A9ighbour",
        "/functions/v1/%",
        "/functions/v1/%zz",
        "/functions/v1/neighbour.",
        "/functions/v1/NEIGHBOUR",
        "/functions/v1/" + "n" * 10_000,
        "/functions%2Fv1/neighbour",
        "/%66unctions/v1/neighbour",
        "/FUNCTIONS/V1/neighbour",
        "/functions/v2/neighbour",
        "/",
    ],
)
def test_a_path_that_names_no_function_finds_none(server: Served, path: str) -> None:
    said = answer_to(server, head(server, "GET", path, "connection: close"))
    assert said.startswith(b"HTTP/1.1 404"), said
    assert b"Function not found" in said


@pytest.mark.parametrize("form", [f"http://example.com{PATH}", f"{PATH}/../x", f"{PATH}?a=%zz"])
def test_other_forms_of_a_functions_path_reach_it(server: Served, form: str) -> None:
    said = answer_to(server, head(server, "GET", form, "connection: close"))
    assert said.startswith(b"HTTP/1.1 200"), said
