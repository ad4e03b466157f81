"""`await micropip.install("edgelet")` in a plain Pyodide page gives Python its `Session`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import edgelet
from tests import conformance
from tests.browser.pyodide_page import PyodidePage, build_site
from tests.browser.static_server import StaticServer
from tests.conformance.cases import Case, load_cases
from tests.conformance.judge import hold_to_case
from tests.conformance.reference import REQUIRED, nearness
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head, Stall

FUNCTIONS = Path(__file__).parents[2] / "examples" / "functions"

_INSTALL = """
import micropip
await micropip.install("edgelet", index_urls=[index])
micropip.list()["edgelet"].version
"""
_CASE = """
import json, os
from pathlib import Path
from pyodide.http import pyfetch

if not Path("python_run.py").exists():
    answer = await pyfetch("/conformance/python_run.py")
    Path("python_run.py").write_text(await answer.string())
from python_run import run_case

for name in ("AI_INFERENCE_API_HOST", "AI_INFERENCE_API_KEY"):
    os.environ.pop(name, None)
os.environ.update(json.loads(env))
json.dumps(await run_case(json.loads(row)))
"""


@pytest.fixture(scope="module")
def python(
    browser: Browser, mounts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PyodidePage]:
    """A page into which micropip has installed edgelet."""
    site = build_site(tmp_path_factory.mktemp("site"))
    served = {"/conformance/": Path(conformance.__file__).parent, **site.mounts, **mounts}
    with StaticServer(served) as server, browser.new_context() as visitor:
        page = PyodidePage(visitor.new_page(), server.url, site)
        assert page.run(_INSTALL, index=f"{server.url}/simple") == edgelet.__version__
        bridge = f"{server.url}/dist/bridge.js"
        page.run("import os; os.environ['EDGELET_BRIDGE'] = bridge; None", bridge=bridge)
        yield page


@pytest.mark.parametrize("case", load_cases("compatibility"), ids=lambda case: case.case)
def test_compatibility(case: Case, python: PyodidePage, server: ScriptedServer) -> None:
    row = json.dumps(case.row())
    hold_to_case(
        case, server, lambda env: json.loads(python.run(_CASE, row=row, env=json.dumps(env)))
    )


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer([], cors=True) as server:
        yield server


def test_the_documented_lines_embed(python: PyodidePage) -> None:
    similarity = python.run(
        """
from edgelet import Session

session = Session("all-MiniLM-L6-v2")
vectors = await session.run(["a cat on a mat", "a kitten on a rug"])
sum(a * b for a, b in zip(*vectors))
"""
    )

    assert 0.4 < similarity < 0.9


def test_vectors_come_as_near_to_native_fp32_as_the_readme_says(
    python: PyodidePage, some_texts: list[str]
) -> None:
    values = python.run(
        """
import json
from edgelet import Session

embeddings = await Session("all-MiniLM-L6-v2").embed(json.loads(texts))
json.dumps([list(vector) for vector in embeddings])
""",
        texts=json.dumps(some_texts),
    )

    found = nearness(json.loads(values), some_texts)
    assert found.mean >= REQUIRED["int8"].mean
    assert found.least >= REQUIRED["int8"].least


def test_a_stream_that_is_left_closes_its_connection(python: PyodidePage) -> None:
    script = [*ndjson(*ollama_generate("Hel", "lo")[:2]), Stall()]
    with ScriptedServer(script, cors=True) as server:
        text = python.run(
            """
from edgelet import Session

async with await Session("mistral", host=host).generate("Hi", stream=True) as stream:
    text = (await anext(stream)).text
text
""",
            host=server.url,
        )

        assert text == "Hel"
        server.wait_until_client_left()


def test_a_bridge_that_is_not_there_is_named_with_the_variable_to_set(python: PyodidePage) -> None:
    message = python.run(
        """
from edgelet import EdgeletError, Session, use_host
from edgelet_pyodide.host import PyodideHost

with use_host(PyodideHost("/nowhere/bridge.js")):
    try:
        message = await Session("all-MiniLM-L6-v2").run("Hello")
    except EdgeletError as error:
        message = str(error)
message
"""
    )

    assert "/nowhere/bridge.js" in message
    assert "EDGELET_BRIDGE" in message


_FUNCTION = """
import json, os
from edgelet import Request
from edgelet.functions import loading, respond

os.environ["AI_INFERENCE_API_HOST"] = host
with loading() as loaded:
    exec(compile(source, "main.py", "exec"), {"__name__": "main"})
response = await respond(loaded.handler, Request(f"http://localhost/?{query}"))
json.dumps([response.status, response.headers["content-type"], await response.text()])
"""


@pytest.mark.parametrize(
    ("name", "query", "kind", "text"),
    [
        ("hello", "name=Ada", "application/json", '{"message":"Hello Ada!"}'),
        ("embed-minilm", "input=Hello", "application/json", "["),
        ("ollama-test-py", "prompt=Hi", "text/event-stream", "Hello"),
    ],
)
def test_the_function_files_of_the_sandbox_run_unchanged(
    python: PyodidePage, server: ScriptedServer, name: str, query: str, kind: str, text: str
) -> None:
    server.play_next(ndjson(*ollama_generate("Hel", "lo")))
    source = (FUNCTIONS / name / "main.py").read_text("utf-8")

    answer = python.run(_FUNCTION, source=source, query=query, host=server.url)

    status, content_type, body = json.loads(answer)
    assert (status, content_type) == (200, kind)
    assert body.startswith(text)


def test_fetch_reads_a_response_as_it_comes(python: PyodidePage, server: ScriptedServer) -> None:
    server.play_next([Head(201, {"x-seen": "yes"}), Body(b"one"), Body(b"two")])

    answer = python.run(
        """
import json
from edgelet import fetch

response = await fetch(url)
json.dumps([response.status, await response.text()])
""",
        url=server.url,
    )

    assert json.loads(answer) == [201, "onetwo"]
    assert server.requests[0].method == "GET"
