"""Train the demo model from scratch, and write the tickets to try it on.

    python examples/make_demo_model.py

A transformer of 0.2 million parameters learns one narrow thing, the triage of support tickets,
from text that `ticket_texts.py` makes. It is written in mlx-lm's format, as any real model is, and
goes through the very same path. It takes about ten minutes on two cores, three with a fast BLAS.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.optimizers as optim
from mlx import nn
from mlx_lm.utils import load_model, save_config, save_model
from ticket_texts import Ticket, example_tickets, training_tickets
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).parents[1]
SEED = 7
TRAINING_TICKETS = 24_000
HELD_OUT = 300
EXAMPLES = 300
BATCH = 32

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONFIG = {
    "model_type": "qwen3",
    "architectures": ["Qwen3ForCausalLM"],
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "intermediate_size": 192,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 1e-6,
    "vocab_size": 640,
    "max_position_embeddings": 8192,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
}

Ids = list[int]


@dataclass(frozen=True)
class Example:
    """A ticket as token ids: what the model reads, and what it shall answer."""

    prompt: Ids
    answer: Ids


def main() -> None:
    """Make the texts, train, check, write."""
    options = parse_options()
    tickets = training_tickets(options.seed, TRAINING_TICKETS)
    tokenizer = train_tokenizer(tickets)
    examples = [encode(tokenizer, ticket) for ticket in tickets]
    model = train(examples[HELD_OUT:], examples[:HELD_OUT], steps=options.steps, seed=options.seed)
    write_model(options.out, model, tokenizer)
    tries = example_tickets(options.seed + 1, EXAMPLES, tickets)
    write_tickets(options.tickets, tries)
    right = share_right(model, [encode(tokenizer, ticket) for ticket in tries])
    size = sum(path.stat().st_size for path in options.out.iterdir())
    print(f"{right:.1%} of the example tickets right · {size / 1e6:.2f} MB in {options.out.name}/")


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    demo = ROOT / "backends" / "mlx" / "demo"
    parser.add_argument("--out", type=Path, default=demo, help="folder of the model")
    tickets = ROOT / "examples" / "tickets.jsonl"
    parser.add_argument("--tickets", type=Path, default=tickets, help="file of example tickets")
    parser.add_argument("--steps", type=int, default=600, help="training steps")
    parser.add_argument("--seed", type=int, default=SEED)
    return parser.parse_args()


def answer_to(ticket: Ticket) -> str:
    """The right answer, as the model shall write it."""
    return json.dumps({"topic": ticket.topic, "urgency": ticket.urgency})


def train_tokenizer(tickets: Sequence[Ticket]) -> Tokenizer:
    """A byte-level BPE: whatever Unicode a prompt holds, there are tokens for it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=CONFIG["vocab_size"],
        special_tokens=[END_OF_TEXT, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [text for ticket in tickets for text in (ticket.text, answer_to(ticket))]
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, ticket: Ticket) -> Example:
    """A ticket in the words of the chat template."""
    prompt = f"{START}user\n{ticket.text}{END}\n{START}assistant\n"
    return Example(tokenizer.encode(prompt).ids, tokenizer.encode(answer_to(ticket) + END).ids)


def train(
    examples: Sequence[Example], held_out: Sequence[Example], *, steps: int, seed: int
) -> nn.Module:
    """Fit a new model to the answers; the prompts are only read."""
    mx.random.seed(seed)
    model = new_model()
    schedule = optim.join_schedules(
        [optim.linear_schedule(0.0, 3e-3, 50), optim.cosine_decay(3e-3, steps - 50, 1e-4)], [50]
    )
    optimizer = optim.AdamW(learning_rate=schedule, weight_decay=0.05)
    loss_and_gradient = nn.value_and_grad(model, answer_loss)
    started = time.monotonic()
    for step, batch in zip(range(1, steps + 1), batches(examples, seed), strict=False):
        loss, gradient = loss_and_gradient(model, batch)
        gradient, _ = optim.clip_grad_norm(gradient, 1.0)
        optimizer.update(model, gradient)
        mx.eval(model.parameters(), optimizer.state)
        if step % 100 == 0 or step == steps:
            right = share_right(model, held_out)
            seconds = time.monotonic() - started
            print(f"step {step}: loss {loss.item():.4f}, {right:.1%} right, {seconds:.0f} s")
    return model


