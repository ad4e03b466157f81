"""A function in JavaScript imports what it names, however Supabase and Deno let it be named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.answers import json_answer
from tests.servers.scripted_server import ScriptedServer
from tests.serving.registry import needs_registry
from tests.serving.served import Served, served, write

ANSWER = "Deno.serve(() => new Response(word));"
WORDS = 'export const word = "imported";'
FROM_MAP = 'import { word } from "words";\n' + ANSWER
NONSENSE = "{ this is no JSON"

COMMENTED = """
// a comment, and "a quote
{
  /* another, */
  "imports": {
    "words": "./words.ts", // after a value
    "far": "https://example.com/a//b,]",
  },
}
"""

SCOPED = """
{
  "imports": { "words": "./inner/wrong.ts" },
  "scopes": { "./inner/": { "words": "../_shared/words.ts" } }
}
"""

FUNCTIONS = {
    "relative": {
        "index.ts": 'import { word } from "./a/words.ts";\n' + ANSWER,
        "a/words.ts": WORDS,
    },
    "shared": {"index.ts": 'import { word } from "../_shared/words.ts";\n' + ANSWER},
    "json": {
        "index.ts": FROM_MAP,
        "words.ts": WORDS,
        "deno.json": '{"imports": {"words": "./words.ts"}}',
    },
    "folder": {
        "index.ts": 'import { word } from "shared/words.ts";\n' + ANSWER,
        "deno.json": '{"imports": {"shared/": "../_shared/"}}',
    },
    "jsonc": {"index.ts": FROM_MAP, "words.ts": WORDS, "deno.jsonc": COMMENTED},
    "mapped": {
        "index.ts": FROM_MAP,
        "words.ts": WORDS,
        "import_map.json": '{"imports": {"words": "./words.ts"}}',
    },
    "pointed": {
        "index.ts": FROM_MAP,
        "words.ts": WORDS,
        "deno.json": '{"importMap": "./maps/own.json"}',
        "maps/own.json": '{"imports": {"words": "../words.ts"}}',
    },
    "keyed": {"index.ts": FROM_MAP},
    "legacy": {"index.ts": FROM_MAP},
    "scoped": {
        "index.ts": 'import { word } from "./inner/inner.ts";\n' + ANSWER,
        "inner/inner.ts": 'export { word } from "words";',
        "inner/wrong.ts": 'export const word = "wrong";',
        "import_map.json": SCOPED,
    },
    "javascript": {"index.js": 'import { word } from "./words.js";\n' + ANSWER, "words.js": WORDS},
    "data": {
        "index.ts": 'import { default as given } from "./words.json" with { type: "json" };\n'
        "const { word } = given;\n" + ANSWER,
        "words.json": '{"word": "imported"}',
    },
    "old": {
        "index.ts": 'import { serve } from "https://deno.land/std@0.168.0/http/server.ts";\n'
        'serve(() => new Response("imported"));',
    },
}

TYPES = [
    'import "jsr:@supabase/functions-js/edge-runtime.d.ts";',
    "import 'jsr:@supabase/functions-js/edge-runtime.d.ts'",
    'import "jsr:@supabase/functions-js@2/edge-runtime.d.ts";',
    'import "jsr:@supabase/functions-js@^2.4.1/edge-runtime.d.ts";',
    'import "jsr:/@supabase/functions-js@2/edge-runtime.d.ts";',
    'import "jsr:@supabase/functions-js/src/edge-runtime.d.ts";',
    'import "npm:@supabase/functions-js@2/edge-runtime.d.ts";',
    'import "https://esm.sh/@supabase/functions-js/src/edge-runtime.d.ts";',
    'import "@supabase/functions-js/edge-runtime.d.ts";',
    'import "types/edge-runtime.d.ts";',
    'import "below/edge-runtime.d.ts";',
    'import "typed";',
    'import "https://esm.sh/v135/@supabase/functions-js@2.4.1/src/edge-runtime.d.ts";',
    '/// <reference types="jsr:@supabase/functions-js/edge-runtime.d.ts" />',
]

TYPES_MAP = """{"imports": {
  "@supabase/functions-js": "jsr:@supabase/functions-js@^2",
  "types": "npm:@supabase/functions-js@2.4.1",
  "below/": "jsr:/@supabase/functions-js@2/",
  "typed": "jsr:@supabase/functions-js@2/edge-runtime.d.ts"
}}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    files = {
        "package.json": NONSENSE,
        "deno.json": NONSENSE,
        "functions/deno.jsonc": NONSENSE,
        "edgelet.toml": '[functions.keyed]\nimport_map = "./maps/keyed.json"\n',
        "maps/keyed.json": '{"imports": {"words": "../functions/_shared/words.ts"}}',
        "functions/import_map.json": '{"imports": {"words": "./_shared/words.ts"}}',
        "functions/_shared/words.ts": WORDS,
    }
    for name, own in FUNCTIONS.items():
        files |= {f"functions/{name}/{file}": text for file, text in own.items()}
    for number, spelling in enumerate(TYPES):
        source = f'{spelling}\nDeno.serve(() => new Response("imported"));'
        files[f"functions/types-{number}/index.ts"] = source
        files[f"functions/types-{number}/deno.json"] = TYPES_MAP
    no_network = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    folder = tmp_path_factory.mktemp("project")
    no_network["DENO_DIR"] = str(tmp_path_factory.mktemp("deno"))
    with served(write(folder, files), env=no_network) as running:
        yield running


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_module_is_found_where_it_was_named(server: Served, name: str) -> None:
    answer = server.get(name)
    assert (answer.status_code, answer.text) == (200, "imported"), server.output[-2000:]


