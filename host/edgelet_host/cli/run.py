"""`edgelet run`: one call of `Session.run` from the command line."""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import typer

from edgelet.dialects import DIALECTS, Mode
from edgelet.errors import OptionError
from edgelet.host import Host
from edgelet.inference_host import HOST_VARIABLE
from edgelet.models import Precision, is_embedding_model
from edgelet.options import SUPABASE_OPTIONS
from edgelet.sync import SyncSession, SyncStream
from edgelet_host.cli.answer import AnswerPrinter
from edgelet_host.cli.console import json_text, on_terminal, output
from edgelet_host.cli.hosting import host_in_use
from edgelet_host.cli.model_progress import ModelProgress
from edgelet_host.cli.vectors import first_values, json_vector, sparkline

_NOT_FIELDS = (*SUPABASE_OPTIONS, "progress")
_SHOWN_VALUES = 6
_SHOWN_ROWS = 12
_SPARKLINE_WIDTH = 64


def run_once(
    given_host: Host | None,
    model: str,
    input: str | None,
    *,
    stream: bool | None,
    mode: Mode | None,
    as_json: bool,
    timeout: float | None,
    precision: Precision | None,
    mean_pool: bool,
    normalize: bool,
    url: str | None,
    fields: Sequence[str],
) -> None:
    """Run `model` on `input` (or stdin) and print what it gives. See `edgelet run --help`.

    Raises what `Session.run` raises, and `typer.BadParameter`.
    """
    options = dict(map(_field, fields))
    # Only what was asked for is passed on: an option may decide what a name such as org/name means.
    options |= {"mode": mode} if mode else {}
    options |= {"timeout": timeout} if timeout is not None else {}
    options |= {} if mean_pool else {"mean_pool": False}
    options |= {} if normalize else {"normalize": False}
    prompt = _prompt(input)
    with (
        ModelProgress() as progress,
        host_in_use(given_host, progress) as host,
        SyncSession(model, precision=precision, host=url) as session,
    ):
        generates = not is_embedding_model(model) and bool(url or host.env(HOST_VARIABLE))
        if stream is None and generates and on_terminal() and not as_json:
            stream = True
        options |= {} if stream is None else {"stream": stream}
        started = perf_counter()
        result = session.run(prompt, **options)
        seconds = perf_counter() - started
        progress.stop()
        match result:
            case SyncStream():
                with result:
                    _show_answer(result, mode or "ollama", as_json=as_json)
            case dict():
                _show_answer(iter([result]), mode or "ollama", as_json=as_json)
            case array():
                _show_vector(result, seconds, as_json=as_json)
            case _:
                _show_rows(result, seconds, as_json=as_json)


def _field(assignment: str) -> tuple[str, Any]:
    """`NAME=VALUE` as a name and a JSON value, or a text where it is not JSON."""
    name, equals, text = assignment.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"expected NAME=VALUE, got {assignment!r}", param_hint="--set")
    if name in _NOT_FIELDS:
        raise typer.BadParameter(f"{name} is not a field of the request", param_hint="--set")
    try:
        return name, json.loads(text)
    except (ValueError, RecursionError):
        return name, text


def _prompt(input: str | None) -> str:
    if input is not None and input != "-":
        return input
    if sys.stdin is None or sys.stdin.isatty():
        raise typer.BadParameter(
            "give a text, or pipe one in: echo 'Hello world' | edgelet run MODEL",
            param_hint="INPUT",
        )
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise OptionError(f"expected UTF-8 on standard input: {error.reason}") from None
    return text.removesuffix("\n").removesuffix("\r")


def _show_vector(vector: array[float], seconds: float, *, as_json: bool) -> None:
    if as_json or not on_terminal():
        print(json_vector(vector))
        return
    console = output()
    console.print(f"[bold]{len(vector)} dimensions[/] [dim]{_took(seconds)}[/]", markup=True)
    console.print(first_values(vector, _SHOWN_VALUES))
    console.print(sparkline(vector, min(_SPARKLINE_WIDTH, console.width)), style="cyan")


def _show_rows(rows: list[array[float]], seconds: float, *, as_json: bool) -> None:
    if as_json or not on_terminal():
        print("[" + ", ".join(map(json_vector, rows)) + "]")
        return
    console = output()
    console.print(
        f"[bold]{len(rows)} tokens × {len(rows[0])} dimensions[/] [dim]{_took(seconds)}[/]",
        markup=True,
    )
    for row in rows[:_SHOWN_ROWS]:
        console.print(first_values(row, _SHOWN_VALUES))
    if len(rows) > _SHOWN_ROWS:
        console.print(f"… and {len(rows) - _SHOWN_ROWS} more; --json prints them all", style="dim")


def _took(seconds: float) -> str:
    return f"in {seconds:.2f} s, loading the model included"


def _show_answer(raw_chunks: Iterator[dict[str, Any]], mode: Mode, *, as_json: bool) -> None:
    if as_json:
        for raw in raw_chunks:
            print(json_text(raw), flush=True)
        return
    with AnswerPrinter() as printer:
        for raw in raw_chunks:
            printer.print(DIALECTS[mode].chunk(raw))
