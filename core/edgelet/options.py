"""Options as a caller gives them: named, checked, sorted into those of embedding and generation.

`run` takes Supabase's six options for every model, as Supabase does: those that belong to the other
kind of model are accepted and do nothing. Everything unknown is refused with the list of what
exists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypedDict

from edgelet.abort import AbortSignalLike
from edgelet.dialects import DIALECTS, MODES, Mode
from edgelet.embedding import EmbedOptions
from edgelet.errors import OptionError
from edgelet.generation import GenerateOptions, check_seconds

SUPABASE_OPTIONS = ("mean_pool", "normalize", "stream", "timeout", "mode", "signal")


class EmbedArguments(TypedDict, total=False):
    """The options of `Session.embed` beside `mean_pool` and `signal`; see `EmbedOptions`."""

    normalize: bool
    truncate: bool
    max_tokens: int | None
    timeout: float | None
    progress: Callable[[int, int], object] | None


class RunOptions(TypedDict, total=False):
    """The options of `Session.run`: Supabase's six first, then edgelet's, then request fields.

    See `EmbedOptions` and `GenerateOptions` for their meaning; the request fields are those of the
    dialect that `mode` names, and are passed through to the inference host.
    """

    mean_pool: bool
    normalize: bool
    stream: bool
    timeout: float | None
    mode: Mode
    signal: AbortSignalLike | None

    truncate: bool
    progress: Any
    connect_timeout: float | None
    first_chunk_timeout: float | None
    between_chunks_timeout: float | None
    retries: int

    context: Any
    format: Any
    frequency_penalty: float
    images: list[str]
    keep_alive: str | int
    logit_bias: dict[str, float]
    logprobs: bool
    max_completion_tokens: int
    max_tokens: int | None
    n: int
    options: dict[str, Any]
    parallel_tool_calls: bool
    presence_penalty: float
    raw: bool
    reasoning_effort: str
    response_format: Any
    seed: int
    stop: str | list[str]
    stream_options: dict[str, Any]
    suffix: str
    system: str
    temperature: float
    template: str
    think: bool | str
    tool_choice: Any
    tools: list[Any]
    top_logprobs: int
    top_p: float
    user: str


_EMBED = tuple(field.name for field in fields(EmbedOptions))
_GENERATE = tuple(field.name for field in fields(GenerateOptions) if field.name != "fields")


def embed_options(given: Mapping[str, Any]) -> EmbedOptions:
    """The `EmbedOptions` in `given`. Raises `OptionError` for unknown names and wrong values."""
    _refuse_unknown(given, (*_EMBED, *SUPABASE_OPTIONS))
    options = EmbedOptions(**{name: given[name] for name in _EMBED if name in given})
    for name in ("mean_pool", "normalize", "truncate"):
        if type(getattr(options, name)) is not bool:
            raise OptionError(f"{name} must be True or False, got {getattr(options, name)!r}")
    check_seconds("timeout", options.timeout)
    if options.max_tokens is not None and type(options.max_tokens) is not int:
        raise OptionError(f"max_tokens must be a whole number, got {options.max_tokens!r}")
    if options.progress is not None and not callable(options.progress):
        raise OptionError("progress must be a function of two numbers")
    return options


def generate_options(given: Mapping[str, Any]) -> GenerateOptions:
    """The `GenerateOptions` in `given`. Raises `OptionError` for unknown names and wrong values."""
    mode = given.get("mode") or "ollama"
    if mode not in MODES:
        raise OptionError.unknown("mode", mode, MODES)
    known = DIALECTS[mode].fields
    _refuse_unknown(given, (*_GENERATE, *SUPABASE_OPTIONS, *sorted(known)))
    own = {name: given[name] for name in _GENERATE if name in given and name != "mode"}
    passed_through = {name: value for name, value in given.items() if name in known}
    return GenerateOptions(mode=mode, fields=passed_through, **own)


def generation_asked_for(given: Mapping[str, Any]) -> bool:
    """Whether `given` has options that only a language model understands."""
    return any(name not in (*_EMBED, "signal") for name in given)


def _refuse_unknown(given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise OptionError.unknown("option", name, dict.fromkeys(known))
