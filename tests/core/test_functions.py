"""`serve`, loading a module that serves, and asking what it served."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edgelet import FunctionError, OptionError, Request, Response, Session, serve
from edgelet.functions import loading, respond
from edgelet.testing import FakeHost

REQUEST = Request("http://localhost/hello?name=Ada")

MODULE = """
from edgelet import Response, serve

@serve
async def handler(request):
    return Response(f"Hello {request.query['name']}")
"""


async def hello(request: Request) -> Response:
    return Response(f"Hello {request.query['name']}")


def test_a_module_that_is_loaded_hands_its_handler_over() -> None:
    names: dict[str, Any] = {}
    with loading() as loaded:
        exec(MODULE, names)

    assert loaded.handler is names["handler"]


async def test_a_module_that_is_imported_can_be_tested_like_any_other() -> None:
    names: dict[str, Any] = {}
    exec(MODULE, names)

    assert await (await names["handler"](REQUEST)).text() == "Hello Ada"


def test_serve_gives_the_handler_back_unchanged() -> None:
    assert serve(hello) is hello
    with loading() as loaded:
        assert serve(hello) is hello
    assert loaded.handler is hello


def test_a_module_without_handler_is_told_so() -> None:
    with loading("hello") as loaded:
        pass
    with pytest.raises(FunctionError, match="hello serves no handler; decorate one with @serve"):
        _ = loaded.handler


def test_a_module_with_two_handlers_is_told_so() -> None:
    with loading() as loaded:
        serve(hello)
        with pytest.raises(FunctionError, match="the module serves two handlers"):
            serve(hello)
    assert loaded.handler is hello


@pytest.mark.parametrize("given", [None, 5, Response()])
def test_only_what_can_be_called_is_served(given: Any) -> None:
    with pytest.raises(OptionError, match=f"a function of one request, got {type(given).__name__}"):
        serve(given)


def test_what_is_served_after_loading_or_its_failure_is_handed_to_nobody() -> None:
    with pytest.raises(LookupError), loading() as loaded:
        raise LookupError
    serve(hello)
    with pytest.raises(FunctionError):
        _ = loaded.handler


def test_a_module_may_be_loaded_while_another_one_is() -> None:
    def other(request: Request) -> Response:
        return Response(request.path)

    with loading() as outer:
        with loading() as inner:
            serve(other)
        serve(hello)

    assert (outer.handler, inner.handler) == (hello, other)


async def test_modules_that_are_loaded_side_by_side_do_not_meet() -> None:
    async def load(number: int) -> bool:
        def handler(_: Request) -> Response:
            return Response(str(number))

        with loading() as loaded:
            await asyncio.sleep(0)
            serve(handler)
            await asyncio.sleep(0)
        return loaded.handler is handler

    assert all(await asyncio.gather(*map(load, range(5))))


async def test_a_handler_may_be_asynchronous_or_not() -> None:
    assert await (await respond(hello, REQUEST)).text() == "Hello Ada"
    response = await respond(lambda request: Response(request.path), REQUEST)
    assert await response.text() == "/hello"


@pytest.mark.parametrize(
    ("answer", "named"),
    [(None, "nothing"), ({"a": 1}, "dict"), ("text", "str"), (Response, "type")],
)
async def test_what_is_no_response_is_refused_by_name(answer: Any, named: str) -> None:
    async def later(_: Request) -> Any:
        return answer

    for handler in (later, lambda _: answer):
        with pytest.raises(FunctionError, match=f"returned {named} instead of a Response; return"):
            await respond(handler, REQUEST)


async def test_what_a_handler_raises_is_raised() -> None:
    def failing(_: Request) -> Response:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        await respond(failing, REQUEST)


async def test_a_function_with_a_model_answers_without_one() -> None:
    model = Session("all-MiniLM-L6-v2")

    @serve
    async def embed(request: Request) -> Response:
        return Response.json(await model.run(await request.text()))

    with FakeHost(dimensions=8):
        response = await respond(embed, Request("http://localhost/", method="POST", body="Hello"))
    assert len(await response.json()) == 8
