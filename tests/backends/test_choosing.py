from typing import Any

import pytest

from backends.base import ModelInfo
from backends.choice import Candidate, choose
from jobs.errors import NoModelError
from jobs.sizes import size_text

GB = 10**9
DEMO = Candidate("mlx", "mlx", ModelInfo(name="demo", size=1_400_000, context=2048, is_demo=True))


def one(name: str, gigabytes: float = 4, backend: str = "mlx", pool: str = "") -> Candidate:
    model = ModelInfo(name=name, size=int(gigabytes * GB), context=4096)
    return Candidate(pool or backend, backend, model)


def chosen(*candidates: Candidate, wanted: str = "auto", **options: Any) -> tuple[str, str]:
    choice = choose(candidates, wanted=wanted, **{"memory_bytes": 64 * GB, **options})
    return choice.pool, choice.model.name


def message_of(*candidates: Candidate, wanted: str = "auto", **options: Any) -> str:
    with pytest.raises(NoModelError) as caught:
        choose(candidates, wanted=wanted, **{"memory_bytes": 64 * GB, **options})
    return str(caught.value)


def test_auto_takes_the_largest_real_model() -> None:
    assert chosen(DEMO, one("small", 4), one("large", 30), one("middle", 20)) == ("mlx", "large")


def test_auto_leaves_room_in_memory() -> None:
    assert chosen(DEMO, one("fits", 38), one("too big", 39)) == ("mlx", "fits")


def test_auto_takes_the_demo_for_want_of_another() -> None:
    assert chosen(DEMO) == ("mlx", "demo")
    assert chosen(DEMO, one("too big", 50)) == ("mlx", "demo")


def test_a_model_of_unknown_size_is_still_a_real_one() -> None:
    assert chosen(DEMO, one("remote", 0, "openai")) == ("openai", "remote")
    why = choose([one("remote", 0, "openai")], wanted="auto", memory_bytes=64 * GB).why
    assert "remote (size unknown, pool openai): its server has it" in why


def test_at_equal_choice_the_nearer_backend_is_taken() -> None:
    equal = [one("m", 4, backend) for backend in ("new", "openai", "ollama", "mlx")]
    assert chosen(*equal) == ("mlx", "m")
    assert chosen(*equal[:3]) == ("ollama", "m")
    assert chosen(*equal[:3], wanted="m") == ("ollama", "m")
    assert chosen(*equal[:3], prefer=["m"]) == ("ollama", "m")


@pytest.mark.parametrize(
    ("prefer", "name"),
    [
        (["b", "a"], "b"),
        (["nothing", "a"], "a"),
        (["org/*"], "org/Qwen-8B"),
        (["qwen*"], "org/Qwen-8B"),
        (["*"], "org/Qwen-8B"),
        (["nothing"], "org/Qwen-8B"),
    ],
)
def test_the_first_match_of_prefer_wins(prefer: list[str], name: str) -> None:
    assert chosen(one("a"), one("b", 1), one("org/Qwen-8B", 8), prefer=prefer)[1] == name


def test_a_huge_model_is_only_loaded_when_it_is_named() -> None:
    huge, small = one("huge", 50), one("small")
    assert chosen(huge, small, prefer=["h*"])[1] == "small"
    assert chosen(huge, small, prefer=["huge"])[1] == "huge"
    assert chosen(huge, small, wanted="huge")[1] == "huge"


def test_prefer_may_take_what_auto_finds_too_big() -> None:
    assert chosen(one("largish", 42), one("small"), prefer=["larg*"])[1] == "largish"


@pytest.mark.parametrize("wanted", ["org/Qwen-8B", "org/qwen-8b", "Qwen-8B", "qwen-8b", "fast"])
def test_a_model_has_a_name_a_short_name_and_an_alias(wanted: str) -> None:
    candidates = (DEMO, one("org/Qwen-8B"), one("Qwen-80B"))
    assert chosen(*candidates, wanted=wanted, aliases={"fast": "org/Qwen-8B"})[1] == "org/Qwen-8B"


def test_the_very_name_goes_before_short_ones() -> None:
    assert chosen(one("org/m"), one("m"), wanted="m")[1] == "m"


def test_a_short_name_of_two_models_is_none() -> None:
    message = message_of(one("a/m"), one("b/m"), wanted="m")
    assert "Did you mean a/m or b/m?" in message


def test_an_unknown_name_gets_near_ones() -> None:
    message = message_of(DEMO, one("qwen3-8b"), wanted="qwen3-8")
    assert "No pool has the model qwen3-8" in message
    assert "Did you mean qwen3-8b?" in message


