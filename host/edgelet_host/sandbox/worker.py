"""A worker process: slots in threads, and an ear for the server.

Started by the server as `python -m edgelet_host.sandbox.worker COMPONENT CONTROL CHANNEL…`, the
last ones being numbers of inherited sockets. It ends when the server does.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import traceback

from wasmtime.component import Component

from edgelet_host.allocator import give_memory_back
from edgelet_host.sandbox.frames import Channel
from edgelet_host.sandbox.instance import Runtime
from edgelet_host.sandbox.slot import Slot
from edgelet_host.sandbox.turns import Turns
from edgelet_host.sandbox.wasm import THREAD_STACK, Ticker, new_engine

PING = b"?"
PONG = b"!"


def main(component: str, control: str, *channels: str) -> None:
    """Serve until the server is gone."""
    engine = new_engine()
    runtime = Runtime(
        engine, Component.deserialize_file(engine, component), Ticker(engine), Turns()
    )
    threading.stack_size(THREAD_STACK)
    for channel in channels:
        slot = Slot(Channel(socket.socket(fileno=int(channel))), runtime)
        threading.Thread(target=_serve, args=(slot,), daemon=True).start()
    gc.freeze()  # what is here now stays, and need not be looked at again
    _listen(socket.socket(fileno=int(control)))
    os._exit(0)  # threads may be in the middle of a guest


def _serve(slot: Slot) -> None:
    try:
        slot.serve()
    except BaseException:  # the server would wait for a slot that is gone
        traceback.print_exc()
        os._exit(1)


def _listen(server: socket.socket) -> None:
    """Answer every ping: this process is alive, and Python in it runs.

    Between two pings, what functions have left free goes back to the system: large answers and
    bodies pass through each slot's thread.
    """
    server.sendall(PONG)
    while server.recv(1):
        server.sendall(PONG)
        give_memory_back()


if __name__ == "__main__":
    main(*sys.argv[1:])
