"""A static file server that a test can watch and break: which bytes went over the wire, what fails.

It serves folders of this machine under prefixes, and says nothing about caching but that nothing is
to be cached: what a second visit does not ask for was kept by the page itself.
"""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}
_ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
_CORS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


@dataclass(frozen=True)
class Answer:
    """What the server says for a path: a status and a body."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Transfer:
    """One answer that was sent: its path, its status, the bytes of its body."""

    path: str
    status: int
    size: int


Fault = Callable[[Answer], Answer]
"""What goes wrong with one answer."""


def status(code: int) -> Fault:
    """The server fails with a status."""
    return lambda _: Answer(code, b"no")


def corrupted(answer: Answer) -> Answer:
    """One byte in the middle of the file is another, as from a cache or a proxy that is broken."""
    body = bytearray(answer.body)
    body[len(body) // 2] ^= 0xFF
    return Answer(answer.status, bytes(body))


def cut_short(answer: Answer) -> Answer:
    """The file ends too early."""
    return Answer(answer.status, answer.body[: len(answer.body) // 2])


class StaticServer:
    """A server on `url` (`http://127.0.0.1:<port>`) for the folders in `mounts`, by their prefix.

    With `isolated`, pages are cross-origin isolated, and have threads. With `cors`, pages of other
    origins may read the files.
    """

    def __init__(
        self, mounts: Mapping[str, Path], *, isolated: bool = False, cors: bool = False
    ) -> None:
        self._mounts = mounts
        self._headers = {**(_ISOLATION if isolated else {}), **(_CORS if cors else {})}
        self.transfers: list[Transfer] = []
        """All answers, in the order in which they began."""
        self.faults: dict[str, list[Fault]] = {}
        """What goes wrong with the next answers for a path; each fault is used once."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def transferred(self, prefix: str = "/") -> int:
        """The bytes that were sent for paths that begin with `prefix`."""
        return sum(each.size for each in self.transfers if each.path.startswith(prefix))

    def answer(self, path: str) -> Answer:
        """What is said for a path, with the fault that is due."""
        found = self._file(path)
        answer = Answer(200, found.read_bytes()) if found else Answer(404, b"not found")
        due = self.faults.get(path)
        if due:
            answer = due.pop(0)(answer)
        self.transfers.append(Transfer(path, answer.status, len(answer.body)))
        return answer

    def _file(self, path: str) -> Path | None:
        for prefix, folder in self._mounts.items():
            if path.startswith(prefix):
                found = (folder / path.removeprefix(prefix)).resolve()
                found = found / "index.html" if found.is_dir() else found
                return found if found.is_file() else None
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = unquote(urlsplit(self.path).path)
                answer = server.answer(path)
                self.send_response(answer.status)
                self.send_header("Content-Type", _type(path))
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Cache-Control", "no-store")
                for name, value in server._headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(answer.body)
                except ConnectionError:  # the page left
                    self.close_connection = True

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        return Handler


def _type(path: str) -> str:
    if path.endswith("/"):
        return "text/html"
    return _TYPES.get(
        Path(path).suffix, mimetypes.guess_type(path)[0] or "application/octet-stream"
    )
