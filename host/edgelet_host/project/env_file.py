r"""A file of secrets, `.env`: reads it, and changes it without losing anything that stands in it.

What a line means is python-dotenv's rule, without interpolation. What is written here is read the
same by godotenv, which Supabase's command line uses, but for a text with `'`, `\` or a line break
that also has a `$` or ends in `\` or `"`: of that, the two agree on hardly any spelling.

No error, and no `repr`, carries a value or a line of the file.

Source: https://github.com/joho/godotenv/blob/main/parser.go
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
from dotenv.parser import parse_stream
from filelock import FileLock, Timeout

from edgelet.errors import OptionError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a secret may be called."""

RESERVED = "SUPABASE_"
"""Names that begin so are the runtime's."""

MAX_BYTES = 1 << 20
"""How large a file of secrets may be."""

_LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Entry:
    r"""One statement: a name and its value, a name alone (`value` is None), or a comment (no name).

    `line` counts from 1; `text` is all of it, from the end of the statement before, with `\n` for
    every line break.
    """

    name: str | None
    value: str | None = field(repr=False)
    line: int
    text: str = field(repr=False)


def read_env_file(path: Path) -> dict[str, str]:
    """The names and values in the file; none when it does not exist. A name alone is passed over.

    Raises `OptionError`, which names the file and the line.
    """
    return values_of(parse_env(_read(path), str(path)))


def values_of(entries: list[Entry]) -> dict[str, str]:
    """The names whose last entry has a value, with that."""
    last = {each.name: each.value for each in entries if each.name is not None}
    return {name: value for name, value in last.items() if value is not None}


def parse_env(data: bytes, shown: str) -> list[Entry]:
    """Everything in a file that errors call `shown`. Raises `OptionError`, which names the line."""
    if len(data) > MAX_BYTES:
        raise OptionError(f"{shown} is larger than {MAX_BYTES >> 20} MiB, and no file of secrets")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + _with_newlines(data[: error.start].decode(errors="replace")).count("\n")
        raise OptionError(f"{shown}: line {line} is not UTF-8") from None
    entries = []
    for binding in parse_stream(io.StringIO(_with_newlines(text), newline="")):
        whole = binding.original.string
        line = binding.original.line + _blank_lines(whole).count("\n")
        if binding.error:
            raise OptionError(f"{shown}: line {line} cannot be read; expected NAME=VALUE")
        entries.append(Entry(binding.key, binding.value, line, whole))
    return entries


def update_env_file(path: Path, values: Mapping[str, str], removed: Collection[str] = ()) -> None:
    """Set `values` in the file, which may not exist yet, and take out the names in `removed`.

    The file changes in one step, and ends up readable by its owner alone. Of several entries of one
    name, the last stays, which is the one that counts. Raises `OptionError`.
    """
    for name, value in values.items():
        if not NAME.fullmatch(name):
            raise OptionError("a secret's name has letters, digits and _, and no digit first")
        if _NEVER.search(value):
            raise OptionError(
                f"the value of {name} is no text that a variable can hold: "
                f"it has a NUL, or is not UTF-8"
            )
    target = Path(os.path.realpath(path))
    try:
        with _locked(target, path):
            old = _read(target)
            text = "".join(_updated(parse_env(old, str(path)), values, removed))
            if old.partition(b"\n")[0].endswith(b"\r"):
                text = text.replace("\n", "\r\n")
            data = text.encode()
            if len(data) > MAX_BYTES:
                raise OptionError(f"{path} would be larger than {MAX_BYTES >> 20} MiB")
            _replace(target, data)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror}") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}") from None


@contextmanager
def _locked(target: Path, shown: Path) -> Iterator[None]:
    """One writer at a time; the lock lies outside the project, where nobody commits it."""
    locks = platformdirs.user_cache_path("edgelet") / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"{hashlib.sha256(os.fsencode(target)).hexdigest()[:16]}.lock")
    try:
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        raise OptionError(
            f"{shown} is being changed by another edgelet for {_LOCK_SECONDS:g} s; try again"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _replace(target: Path, data: bytes) -> None:
    # A name that a watching server passes over, and `.env.*` in a .gitignore covers.
    descriptor, name = tempfile.mkstemp(".tmp", f"{target.name}.", target.parent)  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)  # noqa: PTH105  (tests stop a process at exactly this call)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name != "nt":
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _updated(
    entries: list[Entry], values: Mapping[str, str], removed: Collection[str]
) -> Iterator[str]:
    """The new text, in pieces."""
    last = {each.name: index for index, each in enumerate(entries)}
    for index, each in enumerate(entries):
        text = each.text
        value = None if each.name is None else values.get(each.name)
        if value is not None and index == last[each.name]:
            text = _replaced(each, value)
        elif value is not None or (each.name in removed and each.value is not None):
            text = _blank_lines(text)
        yield text
        if text and not text.endswith("\n"):
            yield "\n"
    for name, value in values.items():
        if name not in last:
            yield f"{name}={_quoted(value)}\n"


def _replaced(entry: Entry, value: str) -> str:
    """The statement with another value: what stands before its name, and its comment, stay."""
    found = _STATEMENT.fullmatch(entry.text)
    before = found["before"] if found else f"{_blank_lines(entry.text)}{entry.name}"
    comment = (found["comment"] or "").strip() if found else ""
    if comment:
        return f"{before}={_quoted(value, plain=False)} {comment}\n"
    return f"{before}={_quoted(value)}\n"


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _blank_lines(text: str) -> str:
    """The whole lines of white space that the text begins with."""
    blank = text[: len(text) - len(text.lstrip())]
    return blank[: blank.rfind("\n") + 1]


def _quoted(value: str, *, plain: bool = True) -> str:
    r"""The value as it stands behind `NAME=`.

    >>> _quoted("https://example.com"), _quoted("a $b"), _quoted("it's"), _quoted("a\nb")
    ('https://example.com', "'a $b'", '"it\'s"', '"a\\nb"')
    """
    if plain and _PLAIN.fullmatch(value) and not value.endswith("---"):  # godotenv cuts that off
        return value
    if not _ESCAPED.search(value) and "'" not in value:
        return f"'{value}'"
    if plain and value.endswith(("\\", '"')) and _RAW.fullmatch(value):
        return value  # between quotes, godotenv would misread its end
    return '"' + _ESCAPES.sub(lambda found: _ESCAPE[found[0]], value) + '"'


_NEVER = re.compile(r"[\0\ud800-\udfff]")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
_RAW = re.compile(r"""[^\s#$'"][^\s#$]*""")
_ESCAPED = re.compile(r"[\\\n\r]")
_ESCAPE = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
_ESCAPES = re.compile(r'[\\"\n\r]')
_STATEMENT = re.compile(
    r"""
    (?P<before> \s* (?:export[^\S\n]+)? (?:'[^']+' | [^=\#\s]+) ) [^\S\n]*
    (?: = [^\S\n]*
        (?: (?<=\s)(?=\#) | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | (?!['"])[^\n]*? (?=\s|$) )
    )?
    (?P<comment> [^\S\n]* \#[^\n]* )? [^\S\n]* \n?
    """,
    re.VERBOSE | re.DOTALL,
)
"""A statement that python-dotenv could read."""
