"""The package installed, the models exported, and each host started, once a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.js.hosts import HOSTS, JsHost, JsProcess, start_host
from tests.js.package import export_models, install_package, with_native_engine


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the package and nothing else."""
    return install_package(tmp_path_factory.mktemp("npm") / "project")


@pytest.fixture(scope="session")
def native_project(project: Path) -> Path:
    """A project with the package and onnxruntime-node."""
    return with_native_engine(project, project.with_name("native-project"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model in all precisions, as JavaScript hosts read them."""
    return export_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module", params=HOSTS, ids=lambda host: host.name)
def host(request: pytest.FixtureRequest) -> JsHost:
    """Node, Deno and Bun, in turn."""
    kind: JsHost = request.param
    kind.command(Path(), Path())  # skips where it is not installed
    return kind


@pytest.fixture(scope="module")
def process(host: JsHost, project: Path, models: Path) -> Iterator[JsProcess]:
    """The host with the package, running models in WebAssembly."""
    with start_host(host, project, models) as process:
        yield process
