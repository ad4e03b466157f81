"""A small Hugging Face hub on loopback: the real URL layout, real HTTP, and faults on demand.

    with HubServer() as hub:
        hub.add("org/name", {"config.json": b"{}"}, lfs={"model.safetensors": weights})
        hub.fault("model.safetensors", Fault(cut_after=1000))

Files in LFS are redirected to a second server, the "CDN", under another host name. Every request is
kept in `hub.requests`, and the bytes of bodies sent are counted per file in `hub.sent`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a file, `times` times.

    `cut_after` closes the connection after so many bytes of a body; `stall_after` sends so many and
    then nothing until `hub.go_on` is set, and the rest after it; `corrupt` flips a byte; `extra`
    bytes follow the file; `status` is answered instead; `ignore_range` sends the whole file with
    status 200.
    """

    cut_after: int | None = None
    stall_after: int | None = None
    corrupt: bool = False
    extra: int = 0
    status: int | None = None
    ignore_range: bool = False
    times: int = 1


@dataclass(frozen=True)
class Seen:
    """One request: which server got it, the path, and the headers with lower-case names."""

    server: str
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Repository:
    """The files of one commit, and the revisions that mean it."""

    files: dict[str, bytes]
    lfs: frozenset[str]
    commit: str
    revisions: frozenset[str]


@dataclass
class HubServer:
    """The hub and its CDN, each a threading HTTP server of its own."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    refuse_with: tuple[int, dict[str, str]] | None = None
    bare_listing: bool = False
    token: str | None = None
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    _faults: dict[str, list[Fault]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._hub = _Server("hub", self)
        self._cdn = _Server("cdn", self)
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._hub.stop()
        self._cdn.stop()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._hub.server_port}"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self._hub.server_port}"

    def add(
        self,
        repository: str,
        files: dict[str, bytes],
        lfs: dict[str, bytes],
        revisions: tuple[str, ...] = ("main",),
        commit: str | None = None,
    ) -> str:
        """Publish files; the answer is the commit id."""
        everything = {**files, **lfs}
        commit = commit or hashlib.sha1(repr(sorted(everything.items())).encode()).hexdigest()
        self.repositories[repository] = Repository(
            everything, frozenset(lfs), commit, frozenset({commit, *revisions})
        )
        return commit

    def fault(self, file: str, fault: Fault) -> None:
        """Let the next transfers of a file go wrong."""
        self._faults.setdefault(file, []).extend([fault] * fault.times)

    def downloads(self, file: str) -> list[Seen]:
        """The requests for the contents of a file, without the redirect to the CDN."""
        return [
            seen
            for seen in self.requests
            if seen.method == "GET" and seen.path.endswith(f"/{file}") and self._serves(seen)
        ]

    def _serves(self, seen: Seen) -> bool:
        repository = next(iter(self.repositories.values()))
        is_lfs = seen.path.rpartition("/")[2] in {
            path.rpartition("/")[2] for path in repository.lfs
        }
        return (seen.server == "cdn") == is_lfs

    def _take_fault(self, file: str) -> Fault:
        with self._lock:
            waiting = self._faults.get(file)
            return waiting.pop(0) if waiting else Fault()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, name: str, hub: HubServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.hub = hub
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what many of the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub = self.server.hub
        path = unquote(urlsplit(self.path).path).lstrip("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub.requests.append(Seen(self.server.name, self.command, self.path, headers))
        if self.server.name == "cdn":
            return self._file(path.split("/", 1)[1], redirected=True)
        if hub.refuse_with is not None:
            return self._answer(*hub.refuse_with)
        if hub.token is not None and headers.get("authorization") != f"Bearer {hub.token}":
            return self._answer(401, {})
        if path.startswith("api/models/"):
            return self._list(path.removeprefix("api/models/"))
        return self._file(path, redirected=False)

    def _list(self, path: str) -> None:
        name, _, revision = path.partition("/revision/")
        found = self.server.hub.repositories.get(name)
        if found is None:
            return self._answer(404, {"X-Error-Code": "RepoNotFound"})
        if revision not in found.revisions:
            return self._answer(404, {"X-Error-Code": "RevisionNotFound"})
        siblings: list[dict[str, object]] = []
        for file, content in found.files.items():
            facts: dict[str, object] = {"rfilename": file}
            if not self.server.hub.bare_listing:
                facts |= {"size": len(content), "blobId": _git_blob(content)}
                if file in found.lfs:
                    facts["lfs"] = {
                        "size": len(content),
                        "sha256": hashlib.sha256(content).hexdigest(),
                        "pointerSize": 134,
                    }
            siblings.append(facts)
        body = json.dumps({"id": name, "sha": found.commit, "siblings": siblings}).encode()
        return self._answer(200, {"Content-Type": "application/json"}, body)

    def _file(self, path: str, *, redirected: bool) -> None:
        name, _, rest = path.partition("/resolve/")
        revision, _, file = rest.partition("/")
        found = self.server.hub.repositories.get(name)
        if found is None or revision not in found.revisions or file not in found.files:
            return self._answer(404, {"X-Error-Code": "EntryNotFound"})
        content = found.files[file]
        if file in found.lfs and not redirected:
            return self._answer(
                302,
                {
                    "Location": f"http://localhost:{self.server.hub._cdn.server_port}/cdn/{path}",
                    "X-Repo-Commit": found.commit,
                    "X-Linked-Size": str(len(content)),
                    "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
                },
            )
        if self.command == "HEAD":
            etag = {"ETag": f'"{_git_blob(content)}"', "X-Repo-Commit": found.commit}
            return self._answer(200, {**etag, "Content-Length": str(len(content))})
        return self._send(file, content, self.server.hub._take_fault(file))

    def _send(self, file: str, content: bytes, fault: Fault) -> None:
        if fault.status is not None:
            return self._answer(fault.status, {})
        if fault.corrupt:
            content = bytes([content[0] ^ 1]) + content[1:]
        content += b"\0" * fault.extra
        asked = self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        if fault.ignore_range:
            asked, start = None, 0
        body = content[start:]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        whole = len(body)
        if fault.cut_after is not None:
            body = body[: fault.cut_after]
        if fault.stall_after is not None:
            self._write(file, body[: fault.stall_after])
            body = body[fault.stall_after :]
            self.server.hub.stalled.set()
            self.server.hub.go_on.wait(30)
        self._write(file, body)
        if fault.cut_after is not None and fault.cut_after < whole:
            self.close_connection = True
        return None

    def _write(self, file: str, body: bytes) -> None:
        self.wfile.write(body)
        self.wfile.flush()
        self.server.hub.sent[file] += len(body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
