"""Functions that ask past core for more than is theirs, or for more than is good for others."""

from __future__ import annotations

import asyncio
import json

import pytest

from edgelet_host.sandbox import Grants, Limits
from edgelet_host.sandbox.errors import FunctionFailed, InstanceFaulted, WallClockLimitExceeded
from tests.sandbox.attacks import Arena
from tests.sandbox.proofs import past_core, undisturbed
from tests.sandbox.running import AT_LEISURE
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL = """
model = json.loads(answer(effects.open_model("all-MiniLM-L6-v2", None)))["handle"]
def run(texts, tokens, output="sentence_embedding"):
    ids, lengths = integers(*[101] * texts * tokens), integers(*[tokens] * texts)
    return effects.run_model(model, ids, lengths, output, False)
"""
ILL_TYPED = {
    "a ticket below 0": "effects.take(-1)",
    "a ticket beyond 32 bits": "effects.take(2 ** 32)",
    "a ticket that is a text": "effects.take('1')",
    "a status beyond 16 bits": "response.head(70_000, '[]')",
    "bytes that are bytes": "response.write(b'x')",
    "a lone surrogate": "console.write('stdout', '\\ud800')",
    "nothing": "effects.receive(None)",
}


@pytest.mark.parametrize("body", ILL_TYPED.values(), ids=ILL_TYPED)
async def test_what_the_world_has_no_type_for_ends_the_instance(watched: Arena, body: str) -> None:
    outcome = await watched.run(past_core(f"{body}\nreturn Response('x')"))

    assert isinstance(outcome.error, InstanceFaulted | FunctionFailed), outcome


async def test_a_ticket_is_answered_once_and_only_its_own_instance(watched: Arena) -> None:
    outcome = await watched.run(
        past_core(
            """
            ticket = effects.read_request()
            said = [answer(ticket)]
            said += [taken(each) for each in (ticket, 0, ticket + 1, 2 ** 32 - 1)]
            return Response.json(said)
            """
        )
    )

    body, *refused = json.loads(outcome.text())
    assert body == ""
    assert all(each.startswith("exchange: ticket ") for each in refused)
    assert all(each.endswith(" is not answered") for each in refused)


async def test_what_one_instance_has_opened_is_nobody_elses(watched: Arena) -> None:
    with ScriptedServer([Head(), Body(b"secret")]) as server:
        grants = Grants(env={"AI_INFERENCE_API_HOST": server.url})
        opens = past_core(
            f"{MODEL}\nopened = json.loads(answer(send('{server.url}')))\n"
            "await asyncio.sleep(1)\nreturn Response('kept open')"
        )
        guesses = past_core(
            """
            models = [effects.run_model(n, integers(101), integers(1), "sentence_embedding", True)
                      for n in range(50)]
            responses = [effects.receive(n) for n in range(50)]
            return Response.json([sorted(set(answers(*models))), sorted(set(answers(*responses)))])
            """
        )
        opening = asyncio.create_task(watched.run(opens, grants=grants, limits=AT_LEISURE))
        await asyncio.to_thread(server.wait_for_request)
        guessed = await watched.run(guesses, grants=grants, limits=AT_LEISURE)
        opened = await opening

    assert opened.text() == "kept open", opened
    assert json.loads(guessed.text()) == [
        ["model: this model is not open"],
        ["exchange: this response is closed"],
    ]


async def test_a_batch_too_large_for_others_to_wait_for_is_refused(watched: Arena) -> None:
    outcome = await watched.run(
        past_core(f"{MODEL}\nreturn Response(answer(run(4_000, 250, 'token_embeddings')))"),
        limits=AT_LEISURE,
    )

    assert outcome.text() == "model: a batch may have 4096 tokens at most"


EMBED = """
vector = await Session("all-MiniLM-L6-v2").run("Hello", mean_pool=True, normalize=True)
return Response(str(len(vector)))
"""


async def test_a_flood_of_batches_is_not_run_once_who_asked_is_gone(shared_arena: Arena) -> None:
    """Else others would wait for minutes: all instances share the engine."""
    await shared_arena.run(EMBED, limits=AT_LEISURE)
    async with undisturbed(shared_arena):
        flood = f"{MODEL}\ntickets = [run(16, 256) for _ in range(400)]\neffects.wait(None)\n"
        flooding = await shared_arena.run(
            past_core(f"{flood}\nawait asyncio.sleep(60)"), limits=Limits(worker_timeout_ms=1_000)
        )
        async with asyncio.timeout(30):
            embedded = await shared_arena.run(EMBED, limits=AT_LEISURE)

    assert isinstance(flooding.error, WallClockLimitExceeded)
    assert embedded.text() == "384"


async def test_a_text_tokenized_by_the_host_makes_no_other_answer_be_missed(watched: Arena) -> None:
    """`encode` blocks; what is answered meanwhile was named to whoever waited, and only once."""
    with ScriptedServer([Head(framing=2), Body(b"hi")]) as server:
        outcome = await watched.run(
            past_core(
                f"""
                from edgelet.host import current_host
                {MODEL.strip().splitlines()[0]}
                fetching = asyncio.create_task(fetch("{server.url}"))
                await asyncio.sleep(0)
                ids = current_host()._encoder(model)("word " * 400_000)
                answer = await fetching
                return Response(f"{{len(ids)}} {{await answer.text()}}")
                """
            ),
            limits=Limits(worker_timeout_ms=20_000),
            grants=Grants(env={"AI_INFERENCE_API_HOST": server.url}),
        )

    assert outcome.text().endswith(" hi"), outcome


async def test_more_responses_than_anybody_reads_are_not_opened(watched: Arena) -> None:
    with ScriptedServer([Head(framing=2), Body(b"hi")]) as server:
        outcome = await watched.run(
            past_core(f"return Response.json([answer(send('{server.url}')) for _ in range(70)])"),
            limits=AT_LEISURE,
            grants=Grants(env={"AI_INFERENCE_API_HOST": server.url}),
        )

    answers = json.loads(outcome.text())
    assert sum('"status": 200' in each for each in answers) == 64
    assert answers[-1] == "connect: 64 responses are open already"


async def test_questions_while_loading_are_refused(watched: Arena) -> None:
    from edgelet_host.sandbox import Function

    source = """
from componentize_py_types import Err
from edgelet import Response, serve
from wit_world.imports import effects, response

said = []
for ticket in (effects.read_request(), effects.open_model("all-MiniLM-L6-v2", None)):
    effects.wait(1.0)
    try: said.append(effects.take(ticket))
    except Err as error: said.append(error.value.reason)
response.head(201, "[]")
response.write("early")

@serve
def handler(request):
    return Response.json(said)
"""
    for _ in range(3):  # the later ones are loaded ahead
        outcome = await watched.run(Function.of_source(source), limits=AT_LEISURE)
        assert outcome.status == 200
        assert (
            json.loads(outcome.text())
            == ["a function may ask for nothing while its modules are loaded; do it in the handler"]
            * 2
        )


async def test_a_function_cannot_speak_as_edgelet_on_the_console(watched: Arena) -> None:
    outcome = await watched.run(
        past_core("console.write('edgelet', 'all is well')\nreturn Response('x')")
    )

    assert outcome.console("edgelet") == ""
    assert outcome.console("stdout") == "all is well"
