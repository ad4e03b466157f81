"""`Supabase.ai.Session` in a function runs embedding models in the server, as Python's does."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgelet import Session
from edgelet.errors import EdgeletError
from tests.js.package import built_dist
from tests.serving.javascript_probe import PROBE, Failed, does, process_of
from tests.serving.processes import resident_mb
from tests.serving.served import EDGELET, Served, served, write

MODEL = "all-MiniLM-L6-v2"
TEXTS = ["Hello world", "Ein längerer Satz über Füchse, der länger ist.", "", "word " * 400]
SESSION = f'const session = new Supabase.ai.Session("{MODEL}");\n'
EXACT = 1e-6


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ("probe", "idle", "placed")
    folder = tmp_path_factory.mktemp("project")
    return write(folder, {f"functions/{name}/index.ts": PROBE for name in names})


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[Served]:
    with served(project) as running:
        yield running


def in_python(prompt: Any, **options: Any) -> Any:
    """What the same call of Python's session gives."""
    return asyncio.run(Session(MODEL).run(prompt, **options))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_becomes_the_vector_that_python_makes_of_it(server: Served, text: str) -> None:
    source = (
        f"{SESSION}return session.run({json.dumps(text)}, {{ mean_pool: true, normalize: true }})"
    )
    vector = does(server, "probe", source)
    assert vector == pytest.approx(list(in_python(text, mean_pool=True, normalize=True)), abs=EXACT)
    assert len(vector) == 384


def test_a_vector_is_a_plain_array_of_numbers(server: Served) -> None:
    source = f"""{SESSION}
        const vector = await session.run("Hello", {{ mean_pool: true, normalize: true }});
        return [Array.isArray(vector), vector.every((each) => typeof each === "number")];
    """
    assert does(server, "probe", source) == [True, True]


def test_texts_become_as_many_vectors(server: Served) -> None:
    vectors = does(server, "probe", f"{SESSION}return session.run({json.dumps(TEXTS)})")
    expected = in_python(TEXTS)
    assert len(vectors) == len(TEXTS)
    for vector, other in zip(vectors, expected, strict=True):
        assert vector == pytest.approx(list(other), abs=EXACT)


def test_without_pooling_each_token_has_a_row(server: Served) -> None:
    options = "{ mean_pool: false, normalize: false }"
    rows = does(server, "probe", f'{SESSION}return session.run("Hello world", {options})')
    expected = in_python("Hello world", mean_pool=False, normalize=False)
    assert len(rows) == len(expected) > 1
    for row, other in zip(rows, expected, strict=True):
        assert row == pytest.approx(list(other), abs=EXACT)


def test_embeddings_come_with_their_facts(server: Served) -> None:
    source = f"""{SESSION}
        const found = await session.embed(["Hello world", "{"word " * 400}"]);
        return {{ ...found, values: found.values.length, kind: found.values.constructor.name,
          vectors: found.vectors.map((each) => [...each]), rows: found.rows.length }};
    """
    found = does(server, "probe", source)
    expected = asyncio.run(Session(MODEL).embed(["Hello world", "word " * 400]))
    assert (found["values"], found["kind"], found["rows"]) == (2 * 384, "Float32Array", 2)
    assert found["card"]["model"] == MODEL
    assert found["card"]["dimensions"] == 384
    assert found["token_counts"] == list(expected.token_counts)
    assert found["truncated"] == list(expected.truncated) == [1]


@pytest.mark.parametrize(
    ("model", "options"),
    [(MODEL, {"nonsense": 1}), (MODEL, {"truncate": "never"}), ("mistral", {}), ("", {})],
)
def test_an_error_is_the_one_that_python_raises(
    server: Served, model: str, options: dict[str, Any]
) -> None:
    source = f'return new Supabase.ai.Session("{model}").run("Hi", {json.dumps(options)})'
    failed = does(server, "probe", source)
    with pytest.raises(EdgeletError) as raised:
        asyncio.run(Session(model).run("Hi", **options))
    assert isinstance(failed, Failed)
    assert (failed.name, failed.message) == (type(raised.value).__name__, str(raised.value))


def test_a_call_whose_signal_was_aborted_throws_its_reason(server: Served) -> None:
    source = f"""{SESSION}
        return session.run("Hello", {{ signal: AbortSignal.abort(new RangeError("no more")) }});
    """
    assert str(does(server, "probe", source)) == "RangeError: no more"


def test_many_calls_at_once_are_answered_each_with_its_own(server: Served) -> None:
    source = f"""{SESSION}
        const texts = Array.from({{ length: 100 }}, (_, at) => `text ${{at % 10}}`);
        const found = await Promise.all(texts.map((text) => session.run(text)));
        return new Set(found.map((each, at) => `${{at % 10}} ${{each[0]}}`)).size;
    """
    assert does(server, "probe", source) == 10


def test_neither_python_nor_an_engine_is_loaded_into_the_functions_process(server: Served) -> None:
    does(server, "probe", f'{SESSION}return session.run("Hello")')
    does(server, "idle", "return 1")
    probe, idle = (process_of(server, name) for name in ("probe", "idle"))
    maps = Path(f"/proc/{probe}/maps").read_text()
    assert not [word for word in ("onnxruntime", "pyodide", "libpython") if word in maps]
    assert resident_mb(probe) < resident_mb(idle) + 60


def test_a_model_in_the_functions_folder_is_run_by_the_function_itself(
    server: Served, project: Path
) -> None:
    built_dist()
    place = project / "functions" / "placed" / "models"
    exported = subprocess.run(
        [EDGELET, "models", "export", MODEL, place, "--precision", "int8"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{MODEL}/int8" in exported.stdout + exported.stderr
    server.wait_for(r"^\[placed\] loaded anew$")
    options = "{ mean_pool: true, normalize: true }"
    expected = in_python("Hello world", mean_pool=True, normalize=True)
    run = f'Session(place).run("Hello world", {options})'
    for address in ("path", "new URL(path, Deno.mainModule).href"):
        source = f'const path = "./models/{MODEL}/int8"; const place = {address};'
        vector = does(server, "placed", f"{source} return new Supabase.ai.{run}")
        assert not isinstance(vector, Failed), str(vector)
        assert sum(a * b for a, b in zip(vector, expected, strict=True)) > 0.99
    shutil.rmtree(place)
