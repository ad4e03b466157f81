"""Who may call a function that asks for a token: JWTs as Supabase issues them, and its API keys.

HS256 is checked with the project's secret, ES256 and RS256 with the public keys of the project's
JWKS. Knows tokens and keys; knows nothing of functions.

Source: the server of `supabase functions serve`, and the gateway before it, which puts a token in
the place of an API key.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import math
import time
from collections.abc import Callable
from typing import Any

import jwt

from edgelet.effects import HttpRequest, Send, TransportFailed
from edgelet.errors import EdgeletError
from edgelet.headers import Headers
from edgelet_host import http_client
from edgelet_host.project import AuthConfig

PUBLISHABLE_KEY = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH"
SECRET_KEY = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz"  # noqa: S105
"""The API keys of Supabase's local stack, which everyone knows."""

_MOST_REMEMBERED = 1024
"""Tokens that need not be checked again until they expire."""

_EXPIRES = 1983812996
"""When the local keys expire: in 2032, as those of Supabase's local stack do."""
_BY_PUBLIC_KEY = ("ES256", "RS256")
_SCHEME = "bearer "
_MOST_JWKS_BYTES = 1024 * 1024
_JWKS_SECONDS = 5.0
_PAUSE_SECONDS = 30.0
"""How long keys are kept before a token with an unknown key has them fetched again."""


class Refused(EdgeletError):
    """The caller may not call; the message is for the caller."""


class Tokens:
    """Checks tokens by a project's secret and public keys.

    `anon_key` and `service_role_key` are tokens, `publishable_key` and `secret_key` API keys that
    stand for them: those of Supabase's local stack for its secret, the project's own for another.
    `note` is told when the public keys cannot be had, which refuses whoever needs them.
    """

    def __init__(self, auth: AuthConfig, note: Callable[[str], object] = lambda _: None) -> None:
        self._secret = auth.jwt_secret
        self._valid: dict[str, float] = {}
        self._jwks = None if auth.jwks_url is None else _Jwks(auth.jwks_url, note)
        self.anon_key = self._local_key("anon")
        self.service_role_key = self._local_key("service_role")
        self.publishable_key = PUBLISHABLE_KEY if auth.is_local else self._api_key("publishable")
        self.secret_key = SECRET_KEY if auth.is_local else self._api_key("secret")

    async def check(self, headers: Headers) -> None:
        """See that the caller has a valid token. Raises `Refused`."""
        given = headers.get("authorization") or ""
        token = given[len(_SCHEME) :] if given.lower().startswith(_SCHEME) else given
        token = token.strip()
        if not token:
            raise Refused("Error: Missing authorization header")
        if " " in token:
            raise Refused("Error: Auth header is not 'Bearer {token}'")
        if not await self._is_valid(token):
            raise Refused("Invalid JWT")

    def with_token(self, headers: Headers) -> Headers:
        """The headers, with the token that an API key stands for where they have no other.

        >>> tokens = Tokens(AuthConfig())
        >>> headers = tokens.with_token(Headers({"apikey": PUBLISHABLE_KEY}))
        >>> headers["authorization"] == f"Bearer {tokens.anon_key}"
        True
        """
        given = headers.get("authorization") or ""
        key = headers.get("apikey")
        if key is None or (given and not given.lower().startswith(f"{_SCHEME}sb_")):
            return headers
        token = key
        if hmac.compare_digest(key.encode(), self.publishable_key.encode()):
            token = self.anon_key
        elif hmac.compare_digest(key.encode(), self.secret_key.encode()):
            token = self.service_role_key
        changed = Headers(headers)
        changed["authorization"] = f"Bearer {token}"
        return changed

    async def _is_valid(self, token: str) -> bool:
        if time.time() < self._valid.get(token, 0):
            return True
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            key: Any
            if algorithm == "HS256":
                key = self._secret
            elif algorithm in _BY_PUBLIC_KEY and self._jwks is not None:
                key = await self._jwks.key(token, algorithm)
            else:
                return False
            options: Any = {"verify_aud": False}
            claims = jwt.decode(token, key, algorithms=[algorithm], options=options)
        except (jwt.PyJWTError, ValueError):
            return False
        if algorithm == "HS256":  # public keys may be withdrawn
            self._remember(token, int(claims["exp"]) if "exp" in claims else math.inf)
        return True

    def _remember(self, token: str, expires: float) -> None:
        if len(self._valid) >= _MOST_REMEMBERED:
            self._valid.clear()
        self._valid[token] = expires

    def _api_key(self, kind: str) -> str:
        digest = hmac.digest(self._secret.encode(), f"edgelet {kind} key".encode(), "sha256")
        return f"sb_{kind}_{base64.urlsafe_b64encode(digest).decode()[:31]}"

    def _local_key(self, role: str) -> str:
        claims = {"iss": "supabase-demo", "role": role, "exp": _EXPIRES}
        return jwt.encode(claims, self._secret, algorithm="HS256")


class _Jwks:
    """The public keys at a URL, fetched when they are first needed."""

    def __init__(self, url: str, note: Callable[[str], object]) -> None:
        self._url = url
        self._note = note
        self._keys: list[jwt.PyJWK] = []
        self._fetched = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, token: str, algorithm: str) -> jwt.PyJWK:
        """The key that signed `token` by `algorithm`. Raises `jwt.PyJWTError`."""
        name = jwt.get_unverified_header(token).get("kid")
        found = self._find(name, algorithm)
        if found is None:  # those whose key is known wait for no fetch
            async with self._fetching:
                await self._refresh()
                found = self._find(name, algorithm)
        if found is None:
            raise jwt.InvalidTokenError("no key of that name")
        return found

    def _find(self, name: str | None, algorithm: str) -> jwt.PyJWK | None:
        for key in self._keys:
            if key.algorithm_name == algorithm and name in (None, key.key_id):
                return key
        return None

    async def _refresh(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._fetched < _PAUSE_SECONDS:
            return
        self._fetched = now
        try:
            self._keys = _keys_in(await self._fetch())
        except TimeoutError:
            self._complain(f"it did not come within {_JWKS_SECONDS:g} s")
        except (TransportFailed, ValueError) as error:
            self._complain(str(error))

    def _complain(self, reason: str) -> None:
        self._note(
            f"the JWKS of [auth] jwks_url cannot be used: {reason}; "
            f"tokens that need a key which is not known are refused"
        )

    async def _fetch(self) -> bytes:
        request = HttpRequest("GET", self._url, {"accept": "application/json"}, b"")
        async with asyncio.timeout(_JWKS_SECONDS):
            head = await http_client.send(Send(request))
            try:
                if head.status != 200:
                    raise ValueError(f"its server answered with status {head.status}")
                whole = b""
                while data := b"".join(await head.response.receive()):
                    whole += data
                    if len(whole) > _MOST_JWKS_BYTES:
                        raise ValueError(f"it has more than {_MOST_JWKS_BYTES >> 20} MiB")
            finally:
                await head.response.close()
        return whole


def _keys_in(document: bytes) -> list[jwt.PyJWK]:
    """Raises `ValueError` where there are none."""
    try:
        return jwt.PyJWKSet.from_dict(json.loads(document)).keys
    except Exception:  # whatever else it may hold; its words could repeat a key
        raise ValueError("it is no JSON object with keys that can be used") from None