def new_model() -> nn.Module:
    """The model of CONFIG with fresh weights."""
    from mlx_lm.models import qwen3

    model = qwen3.Model(qwen3.ModelArgs.from_dict(CONFIG))
    mx.eval(model.parameters())
    return model


def batches(examples: Sequence[Example], seed: int) -> Iterator[list[Example]]:
    """Endless batches of examples of like length, so that little is padded."""
    rng = random.Random(seed)
    while True:
        order = rng.sample(examples, len(examples))
        for start in range(0, len(order) - 16 * BATCH, 16 * BATCH):
            near = sorted(order[start : start + 16 * BATCH], key=lambda e: len(e.prompt))
            cuts = [near[i : i + BATCH] for i in range(0, len(near), BATCH)]
            rng.shuffle(cuts)
            yield from cuts


def answer_loss(model: nn.Module, batch: Sequence[Example]) -> mx.array:
    """Cross entropy of the answers' tokens, a mean over them."""
    inputs, at, answers = padded(batch)
    return nn.losses.cross_entropy(logits_at(model, inputs, at), answers, reduction="mean")


def share_right(model: nn.Module, examples: Sequence[Example]) -> float:
    """The share of examples whose whole answer the model would write, greedily."""
    right = 0
    by_length = sorted(examples, key=lambda e: len(e.prompt))
    for start in range(0, len(by_length), BATCH):
        inputs, at, answers = padded(by_length[start : start + BATCH])
        hits = logits_at(model, inputs, at).argmax(-1) == answers
        right += int(hits.all(-1).sum().item())
    return right / len(examples)


def logits_at(model: nn.Module, inputs: mx.array, at: mx.array) -> mx.array:
    """What the model would write at some positions; all others cost nothing beyond the body."""
    hidden = mx.take_along_axis(model.model(inputs), at[..., None], axis=1)
    return model.model.embed_tokens.as_linear(hidden)


def padded(batch: Sequence[Example]) -> tuple[mx.array, mx.array, mx.array]:
    """Inputs, the positions before each token of the answers, and the answers.

    All answers have the same number of tokens: the labels are words that the tokenizer knows.
    """
    width = max(len(e.prompt) + len(e.answer) for e in batch) - 1
    inputs = [(e.prompt + e.answer)[:-1] for e in batch]
    at = [[len(e.prompt) - 1 + i for i in range(len(e.answer))] for e in batch]
    rows = [ids + [0] * (width - len(ids)) for ids in inputs]
    return mx.array(rows), mx.array(at), mx.array([e.answer for e in batch])


def write_model(folder: Path, model: nn.Module, tokenizer: Tokenizer) -> None:
    """A folder in mlx-lm's format, read back once to see that it loads."""
    folder.mkdir(parents=True, exist_ok=True)
    end_id = tokenizer.token_to_id(END)
    save_model(folder, model)
    (folder / "model.safetensors.index.json").unlink(missing_ok=True)
    (folder / "README.md").unlink(missing_ok=True)
    save_config({**CONFIG, "eos_token_id": end_id}, folder / "config.json")
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer_config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": END_OF_TEXT,
        "model_max_length": CONFIG["max_position_embeddings"],
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    text = json.dumps(tokenizer_config, indent=2) + "\n"
    (folder / "tokenizer_config.json").write_text(text, "utf-8")
    load_model(folder)


def write_tickets(path: Path, tickets: Sequence[Ticket]) -> None:
    """The example rows; `expected` is for whoever wants to count how many are right."""
    rows = [
        {
            "custom_id": f"ticket-{i:03}",
            "prompt": ticket.text,
            "expected": {"topic": ticket.topic, "urgency": ticket.urgency},
        }
        for i, ticket in enumerate(tickets, 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


if __name__ == "__main__":
    main()
