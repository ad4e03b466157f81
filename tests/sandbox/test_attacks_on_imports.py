"""Functions that use the component's imports themselves, past core and the guest's own code."""

from __future__ import annotations

import json

import pytest

from edgelet_host.sandbox.errors import FunctionFailed
from tests.sandbox.attacks import Arena
from tests.sandbox.running import AT_LEISURE

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASK = """
import array, base64
from componentize_py_types import Err
from wit_world.imports import effects, modules, response

POOLED = "sentence_embedding"

def text(*integers):
    return array.array("i", integers).tobytes().decode("latin-1")

def ask(ticket):
    while f",{ticket}:" not in "," + effects.wait(5.0): pass
    try: return effects.take(ticket)
    except Err as error: return f"{error.value.kind}: {error.value.reason}"

def model():
    return json.loads(ask(effects.open_model("all-MiniLM-L6-v2", None)))["handle"]
"""

QUESTIONS = {
    "a ticket that is none": ("[effects.take(9)]", None),
    "a model that is not open": (
        "ask(effects.run_model(7, text(101, 102), text(2), POOLED, False))",
        "model: this model is not open",
    ),
    "lengths that do not match": (
        "ask(effects.run_model(model(), text(101, 102), text(3), POOLED, False))",
        "model: the lengths of a batch do not match its token ids",
    ),
    "negative lengths": (
        "ask(effects.run_model(model(), text(101, 7, 102), text(4, -1), POOLED, True))",
        "model: a batch needs texts of 1 to 256 tokens",
    ),
    "no text": (
        "ask(effects.run_model(model(), '', '', POOLED, False))",
        "model: a batch needs texts of 1 to 256 tokens",
    ),
    "a text over the limit": (
        "ask(effects.run_model(model(), text(*[101] * 600), text(600), POOLED, True))",
        "model: a batch needs texts of 1 to 256 tokens",
    ),
    "negative token ids": (
        "ask(effects.run_model(model(), text(101, -5, 102), text(3), POOLED, True))",
        "model: a batch needs texts of 1 to 256 tokens",
    ),
    "token ids beyond the vocabulary": (
        "ask(effects.run_model(model(), text(101, 2 ** 30), text(2), POOLED, True))",
        "model: all-MiniLM-L6-v2 cannot run this batch",
    ),
    "an output that is none": (
        "ask(effects.run_model(model(), text(101, 102), text(2), 'secrets', False))",
        "model: there is no output 'secrets'",
    ),
    "a model of the server's disk": (
        "ask(effects.open_model('/etc', None))",
        "model: this function may not use the model '/etc'; name it in allow_models",
    ),
    "a model of the hub": (
        "ask(effects.open_model('intfloat/e5-small-v2', None))",
        "model: this function may not use the model 'intfloat/e5-small-v2'",
    ),
    "a precision that is none": (
        "ask(effects.open_model('all-MiniLM-L6-v2', 'fp1'))",
        "model: there is no precision 'fp1'",
    ),
    "a response that is not its own": (
        "ask(effects.receive(1))",
        "exchange: this response is closed",
    ),
    "bytes that are none": (
        "ask(effects.send('POST', 'http://127.0.0.1/', '[]', '\\u1234', None))",
        "exchange: these are no bytes",
    ),
    "headers that are none": (
        "ask(effects.send('GET', 'http://127.0.0.1/', '{nonsense', '', None))",
        "connect: these are no headers",
    ),
    "another protocol": (
        "ask(effects.send('GET', 'file:///etc/passwd', '[]', '', None))",
        "connect: expected an http or https URL",
    ),
    "a huge question": (
        "ask(effects.send('POST', 'http://127.0.0.1/', '[]', 'x' * 40_000_000, None))",
        "exchange: a function may have 32 MB of questions open at most",
    ),
    "a module that is not its own": ("str(modules.code('edgelet_host'))", "None"),
    "giving up what was never begun": (
        "str([effects.cancel(99), effects.close(99)])",
        "[None, None]",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("expression", "answer"), QUESTIONS.values(), ids=QUESTIONS)
async def test_a_question_that_core_never_asks_is_refused(
    arena: Arena, expression: str, answer: str | None
) -> None:
    pids = arena.sandbox.worker_pids
    outcome = await arena.run(f"{ASK}\nreturn Response({expression})", limits=AT_LEISURE)

    if answer is None:
        assert isinstance(outcome.error, FunctionFailed)
        assert "ticket 9 is not answered" in str(outcome.error)
    else:
        assert outcome.text().startswith(answer), outcome
    assert arena.sandbox.worker_pids == pids


HEADS = {
    "nonsense": "response.head(200, 'nonsense')",
    "no pairs": "response.head(200, '[1]')",
    "no texts": "response.head(200, '[[1, 2]]')",
    "an object": "response.head(200, '{}')",
    "a status that is none": "response.head(999, '[]')",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_a_head_that_is_none_ends_the_instance_alone(arena: Arena, head: str) -> None:
    pids = arena.sandbox.worker_pids
    outcome = await arena.run(f"{ASK}\n{head}\nreturn Response('x')")

    assert isinstance(outcome.error, FunctionFailed)
    assert "it sent a head that is none" in str(outcome.error)
    assert arena.sandbox.worker_pids == pids


async def test_header_injection_does_not_get_through(arena: Arena) -> None:
    from edgelet import Request
    from edgelet_host.sandbox import Grants
    from tests.sandbox.attacks import attack

    evil = json.dumps([["x-evil", "a\r\nset-cookie: b"], ["bad name\r\n", "c"]])
    body = f"{ASK}\nresponse.head(200, {evil!r})\nreturn Response('x')"
    answer = await arena.sandbox.respond(
        attack(body), Request("http://localhost/"), grants=Grants(env={})
    )
    fields = answer.headers.raw()
    await answer.aclose()

    assert all(not set("\r\n") & set(name + value) for name, value in fields)
    assert not answer.headers.has("set-cookie")


async def test_a_second_head_is_passed_over(arena: Arena) -> None:
    outcome = await arena.run(
        f"{ASK}\nresponse.head(201, '[]')\nresponse.head(404, '[]')\nreturn Response('x')"
    )

    assert (outcome.status, outcome.body) == (201, b"x")


async def test_ten_thousand_questions_at_once_are_answered(arena: Arena) -> None:
    outcome = await arena.run(
        f"{ASK}\ntickets = [effects.receive(5) for _ in range(10_000)]\n"
        "answered = set()\n"
        "while len(answered) < len(tickets): answered |= set(effects.wait(None).split(','))\n"
        "return Response(str(len(answered)))",
        limits=AT_LEISURE,
    )

    assert outcome.text() == "10000"
