"""An HTTP/1.1 server that does exactly what a test writes down, and watches the client.

A *script* is a list of steps: send a head, send bytes, wait, break the connection. The server runs
an asyncio loop in a thread of its own, so synchronous and asynchronous tests can use it, several in
one test. It records every request, and the instant at which a client left before its answer was
complete:

    with ScriptedServer([Head(), Body(b"some"), Stall()]) as server:
        ...  # read the first bytes from server.url, then leave
        server.wait_until_client_left()

With `cors=True` it lets the pages of every origin ask, as a server that is meant for browsers does.

Nothing here knows edgelet. Ready-made scripts of inference hosts are in `tests.servers.answers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

from tests.servers.connection import Connection, Request
from tests.servers.steps import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.steps import Script


class ScriptedServer:
    """A server on `url` (`http://127.0.0.1:<port>`) that answers every request with a script.

    `script` is the script itself or a function of the request; the function runs in the server's
    thread. An exception in it, or in a script, breaks the connection and is raised on leaving the
    `with` block. A connection is kept open for the next request if the script sent a complete body
    with a length or in chunks.

    With `cors`, every answer may be read by pages of any origin, and a browser's preflights are
    answered with a yes; they are listed in `preflights`, not in `requests`, and play no script.
    """

    url: str

    def __init__(self, script: Script | Callable[[Request], Script], *, cors: bool = False) -> None:
        self._set_script(script)
        self._cors = cors
        self.preflights: list[Request] = []
        """What browsers asked before they asked."""
        self.requests: list[Request] = []
        """All requests, in the order in which they arrived, from the moment their body was read."""
        self.connections = 0
        """How many connections were ever accepted."""
        self.disconnected = threading.Event()
        """Set when a client has left before its answer was complete."""
        self._asked = threading.Event()
        self._failure: Exception | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._failure is not None:
            raise self._failure

    def play_next(self, script: Script | Callable[[Request], Script]) -> None:
        """Answer by `script` from now on, and forget what was seen before."""
        self._set_script(script)
        self.requests = []
        self.preflights = []
        self.disconnected.clear()
        self._asked.clear()

    def stop(self) -> None:
        """Stop listening and break every connection, as a server that dies does."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def wait_for_request(self, timeout: float = 5.0) -> Request:
        """Wait until a request has arrived; the first one."""
        assert self._asked.wait(timeout), f"no request within {timeout:g} s"
        return self.requests[0]

    def wait_until_client_left(self, timeout: float = 5.0) -> float:
        """Wait until a client has left early; the instant at which the first one did."""
        assert self.disconnected.wait(timeout), f"no client left within {timeout:g} s"
        return min(each.left_at for each in self.requests if each.left_at is not None)

    async def client_left(self, timeout: float = 5.0) -> float:  # noqa: ASYNC109  # as the sync form
        """Wait as `wait_until_client_left` does, without blocking the event loop."""
        return await asyncio.to_thread(self.wait_until_client_left, timeout)

    def _set_script(self, script: Script | Callable[[Request], Script]) -> None:
        self._script = script if callable(script) else lambda _: script

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        headers = {"access-control-allow-origin": "*"} if self._cors else {}
        listener = await self._loop.create_server(
            lambda: Connection(self._accept, headers), "127.0.0.1", 0
        )
        self.url = _url(listener.sockets[0].getsockname())
        self._ready.set()
        await self._stop.wait()
        for each in listener.sockets:
            self._loop.remove_reader(each.fileno())
        await asyncio.sleep(0.01)  # asyncio loses connections it is still making when it closes
        listener.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await asyncio.sleep(0)  # lets transports close their sockets

    def _accept(self, connection: Connection) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(connection, self.connections))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _serve(self, connection: Connection, number: int) -> None:
        try:
            while (request := await connection.read_request(number)) is not None:
                if self._cors and _is_preflight(request):
                    self.preflights.append(request)
                    await connection.play([_consent(request)])
                    continue
                self.requests.append(request)
                self._asked.set()
                if not await self._answer(connection, request):
                    break
            await connection.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left; `_answer` has noted when
        except Exception as error:  # raised again in __exit__
            self._failure = error
        finally:
            connection.abort()

    async def _answer(self, connection: Connection, request: Request) -> bool:
        """Play the script until it is done or the client leaves; True keeps the connection."""
        playing = asyncio.create_task(connection.play(self._script(request)))
        leaving = asyncio.create_task(connection.left.wait())
        try:
            await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if connection.left.is_set() and (not playing.done() or playing.exception()):
                request.left_at = connection.left_at
                self.disconnected.set()
                return False
            return await playing
        finally:
            playing.cancel()
            leaving.cancel()
            await asyncio.gather(playing, leaving, return_exceptions=True)


@contextlib.contextmanager
def refusing_url() -> Iterator[str]:
    """A URL at which nothing listens: every connection is refused at once."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield _url(bound.getsockname())


@contextlib.contextmanager
def unaccepting_url() -> Iterator[str]:
    """A URL at which connections neither open nor fail: connecting hangs.

    The listener never accepts, and its queue is full before the test begins (Linux then drops
    whatever asks for a connection).
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield _url(listener.getsockname())


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def _consent(preflight: Request) -> Head:
    """Yes to what a browser asks for; never cached, so that each test sees its own preflights."""
    asked = {
        "access-control-allow-methods": preflight.headers["access-control-request-method"],
        "access-control-allow-headers": preflight.headers.get("access-control-request-headers", ""),
        "access-control-max-age": "0",
    }
    return Head(200, asked, framing=0)


def _url(address: tuple[str, int]) -> str:
    return "http://{}:{}".format(*address)