def test_without_any_model_it_says_where_it_looked_and_what_helps() -> None:
    message = message_of(places=["/models", "http://127.0.0.1:11434"])
    assert "looked in /models, http://127.0.0.1:11434" in message
    assert "hf download" in message
    assert "--local-dir /models/" in message


def test_without_a_demo_what_is_too_big_is_named() -> None:
    message = message_of(one("huge", 50))
    assert "huge" in message
    assert "--model huge" in message
    assert "50 GB of 64 GB" in message


@pytest.mark.parametrize(
    ("candidates", "options", "words"),
    [
        ((DEMO,), {"places": ["/models"]}, ["demo (1.4 MB, pool mlx)", "looked in /models"]),
        ((DEMO, one("huge", 50)), {}, ["demo", "huge is loaded only when named", "50 GB"]),
        ((one("m"),), {}, ["m (4 GB, pool mlx)", "60%", "64 GB"]),
        ((one("m"),), {"prefer": ["m"]}, ["m (4 GB, pool mlx)", "`prefer`"]),
        ((one("m"),), {"wanted": "m"}, ["m (4 GB, pool mlx)", "you named it"]),
    ],
)
def test_a_choice_says_which_why_and_how_to_choose_another(
    candidates: tuple[Candidate, ...], options: dict[str, Any], words: list[str]
) -> None:
    choice = choose(candidates, **{"wanted": "auto", "memory_bytes": 64 * GB, **options})
    assert all(word in choice.why for word in [*words, "--model NAME"]), choice.why
    assert "\n" not in choice.why


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "size unknown"),
        (512, "512 bytes"),
        (1_400_000, "1.4 MB"),
        (380_000, "380 KB"),
        (4_260_000_000, "4.3 GB"),
        (64 * GB, "64 GB"),
    ],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert size_text(size) == text


def test_the_latest_is_found_without_its_tag() -> None:
    assert chosen(one("qwen3:latest", 4, "ollama"), wanted="qwen3") == ("ollama", "qwen3:latest")
    assert chosen(one("qwen3:14b"), one("qwen3:latest"), wanted="Qwen3") == ("mlx", "qwen3:latest")


def embedding(name: str, gigabytes: float = 0.3) -> Candidate:
    model = ModelInfo(name=name, size=int(gigabytes * GB), context=2048, endpoints=("embeddings",))
    return Candidate("ollama", "ollama", model)


def test_for_embeddings_only_a_model_that_makes_them_is_taken() -> None:
    there_are = (DEMO, one("large", 30), embedding("nomic"), embedding("big", 1))

    assert chosen(*there_are, endpoint="embeddings") == ("ollama", "big")
    assert chosen(*there_are, endpoint="embeddings", prefer=["large", "nomic"])[1] == "nomic"
    assert chosen(*there_are, endpoint="embeddings", wanted="nomic")[1] == "nomic"


def test_a_model_that_only_makes_embeddings_is_never_taken_for_answers() -> None:
    assert chosen(DEMO, embedding("nomic", 10))[1] == "demo"


def test_without_a_model_for_embeddings_it_says_what_would_help() -> None:
    message = message_of(DEMO, one("large", 30), endpoint="embeddings")
    assert "No pool has a model that makes embeddings" in message
    assert "ollama pull nomic-embed-text" in message


def test_a_model_named_for_what_it_cannot_do_says_so() -> None:
    there_are = (DEMO, one("large", 30), embedding("nomic"))

    message = message_of(*there_are, wanted="large", endpoint="embeddings")
    assert "large makes no embeddings. Name one that does: nomic." in message
    assert "--endpoint embeddings" in message_of(*there_are, wanted="nomic")
    assert "No pool has the model x" in message_of(*there_are, wanted="x", endpoint="embeddings")


def test_what_may_run_anywhere_is_not_taken_but_told_of_and_can_be_named() -> None:
    demo = Candidate("mlx", "mlx", ModelInfo(name="demo", size=1, context=1, is_demo=True))
    forwarded = Candidate(
        "openai", "openai", ModelInfo(name="big", size=0, context=1), is_sure=False
    )
    both = [demo, forwarded]

    chosen = choose(both, wanted="auto", memory_bytes=100)
    assert chosen.model.name == "demo"
    assert "used only when named: --model big" in chosen.why
    assert choose(both, wanted="big", memory_bytes=100).pool == "openai"
    with pytest.raises(NoModelError, match="used only when named: --model big"):
        choose([forwarded], wanted="auto", memory_bytes=100)
