"""The same files are the same function, on CPython and in the sandbox."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from edgelet import Request, Response, use_host
from edgelet.functions import loading, respond
from edgelet_host.native import NativeHost
from edgelet_host.sandbox import Grants, Limits, Sandbox, read_function
from tests.sandbox.running import function, get, running, written
from tests.sandbox.same_everywhere import FUNCTIONS

pytestmark = pytest.mark.asyncio(loop_scope="module")

Answer = tuple[int, list[tuple[str, str]], bytes]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def native_host(model_folder: object) -> NativeHost:
    return NativeHost()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(native_host: NativeHost) -> AsyncIterator[Sandbox]:
    async with running(workers=1, concurrent_instances=4, host=native_host) as sandbox:
        yield sandbox


def asked() -> Request:
    return Request(
        "http://localhost/functions/v1/tested?q=a+b&q=c",
        method="POST",
        headers=[("x-twice", "1"), ("x-twice", "2"), ("x-latin", "caf\xe9")],
        body='{"name": "Ada"}',
    )


@pytest.mark.parametrize("name", FUNCTIONS)
async def test_a_function_answers_the_same_everywhere(
    name: str,
    sandbox: Sandbox,
    native_host: NativeHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("AI_INFERENCE_API_HOST", "AI_INFERENCE_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    folder = written(FUNCTIONS[name], tmp_path / "tested")
    limits = Limits(cpu_time_hard_limit_ms=20_000)

    with use_host(native_host), importing_from(folder):
        with loading("main.py") as loaded:
            importlib.import_module("main")
        expected = await read(await respond(loaded.handler, asked()))
    found = await read(await sandbox.respond(read_function(folder), asked(), limits=limits))

    assert found == expected
    assert expected[0] < 500


async def read(response: Response) -> Answer:
    return response.status, response.headers.raw(), await response.bytes()


@contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Import the modules of that folder, and forget them again."""
    known = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - known:
            if str(folder) in str(getattr(sys.modules[name], "__path__", "")) + str(
                getattr(sys.modules[name], "__file__", "")
            ):
                del sys.modules[name]
        importlib.invalidate_caches()


UNLIKE = [
    "random.random()", "str(uuid.uuid4())", "str(uuid.uuid1())", "secrets.token_hex()",
    "os.urandom(8).hex()", "random.SystemRandom().random()",
]  # fmt: skip


@pytest.mark.parametrize("expression", UNLIKE)
@pytest.mark.parametrize("place", ["at import", "in the handler"])
async def test_no_two_instances_draw_the_same(
    expression: str, place: str, sandbox: Sandbox
) -> None:
    drawing = function(
        f"""
        import os, random, secrets, uuid
        AT_IMPORT = {expression}

        @serve
        def handler(request):
            return Response(str({"AT_IMPORT" if place == "at import" else expression}))
        """
    )
    drawn = [await (await sandbox.respond(drawing, get())).text() for _ in range(4)]

    assert len(set(drawn)) == 4


async def test_an_instance_sees_only_the_variables_it_is_granted(sandbox: Sandbox) -> None:
    listing = function(
        """
        import os

        @serve
        def handler(request):
            return Response.json(dict(os.environ))
        """
    )
    grants = Grants(env={"GREETING": "Hi, Zoë", "EMPTY": ""})

    answer = await sandbox.respond(listing, get(), grants=grants)

    assert await answer.json() == {"GREETING": "Hi, Zoë", "EMPTY": ""}


ANSWERS_E_ACUTE = """
from edgelet import Response, serve
@serve
def handler(request):
    return Response("é")
"""


@pytest.mark.parametrize(
    "source",
    [
        ANSWERS_E_ACUTE.encode(),
        ANSWERS_E_ACUTE.encode("utf-8-sig"),
        b"# coding: latin-1" + ANSWERS_E_ACUTE.encode("latin-1"),
        ANSWERS_E_ACUTE.replace("\n", "\r\n").encode(),
    ],
    ids=["utf-8", "byte order mark", "coding line", "crlf"],
)
async def test_files_are_decoded_as_python_does(
    source: bytes, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_bytes(source)

    answer = await sandbox.respond(read_function(tmp_path), get())

    assert await answer.text() == "é"
