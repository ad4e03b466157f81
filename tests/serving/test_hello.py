"""A function in either language answers, as it was asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.served import Served, served, write

PYTHON = """
from edgelet import Request, Response, serve

@serve
async def handler(request: Request) -> Response:
    return Response.json({
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "body": await request.text(),
    })
"""

JAVASCRIPT = """
Deno.serve(async (request: Request) =>
  Response.json({
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
  })
);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = write(
        tmp_path_factory.mktemp("project"),
        {"functions/py/main.py": PYTHON, "functions/js/index.ts": JAVASCRIPT},
    )
    with served(project) as running:
        yield running


@pytest.mark.parametrize("name", ["py", "js"])
def test_a_request_reaches_the_function_as_it_came(server: Served, name: str) -> None:
    answer = server.post(f"{name}/a%20b/c?q=1&q=%C3%A9", content=b"body", headers={"x-own": "yes"})
    assert answer.status_code == 200
    seen = answer.json()
    host = server.url.removeprefix("http://")
    assert seen["method"] == "POST"
    assert seen["url"] == f"http://{host}/{name}/a%20b/c?q=1&q=%C3%A9"
    assert seen["headers"]["x-own"] == "yes"
    assert seen["headers"]["host"] == host
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert seen["body"] == "body"
