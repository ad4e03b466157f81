"""Who may call a function: tokens, API keys, and functions that ask for neither."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from edgelet_host.project.config import LOCAL_JWT_SECRET, AuthConfig
from edgelet_host.serving.tokens import PUBLISHABLE_KEY, SECRET_KEY, Tokens
from tests.serving.served import Served, served, write

FUNCTION = """
from edgelet import Request, Response, serve

@serve
def handler(request: Request) -> Response:
    return Response.json([request.method, request.headers.get("authorization")])
"""

SECRET = LOCAL_JWT_SECRET.encode()
OWN_SECRET = "a secret of this project's own, of more than 32 bytes"
FILES = {
    "functions/closed/main.py": FUNCTION,
    "functions/open/main.py": FUNCTION,
    "edgelet.toml": "[functions.open]\nverify_jwt = false\n",
}
MISSING = "Error: Missing authorization header"
INVALID = "Invalid JWT"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(write(tmp_path_factory.mktemp("project"), FILES), deno=False) as running:
        yield running


def claims(seconds: float = 3600, **others: Any) -> dict[str, Any]:
    return {"role": "anon", "exp": int(time.time() + seconds), **others}


def signed(secret: str = LOCAL_JWT_SECRET, **others: Any) -> str:
    return jwt.encode(claims(**others), secret)


def with_header(header: dict[str, Any], key: bytes, digest: str = "sha256") -> str:
    """A token with any header, signed by a secret, whatever the header says."""

    def encoded(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    parts = b".".join(encoded(json.dumps(part).encode()) for part in (header, claims()))
    return (parts + b"." + encoded(hmac.digest(key, parts, digest))).decode()


REFUSED = {
    "nothing": ("", MISSING),
    "a scheme alone": ("Bearer", INVALID),
    "another scheme": ("Basic dXNlcjpwYXNz", "Error: Auth header is not 'Bearer {token}'"),
    "no token": ("Bearer nonsense", INVALID),
    "three parts of nothing": ("Bearer a.b.c", INVALID),
    "an expired token": (f"Bearer {signed(seconds=-60)}", INVALID),
    "a token of tomorrow": (f"Bearer {signed(nbf=int(time.time() + 86400))}", INVALID),
    "another secret": (f"Bearer {signed(OWN_SECRET)}", INVALID),
    "no algorithm": (f"Bearer {jwt.encode(claims(), None, algorithm='none')}", INVALID),
    "another algorithm": (f"Bearer {with_header({'alg': 'HS512'}, SECRET, 'sha512')}", INVALID),
    "an algorithm of keys": (f"Bearer {with_header({'alg': 'ES256', 'kid': 'a'}, b'x')}", INVALID),
    "an algorithm that is no text": (f"Bearer {with_header({'alg': ['HS256']}, b'x')}", INVALID),
    "a secret key as a token": (f"Bearer {SECRET_KEY}", INVALID),
    "a signature that is cut off": (f"Bearer {signed()[:-1]}", INVALID),
}


@pytest.mark.parametrize("given", REFUSED)
def test_who_has_no_valid_token_is_told_so_and_no_more(server: Served, given: str) -> None:
    authorization, message = REFUSED[given]
    answer = server.get("closed", headers={"authorization": authorization})
    assert answer.status_code == 401
    assert answer.json() == {"msg": message}
    assert answer.headers["content-type"] == "application/json"
    assert "x-relay-error" not in answer.headers


ACCEPTED = {
    "as RFC 6750 has it": "Bearer {}",
    "in lower case": "bearer {}",
    "in upper case": "BEARER {}",
    "bare": "{}",
    "with spaces": "Bearer   {}",
}


@pytest.mark.parametrize("given", ACCEPTED)
def test_a_token_is_taken_in_every_spelling(server: Served, given: str) -> None:
    answer = server.get("closed", headers={"authorization": ACCEPTED[given].format(signed())})
    assert answer.status_code == 200


def test_the_signature_is_what_counts(server: Served) -> None:
    """The tokens made by hand here are refused for what is in their header alone."""
    token = with_header({"alg": "HS256"}, SECRET)
    assert server.get("closed", headers={"authorization": token}).status_code == 200


@pytest.mark.parametrize("key", [PUBLISHABLE_KEY, SECRET_KEY])
@pytest.mark.parametrize("beside", ["", "Bearer {}"])
def test_an_api_key_stands_for_a_token_which_the_function_sees(
    server: Served, key: str, beside: str
) -> None:
    headers = {"authorization": beside.format(key), "apikey": key}
    answer = server.get("closed", headers=headers)
    assert answer.status_code == 200
    scheme, _, token = answer.json()[1].partition(" ")
    role = "anon" if key == PUBLISHABLE_KEY else "service_role"
    assert scheme == "Bearer"
    assert jwt.decode(token, LOCAL_JWT_SECRET, algorithms=["HS256"])["role"] == role


def test_a_token_counts_more_than_an_api_key(server: Served) -> None:
    token = f"Bearer {signed(sub='somebody')}"
    answer = server.get("closed", headers={"authorization": token, "apikey": PUBLISHABLE_KEY})
    assert answer.json()[1] == token
    refused = {"authorization": f"Bearer {signed(OWN_SECRET)}", "apikey": PUBLISHABLE_KEY}
    assert server.get("closed", headers=refused).status_code == 401


def test_an_api_key_that_nobody_issued_is_none(server: Served) -> None:
    headers = {"authorization": "", "apikey": f"{PUBLISHABLE_KEY[:-1]}x"}
    assert server.get("closed", headers=headers).json() == {"msg": INVALID}


def test_a_token_may_be_an_api_key(server: Served) -> None:
    headers = {"authorization": "", "apikey": signed()}
    assert server.get("closed", headers=headers).status_code == 200


def test_a_function_that_asks_for_no_token_is_open_and_gets_what_came(server: Served) -> None:
    for given in ("", "Bearer nonsense"):
        answer = server.get("open", headers={"authorization": given})
        assert answer.status_code == 200
        assert (answer.json()[1] or "") == given


def test_options_reaches_the_function_without_a_token(server: Served) -> None:
    answer = server.ask("OPTIONS", "closed", headers={"authorization": ""})
    assert answer.json()[0] == "OPTIONS"


def test_without_verification_every_function_is_open(tmp_path: Path) -> None:
    project = write(tmp_path, FILES)
    with served(project, "--no-verify-jwt", deno=False) as running:
        for given in ("", "Bearer nonsense"):
            assert running.get("closed", headers={"authorization": given}).status_code == 200


def test_a_projects_own_secret_takes_the_place_of_the_one_that_everyone_knows(
    tmp_path: Path,
) -> None:
    toml = '[auth]\njwt_secret = "env(PROJECT_JWT_SECRET)"\n'
    project = write(tmp_path, {**FILES, "edgelet.toml": toml})
    with served(project, env={"PROJECT_JWT_SECRET": OWN_SECRET}, deno=False) as running:
        assert running.get("closed").status_code == 200
        assert jwt.decode(running.anon_key, OWN_SECRET, algorithms=["HS256"])["role"] == "anon"
        local = running.get("closed", headers={"authorization": f"Bearer {signed()}"})
        assert local.json() == {"msg": INVALID}
        known = running.get("closed", headers={"authorization": "", "apikey": SECRET_KEY})
        assert known.json() == {"msg": INVALID}
        key = Tokens(AuthConfig(OWN_SECRET)).secret_key
        by_key = running.get("closed", headers={"authorization": "", "apikey": key})
        assert by_key.status_code == 200
    assert OWN_SECRET not in running.output


def test_a_token_that_was_valid_is_refused_once_it_has_expired(server: Served) -> None:
    expires = int(time.time()) + 3
    headers = {"authorization": f"Bearer {signed(exp=expires)}"}
    assert [server.get("closed", headers=headers).status_code for _ in range(2)] == [200, 200]
    time.sleep(max(expires - time.time(), 0) + 1)
    assert server.get("closed", headers=headers).json() == {"msg": INVALID}
