"""`edgelet functions deploy … --native`: models run in onnxruntime-node, a package beside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgelet import Session
from edgelet_host.deploy.servers import SERVERS
from tests.deploy.deployed import EXAMPLES, contents, deploy, deployed
from tests.deploy.hosts import running
from tests.js.package import link_native_engine
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer
from tests.serving.served import write

MANIFESTS = {"deno": "deno.json", "node": "package.json", "bun": "package.json"}
INSTALLS = {
    "deno": "deno install && deno install --entrypoint main.js",
    "node": "npm install --onnxruntime-node-install=skip",
    "bun": "bun install",
}
INDEX = "Deno.serve(() => new Response('Hello'))\n"

on_servers = pytest.mark.parametrize("target", SERVERS)


def test_other_targets_have_no_native_code(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = deploy(EXAMPLES, "hello", "--target", "cloudflare", "--out", out, "--native")
    assert ended.code == 1
    assert ended.err == (
        "error: cloudflare runs no native code; --native is for deno, node and bun\n"
    )
    assert not out.exists()


@on_servers
@pytest.mark.parametrize("name", ["embed-minilm", "embed-minilm-js"])
async def test_it_embeds_as_native_code_does(tmp_path: Path, target: str, name: str) -> None:
    said = deployed(EXAMPLES, name, target, tmp_path, "--native")
    link_native_engine(tmp_path)
    with running(tmp_path, said["next"]) as function:
        vectors = [function.get(params={"input": "Hello wörld"}).json() for _ in range(2)]
    assert vectors[0] == vectors[1]
    model = Session("all-MiniLM-L6-v2", precision="int8")
    wanted = await model.run("Hello wörld", mean_pool=True, normalize=True)
    assert len(vectors[0]) == 384
    assert sum(a * b for a, b in zip(vectors[0], wanted, strict=True)) > 0.9999


@on_servers
@pytest.mark.parametrize("name", ["embed-minilm", "embed-minilm-js"])
def test_without_the_engine_it_says_what_is_missing(tmp_path: Path, target: str, name: str) -> None:
    said = deployed(EXAMPLES, name, target, tmp_path, "--native")
    with running(tmp_path, said["next"]) as function:
        assert function.get(params={"input": "Hello"}).status_code == 500
        function.wait_for("onnxruntime-node is not installed; install it")


@on_servers
@pytest.mark.parametrize("name", ["ollama-test", "ollama-test-py"])
def test_a_language_model_loads_no_engine(tmp_path: Path, target: str, name: str) -> None:
    said = deployed(EXAMPLES, name, target, tmp_path, "--native", "--no-model")
    loaded = "the engine is loaded"
    write(tmp_path, {"node_modules/onnxruntime-node/index.js": f'console.log("{loaded}");'})
    answer = ndjson(*ollama_generate("Because ", "of Rayleigh."))
    with (
        ScriptedServer(answer) as server,
        running(tmp_path, said["next"], AI_INFERENCE_API_HOST=server.url) as function,
    ):
        assert function.get(params={"prompt": "Why?"}).text == "Because of Rayleigh."
    assert not [line for line in function.printed if loaded in line]


@on_servers
def test_the_manifest_names_the_engine_and_the_folder_has_no_other(
    tmp_path: Path, target: str
) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    said = deployed(EXAMPLES, "embed-minilm", target, once, "--native")
    deployed(EXAMPLES, "embed-minilm", target, twice, "--native")
    assert contents(once) == contents(twice)
    assert not [name for name in said["files"] if "onnxruntime" in name or "ort" in Path(name).stem]
    manifest = json.loads((once / MANIFESTS[target]).read_text())
    named = manifest["imports" if target == "deno" else "dependencies"]["onnxruntime-node"]
    assert named == ("npm:onnxruntime-node@^1.22.0" if target == "deno" else "^1.22.0")
    install, start = said["next"]
    assert install == INSTALLS[target]
    assert ("--allow-ffi" in start) == (target == "deno")
    readme = (once / "README.md").read_text("utf-8").splitlines()
    assert f"`{install} && {start}`" in readme[1]
    plain = deployed(EXAMPLES, "embed-minilm", target, tmp_path / "plain")
    assert said["bytes"] < plain["bytes"] - 14_000_000


@on_servers
def test_packages_of_the_function_stay(tmp_path: Path, target: str) -> None:
    own = {"deno": ("deno.json", "imports", "npm:zod@^3.0.0")}
    file, key, version = own.get(target, ("package.json", "dependencies", "^3.0.0"))
    write(
        tmp_path,
        {
            "functions/own/index.js": INDEX,
            f"functions/own/{file}": json.dumps({key: {"zod": version}}),
        },
    )
    deployed(tmp_path, "own", target, tmp_path / "out", "--no-model", "--native")
    manifest = json.loads((tmp_path / "out" / MANIFESTS[target]).read_text())
    assert manifest[key]["zod"] == version
    assert "onnxruntime-node" in manifest[key]
