"""`Query`, and what a URL may look like that is asked for.

Knows the syntax of URLs; knows nothing of requests, and resolves none. What a URL may hold of
secrets, in its query or as a user, appears in no error.

Source: https://url.spec.whatwg.org/ and RFC 3986
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from edgelet.errors import OptionError
from edgelet.surrogates import replace_lone_surrogates

_BEFORE_PATH = re.compile(r"(?:[^:/?#]+:)?(?://[^/?#]*)?")  # RFC 3986, appendix B
_URL_CHARACTERS = string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%"  # RFC 3986
_AUTHORITY = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[^\x00-\x20#%/:<>?@\[\\\]^|\x7f\ud800-\udfff]+)(?::[0-9]*)?"
)
"""Of a domain's characters all but https://url.spec.whatwg.org/#forbidden-domain-code-point"""


class Query(Mapping[str, str]):
    """The names and values after a URL's `?`: a read-only mapping to the first value of each name.

    Decoded as `application/x-www-form-urlencoded`; bytes that are no UTF-8 become U+FFFD.

    Source: https://url.spec.whatwg.org/#urlencoded-parsing

    >>> query = Query("tag=a&tag=b&q=caf%C3%A9+noir&flag")
    >>> query["q"], query["tag"], query.get("page"), query["flag"]
    ('café noir', 'a', None, '')
    """

    def __init__(self, text: str = "") -> None:
        self._pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
        self._first: dict[str, str] = {}
        for name, value in self._pairs:
            self._first.setdefault(name, value)

    def get_all(self, name: str) -> list[str]:
        """Every value of `name`, in order.

        >>> Query("tag=a&tag=b").get_all("tag")
        ['a', 'b']
        """
        return [value for each, value in self._pairs if each == name]

    def items_all(self) -> list[tuple[str, str]]:
        """Every pair, in order.

        >>> Query("tag=a&q=x&tag=b").items_all()
        [('tag', 'a'), ('q', 'x'), ('tag', 'b')]
        """
        return list(self._pairs)

    def __getitem__(self, name: str) -> str:
        return self._first[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def __repr__(self) -> str:
        return f"<Query {', '.join(self)}>"


def checked_url(url: object) -> str:
    """An absolute URL of http or https, percent-encoded where need be, without spaces around it.

    Raises `OptionError` for anything else, and for a URL with user or password.

    >>> checked_url("https://example.com/café")
    'https://example.com/caf%C3%A9'
    """
    # What holds none of these characters holds no secret either.
    shown = f", got {url!r}" if not set("@?#") & set(str(url)) else ""
    must = f"expected a URL of http or https, such as https://example.com/path{shown}"
    if not isinstance(url, str):
        raise OptionError(must)
    if has_controls(url):
        raise OptionError("a URL must not hold control characters; percent-encode them")
    url = url.strip(" ")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise OptionError(must) from None
    if parts.scheme not in ("http", "https"):
        raise OptionError(must)
    if "@" in parts.netloc:
        raise OptionError("a URL must not hold a user or password; send them in a header")
    if not _AUTHORITY.fullmatch(parts.netloc):
        raise OptionError(must)
    before = url.partition("://")[0] + "://" + parts.netloc
    return before + percent_encoded(url[len(before) :])


def path_and_query(url: str) -> str:
    """What is between authority and fragment. Never fails: a client may have sent anything.

    >>> path_and_query("http://localhost/a?b=c#d")
    '/a?b=c'
    """
    return _BEFORE_PATH.sub("", url, count=1).partition("#")[0]


def has_controls(url: str) -> bool:
    r"""Whether there are control characters of ASCII.

    >>> has_controls("http://localhost/a\nb")
    True
    """
    return re.search(r"[\x00-\x1f\x7f]", url) is not None


def percent_encoded(url: str) -> str:
    """The URL with every character encoded that RFC 3986 does not allow in one.

    >>> percent_encoded("/café?q=a b%20c")
    '/caf%C3%A9?q=a%20b%20c'
    """
    return quote(replace_lone_surrogates(url), safe=_URL_CHARACTERS)
