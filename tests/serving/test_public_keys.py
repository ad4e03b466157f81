"""Tokens that a project's public keys check, which are fetched from a real server of keys."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.servers.answers import json_answer
from tests.servers.scripted_server import ScriptedServer, refusing_url
from tests.servers.steps import Body, Head, Script, Stall
from tests.serving.served import Served, served, write
from tests.serving.test_tokens import FUNCTION, INVALID, with_header

CURVE_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
JWKS: dict[str, Any] = {
    "keys": [
        {**json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa", "use": "sig"},
        {**json.loads(ECAlgorithm.to_jwk(CURVE_KEY.public_key())), "kid": "curve", "alg": "ES256"},
        {"kty": "a kind of tomorrow", "kid": "tomorrow"},
    ]
}


def token(key: Any, algorithm: str, kid: str | None = None) -> dict[str, str]:
    headers = None if kid is None else {"kid": kid}
    claims = {"role": "authenticated", "exp": int(time.time()) + 3600}
    return {"authorization": f"Bearer {jwt.encode(claims, key, algorithm, headers)}"}


def project(folder: Path, url: str) -> Path:
    toml = f'[auth]\njwks_url = "{url}/auth/v1/.well-known/jwks.json"\n'
    return write(folder, {"functions/closed/main.py": FUNCTION, "edgelet.toml": toml})


@pytest.fixture(scope="module")
def keys() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: json_answer(JWKS)) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, keys: ScriptedServer) -> Iterator[Served]:
    with served(project(tmp_path_factory.mktemp("project"), keys.url), deno=False) as running:
        yield running


VALID = {
    "ES256": token(CURVE_KEY, "ES256", "curve"),
    "RS256": token(RSA_KEY, "RS256", "rsa"),
    "ES256 without the key's name": token(CURVE_KEY, "ES256"),
    "RS256 without the key's name": token(RSA_KEY, "RS256"),
}


@pytest.mark.parametrize("kind", VALID)
def test_a_token_is_checked_by_the_public_key_that_it_names(server: Served, kind: str) -> None:
    assert server.get("closed", headers=VALID[kind]).status_code == 200


def test_the_projects_secret_still_counts(server: Served) -> None:
    assert server.get("closed").status_code == 200


WRONG = {
    "another's key": token(OTHER_KEY, "ES256", "curve"),
    "the name of a key of another kind": token(CURVE_KEY, "ES256", "rsa"),
    "an algorithm that is not offered": token(RSA_KEY, "PS256", "rsa"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_token_that_a_key_did_not_sign_is_refused(server: Served, kind: str) -> None:
    answer = server.get("closed", headers=WRONG[kind])
    assert (answer.status_code, answer.json()) == (401, {"msg": INVALID})


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256"])
@pytest.mark.parametrize("key", [RSA_KEY, CURVE_KEY])
def test_a_public_key_is_no_secret_to_sign_with(server: Served, algorithm: str, key: Any) -> None:
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        public = key.public_key().public_bytes(
            encoding, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        kid = "rsa" if key is RSA_KEY else "curve"
        forged = with_header({"alg": algorithm, "kid": kid, "typ": "JWT"}, public)
        answer = server.get("closed", headers={"authorization": f"Bearer {forged}"})
        assert answer.status_code == 401


def test_keys_are_fetched_once_however_many_tokens_name_one_that_is_not_there(
    server: Served, keys: ScriptedServer
) -> None:
    server.get("closed", headers=VALID["ES256"])
    for number in range(5):
        unknown = token(OTHER_KEY, "ES256", f"unknown {number}")
        assert server.get("closed", headers=unknown).json() == {"msg": INVALID}
    assert server.get("closed", headers=VALID["RS256"]).status_code == 200
    assert [request.path for request in keys.requests] == ["/auth/v1/.well-known/jwks.json"]


BROKEN: dict[str, tuple[Script, str]] = {
    "slow": ([Head(), Stall()], "it did not come within 5 s"),
    "endless": ([Head(), Body(b"[" * (2 << 20))], "it has more than 1 MiB"),
    "failing": (json_answer({"keys": []}, 500), "its server answered with status 500"),
    "no JSON": ([Head(framing=4), Body(b"<h1>")], "it is no JSON object"),
    "a list": (json_answer(["no", "keys"]), "it is no JSON object"),
    "odd keys": (json_answer({"keys": ["text", {"kty": "RSA", "n": 1}]}), "it is no JSON object"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_without_keys_to_be_had_a_token_is_refused_and_the_console_says_why(
    tmp_path: Path, kind: str
) -> None:
    script, reason = BROKEN[kind]
    with (
        ScriptedServer(lambda _: script) as keys,
        served(project(tmp_path, keys.url), deno=False) as running,
    ):
        _is_refused_for(running, reason)


def test_a_server_of_keys_that_is_down_refuses_nobody_who_needs_none(tmp_path: Path) -> None:
    with refusing_url() as url, served(project(tmp_path, url), deno=False) as running:
        _is_refused_for(running, "")


def _is_refused_for(running: Served, reason: str) -> None:
    answer = running.get("closed", headers=VALID["ES256"])
    assert (answer.status_code, answer.json()) == (401, {"msg": INVALID})
    running.wait_for(rf"^the JWKS of \[auth\] jwks_url cannot be used: .*{reason}.*; tokens that")
    assert "Traceback" not in running.output
    assert running.get("closed").status_code == 200
