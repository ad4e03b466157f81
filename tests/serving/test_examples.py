"""The example functions, served together: the guide's three in both languages, chat and search."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from edgelet import Session
from tests.servers.answers import json_answer, ollama_chat, ollama_generate
from tests.servers.connection import Request
from tests.servers.llama_server import start_llama_server
from tests.servers.scripted_server import ScriptedServer, refusing_url
from tests.servers.steps import Body, Head, WaitFor
from tests.serving.served import Served, served

EXAMPLES = Path(__file__).parents[2] / "examples"
NDJSON = Head(headers={"content-type": "application/x-ndjson"})

go_on = threading.Event()


def lines(*values: Any) -> list[Body]:
    return [Body(json.dumps(value).encode() + b"\n") for value in values]


def ollama(request: Request) -> Any:
    """What Ollama sends; after the first word it waits until the test lets it go on."""
    asked = request.json()
    if request.path == "/api/chat":
        said = asked["messages"][-1]["content"]
        return [NDJSON, *lines(*ollama_chat("You said: ", said, model=asked["model"]))]
    first, *others = ollama_generate("Because ", "of Rayleigh.", model=asked["model"])
    if asked["stream"]:
        return [NDJSON, *lines(first), WaitFor(go_on), *lines(*others)]
    return json_answer({**others[-1], "response": "Because of Rayleigh."})


@pytest.fixture(scope="module")
def inference_host() -> Iterator[ScriptedServer]:
    with ScriptedServer(ollama) as server:
        yield server


@pytest.fixture(scope="module")
def server(model_folder: Path, inference_host: ScriptedServer) -> Iterator[Served]:
    env = {"EDGELET_MODELS": str(model_folder), "AI_INFERENCE_API_HOST": inference_host.url}
    with served(EXAMPLES, env=env) as running:
        yield running


def curl(server: Served, name: str, text: str) -> str:
    """Call a function as the guide does."""
    done = subprocess.run(
        [
            "curl", "--silent", "--show-error", "--fail", "--get", server.function(name),
            "--data-urlencode", text, "-H", f"Authorization: {server.anon_key}",
        ],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("name", ["embed-minilm", "embed-minilm-js"])
async def test_curl_as_in_the_guide_gives_the_embedding(server: Served, name: str) -> None:
    vector = json.loads(curl(server, name, "input=Hello wörld"))
    wanted = await Session("all-MiniLM-L6-v2").run("Hello wörld", mean_pool=True, normalize=True)
    assert vector == pytest.approx(list(wanted), abs=1e-6)


@pytest.mark.parametrize("name", ["embed", "embed-py"])
def test_the_guides_function_embeds_once_its_model_is_named(
    tmp_path: Path, model_folder: Path, name: str
) -> None:
    """The guide's own code with the name of the model that needs no hub, and nothing else."""
    shutil.copytree(EXAMPLES / "functions" / name, tmp_path / "functions" / name)
    [code] = (tmp_path / "functions" / name).glob("*.*")
    code.write_text(code.read_text().replace("gte-small", "all-MiniLM-L6-v2"))
    with served(tmp_path, env={"EDGELET_MODELS": str(model_folder)}) as running:
        assert len(json.loads(curl(running, name, "input=Hello world"))) == 384


def test_without_a_hub_no_other_model_stands_in_for_the_guides(tmp_path: Path) -> None:
    with refusing_url() as nowhere:
        env = {"EDGELET_MODELS": str(tmp_path), "HF_ENDPOINT": nowhere}
        with served(EXAMPLES, "embed", "embed-py", env=env) as running:
            for name in ("embed", "embed-py"):
                answer = running.get(name, params={"input": "Hello"})
                assert answer.status_code == 500
                assert answer.json()["code"] == "WORKER_ERROR"
                running.wait_for(rf"\[{name}\].*ModelError\W+cannot fetch gte-small")


@pytest.mark.parametrize("name", ["ollama-test", "ollama-test-py"])
def test_the_first_word_reaches_the_client_before_the_model_says_the_next(
    server: Served, inference_host: ScriptedServer, name: str
) -> None:
    go_on.clear()
    url = server.function(name)
    with httpx2.stream(
        "GET", url, params={"prompt": "Why?"}, headers=server.authorization, timeout=30
    ) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        pieces = answer.iter_text()
        said = next(pieces)
        assert said.strip() == "Because"
        go_on.set()
        assert said + "".join(pieces) == "Because of Rayleigh."
    asked = inference_host.requests[-1]
    assert asked.json()["prompt"] == "Why?"
    assert asked.json()["model"] == "mistral"


@pytest.mark.parametrize("name", ["run-options", "run-options-py"])
def test_every_option_of_run_can_be_sampled(server: Served, name: str) -> None:
    common = {"model": "all-MiniLM-L6-v2", "input": "one row a token"}
    pooled = server.get(name, params=common).json()
    rows = server.get(name, params={**common, "mean_pool": "false"}).json()
    raw = server.get(name, params={**common, "normalize": "false"}).json()
    assert sum(each * each for each in pooled) == pytest.approx(1.0, abs=1e-4)
    assert [len(row) for row in rows] == [384] * 6
    assert sum(each * each for each in raw) > 1.5
    answer = server.get(name, params={"prompt": "Why?", "timeout": "20"}).json()
    assert answer["response"] == "Because of Rayleigh."


@pytest.mark.parametrize("name", ["run-options", "run-options-py"])
def test_the_openai_dialect_asks_a_real_llama_server(model_folder: Path, name: str) -> None:
    with start_llama_server() as url:
        env = {"EDGELET_MODELS": str(model_folder), "AI_INFERENCE_API_HOST": url}
        with served(EXAMPLES, name, env=env) as running:
            params = {"prompt": "Why?", "mode": "openaicompatible"}
            answer = running.get(name, params=params).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"]


def test_a_conversation_remembers_what_was_said(
    server: Served, inference_host: ScriptedServer
) -> None:
    conversation: list[dict[str, str]] = []
    for prompt in ("I am Ada.", "Who am I?"):
        answer = server.post("chat", json={"prompt": prompt, "conversation": conversation})
        *words, last = answer.text.strip().split("\n\n")
        said = "".join(json.loads(word.removeprefix("data: "))["text"] for word in words)
        assert said == f"You said: {prompt}"
        event, data = last.split("\n")
        assert event == "event: conversation"
        conversation = json.loads(data.removeprefix("data: "))
    assert [message["role"] for message in conversation] == ["user", "assistant"] * 2
    asked = inference_host.requests[-1].json()
    assert [message["content"] for message in asked["messages"][1:]] == [
        "I am Ada.",
        "You said: I am Ada.",
        "Who am I?",
    ]


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b'{"prompt": 1}', b"{}"])
def test_a_conversation_that_is_none_is_refused_in_a_sentence(server: Served, body: bytes) -> None:
    answer = server.post("chat", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith('send {"prompt"')


def test_search_finds_by_meaning(server: Served) -> None:
    found = server.get("search", params={"query": "how do plants make food?"}).json()
    assert len(found) == 3
    assert found[0]["text"].startswith("Plants turn sunlight")
    assert found[0]["score"] > found[1]["score"] > found[2]["score"]


def test_hello_greets_by_name(server: Served) -> None:
    assert server.get("hello", params={"name": "Ada"}).json() == {"message": "Hello Ada!"}
