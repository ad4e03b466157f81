"""The server of the benchmark: one origin for both libraries, the same treatment for all files.

Code is sent as brotli, compressed once at the best quality; models are sent as they are, as the
Hugging Face hub and most file servers do; everything may be cached. Bytes are counted here, where
those of a page and those of its workers go by alike.
"""

from __future__ import annotations

import hashlib
import mimetypes
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

MODELS = "/models/"
"""What lies below is a model; all else is code."""
BLOCK = 1 << 18
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
}


@dataclass(frozen=True, slots=True)
class Transferred:
    """Bytes of response bodies as they were sent."""

    code: int
    model: int


@dataclass(slots=True)
class Site:
    """What is served: folders by the prefix of their URLs. `compressed` keeps brotli files."""

    folders: Mapping[str, Path]
    compressed: Path
    _sent: dict[str, int] = field(default_factory=dict)
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _bodies: dict[tuple[Path, bool], bytes] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def find(self, path: str) -> Path | None:
        """The file at a URL's path."""
        for prefix, folder in self.folders.items():
            if path.startswith(prefix):
                file = folder / path.removeprefix(prefix)
                return file if ".." not in path and file.is_file() else None
        return None

    def count(self, path: str, sent: int) -> None:
        """Add bytes that went out for a path."""
        with self._counting:
            self._sent[path] = self._sent.get(path, 0) + sent

    def take(self) -> Transferred:
        """What was sent since the last call."""
        with self._counting:
            sent, self._sent = self._sent, {}
        model = sum(size for path, size in sent.items() if path.startswith(MODELS))
        return Transferred(code=sum(sent.values()) - model, model=model)

    def body(self, file: Path, *, brotli: bool) -> bytes:
        """What to send of a file; kept, so that no measured load waits for a disk."""
        with self._reading:
            if (file, brotli) not in self._bodies:
                self._bodies[file, brotli] = self._read(file, brotli=brotli)
            return self._bodies[file, brotli]

    def _read(self, file: Path, *, brotli: bool) -> bytes:
        body = file.read_bytes()
        if not brotli:
            return body
        kept = self.compressed / f"{hashlib.sha256(body).hexdigest()}.br"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            made = kept.with_suffix(".part")
            script = Path(__file__).with_name("compress.mjs")
            subprocess.run(["node", script, file, made], check=True)
            made.replace(kept)
        return kept.read_bytes()


@contextmanager
def serving(site: Site, *, isolated: bool) -> Iterator[str]:
    """Serve on a free port of the loopback interface; gives the URL.

    `isolated`: pages are cross-origin isolated, so that they may measure memory and use threads.
    """

    class Handler(_Handler):
        shown = site
        alone = isolated

    with listening(Handler) as url:
        yield url


@contextmanager
def listening(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer by that handler on a free port of the loopback interface; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    shown: Site
    alone: bool

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the terminal for the figures."""

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        file = self.shown.find(path)
        if file is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        compressed = self._takes_brotli() and not path.startswith(MODELS) and file.suffix != ".gz"
        body = self.shown.body(file, brotli=compressed)
        self.send_response(200)
        self.send_header("Content-Type", _type(file))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=31536000, immutable")
        if compressed:
            self.send_header("Content-Encoding", "br")
        if self.alone:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()
        if with_body:
            self._send(path, memoryview(body))

    def _send(self, path: str, body: memoryview) -> None:
        try:
            for start in range(0, len(body), BLOCK):
                self.wfile.write(body[start : start + BLOCK])
                self.shown.count(path, len(body[start : start + BLOCK]))
        except ConnectionError:
            self.close_connection = True  # the page left

    def _takes_brotli(self) -> bool:
        codings = self.headers.get("Accept-Encoding", "")
        return "br" in [coding.split(";")[0].strip() for coding in codings.split(",")]


def _type(file: Path) -> str:
    return (
        TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    )
