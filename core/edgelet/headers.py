r"""`Headers`: the fields of an HTTP message, as the fetch standard has them.

Knows what a field may look like; knows nothing of what any field means, but for `Set-Cookie`, which
alone cannot be joined with commas. A field's value never appears in an error or a `repr`.

Source: https://fetch.spec.whatwg.org/#headers-class and, for names and values,
https://fetch.spec.whatwg.org/#concept-header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from edgelet.errors import OptionError

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110, section 5.6.2: what a header name, and a method, consist of."""

HeadersInit: TypeAlias = "Headers | Mapping[str, str] | Iterable[tuple[str, str]] | None"
"""What headers can be made from."""

_HTTP_WHITESPACE = "\t\n\r "
_NOT_IN_A_VALUE = re.compile(r"[\x00\r\n]")
_COOKIE = "set-cookie"


class Headers:
    """The header fields of a request or response: case-insensitive, several values a name.

    `init` is a mapping of names to values, an iterable of pairs, or other `Headers`, which are
    copied. Names are kept in lower case and iterated in alphabetical order; several values of one
    name are read as one, joined with `", "`, except those of `Set-Cookie`.

    Raises `OptionError` for a name that is no HTTP token, and for a value that is no text, holds
    NUL, CR or LF inside, or a character above U+00FF. Whitespace around a value is dropped.

    >>> headers = Headers({"Content-Type": "text/html"})
    >>> headers.append("Vary", "Origin")
    >>> headers.append("vary", "Accept")
    >>> headers["VARY"], headers.get("content-type"), "etag" in headers
    ('Origin, Accept', 'text/html', False)
    """

    def __init__(self, init: HeadersInit = None) -> None:
        self._fields: list[tuple[str, str]] = []
        for name, value in _pairs(init):
            self.append(name, value)

    @classmethod
    def received(cls, fields: HeadersInit) -> Headers:
        r"""Headers as a network or a host gave them: repaired where need be, never refused.

        For hosts. A field whose name is no token (HTTP/2's `:path`) is left out; NUL, CR and LF
        become spaces (RFC 9110, section 5.5); text above U+00FF is read as the bytes it came from.

        >>> Headers.received([(":path", "/"), ("x-note", "a\nb")]).raw()
        [('x-note', 'a b')]
        """
        headers = cls()
        for name, value in _pairs(fields):
            if TOKEN.fullmatch(name):
                headers._fields.append((name.lower(), _repaired(value)))
        return headers

    def get(self, name: str, default: str | None = None) -> str | None:
        """All values of `name` joined with `", "`; `default` when there is none.

        >>> Headers([("a", "1"), ("A", "2")]).get("a")
        '1, 2'
        """
        values = self._values(name)
        return ", ".join(values) if values else default

    def get_set_cookie(self) -> list[str]:
        """Every value of `Set-Cookie`, apart.

        >>> Headers([("set-cookie", "a=1"), ("set-cookie", "b=2")]).get_set_cookie()
        ['a=1', 'b=2']
        """
        return self._values(_COOKIE)

    def has(self, name: str) -> bool:
        """Whether there is a field `name`; the same as `name in headers`.

        >>> Headers({"etag": "x"}).has("ETag")
        True
        """
        return bool(self._values(name))

    def append(self, name: str, value: str) -> None:
        """Add a value to those that `name` has. Raises `OptionError`, as the class does.

        >>> headers = Headers({"vary": "Origin"})
        >>> headers.append("Vary", "Accept")
        >>> headers["vary"]
        'Origin, Accept'
        """
        self._fields.append((_checked_name(name), _checked_value(name, value)))

    def set(self, name: str, value: str) -> None:
        """Give `name` this one value, in the place of its first; the same as `headers[name] = …`.

        Raises `OptionError`, as the class does.

        >>> headers = Headers([("a", "1"), ("a", "2")])
        >>> headers.set("A", "3")
        >>> headers.raw()
        [('a', '3')]
        """
        field = (_checked_name(name), _checked_value(name, value))
        places = [place for place, (each, _) in enumerate(self._fields) if each == field[0]]
        if not places:
            self._fields.append(field)
            return
        self._fields[places[0]] = field
        for place in reversed(places[1:]):
            del self._fields[place]

    def delete(self, name: str) -> None:
        """Take out every value of `name`; nothing happens when there is none.

        >>> headers = Headers({"a": "1"})
        >>> headers.delete("A")
        >>> len(headers)
        0
        """
        lower = _checked_name(name)
        self._fields = [field for field in self._fields if field[0] != lower]

    def keys(self) -> list[str]:
        """The names, in lower case and alphabetical order.

        >>> Headers({"B": "1", "A": "2"}).keys()
        ['a', 'b']
        """
        return sorted({name for name, _ in self._fields})

    def values(self) -> list[str]:
        """The values, in the order of `items()`.

        >>> Headers({"b": "1", "a": "2"}).values()
        ['2', '1']
        """
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[str, str]]:
        """One pair a name, its values joined; `Set-Cookie` alone gives one pair a value.

        Source: https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine

        >>> Headers([("b", "1"), ("set-cookie", "x=1"), ("b", "2"), ("set-cookie", "y=2")]).items()
        [('b', '1, 2'), ('set-cookie', 'x=1'), ('set-cookie', 'y=2')]
        """
        return [
            (name, value)
            for name in self.keys()
            for value in (self._values(name) if name == _COOKIE else [self[name]])
        ]

    def raw(self) -> list[tuple[str, str]]:
        """Every single field in the order in which they were added, for a transport to send.

        >>> Headers([("B", "1"), ("a", "2"), ("b", "3")]).raw()
        [('b', '1'), ('a', '2'), ('b', '3')]
        """
        return list(self._fields)

    def __getitem__(self, name: str) -> str:
        values = self._values(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        if not self.has(name):
            raise KeyError(name)
        self.delete(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.has(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __eq__(self, other: object) -> bool:
        return self.items() == other.items() if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # they can be changed

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self)}>"

    def _values(self, name: str) -> list[str]:
        lower = name.lower()
        return [value for each, value in self._fields if each == lower]


def _pairs(init: object) -> Iterable[tuple[str, str]]:
    match init:
        case None:
            return ()
        case Headers():
            return init.raw()
        case Mapping():
            return init.items()
        case Iterable() if not isinstance(init, str | bytes):
            return map(_pair, init)
    raise OptionError(
        f"headers must be a mapping of names to values or pairs of them, got {_kind(init)}"
    )


def _pair(given: Any) -> tuple[str, str]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise OptionError(f"a header must be a pair of name and value, got {_kind(given)}")
    return cast("tuple[str, str]", tuple(given))


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not TOKEN.fullmatch(name):
        raise OptionError(f"{name!r} is not a header name")
    return name.lower()


def _checked_value(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise OptionError(f"the value of header {name} must be text, got {_kind(value)}")
    value = value.strip(_HTTP_WHITESPACE)
    if _NOT_IN_A_VALUE.search(value):
        raise OptionError(f"the value of header {name} must be one line without NUL")
    if not _is_latin_1(value):
        raise OptionError(
            f"the value of header {name} has a character above U+00FF, which HTTP cannot carry; "
            f"percent-encode it"
        )
    return value


def _repaired(value: str) -> str:
    if not _is_latin_1(value):
        value = value.encode("utf-8", "replace").decode("latin-1")
    return _NOT_IN_A_VALUE.sub(" ", value).strip(_HTTP_WHITESPACE)


def _is_latin_1(value: str) -> bool:
    return max(value, default="") <= "\xff"


def _kind(value: object) -> str:
    return type(value).__name__
