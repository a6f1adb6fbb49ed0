"""Real models of a few hundred kilobytes with random weights, in mlx-lm's format."""

import json
from collections.abc import Sequence
from pathlib import Path

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'system' and message.content == 'forbidden' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_END = 2
_CONFIG = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 4096,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
}


def make_tiny_model(
    folder: Path,
    *,
    kind: str = "qwen3",
    end_tokens: Sequence[int] = (_END,),
    chat_template: str | None = CHAT_TEMPLATE,
    thinks: bool = False,
) -> None:
    """Write a model that babbles; the more end tokens, the sooner it comes to an end."""
    folder.mkdir(parents=True)
    vocab_size = _make_tokenizer(folder, thinks=thinks)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": _SPECIAL[_END],
        "model_max_length": 4096,
        "clean_up_tokenization_spaces": False,
    }
    if chat_template is not None:
        config["chat_template"] = chat_template
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    _make_weights(
        folder,
        {
            **_CONFIG,
            "model_type": kind,
            "vocab_size": vocab_size,
            "eos_token_id": list(end_tokens),
        },
    )


def _make_tokenizer(folder: Path, *, thinks: bool) -> int:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from tokenizers.trainers import BpeTrainer

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=512,
        special_tokens=list(_SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = ["the quick brown fox jumps over the lazy dog and runs home again to sleep a while"]
    tokenizer.train_from_iterator(texts * 10, trainer)
    if thinks:
        marks = [AddedToken(mark, normalized=False) for mark in ("<think>", "</think>")]
        tokenizer.add_tokens(marks)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer.get_vocab_size()


def _make_weights(folder: Path, config: dict[str, object]) -> None:
    import mlx.core as mx
    from mlx.utils import tree_map
    from mlx_lm.utils import _get_classes, save_config, save_model

    model_class, arguments_class = _get_classes(config)
    mx.random.seed(0)
    model = model_class(arguments_class.from_dict(config))
    # As they come, they would say one and the same token for ever.
    wild = tree_map(lambda array: array * 20 if array.ndim > 1 else array, model.parameters())
    # Nor is it ever to say the end token that the tokenizer brings along.
    embedding = wild["model"]["embed_tokens"]["weight"]
    embedding[_END] = 0
    model.update(wild)
    mx.eval(model.parameters())
    save_model(folder, model)
    save_config(dict(config), folder / "config.json")