@pytest.mark.parametrize("number", range(len(TYPES)), ids=TYPES)
def test_the_types_of_supabases_runtime_are_not_fetched(server: Served, number: int) -> None:
    answer = server.get(f"types-{number}")
    assert (answer.status_code, answer.text) == (200, "imported"), server.output[-2000:]


def test_an_import_map_for_all_takes_the_place_of_their_own(tmp_path: Path) -> None:
    files = {
        "functions/json/index.ts": FROM_MAP,
        "functions/json/deno.json": '{"imports": {"words": "./wrong.ts"}}',
        "functions/legacy/index.ts": FROM_MAP,
        "maps/all.json": '{"imports": {"words": "./words.ts"}}',
        "maps/words.ts": WORDS,
    }
    with served(write(tmp_path, files), "--import-map", "maps/all.json") as running:
        assert running.get("json").text == "imported"
        assert running.get("legacy").text == "imported"


def test_a_map_that_is_no_json_is_named_on_the_console(tmp_path: Path) -> None:
    files = {"functions/broken/index.ts": ANSWER, "functions/broken/deno.json": NONSENSE}
    with served(write(tmp_path, files)) as running:
        assert running.get("broken").json()["code"] == "BOOT_ERROR"
        running.wait_for(r"^\[broken\] .*functions/broken/deno\.json cannot be read: ")


PACKAGES = {
    "inline": {"index.ts": 'import ms from "npm:ms@2.1.3";'},
    "named": {
        "index.ts": 'import ms from "ms";',
        "deno.json": '{"imports": {"ms": "npm:ms@2.1.3"}}',
    },
    "node": {
        "index.ts": 'import ms from "ms";',
        "package.json": '{"dependencies": {"ms": "2.1.3"}}',
    },
}


def test_a_registry_of_its_own_is_asked_for_packages(tmp_path: Path) -> None:
    with ScriptedServer(json_answer({"error": "not found"}, 404)) as registry:
        address = registry.url.removeprefix("http:")
        rules = f"@own:registry={registry.url}/\n{address}/:_authToken=t0ken\n"
        files = {
            "functions/private/index.ts": 'import "npm:@own/package@1";',
            "functions/private/.npmrc": rules,
        }
        with served(write(tmp_path, files)) as running:
            assert running.get("private").json()["code"] == "BOOT_ERROR"
            asked = registry.wait_for_request()
            assert asked.path == "/@own%2fpackage"
            assert asked.headers["authorization"] == "Bearer t0ken"
            assert "t0ken" not in running.output


def test_a_package_of_npm_is_imported_however_it_is_named(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    needs_registry()
    use = '\nDeno.serve(() => new Response(String(ms("2 days"))));'
    files = {
        f"functions/{name}/{file}": text + use if file == "index.ts" else text
        for name, own in PACKAGES.items()
        for file, text in own.items()
    }
    cache = str(tmp_path_factory.mktemp("deno"))
    with served(write(tmp_path, files), env={"DENO_DIR": cache}) as running:
        for name in PACKAGES:
            assert running.get(name).text == "172800000", running.output[-2000:]
        assert not list(tmp_path.rglob("node_modules"))
