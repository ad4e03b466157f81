"""What `npm publish` would ship, and that its README tells the truth."""

from __future__ import annotations

import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.js.hosts import HOSTS, JsHost
from tests.js.package import SHIM, install_package

README = (SHIM / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the package and nothing else, and the tarball beside it."""
    return install_package(tmp_path_factory.mktemp("package") / "project")


@pytest.fixture(scope="module")
def shipped(project: Path) -> dict[str, bytes]:
    """The files of the tarball."""
    [tarball] = project.glob("*.tgz")
    with tarfile.open(tarball) as archive:
        return {
            member.name.removeprefix("package/"): file.read()
            for member in archive.getmembers()
            if (file := archive.extractfile(member)) is not None
        }


def test_the_package_is_its_dist_and_no_more(shipped: dict[str, bytes]) -> None:
    others = {name for name in shipped if not name.startswith("dist/")}
    assert others == {"LICENSE", "README.md", "package.json"}
    endings = {name.rpartition(".")[2] for name in shipped if name.startswith("dist/")}
    assert "map" not in endings
    assert not endings & {"py", "tsbuildinfo"}
    sources = {name for name in shipped if name.endswith(".ts") and not name.endswith(".d.ts")}
    assert sources == set()


def test_no_file_names_the_folder_that_it_was_built_in(shipped: dict[str, bytes]) -> None:
    here = str(SHIM.parent).encode()
    binary = (".data", ".gz", ".wasm")
    assert [
        name for name, data in shipped.items() if here in data and name[-5:] not in binary
    ] == []


def test_everything_that_is_needed_offline_is_there(shipped: dict[str, bytes]) -> None:
    assert {
        f"dist/assets/{name}"
        for name in (
            "models/all-MiniLM-L6-v2/int8/edgelet.json",
            "models/all-MiniLM-L6-v2/int8/model.onnx.data",
            "onnxruntime/ort-wasm-simd-threaded.wasm",
            "python/core.zip",
            "python/manifest.json",
            "python/pyodide.asm.wasm",
            "python/snapshot.bin.gz",
            "python/stdlib.zip",
        )
    } <= set(shipped)


def test_every_export_leads_to_a_file(shipped: dict[str, bytes]) -> None:
    exported = re.findall(rb'"\./(dist/[^"*]+)"', shipped["package.json"])
    assert exported
    assert [name for name in exported if b"*" not in name and name.decode() not in shipped] == []


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_the_first_example_of_the_readme_finds_the_kitten(host: JsHost, project: Path) -> None:
    example = re.findall(r"```js\n(.*?)```", README, re.DOTALL)[0]
    program = project / "readme.mjs"
    program.write_text(example, encoding="utf-8")
    ended = subprocess.run(
        [*host.command(project, project), program.name],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("A kitten naps on the rug.\n", "")
