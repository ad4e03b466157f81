"""The playground's server, asked by a plain client."""

from __future__ import annotations

import gzip
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.playground.server import address, serving, start


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    (folder / "playground").mkdir()
    (folder / "playground" / "index.html").write_text("<!doctype html><title>here</title>")
    (folder / "engine.mjs").write_text("export {};")
    (folder / "engine.wasm").write_bytes(b"\0asm\1\0\0\0" * 100)
    (folder / "engine.wasm.gz").write_bytes(gzip.compress(b"\0asm\1\0\0\0" * 100))
    for precision in ("q8", "int8"):
        model = folder / "assets" / "models" / "org--name" / precision
        model.mkdir(parents=True)
        (model / "edgelet.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx2.Client]:
    with serving(folder) as url, httpx2.Client(base_url=url.removesuffix("/playground/")) as client:
        yield client


def test_the_root_leads_to_the_page(client: httpx2.Client) -> None:
    answer = client.get("/", follow_redirects=True)

    assert answer.url.path == "/playground/"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/playground/", "/engine.wasm", "/missing"])
def test_every_answer_isolates_the_page(client: httpx2.Client, path: str) -> None:
    headers = client.get(path).headers

    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "credentialless"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path, kind",
    [("/engine.mjs", "text/javascript; charset=utf-8"), ("/engine.wasm", "application/wasm")],
)
def test_files_have_the_types_that_browsers_insist_on(
    client: httpx2.Client, path: str, kind: str
) -> None:
    assert client.get(path).headers["content-type"] == kind


def test_an_unchanged_file_is_not_sent_again(client: httpx2.Client) -> None:
    tag = client.get("/engine.mjs").headers["etag"]

    again = client.get("/engine.mjs", headers={"if-none-match": tag})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cross-origin-embedder-policy"] == "credentialless"


def test_a_compressed_file_is_sent_to_who_takes_it(client: httpx2.Client, folder: Path) -> None:
    packed = client.get("/engine.wasm", headers={"accept-encoding": "gzip, deflate, br"})
    plain = client.get("/engine.wasm", headers={"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-type"] == "application/wasm"
    assert int(packed.headers["content-length"]) == (folder / "engine.wasm.gz").stat().st_size
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == (folder / "engine.wasm").read_bytes()
    assert packed.headers["etag"] != plain.headers["etag"]


def test_an_outdated_compressed_file_is_not_sent(client: httpx2.Client, folder: Path) -> None:
    (folder / "late.js").write_text("new")
    (folder / "late.js.gz").write_bytes(gzip.compress(b"old"))
    os.utime(folder / "late.js.gz", (1, 1))

    assert client.get("/late.js").text == "new"


def test_the_models_in_the_folder_are_listed(client: httpx2.Client) -> None:
    assert client.get("/assets/models/index.json").json() == {"org/name": ["int8", "q8"]}


def test_nothing_outside_the_folder_is_served(client: httpx2.Client, folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("secret")

    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/playground/..%2f..%2fsecret.txt"):
        assert client.get(path).status_code == 404


def test_a_taken_port_is_said_and_the_next_one_is_used(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with start("--directory", str(folder), "--port", str(port)) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            served = address(process)
            process.kill()

    assert first.startswith(f"Port {port} is taken; using ")
    assert f":{port}/" not in served


def test_ctrl_c_ends_it_quietly(folder: Path) -> None:
    with start("--directory", str(folder), "--port", "0") as process:
        url = address(process)
        with httpx2.Client() as client:  # a browser's connection stays open
            client.get(url)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (0, "")


def test_a_folder_without_the_page_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with start("--directory", str(tmp_path)) as process:
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert errors == f"error: {tmp_path} has no playground; make it with ./build.sh bundle\n"


def test_an_address_of_another_machine_is_refused_in_one_sentence(folder: Path) -> None:
    with start("--directory", str(folder), "--host", "192.0.2.1") as process:
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert errors.startswith("error: cannot listen at 192.0.2.1, port 8000: ")
    assert errors.count("\n") == 1
