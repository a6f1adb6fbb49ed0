"""The pure decisions: names, assurance, windows, thinking, and what a model's file says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.ollama.assurance import assurance_of, is_too_old
from backends.ollama.names import full_name, is_cloud_name, is_same, local_name
from backends.ollama.shown import parser_of, stops_of
from backends.ollama.thinking import is_held_late, think_of
from backends.ollama.window import is_cut, tokens_wanted, window_for
from tests.backends.asking import ask


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("qwen3", "qwen3:latest"),
        ("qwen3:14b", "qwen3:14b"),
        ("me/qwen3", "me/qwen3:latest"),
        ("host:5000/me/qwen3", "host:5000/me/qwen3:latest"),
    ],
)
def test_a_name_without_a_tag_is_the_latest(name: str, full: str) -> None:
    assert full_name(name) == full
    assert local_name(name) == f"{full}:local"


@pytest.mark.parametrize(
    "name",
    ["a:cloud", "a:CLOUD", "a:120b-cloud", "a:120B-Cloud", "x/a:cloud", "a:b:cloud", "a:cloud "],
)
def test_the_suffix_of_the_cloud_is_known_however_it_is_written(name: str) -> None:
    assert is_cloud_name(name)


@pytest.mark.parametrize("name", ["cloud", "cloud:1b", "a-cloud", "a-cloud:1b", "a:cloudy", "a"])
def test_a_cloud_anywhere_else_is_only_a_name(name: str) -> None:
    assert not is_cloud_name(name)


def test_an_echo_is_the_same_model_with_or_without_its_additions() -> None:
    assert is_same("llama3.2:3b:local", "llama3.2:3b")
    assert is_same("Qwen3", "qwen3:latest")
    assert not is_same("gpt-oss:120b", "gpt-oss:120b-cloud")
    assert not is_same("glm:latest", "glm:cloud")


@pytest.mark.parametrize(
    ("version", "off", "assurance"),
    [
        ("0.33.0", False, "named"),
        ("0.33.0-rc2", False, "named"),
        ("v0.18.0", True, "named"),
        ("0.18.0-rc0", False, None),
        ("0.17.7", True, "switched off"),
        ("0.17.7", False, None),
        ("0.0.0", False, None),
        ("0.0.0", True, "switched off"),
        ("built at home", False, None),
        ("", False, None),
    ],
)
def test_what_holds_a_daemon_to_its_machine(version: str, off: bool, assurance: str | None) -> None:
    assert assurance_of(version, is_cloud_off=off) == assurance


@pytest.mark.parametrize(
    ("version", "too_old"), [("0.12.3", True), ("0.12.4", False), ("0.0.0", False), ("?", False)]
)
def test_a_daemon_that_would_cut_prompts_is_too_old(version: str, too_old: bool) -> None:
    assert is_too_old(version) is too_old


@pytest.mark.parametrize(
    ("wanted", "context", "configured", "present", "loaded", "window"),
    [
        pytest.param(10, 8192, None, 0, 0, 4096, id="no window is smaller than the least"),
        pytest.param(5000, 131072, None, 0, 0, 8192, id="it is a power of two"),
        pytest.param(8192, 131072, None, 0, 0, 8192, id="that may just do"),
        pytest.param(9000, 10000, None, 0, 0, 10000, id="it is never more than the model's own"),
        pytest.param(900_000, 10000, None, 0, 0, 10000, id="not even for what does not fit"),
        pytest.param(5000, 0, None, 0, 0, 8192, id="the model's own may not be known"),
        pytest.param(10, 131072, None, 16384, 0, 16384, id="it never shrinks"),
        pytest.param(20000, 131072, None, 16384, 0, 32768, id="it grows"),
        pytest.param(10, 131072, None, 0, 6000, 6000, id="what is loaded will do"),
        pytest.param(7000, 131072, None, 0, 6000, 8192, id="what is loaded is too small"),
        pytest.param(10, 131072, None, 8192, 4096, 8192, id="what was decided stays"),
        pytest.param(90000, 131072, 2048, 0, 6000, 2048, id="the owner decides"),
        pytest.param(10, 1024, 2048, 0, 0, 1024, id="but not above the model"),
    ],
)
def test_one_window_for_each_model(
    *, wanted: int, context: int, configured: int | None, present: int, loaded: int, window: int
) -> None:
    decided = window_for(
        wanted, context=context, configured=configured, present=present, loaded=loaded
    )
    assert decided == window


@given(
    wants=st.lists(st.integers(1, 200_000), max_size=60),
    context=st.sampled_from([0, 2048, 8192, 131_072]),
)
def test_whatever_comes_a_window_changes_a_few_times_at_most(
    wants: list[int], context: int
) -> None:
    windows = [0]
    for wanted in wants:
        present = windows[-1]
        windows.append(
            window_for(wanted, context=context, configured=None, present=present, loaded=0)
        )
    assert windows == sorted(windows)
    assert len(set(windows)) <= 8


def test_an_answer_needs_room_beside_its_prompt() -> None:
    assert tokens_wanted(ask("x" * 3000, "m", max_tokens=500)) >= 1500
    assert tokens_wanted(ask("x" * 3000, "m", endpoint="embeddings")) < 1500


@pytest.mark.parametrize(
    ("size", "counted", "window", "cut"),
    [
        pytest.param(1000, 10, 4096, False, id="a prompt that fits was not cut"),
        pytest.param(160_000, 16387, 32768, True, id="half a window of a long prompt"),
        pytest.param(160_000, 32000, 32768, False, id="a prompt that just fits"),
        pytest.param(160_000, 32768, 32768, True, id="a full window has no room for an answer"),
        pytest.param(160_000, 9, 32768, True, id="only the last turn was left"),
        pytest.param(160_000, 0, 32768, False, id="no count says nothing"),
    ],
)
def test_a_prompt_that_was_cut_is_found_by_its_count(
    size: int, counted: int, window: int, cut: bool
) -> None:
    assert is_cut(ask("word" * (size // 4), "m"), counted=counted, window=window) is cut


def test_a_text_to_embed_may_fill_the_window() -> None:
    text = ask("word" * 40_000, "m", endpoint="embeddings")
    assert not is_cut(text, counted=32768, window=32768)


@pytest.mark.parametrize(
    ("family", "can", "schema", "late", "think"),
    [
        ("llama", False, False, False, None),
        ("llama", False, True, True, None),
        ("qwen3", True, False, False, True),
        ("qwen3", True, True, False, False),
        ("qwen3", True, True, True, True),
        ("qwen35", True, True, False, True),
        ("gemma4", True, True, False, True),
        ("gptoss", True, False, True, "medium"),
        ("gpt-oss", True, True, True, "low"),
    ],
)
def test_how_a_family_is_told_to_think(
    *, family: str, can: bool, schema: bool, late: bool, think: bool | str | None
) -> None:
    assert think_of(family, can_think=can, is_with_schema=schema, is_held_late=late) == think


@pytest.mark.parametrize(
    ("version", "parser", "late"),
    [
        ("0.20.2", "qwen3-thinking", True),
        ("0.20.2", "", False),
        ("0.32.0", "qwen3-thinking", False),
        ("0.32.0", "olmo3-think", True),
        ("0.32.0-rc1", "qwen3-thinking", True),
        ("0.0.0", "qwen3-thinking", True),
    ],
)
def test_what_is_read_by_a_parser_is_held_late_by_older_versions(
    version: str, parser: str, late: bool
) -> None:
    assert is_held_late(version, parser) is late


def test_the_parser_of_a_model_is_read_from_its_modelfile() -> None:
    assert parser_of('FROM /x\nTEMPLATE "PARSER"\nRENDERER glm\nPARSER glm-4.7\n') == "glm-4.7"
    assert parser_of("FROM /x\n") == ""


def test_the_stops_of_a_model_are_read_from_its_parameters() -> None:
    parameters = 'temperature 0.6\nstop    "<|im_end|>"\nstop  "a \\"b\\""\nstop   plain\nstop "'
    assert stops_of(parameters) == ("<|im_end|>", 'a "b"', "plain", '"')
