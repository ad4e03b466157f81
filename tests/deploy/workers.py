"""Workers as the command wrote them, in real workerd: what `wrangler.jsonc` says is done as
wrangler does it, so that nothing but the folder decides what runs.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.deploy.deployed import Running
from tests.js.workerd.workerd import install_workerd

KINDS = {"ESModule": "esModule", "CompiledWasm": "wasm", "Data": "data"}


@contextmanager
def running_worker(folder: Path, assets: str = "", **env: str) -> Iterator[Running]:
    """Run the Worker with those secrets, until the context ends.

    `assets` is the address of a server that is asked for static assets, instead of the folder.
    """
    with tempfile.TemporaryDirectory() as temporary:
        config = Path(temporary) / "workerd.capnp"
        bindings = [f"(name = {_text(key)}, text = {_text(value)})" for key, value in env.items()]
        config.write_text(worker_config(folder, bindings, assets))
        (config.parent / "folder").symlink_to(folder.resolve())  # it embeds what lies below it
        reading, writing = os.pipe()
        command = [install_workerd(), "serve", "--verbose", config, f"--control-fd={writing}"]
        process = subprocess.Popen(
            command,
            pass_fds=[writing],
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.close(writing)
        function = Running()

        def read() -> None:
            assert process.stdout is not None
            with process.stdout as lines:
                function.printed.extend(lines)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            with os.fdopen(reading) as control:
                started = control.readline()
            if not started:
                reader.join(5)
            assert started, "".join(function.printed)
            function.url = f"http://127.0.0.1:{json.loads(started)['port']}/"
            yield function
        finally:
            process.kill()
            process.wait()
            reader.join(5)


def leave_at_once(client: socket.socket) -> None:
    """Have the connection reset when it is closed: who only says goodbye to workerd may listen."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def modules(folder: Path) -> dict[str, tuple[str, Path]]:
    """The modules that wrangler would upload: the kind and the file of each, the main one first."""
    wrangler = json.loads((folder / "wrangler.jsonc").read_text("utf-8"))
    assert wrangler["no_bundle"] is True
    main = folder / wrangler["main"]
    files = [main, *(path for path in sorted(main.parent.rglob("*")) if path != main)]
    return {
        path.relative_to(main.parent).as_posix(): (rule["type"], path)
        for path in files
        for rule in wrangler["rules"]
        if any(fnmatch(path.name, glob.removeprefix("**/")) for glob in rule["globs"])
    }


def worker_config(folder: Path, bindings: Sequence[str], assets: str = "") -> str:
    """workerd's configuration for a Worker with those bindings beside its own.

    It finds the Worker's files in `folder/`, beside the configuration. `assets` as above.
    """
    wrangler = json.loads((folder / "wrangler.jsonc").read_text("utf-8"))
    assert wrangler["assets"]["run_worker_first"] is True
    disk = f"disk = (path = {_text(str(folder / wrangler['assets']['directory']))})"
    external = f"external = (address = {_text(assets)}, http = ())"
    embedded = ", ".join(
        f"(name = {_text(name)}, {KINDS[kind]} = embed {_text(_place(path, folder))})"
        for name, (kind, path) in modules(folder).items()
    )
    own = f'(name = {_text(wrangler["assets"]["binding"])}, service = "assets")'
    flags = ", ".join(map(_text, wrangler["compatibility_flags"]))
    return f"""using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [{embedded}],
      bindings = [{", ".join([own, *bindings])}],
      compatibilityDate = {_text(wrangler["compatibility_date"])},
      compatibilityFlags = [{flags}],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "assets", {external if assets else disk}),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
"""


def _place(path: Path, folder: Path) -> str:
    return f"folder/{path.relative_to(folder).as_posix()}"


def _text(value: Any) -> str:
    return json.dumps(value)
