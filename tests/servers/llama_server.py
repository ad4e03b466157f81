"""llama.cpp's own HTTP server over a tiny random model, ready in half a second.

It runs in a child process. In the test process itself it would be ready sooner, but a server that
is stopped while it still starts never ends, and would take the whole test run with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "tiny"
"""The name under which the server knows its model; it answers to any other, too."""

CONTEXT = 512
"""The tokens that one request may have, prompt and answer together."""

PARALLEL = 2
"""The requests that are answered at once; others wait for their turn."""


@contextmanager
def start_llama_server() -> Iterator[str]:
    """Run a server; yields its base URL, such as `http://127.0.0.1:41234`.

    It has `/v1/chat/completions`, `/v1/completions`, `/v1/models`, `/completion` and `/health`, and
    generates about 2,500 tokens a second: noise, a printable character each, until the request's
    `max_tokens` or the end of the context. After a streamed answer it closes the connection, though
    it has announced to keep it.
    """
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise RuntimeError(f"llama.cpp's server did not start: exit code {process.wait()}")
            yield url
        finally:
            process.kill()


def main() -> None:
    """Serve until standard input ends, which it does when the parent process does."""
    import xllamacpp  # type: ignore[import-untyped]  # the package has no types

    from tests.servers.tiny_gguf import write_tiny_gguf

    with TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.gguf"
        write_tiny_gguf(model)
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.model_alias = {MODEL}
        params.n_ctx = CONTEXT * PARALLEL
        params.n_parallel = PARALLEL
        params.warmup = False
        # Its log would go to standard error, past Python.
        params.verbosity = -1
        # Several threads wait for each other in a spin: on busy cores that makes 240 ms a token of
        # what is 0.4 ms with one.
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    # Not `return`: the server's destructor may wait for ever.
    os._exit(0)


if __name__ == "__main__":
    main()
