"""What is Cloudflare's own: the folder, the platform's limits, and requests that share a Worker."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from edgelet_host.cli.invoke import found
from edgelet_host.deploy import Asked
from edgelet_host.deploy import cloudflare as target
from tests.deploy.deployed import EXAMPLES, Running, deploy, deployed
from tests.deploy.workers import leave_at_once, modules, running_worker
from tests.js.package import built_dist
from tests.servers.answers import json_answer, ndjson, ollama_generate
from tests.servers.connection import Request
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head, Sleep, Stall, WaitFor
from tests.serving.served import write

PYTHON = "from edgelet import Response, serve\n\nserve(lambda request: Response('Hello'))\n"
LARGE = 120_000_000


def limit(said: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [each for each in said["limits"] if each["name"] == name]
    return dict(found)


def test_each_limit_stands_beside_the_figure(tmp_path: Path) -> None:
    said = deployed(EXAMPLES, "embed-minilm", "cloudflare", tmp_path)
    size = sum(path.stat().st_size for _, path in modules(tmp_path).values())
    assets = [path for path in (tmp_path / "assets").rglob("*") if path.is_file()]

    worker = limit(said, "size of the Worker")
    assert (worker["actual"], worker["most"]) == (size, 64 * 1024 * 1024)
    packed, unit, _ = worker["note"].split()
    assert unit == "MB"
    assert float(packed) <= 9.0
    largest = limit(said, "largest static asset")
    assert largest["actual"] == max(path.stat().st_size for path in assets)
    assert largest["most"] == 25 * 1024 * 1024
    assert limit(said, "static assets")["actual"] == len(assets)
    memory = limit(said, "memory")
    assert memory["about"]
    assert 70e6 < memory["actual"] < 80e6
    assert limit(said, "scripts run at start-up")["actual"] < 100_000


def test_without_a_model_there_is_no_engine_either(tmp_path: Path) -> None:
    said = deployed(EXAMPLES, "ollama-test", "cloudflare", tmp_path, "--no-model")
    assert said["model_bytes"] == 0
    assert not [name for name in said["files"] if "ort-wasm" in name or "/models/" in name]
    assert 30e6 < limit(said, "memory")["actual"] < 40e6


def test_it_says_the_limits_and_the_commands(tmp_path: Path) -> None:
    write(tmp_path, {"functions/My_own/main.py": PYTHON, "functions/.env": "API_KEY=squeamish\n"})
    ended = deploy(tmp_path, "My_own", "--target", "cloudflare", "--out", "out", "--dry-run")
    assert "Limits of cloudflare:\n  size of the Worker: 28." in ended.out
    assert " of 67.1 MB (" in ended.out
    said = deployed(tmp_path, "My_own", "cloudflare", tmp_path / "out", "--no-model")
    assert said["next"] == ["npx wrangler deploy", "npx wrangler secret put API_KEY"]
    wrangler = json.loads((tmp_path / "out" / "wrangler.jsonc").read_text())
    assert wrangler["name"] == "my-own"
    assert "vars" not in wrangler
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "`npx wrangler secret put NAME`: API_KEY.\n" in readme


def test_what_cannot_fit_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with_large_model(tmp_path)
    ended = deploy(tmp_path, "own", "--target", "cloudflare", "--out", "out")
    assert ended.code == 1
    assert ended.err.startswith(
        "error: the function does not fit Cloudflare Workers: memory: about 17"
    )
    assert "int8 or a smaller model, or give --no-model" in ended.err
    assert not (tmp_path / "out").exists()
    deployed(tmp_path, "own", "cloudflare", tmp_path / "out", "--no-model")


def test_a_model_that_assets_cannot_hold_goes_to_r2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "LARGEST_ASSET", 20_000_000)
    bundle = target.cloudflare_bundle(Asked(*found("embed-minilm", EXAMPLES)))

    wrangler = json.loads(bundle.contents()["wrangler.jsonc"])  # type: ignore[arg-type]
    bucket = {"binding": "EDGELET_MODELS", "bucket_name": "embed-minilm-models"}
    assert wrangler["r2_buckets"] == [bucket]
    stored = [name for name in bundle.files if name.startswith("models/")]
    assert len(stored) == 4
    assert 20e6 < bundle.model_size() < 30e6
    first, *puts, deploys = bundle.next
    assert first == "npx wrangler r2 bucket create embed-minilm-models"
    assert deploys == "npx wrangler deploy"
    for name, put in zip(sorted(stored), puts, strict=True):
        key = name.removeprefix("models/")
        assert put.endswith(f" put embed-minilm-models/{key} --file {name} --remote")


def test_packages_are_built_in_and_esbuild_says_when_one_is_missing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "functions/own/index.js": 'import { word } from "a-package";\n'
            "Deno.serve(() => Response.json([word, typeof Deno.env.toObject().ASSETS]));\n",
            "functions/own/node_modules/a-package/package.json": '{"exports": {"workerd": "./w.js",'
            ' "default": "./other.js"}}',
            "functions/own/node_modules/a-package/w.js": 'export const word = "for workerd";\n',
        },
    )
    out = tmp_path / "out"
    deployed(tmp_path, "own", "cloudflare", out, "--no-model")
    with running_worker(out) as function:
        assert function.get().json() == ["for workerd", "undefined"]

    write(tmp_path, {"functions/own/index.js": 'import "not-installed";\n'})
    ended = deploy(tmp_path, "own", "--target", "cloudflare", "--out", out, "--no-model")
    assert 'the function cannot be built: ✘ [ERROR] Could not resolve "not-installed"' in ended.err


@pytest.mark.parametrize("name", ["embed-minilm", "embed-minilm-js"])
def test_requests_share_what_the_first_began_even_if_it_leaves(tmp_path: Path, name: str) -> None:
    deployed(EXAMPLES, name, "cloudflare", tmp_path)
    go_on = threading.Event()

    def asset(request: Request) -> list[Any]:
        data = (tmp_path / "assets" / request.path.lstrip("/")).read_bytes()
        return [WaitFor(go_on), Head(framing=len(data)), Body(data)]

    with (
        ScriptedServer(asset) as assets,
        running_worker(tmp_path, httpx2.URL(assets.url).netloc.decode()) as function,
    ):
        address = ("127.0.0.1", httpx2.URL(function.url).port or 0)
        with socket.create_connection(address) as client:
            client.sendall(b"GET /?input=Hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assets.wait_for_request(60)
            leave_at_once(client)
        go_on.set()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: function.get(params={"input": "Hello"}), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("name", ["ollama-test", "ollama-test-py"])
def test_streams_beside_each_other_keep_apart_and_leaving_is_no_failure(
    tmp_path: Path, name: str
) -> None:
    deployed(EXAMPLES, name, "cloudflare", tmp_path, "--no-model")
    with (
        ScriptedServer(repeats_the_prompt) as host,
        running_worker(tmp_path, AI_INFERENCE_API_HOST=host.url) as function,
    ):
        with ThreadPoolExecutor(12) as pool:
            texts = list(pool.map(lambda number: streamed(function, number), range(24)))
        host.wait_until_client_left(20)
        assert streamed(function, 1) == "1 " * 10
        assert function.printed == []
    assert texts == ["left" if is_left(number) else f"{number} " * 10 for number in range(24)]


WAITS = """
Deno.serve(async (request, { remoteAddr }) => {
  EdgeRuntime.waitUntil(fetch(`${Deno.env.get("PLACE")}/later`));
  return Response.json([remoteAddr, Deno.env.toObject(), typeof process.env.PLACE]);
});
"""


def test_work_goes_on_after_the_answer_and_variables_are_text_alone(tmp_path: Path) -> None:
    write(tmp_path, {"functions/own/index.js": WAITS})
    deployed(tmp_path, "own", "cloudflare", tmp_path / "out", "--no-model")
    with (
        ScriptedServer(json_answer({})) as place,
        running_worker(tmp_path / "out", PLACE=place.url) as function,
    ):
        answer = function.get(headers={"cf-connecting-ip": "192.0.2.7"}).json()
        place.wait_for_request(20)
    address = {"transport": "tcp", "hostname": "192.0.2.7", "port": 0}
    assert answer == [address, {"PLACE": place.url}, "string"]


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    deployed(EXAMPLES, "embed", "cloudflare", tmp_path)
    with running_worker(tmp_path) as function:
        assert function.get(params={"input": "Hello"}).status_code == 500
        function.wait_for("there is no model gte-small in /models/gte-small/int8/")


def is_left(number: int) -> bool:
    """Whether the client leaves the stream of this prompt early."""
    return number % 3 == 0


def repeats_the_prompt(request: Request) -> list[Any]:
    prompt = request.json()["prompt"]
    chunks = ndjson(*ollama_generate(*[f"{prompt} "] * 10))
    steps = [step for chunk in chunks for step in (chunk, Sleep(0.01))]
    return [*steps[:10], Stall()] if is_left(int(prompt)) else steps


def streamed(function: Running, number: int) -> str:
    """What the function streams for a prompt, or "left" when its client did, early."""
    params = {"prompt": str(number)}
    with httpx2.stream("GET", function.url, params=params, timeout=60) as answer:
        pieces = answer.iter_text()
        if is_left(number):
            next(pieces)
            return "left"
        return "".join(pieces)


def with_large_model(project: Path) -> None:
    """A project whose npm package has a larger model than a Worker's memory."""
    package = project / "node_modules" / "edgelet"
    dist = built_dist()
    weights = target.model_folder() + "/model.onnx.data"
    for path in dist.rglob("*"):
        name = path.relative_to(dist)
        if path.is_file() and name.as_posix() != weights:
            (package / "dist" / name).parent.mkdir(parents=True, exist_ok=True)
            (package / "dist" / name).symlink_to(path)
    with (package / "dist" / weights).open("wb") as file:
        file.truncate(LARGE)
    (package / "package.json").symlink_to(dist.parent / "package.json")
    write(project, {"functions/own/main.py": PYTHON})
