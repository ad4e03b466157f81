"""Lone surrogates, which Python's strings may hold and UTF-8 cannot."""

from __future__ import annotations


def replace_lone_surrogates(text: str) -> str:
    r"""Make `text` well-formed, as JavaScript's `toWellFormed` does.

    A lone surrogate becomes U+FFFD. A surrogate pair, which Python keeps as two code points,
    becomes the one code point that it stands for.

    >>> replace_lone_surrogates("a\ud800b \ud83d\ude00") == "a\ufffdb \U0001f600"
    True
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
