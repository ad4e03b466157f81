"""A folder as Supabase's own command line makes it is served without an edit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import httpx2
import pytest

from edgelet_host.serving.tokens import PUBLISHABLE_KEY, SECRET_KEY
from tests.js.package import needs
from tests.serving.registry import needs_registry
from tests.serving.served import Served, served, write

CONFIG = """
project_id = "project"

[api]
enabled = true
port = 54321
schemas = ["public", "graphql_public"]

[api.tls]
enabled = false

[db]
port = 54322
health_timeout = "2m"
major_version = 17

[db.seed]
enabled = true
sql_paths = ["./seed.sql"]

[studio]
api_url = "http://127.0.0.1"
openai_api_key = "env(OPENAI_API_KEY)"

[auth]
enabled = true
site_url = "http://127.0.0.1:3000"
jwt_expiry = 3600

[auth.sms.twilio]
enabled = false
auth_token = "env(SUPABASE_AUTH_SMS_TWILIO_AUTH_TOKEN)"

[auth.external.apple]
enabled = false
secret = "env(SUPABASE_AUTH_EXTERNAL_APPLE_SECRET)"

[edge_runtime]
enabled = true
policy = "per_worker"
inspector_port = 8083
deno_version = 2

[experimental]
s3_host = "env(S3_HOST)"

[functions.hello-world]
enabled = true
verify_jwt = {verify_jwt}
import_map = "./functions/hello-world/deno.json"
entrypoint = "./functions/hello-world/index.ts"
# static_files = [ "./functions/hello-world/*.html" ]
"""

TODAY = {
    "supabase/config.toml": CONFIG.format(verify_jwt="false"),
    "supabase/functions/hello-world/.npmrc": "# private registries\n",
    "supabase/functions/hello-world/deno.json": """{
  "imports": {
    "@supabase/functions-js": "jsr:@supabase/functions-js@^2",
    "@supabase/server": "npm:@supabase/server@^1"
  }
}
""",
    "supabase/functions/hello-world/index.ts": """
import "@supabase/functions-js/edge-runtime.d.ts";
import { withSupabase } from "@supabase/server";

console.log("Hello from Functions!");

export default {
  fetch: withSupabase({ auth: ["publishable", "secret"] }, async (req, ctx) => {
    const { name } = await req.json();
    return Response.json({ message: `Hello ${name}!` });
  }),
};
""",
}

BEFORE = {
    "supabase/config.toml": CONFIG.format(verify_jwt="true"),
    "supabase/functions/hello-world/.npmrc": "# private registries\n",
    "supabase/functions/hello-world/deno.json": '{\n  "imports": {}\n}\n',
    "supabase/functions/hello-world/index.ts": """
import "jsr:@supabase/functions-js/edge-runtime.d.ts"

console.log("Hello from Functions!")

Deno.serve(async (req) => {
  const { name } = await req.json()
  const data = {
    message: `Hello ${name}!`,
  }

  return new Response(
    JSON.stringify(data),
    { headers: { "Content-Type": "application/json" } },
  )
})
""",
}


def ask(server: Served, **headers: str) -> httpx2.Response:
    """Call the function as the comment in its file says."""
    url = server.function("hello-world")
    return httpx2.post(url, headers=headers, json={"name": "Functions"}, timeout=120)


def check_todays(server: Served) -> None:
    """See that the library's own rules hold."""
    for key in (PUBLISHABLE_KEY, SECRET_KEY):
        answer = ask(server, apiKey=key)
        assert answer.status_code == 200, server.output
        assert answer.json() == {"message": "Hello Functions!"}
    for headers in ({}, {"apiKey": "sb_publishable_of-another-project"}):
        answer = ask(server, **headers)
        assert answer.status_code == 401
        assert answer.json()["source"] == "@supabase/server"
    server.wait_for(r"^\[hello-world\] Hello from Functions!$")
    assert server.output.startswith("Serving 1 function")


def test_what_the_command_line_makes_today_is_served(tmp_path: Path) -> None:
    needs_registry()
    with served(write(tmp_path, TODAY)) as running:
        check_todays(running)


def test_what_it_made_before_is_served(tmp_path: Path) -> None:
    with served(write(tmp_path, BEFORE)) as running:
        answer = ask(running, authorization=f"Bearer {running.anon_key}")
        assert answer.status_code == 200, running.output
        assert answer.json() == {"message": "Hello Functions!"}
        assert ask(running, authorization=running.anon_key).status_code == 200
        assert ask(running, apikey=PUBLISHABLE_KEY).status_code == 200
        refused = ask(running)
        assert refused.status_code == 401
        assert refused.json() == {"msg": "Error: Missing authorization header"}
        assert running.output.startswith("Serving 1 function")


def test_what_the_command_line_itself_makes_is_served(tmp_path: Path) -> None:
    if not os.environ.get("EDGELET_SUPABASE_CLI"):
        pytest.skip("EDGELET_SUPABASE_CLI is not set: Supabase's command line is 150 MB")
    for arguments in (["init"], ["functions", "new", "hello-world"]):
        subprocess.run(
            [needs("npx"), "--yes", "supabase@3", *arguments],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            timeout=600,
            check=True,
        )
    with served(tmp_path) as running:
        check_todays(running)
