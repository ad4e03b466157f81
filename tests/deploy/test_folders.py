"""What `edgelet functions deploy` writes, and what it refuses to write over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edgelet_host.deploy import package
from tests.deploy.deployed import EXAMPLES, TARGETS, contents, deploy, deployed
from tests.serving.served import write

NAMES = ("embed-minilm", "embed-minilm-js", "ollama-test", "ollama-test-py")
PYTHON = "from edgelet import Response, serve\n\nserve(lambda request: Response('Hello'))\n"
INDEX = "Deno.serve(() => new Response('Hello'))\n"


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_function_gives_the_same_bytes(tmp_path: Path, target: str) -> None:
    before = contents(EXAMPLES)
    for name in NAMES:
        once, twice = tmp_path / "once", tmp_path / "twice"
        deployed(EXAMPLES, name, target, once)
        said = deployed(EXAMPLES, name, target, twice)
        first = contents(once)
        assert first == contents(twice)
        assert {path: len(data) for path, data in first.items()} == said["files"]
        assert said["bytes"] == sum(map(len, first.values()))
        assert 20e6 < said["model_bytes"] < 30e6
        deployed(EXAMPLES, name, target, once)
        assert contents(once) == first
        shutil.rmtree(once)
        shutil.rmtree(twice)
    assert contents(EXAMPLES) == before


def test_a_dry_run_lists_files_and_sizes_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = deploy(EXAMPLES, "hello", "--target", "node", "--out", out, "--dry-run")
    assert ended.code == 0, ended.err
    assert not out.exists()
    listed = {line.split()[1]: int(line.split()[0].replace(",", "")) for line in _sizes(ended.out)}
    assert ended.out.splitlines()[-1].startswith(f"Would write {len(listed)} files to {out}: ")
    assert "of them the model." in ended.out
    deployed(EXAMPLES, "hello", "node", out)
    assert {name: len(data) for name, data in contents(out).items()} == listed


def test_it_says_what_to_do_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ended = deploy(EXAMPLES, "hello", "--target", "bun", "--out", out, "--no-model")
    assert ended.out.splitlines()[0].endswith(", without a model.")
    assert ended.out.splitlines()[-2:] == [f"  cd {out}", "  bun run --no-install main.js"]
    readme = (out / "README.md").read_text("utf-8").splitlines()
    assert len(readme) == 5
    assert "`bun run --no-install main.js`" in readme[1]
    assert not (out / "edgelet" / "assets" / "models").exists()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("file", "code"), [("main.py", PYTHON), ("index.js", INDEX)])
def test_secrets_are_named_and_not_written(
    tmp_path: Path, target: str, file: str, code: str
) -> None:
    files = {
        f"functions/own/{file}": code,
        "functions/own/.env": "OWN_KEY=squeamish\n",
        "functions/own/.env.local": "OTHER=squeamish\n",
        "functions/own/.hidden/key.txt": "squeamish\n",
        "functions/.env": "API_KEY='squeamish ossifrage'\n",
        "edgelet.toml": '[edge_runtime.secrets]\nTOML_KEY = "squeamish"\n',
    }
    write(tmp_path, files)
    out = tmp_path / "out"
    ended = deploy(tmp_path, "own", "--target", target, "--out", out, "--no-model")
    assert ended.code == 0, ended.err
    assert "given: API_KEY, OWN_KEY, TOML_KEY\n" in ended.out
    assert "API_KEY, OWN_KEY, TOML_KEY" in (out / "README.md").read_text("utf-8")
    assert not [name for name, data in contents(out).items() if b"squeamish" in data]


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"functions/own/main.py": PYTHON, "out/package.json": '{"name": "mine"}'})
    ended = deploy(tmp_path, "own", "--target", "node", "--out", "out", "--no-model")
    assert ended.code == 1
    assert ended.err == (
        "error: out was not written by `edgelet functions deploy`; give another folder with --out\n"
    )
    assert contents(tmp_path / "out") == {"package.json": b'{"name": "mine"}'}


def test_an_earlier_folder_is_written_over_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    write(tmp_path, {"functions/own/index.js": INDEX, "functions/own/old/more.js": "export {}\n"})
    out = tmp_path / "out"
    deployed(tmp_path, "own", "deno", out, "--no-model")
    assert (out / "functions/own/old/more.js").exists()
    write(out, {"notes.txt": "mine"})
    shutil.rmtree(tmp_path / "functions" / "own" / "old")
    said = deployed(tmp_path, "own", "node", out, "--no-model")
    assert contents(out).keys() == {*said["files"], "notes.txt"}
    assert not (out / "functions/own/old").exists()


def test_a_manifest_cannot_have_files_elsewhere_removed(tmp_path: Path) -> None:
    marker = {"files": ["../precious.txt", str(tmp_path / "precious.txt")]}
    write(
        tmp_path,
        {
            "functions/own/main.py": PYTHON,
            "precious.txt": "kept",
            "out/edgelet.json": json.dumps(marker),
        },
    )
    deployed(tmp_path, "own", "node", tmp_path / "out", "--no-model")
    assert (tmp_path / "precious.txt").read_text() == "kept"


@pytest.mark.parametrize(
    ("files", "target", "reason"),
    [
        (
            {"index.js": 'import { z } from "npm:zod@3";\n' + INDEX},
            "node",
            "functions/own/index.js imports npm:zod@3, which node cannot; import a package that "
            "package.json names, or deploy it with --target deno",
        ),
        (
            {"index.js": INDEX, "deno.json": '{"imports": {"z": "https://esm.sh/zod"}}'},
            "bun",
            "own imports z by an import map as https://esm.sh/zod, which bun does not follow; "
            "deploy it with --target deno",
        ),
        ({"index.ts": "let x: = 1\n"}, "node", "the function cannot be built: "),
        ({"main.py": ""}, "deno", "main.py is empty"),
        ({"readme.txt": "no function"}, "deno", "there is no function 'own' in functions"),
    ],
)
def test_what_cannot_run_there_is_refused_in_a_sentence(
    tmp_path: Path, files: dict[str, str], target: str, reason: str
) -> None:
    write(tmp_path, {f"functions/own/{name}": text for name, text in files.items()})
    ended = deploy(tmp_path, "own", "--target", target, "--out", "out", "--no-model")
    assert (ended.code, ended.out) == (1, "")
    assert reason in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("target", TARGETS)
def test_static_files_that_python_could_not_read_are_refused(tmp_path: Path, target: str) -> None:
    ended = deploy(EXAMPLES, "search", "--target", target, "--out", tmp_path / "out")
    assert ended.code == 1
    assert "search names static_files, which a deployed function in Python cannot read" in ended.err


def test_a_folder_within_the_function_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"functions/own/main.py": PYTHON})
    ended = deploy(tmp_path, "own", "--target", "node", "--out", "functions/own/out")
    assert ended.code == 1
    assert "lies within the function itself" in ended.err


def test_packages_of_package_json_become_dependencies(tmp_path: Path) -> None:
    dependencies = '{"dependencies": {"zod": "^3.0.0"}}'
    write(tmp_path, {"functions/own/index.js": INDEX, "functions/own/package.json": dependencies})
    said = deployed(tmp_path, "own", "node", tmp_path / "out", "--no-model")
    manifest = json.loads((tmp_path / "out" / "package.json").read_text())
    assert manifest["dependencies"] == {"zod": "^3.0.0"}
    assert said["next"] == ["npm install", "node main.js"]


def test_relative_import_maps_lead_within_the_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "functions/own/index.ts": INDEX,
            "functions/own/deno.json": '{"imports": {"@/": "./lib/", "shared": "../_shared/a.ts"},'
            '"unstable": ["kv"]}',
            "functions/own/lib/b.ts": "export {}\n",
            "functions/_shared/a.ts": "export {}\n",
        },
    )
    deployed(tmp_path, "own", "deno", tmp_path / "out", "--no-model")
    manifest = json.loads((tmp_path / "out" / "deno.json").read_text())
    assert manifest["imports"] == {
        "@/": "./functions/own/lib/",
        "shared": "./functions/_shared/a.ts",
    }
    assert manifest["unstable"] == ["kv", "no-legacy-abort"]


def test_minified_code_is_smaller(tmp_path: Path) -> None:
    name = "functions/ollama-test/index.ts"
    plain = deployed(EXAMPLES, "ollama-test", "deno", tmp_path / "plain", "--no-model")
    small = deployed(EXAMPLES, "ollama-test", "deno", tmp_path / "small", "--no-model", "--minify")
    assert small["files"][name] < plain["files"][name] * 0.7


def test_other_targets_are_unknown(tmp_path: Path) -> None:
    ended = deploy(EXAMPLES, "hello", "--target", "mainframe", "--out", tmp_path / "out")
    assert ended.code == 2
    assert all(f"'{target}'" in ended.err for target in TARGETS)


def test_without_the_npm_package_a_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgelet_host.project.npm_package._CLONE", tmp_path / "nowhere")
    with pytest.raises(package.FunctionError, match=r"run `npm install edgelet`$"):
        package.package_files(tmp_path, "deployed.node.js", library=True, model=True)


def _sizes(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith(" ")]
