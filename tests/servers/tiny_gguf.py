"""A llama model of half a megabyte that llama.cpp loads: real tensors, random weights.

It answers with noise, but its server streams, counts tokens and fails as it does with any model.
The noise is printable ASCII, a character a token, and never ends by itself: tokens that are parts
of characters would be held back now and then, and the number of chunks left to chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from gguf import GGUFWriter, TokenType

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = 2
HEADS = 4
EMBEDDING = 64
FEED_FORWARD = 128
CONTEXT = 512
PRINTABLE = 95  # the last tokens of the vocabulary

Weights: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"
)


def write_tiny_gguf(path: Path) -> None:
    """Write the model to `path`, the same bytes every time."""
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_chat_template(CHAT_TEMPLATE)
    tokens = _add_tokenizer(writer)
    for name, shape in _tensor_shapes(tokens).items():
        writer.add_tensor(f"{name}.weight", _weights(name, shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: GGUFWriter) -> int:
    """Add a vocabulary of bytes and printable ASCII, which covers any text; return its size."""
    vocabulary = {"<unk>": TokenType.UNKNOWN, "<s>": TokenType.CONTROL, "</s>": TokenType.CONTROL}
    vocabulary |= {f"<0x{byte:02X}>": TokenType.BYTE for byte in range(256)}
    # SentencePiece writes the space as U+2581.
    vocabulary |= {
        chr(code).replace(" ", "\u2581"): TokenType.NORMAL for code in range(32, 32 + PRINTABLE)
    }
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(vocabulary))
    writer.add_token_types(list(vocabulary.values()))
    writer.add_token_scores([0.0] * len(vocabulary))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return len(vocabulary)


def _tensor_shapes(tokens: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd": (tokens, EMBEDDING),
        "output_norm": (EMBEDDING,),
        "output": (tokens, EMBEDDING),
    }
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.attn_norm": (EMBEDDING,),
            f"blk.{layer}.attn_q": (EMBEDDING, EMBEDDING),
            f"blk.{layer}.attn_k": (EMBEDDING, EMBEDDING),
            f"blk.{layer}.attn_v": (EMBEDDING, EMBEDDING),
            f"blk.{layer}.attn_output": (EMBEDDING, EMBEDDING),
            f"blk.{layer}.ffn_norm": (EMBEDDING,),
            f"blk.{layer}.ffn_gate": (FEED_FORWARD, EMBEDDING),
            f"blk.{layer}.ffn_up": (FEED_FORWARD, EMBEDDING),
            f"blk.{layer}.ffn_down": (EMBEDDING, FEED_FORWARD),
        }
    return shapes


def _weights(name: str, shape: tuple[int, ...]) -> Weights:
    if name.endswith("norm"):
        return np.ones(shape, np.float32)
    seeded = np.random.default_rng(list(name.encode()))
    weights: Weights = (seeded.standard_normal(shape) * 0.05).astype(np.float32)
    # The first number of every hidden vector is large, and speaks for the printable tokens alone.
    match name:
        case "token_embd":
            weights[:, 0] = 1.0
        case "output":
            weights[:, 0] = 0.0
            weights[-PRINTABLE:, 0] = 3.0
    return weights
