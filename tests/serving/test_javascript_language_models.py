"""`Supabase.ai.Session` in a function asks language models by way of the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.servers.answers import json_answer, ndjson, ollama_generate
from tests.servers.llama_server import MODEL as LLAMA_MODEL
from tests.servers.llama_server import start_llama_server
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Stall, WaitFor
from tests.serving.javascript_probe import PROBE, Failed, does
from tests.serving.served import Served, served, write

RELAY = """
Deno.serve(async (request) => {
  const session = new Supabase.ai.Session("mistral");
  const chunks = await session.run("Hi", { stream: true, signal: request.signal });
  const text = new TextEncoder();
  return new Response(new ReadableStream({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(text.encode(`${value.response}|`));
    },
    async cancel() { await chunks.return(); },
  }));
});
"""

FIRST = """
Deno.serve(async () => {
  const session = new Supabase.ai.Session("mistral");
  for await (const chunk of await session.run("Hi", { stream: true })) {
    return new Response(chunk.response);
  }
});
"""

ASKING = 'const session = new Supabase.ai.Session("mistral");\n'


@pytest.fixture(scope="module")
def ollama() -> Iterator[ScriptedServer]:
    with ScriptedServer(json_answer({})) as running:
        yield running


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    with start_llama_server() as url:
        yield url


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, ollama: ScriptedServer, llama: str
) -> Iterator[Served]:
    files = {
        "functions/probe/index.ts": PROBE,
        "functions/granted/index.ts": PROBE,
        "functions/lonely/index.ts": PROBE,
        "functions/lonely/.env": "AI_INFERENCE_API_HOST=http://127.0.0.1:9\n",
        "functions/relay/index.ts": RELAY,
        "functions/first/index.ts": FIRST,
        "edgelet.toml": f'functions.granted.allow_hosts = ["{llama.removeprefix("http://")}"]\n',
    }
    env = {"AI_INFERENCE_API_HOST": ollama.url, "AI_INFERENCE_API_KEY": "key-of-the-host"}
    with served(write(tmp_path_factory.mktemp("project"), files), env=env) as running:
        yield running


def test_an_answer_is_what_the_host_said(server: Served, ollama: ScriptedServer) -> None:
    [*_, last] = ollama_generate("")
    ollama.play_next(json_answer({**last, "response": "Hello"}))
    answer = does(server, "probe", f'{ASKING}return session.run("Hi", {{ timeout: 30 }})')
    assert not isinstance(answer, Failed), str(answer)
    assert answer["response"] == "Hello"
    asked = ollama.wait_for_request()
    assert asked.path == "/api/generate"
    assert (asked.json()["model"], asked.json()["prompt"]) == ("mistral", "Hi")
    assert asked.headers["authorization"] == "Bearer key-of-the-host"


def test_chunks_reach_the_client_one_by_one(server: Served, ollama: ScriptedServer) -> None:
    more = threading.Event()
    head, first, *rest = ndjson(*ollama_generate("Hel", "lo"))
    ollama.play_next([head, first, WaitFor(more), *rest])
    url = server.function("relay")
    with httpx2.stream("GET", url, headers=server.authorization, timeout=60) as answer:
        pieces = answer.iter_text()
        assert next(pieces) == "Hel|"
        more.set()
        assert "".join(pieces) == "lo||"


def test_a_host_that_speaks_as_openai_does_is_asked(server: Served, llama: str) -> None:
    source = f"""
        const session = new Supabase.ai.Session("{LLAMA_MODEL}", {{ host: "{llama}" }});
        const prompt = {{ messages: [{{ role: "user", content: "hi" }}], max_tokens: 5 }};
        const options = {{ mode: "openaicompatible" }};
        const whole = await session.run(prompt, options);
        const chunks = [];
        for await (const chunk of await session.run(prompt, {{ ...options, stream: true }})) {{
          chunks.push(chunk);
        }}
        return {{ whole, chunks }};
    """
    found = does(server, "granted", source)
    assert not isinstance(found, Failed), str(found)
    assert found["whole"]["choices"][0]["message"]["content"]
    assert found["whole"]["usage"]["completion_tokens"] == 5
    texts = [each["choices"][0]["delta"].get("content") for each in found["chunks"]]
    assert len([text for text in texts if text]) >= 2


def test_text_of_any_dialect_has_one_form(server: Served, llama: str) -> None:
    source = f"""
        const session = new Supabase.ai.Session("{LLAMA_MODEL}", {{ host: "{llama}" }});
        const prompt = {{ messages: [{{ role: "user", content: "hi" }}], max_tokens: 5 }};
        return session.generate(prompt, {{ mode: "openaicompatible" }});
    """
    found = does(server, "granted", source)
    assert not isinstance(found, Failed), str(found)
    assert found["text"]


def test_leaving_the_loop_leaves_the_host(server: Served, ollama: ScriptedServer) -> None:
    ollama.play_next([*ndjson(*ollama_generate("Hel", "lo"))[:2], Stall()])
    assert server.get("first").text == "Hel"
    ollama.wait_until_client_left(20)


def test_a_client_that_leaves_has_the_host_left(server: Served, ollama: ScriptedServer) -> None:
    ollama.play_next([*ndjson(*ollama_generate("Hel", "lo"))[:2], Stall()])
    url = server.function("relay")
    with httpx2.stream("GET", url, headers=server.authorization, timeout=60) as answer:
        assert next(answer.iter_text()) == "Hel|"
    ollama.wait_until_client_left(20)


def test_a_client_that_leaves_before_an_answer_has_the_host_left(
    server: Served, ollama: ScriptedServer
) -> None:
    ollama.play_next([Stall()])
    with httpx2.Client(headers=server.authorization) as client, pytest.raises(httpx2.ReadTimeout):
        client.get(server.function("relay"), timeout=httpx2.Timeout(60, read=0.5))
    ollama.wait_for_request(20)
    ollama.wait_until_client_left(20)


@pytest.mark.parametrize("stream", ["true", "false"])
def test_a_signal_breaks_off_what_the_host_does(
    server: Served, ollama: ScriptedServer, stream: str
) -> None:
    ollama.play_next([*ndjson(*ollama_generate("Hel", "lo"))[:2], Stall()])
    source = f"""{ASKING}
        const signal = AbortSignal.timeout(300);
        const answer = await session.run("Hi", {{ stream: {stream}, signal }});
        for await (const chunk of answer);
    """
    failed = does(server, "probe", source)
    assert isinstance(failed, Failed)
    assert failed.name == "TimeoutError"
    ollama.wait_until_client_left(20)


def test_a_host_that_was_not_granted_is_not_asked(server: Served) -> None:
    with ScriptedServer(json_answer({})) as other:
        source = f'return new Supabase.ai.Session("m", {{ host: "{other.url}" }}).run("Hi")'
        failed = does(server, "probe", source)
        assert isinstance(failed, Failed)
        assert failed.name == "ConnectionFailed"
        assert "allow_hosts" in failed.message
        assert other.requests == []


def test_the_hosts_own_words_reach_the_function(server: Served, ollama: ScriptedServer) -> None:
    ollama.play_next(json_answer({"error": "model 'mistral' not found"}, 404))
    failed = does(server, "probe", f'{ASKING}return session.run("Hi")')
    assert isinstance(failed, Failed)
    assert (failed.name, failed.status) == ("InferenceHostError", 404)
    assert failed.server_message == "model 'mistral' not found"


def test_an_error_within_a_stream_ends_it(server: Served, ollama: ScriptedServer) -> None:
    first, *_ = ollama_generate("Hel")
    ollama.play_next(ndjson(first, {"error": "out of memory"}))
    source = f"""{ASKING}
        const seen = [];
        try {{
          for await (const chunk of await session.run("Hi", {{ stream: true }})) seen.push(chunk);
        }} catch (error) {{
          return [seen.length, error.name, error.status, error.server_message];
        }}
    """
    expected: list[Any] = [1, "InferenceHostError", 200, "out of memory"]
    assert does(server, "probe", source) == expected


def test_a_host_that_is_gone_is_a_connection_that_failed(server: Served) -> None:
    failed = does(server, "lonely", f'{ASKING}return session.run("Hi")')
    assert isinstance(failed, Failed)
    assert failed.name == "ConnectionFailed"
    assert "http://127.0.0.1:9" in failed.message
    assert "allow_hosts" not in failed.message
