"""The models: MiniLM with its real weights, and gte-small's shape, in both layouts.

The shape of gte-small is MiniLM with every layer twice: its vectors mean nothing, its speed is that
of the real one, and so is the spread of its numbers.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.browser.hub_model import hub_model

from edgelet.models import DEFAULT_MODEL, PRECISIONS
from edgelet_host.store import ModelStore

WORK = Path(__file__).parents[2] / "build" / "bench-embed"
"""Kept between runs."""

MAX_TOKENS = 512
DOUBLED = "gte-small-shape"
MODELS = (DEFAULT_MODEL, DOUBLED)

_SMALL = (
    "tokenizer.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "modules.json",
    "1_Pooling/config.json",
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is ready. `source` has its weights, `hub` its graph as the hub has it."""

    name: str
    session: str
    source: Path
    hub: Path
    layers: int
    hidden: int
    intermediate: int

    def operations(self, lengths: Sequence[int]) -> float:
        """Additions and multiplications in the matrix products of texts of so many tokens."""
        h, wide = self.hidden, self.intermediate
        each = (2 * n * (4 * h * h + 2 * h * wide) + 4 * n * n * h for n in lengths)
        return float(self.layers * sum(each))

    def artefact(self, precision: str) -> Path:
        """The folder that edgelet runs."""
        return ModelStore().artefact(self.session, precision)  # type: ignore[arg-type]


def prepared(name: str) -> Model:
    """Fetch and build what is not there yet."""
    source = ModelStore().pull(DEFAULT_MODEL)
    session = DEFAULT_MODEL
    if name == DOUBLED:
        source = _doubled(source, WORK / "sources" / name)
        session = str(source)
    hub = hub_model(source, WORK / "hub" / name, MAX_TOKENS)
    # fastembed asks for this file, and finds its facts in tokenizer.json as well.
    (hub / "special_tokens_map.json").write_text('{"pad_token": "[PAD]"}')
    config = json.loads((source / "config.json").read_text("utf-8"))
    numbers = (config[f"{each}_size"] for each in ("hidden", "intermediate"))
    model = Model(name, session, source, hub, config["num_hidden_layers"], *numbers)
    for precision in PRECISIONS:
        model.artefact(precision)
    return model


def _doubled(source: Path, folder: Path) -> Path:
    """The same model with every layer twice, made unless it is there."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Path(temporary) / folder.name
        for name in _SMALL:
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, made / name)
        config = json.loads((source / "config.json").read_text("utf-8"))
        layers = config["num_hidden_layers"]
        config["num_hidden_layers"] = 2 * layers
        (made / "config.json").write_text(json.dumps(config))
        weights = (source / "model.safetensors").read_bytes()
        (made / "model.safetensors").write_bytes(doubled_layers(weights, layers))
        made.replace(folder)
    return folder


def doubled_layers(weights: bytes, layers: int) -> bytes:
    """A safetensors file with `encoder.layer.N` of `weights` as layer N + `layers`, too."""
    length = int.from_bytes(weights[:8], "little")
    body = weights[8 + length :]
    header, parts, size = {}, [], 0
    for name, entry in json.loads(weights[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        again = re.sub(r"(encoder\.layer\.)(\d+)", lambda m: f"{m[1]}{int(m[2]) + layers}", name)
        for each in dict.fromkeys((name, again)):
            header[each] = {**entry, "data_offsets": [size, size + end - begin]}
            parts.append(body[begin:end])
            size += end - begin
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)
