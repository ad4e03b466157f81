"""edgelet: one `Session` for embeddings and language models, on every host.

>>> import asyncio
>>> from edgelet import Session
>>> asyncio.run(Session("all-MiniLM-L6-v2").run("Hello world"))  # doctest: +SKIP
array('f', [-0.034, 0.031, ...])

Public names are those below; `edgelet.testing` has a host for tests, `edgelet.effects` the seam.
"""

from edgelet.abort import AbortController, AbortSignal, AbortSignalLike
from edgelet.chunk import Chunk
from edgelet.drive import Stream
from edgelet.embedding import Embeddings, EmbedOptions
from edgelet.errors import (
    Aborted,
    BetweenChunksTimeout,
    ConnectionFailed,
    ConnectTimeout,
    DeadlineExceeded,
    EdgeletError,
    FirstChunkTimeout,
    FunctionError,
    InferenceHostError,
    ModelError,
    OptionError,
    ProtocolError,
    TextTooLong,
    TotalTimeout,
)
from edgelet.fetching import fetch
from edgelet.functions import serve
from edgelet.generation import GenerateOptions
from edgelet.headers import Headers
from edgelet.host import Host, use_host
from edgelet.http import Query, Request, Response
from edgelet.models import BUILT_IN_MODELS, BuiltInModel, ModelCard, Precision
from edgelet.session import Session
from edgelet.sync import SyncSession, SyncStream

__version__ = "0.1.0"

__all__ = [
    "BUILT_IN_MODELS",
    "AbortController",
    "AbortSignal",
    "AbortSignalLike",
    "Aborted",
    "BetweenChunksTimeout",
    "BuiltInModel",
    "Chunk",
    "ConnectTimeout",
    "ConnectionFailed",
    "DeadlineExceeded",
    "EdgeletError",
    "EmbedOptions",
    "Embeddings",
    "FirstChunkTimeout",
    "FunctionError",
    "GenerateOptions",
    "Headers",
    "Host",
    "InferenceHostError",
    "ModelCard",
    "ModelError",
    "OptionError",
    "Precision",
    "ProtocolError",
    "Query",
    "Request",
    "Response",
    "Session",
    "Stream",
    "SyncSession",
    "SyncStream",
    "TextTooLong",
    "TotalTimeout",
    "__version__",
    "fetch",
    "serve",
    "use_host",
]
