"""`edgelet functions serve`: the project in this folder, and how to call its functions."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgelet.errors import FunctionError, OptionError
from edgelet_host.cli.console import say
from edgelet_host.cli.functions_extra import check_installed
from edgelet_host.cli.model_progress import ModelProgress

if TYPE_CHECKING:
    from edgelet.host import Host
    from edgelet_host.project import ProjectConfig
    from edgelet_host.serving.options import Options
    from edgelet_host.serving.server import Serving

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve_functions(host: Host | None, options: Options) -> None:
    """Serve until Ctrl-C."""
    check_installed()
    from edgelet_host.native import NativeHost
    from edgelet_host.project import find_layout, read_config
    from edgelet_host.serving.console import Console
    from edgelet_host.serving.server import listen, serve

    project = read_config(find_layout(Path.cwd()))
    for note in project.notes:
        say(note)
    _check(project, options)
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise OptionError(
            f"cannot listen at {options.host}, port {options.port}: {why}; "
            f"choose another with --host or --port"
        ) from None
    if options.host not in _LOOPBACK and options.verify_jwt and project.auth.is_local:
        say(
            "everyone knows the local JWT secret, and this server can be reached from other "
            "machines: set [auth] jwt_secret"
        )
    with ModelProgress() as progress:
        native = host if isinstance(host, NativeHost) else NativeHost(progress=progress)
        serving = serve(
            project,
            options,
            lambda started: show(started, options),
            Console(requests=options.requests),
            listener=listener,
            host=native,
            progress=say,
        )
        asyncio.run(serving)


def show(started: Serving, options: Options) -> None:
    """Print where functions are, and lines that call them."""
    configs = started.functions.configs
    width = max(map(len, configs), default=0)
    served = "1 function" if len(configs) == 1 else f"{len(configs)} functions"
    lines = [f"Serving {served} at {started.url}/functions/v1", ""]
    for name, config in configs.items():
        lines.append(f"  {name:<{width}}  {config.language:<10}  {started.url}/functions/v1/{name}")
    asks = [name for name, config in configs.items() if options.verify_jwt and config.verify_jwt]
    lines += ["", "Call them, for instance:", ""]
    if asks:
        lines.append(f"  export ANON_KEY={started.anon_key}")
    for name in configs:
        key = ' -H "Authorization: $ANON_KEY"' if name in asks else ""
        lines.append(f'  curl "{started.url}/functions/v1/{name}"{key}')
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


def _check(project: ProjectConfig, options: Options) -> None:
    if not project.functions:
        raise FunctionError(
            f"there are no functions in {project.layout.functions}; "
            f"make one with: edgelet functions new hello"
        )
    if options.env_file is not None and not options.env_file.is_file():
        raise OptionError(f"--env-file {options.env_file}: there is no such file")
    if options.import_map is not None and not options.import_map.is_file():
        raise OptionError(f"--import-map {options.import_map}: there is no such file")
    served = [
        name
        for name, config in project.functions.items()
        if config.language == "javascript" and (not options.names or name in options.names)
    ]
    if options.inspect is not None and len(served) != 1:
        raise OptionError("--inspect needs the name of one function in JavaScript")
