"""What a function finds in its environment: what it is given, and nothing of this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgelet_host.serving.tokens import PUBLISHABLE_KEY, SECRET_KEY
from tests.serving.processes import children, command_line
from tests.serving.served import Served, served, write
from tests.serving.wire import Wire

PYTHON = """
import os
from edgelet import Request, Response, serve

@serve
def handler(request: Request) -> Response:
    return Response.json(dict(os.environ))
"""

JAVASCRIPT = """
Deno.serve(async (request: Request) => {
  if (request.method !== "POST") return Response.json(Deno.env.toObject());
  const pieces = new TransformStream<string, string>({
    start: (into) => into.enqueue("begun"),
    transform: () => {},
    flush: (into) => into.enqueue(Deno.env.get("WHOSE") ?? "nobody's"),
  });
  const body = request.body!.pipeThrough(new TextDecoderStream()).pipeThrough(pieces);
  return new Response(body.pipeThrough(new TextEncoderStream()));
});
"""

CONFIGURATION = """
[edge_runtime.secrets]
PLAIN = "plain-f5c1"
FROM_SHELL = "env(SHELL_SECRET)"
NOT_SET = "env(SHELL_NOTHING)"
OVERRIDDEN = "configuration"
SUPABASE_URL = "http://configuration.example.com"
"""
PROJECT_ENV = """
OVERRIDDEN=project
WHOSE='the project\\'s'
export SPACED = "a b # c"
MULTILINE="one
two"
SUPABASE_SERVICE_ROLE_KEY=forged-99b2
SUPABASE_DB_URL=forged-99b2
"""
FUNCTION_ENV = "WHOSE=own-41ad\nSUPABASE_ANON_KEY=forged-99b2\n"

HOST = {
    "SHELL_SECRET": "shell-7be0",
    "CANARY": "canary-3d2f",
    "AI_INFERENCE_API_HOST": "http://127.0.0.1:9",
    "PYTHONWARNINGS": "ignore",
    "NODE_OPTIONS": "",
    "DENO_CANARY": "canary-3d2f",
}
SECRETS = {
    "PLAIN": "plain-f5c1",
    "FROM_SHELL": "shell-7be0",
    "OVERRIDDEN": "project",
    "WHOSE": "own-41ad",
    "SPACED": "a b # c",
    "MULTILINE": "one\ntwo",
}

FILES = {
    "functions/py/main.py": PYTHON,
    "functions/js/index.ts": JAVASCRIPT,
    "functions/.env": PROJECT_ENV,
    "functions/py/.env": FUNCTION_ENV,
    "functions/js/.env": FUNCTION_ENV,
    "edgelet.toml": CONFIGURATION,
}

both = pytest.mark.parametrize("name", ["py", "js"])


def until(see: Callable[[], str], wanted: str, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while (seen := see()) != wanted:
        assert time.monotonic() < end, f"still {seen!r}"
        time.sleep(0.05)


def runtime(server: Served, service_role_key: str) -> dict[str, str]:
    return {
        "SUPABASE_URL": server.url,
        "SUPABASE_ANON_KEY": server.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": service_role_key,
        "SUPABASE_PUBLISHABLE_KEYS": json.dumps({"default": PUBLISHABLE_KEY}).replace(" ", ""),
        "SUPABASE_SECRET_KEYS": json.dumps({"default": SECRET_KEY}).replace(" ", ""),
        "SUPABASE_DB_URL": "postgresql://postgres:postgres@127.0.0.1:54322/postgres",
        "SB_REGION": "local",
        "AI_INFERENCE_API_HOST": "http://127.0.0.1:9",
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(write(tmp_path_factory.mktemp("project"), FILES), env=HOST) as running:
        yield running


@both
def test_a_function_sees_what_it_is_given_and_nothing_else(server: Served, name: str) -> None:
    seen = server.get(name).json()
    service_role_key = seen["SUPABASE_SERVICE_ROLE_KEY"]
    assert seen == {**runtime(server, service_role_key), **SECRETS}
    allowed = server.get(name, headers={"authorization": f"Bearer {service_role_key}"})
    assert allowed.status_code == 200


def test_what_the_configuration_names_and_nobody_set_is_said(server: Served) -> None:
    server.wait_for(r"\[edge_runtime.secrets\] NOT_SET names SHELL_NOTHING, which is not set")


def test_no_secret_is_on_the_console_or_seen_by_other_users(server: Served) -> None:
    for name in ("py", "js"):
        server.get(name)
    pids = children(server.process.pid)
    assert len(pids) >= 2
    seen = {
        **{pid: command_line(pid) for pid in (server.process.pid, *pids)},
        **{-pid: Path(f"/proc/{pid}/environ").read_text() for pid in pids},
        0: server.output,
    }
    given = server.get("js").json()
    hidden = {given["SUPABASE_SERVICE_ROLE_KEY"], SECRET_KEY, "forged-99b2", *SECRETS.values()}
    for place, text in seen.items():
        for secret in hidden - {"project"}:
            assert secret not in text, f"{secret} in {place}"


def test_the_processes_of_functions_have_little_of_the_servers_environment(server: Served) -> None:
    server.get("js")
    for pid in children(server.process.pid):
        variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
        names = {each.partition("=")[0] for each in variables}
        assert not {"CANARY", "SHELL_SECRET", "AI_INFERENCE_API_HOST"} & names


def test_a_file_of_ones_own_takes_the_place_of_the_projects(tmp_path: Path) -> None:
    project = write(tmp_path, {**FILES, "other.env": "WHOSE=the other's\nSUPABASE_URL=forged\n"})
    with served(project, "--env-file", "other.env", env=HOST) as running:
        for name in ("py", "js"):
            seen = running.get(name).json()
            given = {"WHOSE": "the other's", "OVERRIDDEN": "configuration"}
            given |= {key: SECRETS[key] for key in ("PLAIN", "FROM_SHELL")}
            assert seen == {**runtime(running, seen["SUPABASE_SERVICE_ROLE_KEY"]), **given}


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(write(tmp_path_factory.mktemp("project"), FILES)) as running:
        yield running


@both
def test_the_next_request_sees_a_secret_that_has_changed(changing: Served, name: str) -> None:
    own, project = (changing.project / "functions" / at for at in (f"{name}/.env", ".env"))
    for number in range(3):
        own.write_text(f"WHOSE=version {number}\n")
        assert changing.get(name).json()["WHOSE"] == f"version {number}"
    own.unlink()
    project.write_text("WHOSE=everyone's\nNEW=yes\n")
    seen = changing.get(name).json()
    assert (seen["WHOSE"], seen["NEW"], "SPACED" in seen) == ("everyone's", "yes", False)


@both
def test_a_secret_of_the_configuration_that_has_changed_is_seen(
    changing: Served, name: str
) -> None:
    configuration = changing.project / "edgelet.toml"
    for number in range(2):
        secret = f"{name} {number}"
        configuration.write_text(f'[edge_runtime.secrets]\nPLAIN = "{secret}"\n')
        until(lambda: changing.get(name).json()["PLAIN"], secret)


def test_a_request_that_runs_ends_with_the_secrets_it_began_with(changing: Served) -> None:
    own = changing.project / "functions/js/.env"
    own.write_text("WHOSE=the old one's\n")
    with Wire(changing.url, changing.authorization) as wire:
        wire.ask("POST", "/functions/v1/js", {"transfer-encoding": "chunked"})
        assert wire.head()[0] == 200
        assert wire.chunk() == b"begun"
        own.write_text("WHOSE=the new one's\n")
        assert changing.get("js").json()["WHOSE"] == "the new one's"
        wire.send_chunk(b"")
        assert b"".join(iter(wire.chunk, b"")) == b"the old one's"


@both
def test_a_file_of_secrets_that_cannot_be_read_is_said_on_the_console(
    changing: Served, name: str
) -> None:
    own = changing.project / "functions" / name / ".env"
    own.write_text("WHOSE=fine\nBROKEN='never-ends-6a1c\n")
    answer = changing.get(name)
    assert answer.status_code in (500, 503)
    assert answer.headers["x-relay-error"] == "true"
    assert ".env" not in answer.text
    changing.wait_for(rf"^\[{name}\] .*functions/{name}/\.env: line 2 cannot be read")
    assert "never-ends-6a1c" not in changing.output
    own.write_text("WHOSE=mended\n")
    assert changing.get(name).json()["WHOSE"] == "mended"
