"""What Deno is told of a function's modules, from the files that name them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgelet.errors import FunctionError
from edgelet_host.project import FunctionConfig
from edgelet_host.serving.javascript.configuration import configuration
from tests.serving.served import write


def told(root: Path, files: dict[str, str]) -> dict[str, Any]:
    """The configuration of the function `own` in a project of these files."""
    functions = write(root, {"own/index.ts": "", **files})
    function = FunctionConfig("own", functions / "own" / "index.ts")
    found: dict[str, Any] = json.loads(configuration(function, functions, None))
    return found


def test_the_dependencies_of_a_package_are_packages_of_npm(tmp_path: Path) -> None:
    package = {
        "dependencies": {"ms": "^2.1.3", "@scope/name": "1.x", "other": "npm:real@2"},
        "devDependencies": {"typescript": "*"},
    }
    imports = told(tmp_path, {"own/package.json": json.dumps(package)})["imports"]
    assert imports == {
        "ms": "npm:ms@^2.1.3",
        "@scope/name": "npm:@scope/name@1.x",
        "other": "npm:real@2",
    }


def test_addresses_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    imports = {"a": "./a.ts", "b/": "../_shared/", "./c.ts": "./d.ts", "e": "npm:e@1"}
    found = told(tmp_path, {"own/deno.json": json.dumps({"imports": imports})})["imports"]
    base = tmp_path.as_uri()
    assert found == {
        "a": f"{base}/own/a.ts",
        "b/": f"{base}/_shared/",
        f"{base}/own/c.ts": f"{base}/own/d.ts",
        "e": "npm:e@1",
    }


def test_what_says_how_to_compile_stays_and_what_concerns_other_commands_goes(
    tmp_path: Path,
) -> None:
    said = {
        "compilerOptions": {"jsx": "react-jsx", "jsxImportSource": "npm:preact@10"},
        "unstable": ["kv"],
        "tasks": {"start": "rm -rf /"},
        "nodeModulesDir": "auto",
        "lock": True,
    }
    assert told(tmp_path, {"own/deno.json": json.dumps(said)}) == {
        "compilerOptions": said["compilerOptions"],
        "unstable": ["kv"],
        "imports": {},
        "scopes": {},
        "nodeModulesDir": "none",
        "lock": False,
    }


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (("deno.json", "deno.jsonc", "import_map.json", "package.json"), "deno.json"),
        (("deno.jsonc", "import_map.json", "package.json"), "deno.jsonc"),
        (("import_map.json", "package.json"), "import_map.json"),
        (("package.json",), "package.json"),
        ((), "all"),
    ],
)
def test_the_first_file_that_names_imports_is_the_one_that_counts(
    tmp_path: Path, files: tuple[str, ...], found: str
) -> None:
    maps = {f"own/{name}": json.dumps({"imports": {"x": f"npm:{name}"}}) for name in files}
    if "package.json" in files:
        maps["own/package.json"] = json.dumps({"dependencies": {"x": "npm:package.json"}})
    maps["import_map.json"] = json.dumps({"imports": {"x": "npm:all"}})
    assert told(tmp_path, maps)["imports"] == {"x": f"npm:{found}"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "holds no JSON object"),
        ('{"imports": ["a"]}', "imports must be an object of texts"),
        ('{"imports": {"a": 1}}', "imports must be an object of texts"),
        ('{"scopes": ["a"]}', "scopes must be an object"),
        ('{"scopes": {"./": 1}}', "imports must be an object of texts"),
        ('{"imports": {', "cannot be read"),
        ('{"importMap": "./missing.json"}', "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(FunctionError, match=rf"^/.*/own/\w+\.json:? {reason}"):
        told(tmp_path, {"own/deno.json": text})


def test_a_package_whose_dependencies_are_no_texts_is_named(tmp_path: Path) -> None:
    with pytest.raises(FunctionError, match=r"package\.json: dependencies must be an object"):
        told(tmp_path, {"own/package.json": '{"dependencies": {"a": 1}}'})
