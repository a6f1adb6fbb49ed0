"""The example tickets are fair to try a model on, and the demo model triages them."""

import ast
import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "backends" / "mlx" / "demo"
TICKETS = [
    json.loads(line)
    for line in (ROOT / "examples" / "tickets.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def texts() -> ModuleType:
    path = ROOT / "examples" / "ticket_texts.py"
    spec = importlib.util.spec_from_file_location("ticket_texts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks for its module while it is made.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def recipe(name: str) -> Any:
    """A constant of the training script, which itself needs mlx to be imported."""
    tree = ast.parse((ROOT / "examples" / "make_demo_model.py").read_text("utf-8"))
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == name
    )
    return ast.literal_eval(value)


@pytest.fixture(scope="module")
def training(texts: ModuleType) -> list[Any]:
    tickets: list[Any] = texts.training_tickets(recipe("SEED"), recipe("TRAINING_TICKETS"))
    return tickets


def test_there_are_300_different_tickets_with_id_prompt_and_expected() -> None:
    assert len(TICKETS) == 300
    assert all(list(ticket) == ["custom_id", "prompt", "expected"] for ticket in TICKETS)
    assert len({ticket["custom_id"] for ticket in TICKETS}) == 300
    assert len({ticket["prompt"] for ticket in TICKETS}) == 300


@pytest.mark.parametrize("label", ["topic", "urgency"])
def test_the_labels_are_balanced_within_a_tenth(label: str) -> None:
    counts = Counter(ticket["expected"][label] for ticket in TICKETS)
    share = 300 / len(counts)

    assert all(abs(count - share) <= 0.1 * share for count in counts.values())


def test_no_ticket_shares_six_words_in_a_row_with_the_training_text(
    texts: ModuleType, training: list[Any]
) -> None:
    seen = {words for ticket in training for words in texts.six_words(ticket.text)}

    assert all(seen.isdisjoint(texts.six_words(ticket["prompt"])) for ticket in TICKETS)


def test_the_tickets_are_those_that_the_script_makes(
    texts: ModuleType, training: list[Any]
) -> None:
    made = texts.example_tickets(recipe("SEED") + 1, recipe("EXAMPLES"), training)

    assert [ticket.text for ticket in made] == [ticket["prompt"] for ticket in TICKETS]


def test_the_demo_model_is_at_most_two_megabytes() -> None:
    assert 0 < sum(path.stat().st_size for path in DEMO.iterdir()) <= 2_000_000


def test_the_demo_model_is_right_on_95_of_100_tickets() -> None:
    mlx_lm = pytest.importorskip("mlx_lm", reason="the extra `mlx` is not installed")
    model, tokenizer = mlx_lm.load(str(DEMO))
    some = TICKETS[::3]
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": ticket["prompt"]}], add_generation_prompt=True
        )
        for ticket in some
    ]

    answers = mlx_lm.batch_generate(model, tokenizer, prompts, max_tokens=40).texts

    pairs = zip(answers, some, strict=True)
    assert sum(answer == json.dumps(ticket["expected"]) for answer, ticket in pairs) >= 95
