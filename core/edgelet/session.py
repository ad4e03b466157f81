"""`Session`: one model, whether it embeds or generates, whichever host it runs on.

`run` is the face that Supabase's `Session` has; `embed` and `generate` are the typed faces beside
it. The `*_steps` methods are the meaning, as steps over effects; drivers in other languages run
those.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack, overload

from edgelet.abort import AbortSignalLike
from edgelet.chunk import Chunk
from edgelet.dialects import DIALECTS, Mode
from edgelet.drive import Stream, clock, drive
from edgelet.effects import Env, Steps
from edgelet.embedding import Embeddings, EmbedOptions, embed
from edgelet.errors import ModelError, OptionError
from edgelet.generation import GenerateOptions, Generation
from edgelet.host import current_host
from edgelet.inference_host import HOST_VARIABLE, KEY_VARIABLE, InferenceHost
from edgelet.models import BUILT_IN_MODELS, PRECISIONS, Precision, is_embedding_model
from edgelet.options import (
    EmbedArguments,
    RunOptions,
    embed_options,
    generate_options,
    generation_asked_for,
)


class Session:
    """A model to run: an embedding model, or a language model on an inference host.

    `model` is a built-in embedding model (`gte-small`), a folder (`./my-model`), a hub id
    (`org/name`), or the name of a language model as its inference host knows it (`mistral`).
    `precision` chooses how an embedding model computes (the host's default otherwise). `host`,
    `headers` and `api_key` are the inference host's URL, further request headers and bearer key;
    without them the variables `AI_INFERENCE_API_HOST` and, for that host alone,
    `AI_INFERENCE_API_KEY` are read.

    A session holds no connection and nothing to close; it may be shared between tasks.

    Raises `OptionError` for a bad name, precision, URL, header or key.

    >>> session = Session("all-MiniLM-L6-v2")
    >>> vector = asyncio.run(session.run("Hello world"))  # doctest: +SKIP
    """

    def __init__(
        self,
        model: str,
        *,
        precision: Precision | None = None,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
    ) -> None:
        if not isinstance(model, str) or not model.strip():
            raise OptionError(f"expected the name of a model, got {model!r}")
        if precision is not None and precision not in PRECISIONS:
            raise OptionError.unknown("precision", precision, PRECISIONS)
        self.model = model
        self.precision = precision
        self._host = host
        self._headers = {} if headers is None else headers
        self._api_key = api_key
        InferenceHost("http://unset" if host is None else host, api_key, self._headers)

    def __repr__(self) -> str:
        precision = "" if self.precision is None else f", precision={self.precision!r}"
        return f"Session({self.model!r}{precision})"

    async def run(self, prompt: object, **options: Unpack[RunOptions]) -> Any:
        """Run the model on `prompt`, exactly as Supabase's `Session.run` does.

        An embedding model gives an `array('f')` for a string and a list of them for a list; with
        `mean_pool=False` each is a list of rows, one a token. A language model gives the server's
        JSON object as a dict or, with `stream=True`, a `Stream` of such dicts.

        Raises `OptionError`, and what `embed` and `generate` raise.
        """
        signal = options.pop("signal", None)
        host = current_host()
        result = await drive(self.run_steps(prompt, options, clock()), host, signal)
        match result:
            case Generation():
                return Stream(result, _raw, host, signal)
            case Embeddings():
                return result[0] if isinstance(prompt, str) else list(result)
            case _:
                return result

    @overload
    async def embed(
        self,
        texts: Sequence[str],
        *,
        mean_pool: Literal[True] = True,
        signal: AbortSignalLike | None = ...,
        **options: Unpack[EmbedArguments],
    ) -> Embeddings[array[float]]: ...
    @overload
    async def embed(
        self,
        texts: Sequence[str],
        *,
        mean_pool: bool,
        signal: AbortSignalLike | None = ...,
        **options: Unpack[EmbedArguments],
    ) -> Embeddings[Any]: ...
    async def embed(
        self,
        texts: Sequence[str],
        *,
        mean_pool: bool = True,
        signal: AbortSignalLike | None = None,
        **options: Unpack[EmbedArguments],
    ) -> Embeddings[Any]:
        """Embed one text or many; see `EmbedOptions` and, for the result, `Embeddings`.

        Raises `OptionError`, `TextTooLong`, `ModelError`, `TotalTimeout` or `Aborted`.
        """
        checked = embed_options({"mean_pool": mean_pool, **options})
        return await drive(self.embed_steps(texts, checked, clock()), current_host(), signal)

    @overload
    async def generate(
        self,
        prompt: object,
        *,
        stream: Literal[False] = False,
        mode: Mode = ...,
        signal: AbortSignalLike | None = ...,
        **fields: Any,
    ) -> Chunk: ...
    @overload
    async def generate(
        self,
        prompt: object,
        *,
        stream: Literal[True],
        mode: Mode = ...,
        signal: AbortSignalLike | None = ...,
        **fields: Any,
    ) -> Stream[Chunk]: ...
    @overload
    async def generate(
        self,
        prompt: object,
        *,
        stream: bool,
        mode: Mode = ...,
        signal: AbortSignalLike | None = ...,
        **fields: Any,
    ) -> Chunk | Stream[Chunk]: ...
    async def generate(
        self,
        prompt: object,
        *,
        stream: bool = False,
        mode: Mode = "ollama",
        signal: AbortSignalLike | None = None,
        **fields: Any,
    ) -> Chunk | Stream[Chunk]:
        """Generate text: one `Chunk`, or with `stream=True` a `Stream` of them.

        `prompt` is a string, a list of messages, or a dict in the dialect's own form; `fields` are
        the limits of `GenerateOptions` and fields of the request (`system`, `options`, `tools`, …).

        Raises `OptionError`, `ModelError` (no inference host is set), `InferenceHostError`,
        `ProtocolError`, `ConnectionFailed`, a `DeadlineExceeded`, or `Aborted`.
        """
        options = generate_options({"stream": stream, "mode": mode, **fields})
        host = current_host()
        result = await drive(self.generate_steps(prompt, options, clock()), host, signal)
        if isinstance(result, Generation):
            return Stream(result, result.chunk, host, signal)
        return DIALECTS[options.mode].chunk(result)

    def run_steps(
        self, prompt: object, given: Mapping[str, Any], now: float
    ) -> Steps[Embeddings[Any] | dict[str, Any] | Generation]:
        """The meaning of `run`; a `Generation` stands for a stream. `now` is the host's instant.

        A host shapes `Embeddings` into its own lists: flat for a string, nested for a list.
        """
        if (yield from self._embeds(prompt, given)):
            return (yield from self.embed_steps(prompt, embed_options(given), now))
        return (yield from self.generate_steps(prompt, generate_options(given), now))

    def embed_steps(
        self, texts: object, options: EmbedOptions, now: float
    ) -> Steps[Embeddings[Any]]:
        """The meaning of `embed`; a single string counts as a list of one."""
        listed = [texts] if isinstance(texts, str) else texts
        return (yield from embed(self.model, self.precision, listed, options, now))

    def generate_steps(
        self, prompt: object, options: GenerateOptions, now: float
    ) -> Steps[dict[str, Any] | Generation]:
        """The meaning of `generate`: the raw answer, or the opened `Generation` of a stream."""
        dialect = DIALECTS[options.mode]
        path, body = dialect.request(self.model, prompt, options.fields, options.stream)
        host = yield from self._inference_host()
        generation = Generation(host, host.request(path, body), dialect, options)
        if not options.stream:
            return (yield from generation.whole(now))
        yield from generation.open(now)
        return generation

    def _embeds(self, prompt: object, given: Mapping[str, Any]) -> Steps[bool]:
        """Whether `run` embeds. `org/name` may be either kind: options, prompt and host decide."""
        if is_embedding_model(self.model):
            return True
        if generation_asked_for(given) or isinstance(prompt, Mapping) or "/" not in self.model:
            return False
        return not (self._host or (yield Env(HOST_VARIABLE)))

    def _inference_host(self) -> Steps[InferenceHost]:
        url = self._host or (yield Env(HOST_VARIABLE))
        if not url:
            names = ", ".join(model.name for model in BUILT_IN_MODELS)
            raise ModelError(
                f"{self.model!r} is not a built-in embedding model ({names}), and no inference "
                f"host is set that could run it; set {HOST_VARIABLE}, such as "
                f"http://127.0.0.1:11434"
            )
        key = self._api_key
        if key is None and self._host is None:  # the variable's key is for the variable's host
            key = (yield Env(KEY_VARIABLE)) or None
        return InferenceHost(url, key, self._headers)


def _raw(chunk: dict[str, Any]) -> dict[str, Any]:
    return chunk
