"""Which hosts a function may reach, and at which addresses.

A name is looked up once, every address it has is judged, and the connection goes to an address that
was judged: a name that changes its mind between the two looks gains nothing. Redirects are not
followed; a function that follows one is judged again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from edgelet.effects import TransportFailed
from edgelet.errors import OptionError

ANY_HOST = "*"
"""The entry of `allow_hosts` that means every public host."""

_PORTS = {"http": 80, "https": 443}
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Network:
    """What a function may reach: `allow_hosts`, and the inference host.

    An entry is a host name (`api.example.com`), all names under one (`*.example.com`), or an
    address, each with a port if it is to be that port alone (`api.example.com:8443`); `*` is every
    name. A name never leads to a private, loopback, link-local or otherwise special address: to
    reach such, an entry must be that very address, or `localhost`. `inference_host` is a URL that
    whoever runs the server has set, so it may be anywhere.

    Raises `OptionError` for an entry that is none of this.
    """

    allow_hosts: tuple[str, ...] = ()
    inference_host: str | None = None
    _allowed: tuple[tuple[str, int | None], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Read the entries."""
        object.__setattr__(self, "_allowed", tuple(map(_entry, self.allow_hosts)))

    async def address(self, url: str) -> str:
        """An address to which a request for `url` may go.

        Raises `TransportFailed` when it may go nowhere, or its name cannot be looked up.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise TransportFailed("connect", str(error)) from None
        host, port = _origin(parts)
        if self._is_inference_host(parts):
            return (await _looked_up(host, port))[0]
        named = [name for name, at in self._allowed if at in (None, port) and _covers(name, host)]
        if not named:
            raise TransportFailed("connect", f"this function may not reach {host}:{port}; "
                                             f"name it in allow_hosts")  # fmt: skip
        addresses = await _looked_up(host, port)
        if host in named and (_literal(host) is not None or host == "localhost"):
            return addresses[0]
        for address in addresses:
            if not _is_public(address):
                raise TransportFailed(
                    "connect",
                    f"{host} is at {address}, which is no public address; to reach it, "
                    f"name the address itself in allow_hosts",
                )
        return addresses[0]

    def _is_inference_host(self, parts: SplitResult) -> bool:
        if self.inference_host is None:
            return False
        return _origin(urlsplit(_with_scheme(self.inference_host))) == _origin(parts)


def _entry(entry: str) -> tuple[str, int | None]:
    if entry == ANY_HOST:
        return entry, None
    try:
        parts = urlsplit(f"//{entry}")
        name, port = (parts.hostname or ""), parts.port
    except ValueError:
        name, port = "", None
    plain = name.removeprefix("*.")
    if not plain or "*" in plain or parts.path or parts.query or "@" in entry:
        raise OptionError(
            f"allow_hosts has {entry!r}; expected a host such as api.example.com, "
            f"*.example.com or 10.0.0.5:8080"
        )
    return name, port


def _covers(name: str, host: str) -> bool:
    if name == ANY_HOST:
        return True
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _origin(parts: SplitResult) -> tuple[str, int]:
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise TransportFailed("connect", "expected an http or https URL") from None
    if not parts.hostname:
        raise TransportFailed("connect", "the URL names no host")
    return parts.hostname.rstrip("."), port


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"


async def _looked_up(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransportFailed("connect", f"{host} cannot be looked up: {error}") from None
    return [str(address[0]) for *_, address in found]


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_public(address: str) -> bool:
    """Whether an address is on the internet; one that wraps another is judged by that one."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner: Iterable[_Address | None] = (parsed.ipv4_mapped, parsed.sixtofour, _nat64(parsed))
        for wrapped in inner:
            if wrapped is not None:
                return _is_public(str(wrapped))
    is_site_local = isinstance(parsed, ipaddress.IPv6Address) and parsed.is_site_local
    return parsed.is_global and not parsed.is_multicast and not is_site_local


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """RFC 6052: `64:ff9b::/96` carries an IPv4 address in its last 32 bits."""
    if address not in ipaddress.IPv6Network("64:ff9b::/96"):
        return None
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
