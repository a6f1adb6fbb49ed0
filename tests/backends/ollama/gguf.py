"""The demo model in the format that Ollama reads: a real model of a few hundred kilobytes."""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backends.mlx.models import DEMO_FOLDER

_ALIGNMENT = 32
_F32 = 0
#: What GGUF calls the types of its values.
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_MEAN_POOLING = 1
_NORMAL, _CONTROL = 1, 3
_END, _UNKNOWN_END = "<|im_end|>", "<|im_over|>"

_OUTER = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
}
_INNER = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(path: Path, *, embeds: bool = False, ends: bool = True) -> None:
    """Write the demo model.

    One that `embeds` gives vectors and nothing else; one that never `ends` says on and on what
    comes after its answer.
    """
    tensors = dict(_tensors(DEMO_FOLDER / "model.safetensors"))
    values = _values(DEMO_FOLDER, embeds=embeds, ends=ends)
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(values))]
    head += [_text(name) + value for name, value in values.items()]
    offset = 0
    for name, (shape, data) in tensors.items():
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        head.append(_text(name) + sizes + struct.pack("<IQ", _F32, offset))
        offset += len(_padded(data))
    path.write_bytes(_padded(b"".join(head)) + b"".join(_padded(d) for _, d in tensors.values()))


def _tensors(path: Path) -> Iterator[tuple[str, tuple[list[int], bytes]]]:
    raw = path.read_bytes()
    begin = 8 + struct.unpack_from("<Q", raw)[0]
    for name, about in json.loads(raw[8:begin]).items():
        if name != "__metadata__":
            assert about["dtype"] == "F32", about
            first, last = about["data_offsets"]
            yield _renamed(name), (about["shape"], raw[begin + first : begin + last])


def _renamed(name: str) -> str:
    if name in _OUTER:
        return _OUTER[name]
    _, _, layer, inner = name.split(".", 3)
    return f"blk.{layer}.{_INNER[inner.removesuffix('.weight')]}.weight"


def _values(demo: Path, *, embeds: bool, ends: bool) -> dict[str, bytes]:
    config = json.loads((demo / "config.json").read_text())
    tokenizer = json.loads((demo / "tokenizer.json").read_text())
    kind = config["model_type"]
    values = {
        "general.architecture": _string(kind),
        "general.file_type": _uint32(_F32),
        f"{kind}.block_count": _uint32(config["num_hidden_layers"]),
        f"{kind}.context_length": _uint32(config["max_position_embeddings"]),
        f"{kind}.embedding_length": _uint32(config["hidden_size"]),
        f"{kind}.feed_forward_length": _uint32(config["intermediate_size"]),
        f"{kind}.attention.head_count": _uint32(config["num_attention_heads"]),
        f"{kind}.attention.head_count_kv": _uint32(config["num_key_value_heads"]),
        f"{kind}.attention.key_length": _uint32(config["head_dim"]),
        f"{kind}.attention.value_length": _uint32(config["head_dim"]),
        f"{kind}.attention.layer_norm_rms_epsilon": _float32(config["rms_norm_eps"]),
        f"{kind}.rope.freq_base": _float32(config["rope_theta"]),
        "tokenizer.ggml.eos_token_id": _uint32(config["eos_token_id"] if ends else 0),
        **_tokenizer(tokenizer, ends=ends),
    }
    return values | ({f"{kind}.pooling_type": _uint32(_MEAN_POOLING)} if embeds else {})


def _tokenizer(tokenizer: Mapping[str, Any], *, ends: bool) -> dict[str, bytes]:
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    special = {token["content"] for token in tokenizer["added_tokens"]}
    kinds = [_CONTROL if token in special else _NORMAL for token in tokens]
    merges = [" ".join(merge) for merge in tokenizer["model"]["merges"]]
    if not ends:
        # Engines know a token that ends a turn by its name, whatever is said of it.
        tokens = [_UNKNOWN_END if token == _END else token for token in tokens]
    return {
        "tokenizer.ggml.model": _string("gpt2"),
        "tokenizer.ggml.pre": _string("gpt-2"),
        "tokenizer.ggml.add_bos_token": struct.pack("<I?", _BOOL, False),
        "tokenizer.ggml.tokens": _array(_STRING, [_text(token) for token in tokens]),
        "tokenizer.ggml.token_type": _array(_INT32, [struct.pack("<i", kind) for kind in kinds]),
        "tokenizer.ggml.merges": _array(_STRING, [_text(merge) for merge in merges]),
    }


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _string(text: str) -> bytes:
    return struct.pack("<I", _STRING) + _text(text)


def _uint32(value: int) -> bytes:
    return struct.pack("<II", _UINT32, value)


def _float32(value: float) -> bytes:
    return struct.pack("<If", _FLOAT32, value)


def _array(kind: int, items: Sequence[bytes]) -> bytes:
    return struct.pack("<IIQ", _ARRAY, kind, len(items)) + b"".join(items)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGNMENT)
