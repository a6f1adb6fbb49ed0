import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.mlx.models import scan_models

MakeModel = Callable[..., Path]

CONFIG = {"max_position_embeddings": 4096}


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    def make(name: str, config: object = CONFIG, weights: int = 1000) -> Path:
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "tokenizer.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"x" * weights)
        return folder

    return make


def names(tmp_path: Path) -> list[str]:
    return [model.name for model in scan_models(tmp_path / "models", tmp_path / "demo").models]


def reasons(tmp_path: Path) -> list[str]:
    return [one.reason for one in scan_models(tmp_path / "models", tmp_path / "demo").skipped]


def test_models_are_found_by_name_and_by_organisation(
    tmp_path: Path, make_model: MakeModel
) -> None:
    for name in ("one", "org/two", "org/three", ".hidden", "too/far/down"):
        make_model(name)
    (tmp_path / "models" / "readme.md").write_text("no model")
    assert names(tmp_path) == ["one", "org/three", "org/two"]


def test_a_folder_that_is_not_there_holds_no_models(tmp_path: Path) -> None:
    found = scan_models(tmp_path / "nowhere", tmp_path / "demo")
    assert (found.models, found.skipped) == ((), ())


def test_a_name_that_is_no_text_is_reported(tmp_path: Path, make_model: MakeModel) -> None:
    make_model("half \udcff")
    make_model("sound")
    assert names(tmp_path) == ["sound"]
    assert "rename" in reasons(tmp_path)[0]


def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("no folder")
    assert "cannot be read" in reasons(tmp_path)[0]


def test_the_demo_model_is_found_and_marked(tmp_path: Path, make_model: MakeModel) -> None:
    make_model("real")
    make_model("../demo")
    found = scan_models(tmp_path / "models", tmp_path / "demo")
    assert {model.name: model.is_demo for model in found.models} == {"demo": True, "real": False}


def test_nobody_else_is_called_demo(tmp_path: Path, make_model: MakeModel) -> None:
    make_model("demo")
    assert names(tmp_path) == []
    assert "rename" in reasons(tmp_path)[0]


def test_what_a_model_is_stands_in_its_files(tmp_path: Path, make_model: MakeModel) -> None:
    folder = make_model("one", {**CONFIG, "quantization": {"bits": 4, "group_size": 64}})
    (folder / "model-00002.safetensors").write_bytes(b"x" * 500)
    [model] = scan_models(tmp_path / "models", tmp_path / "demo").models
    assert (model.size, model.context, model.quantization) == (1500, 4096, "4-bit")
    assert (model.path, model.is_demo) == (str(folder), False)


@pytest.mark.parametrize(
    ("config", "context", "quantization"),
    [
        ({"text_config": {"max_position_embeddings": 8192}}, 8192, ""),
        ({"torch_dtype": "bfloat16"}, 0, "bfloat16"),
        ({"quantization_config": {"bits": 8}, "torch_dtype": "float16"}, 0, "8-bit"),
        ({"quantization": {"mode": "unheard of"}, "text_config": 7}, 0, ""),
    ],
)
def test_configs_come_in_many_forms(
    tmp_path: Path, make_model: MakeModel, config: object, context: int, quantization: str
) -> None:
    make_model("one", config)
    [model] = scan_models(tmp_path / "models", tmp_path / "demo").models
    assert (model.context, model.quantization) == (context, quantization)


def without(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def with_text(file: str, text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / file).write_text(text)

    return write


INDEX = json.dumps({"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (without("config.json"), "no config.json"),
        (without("tokenizer.json"), "no tokenizer.json"),
        (without("model.safetensors"), "no model*.safetensors"),
        (with_text("config.json", "{"), "config.json is not JSON"),
        (with_text("config.json", "[]"), "config.json is no JSON object"),
        (with_text("model.safetensors.index.json", INDEX), "1 of its weight files"),
        (with_text("model.safetensors.index.json", '{"weight_map": 7}'), "has no weight_map"),
    ],
)
def test_a_broken_folder_is_reported_and_the_others_are_there(
    tmp_path: Path, make_model: MakeModel, damage: Callable[[Path], None], reason: str
) -> None:
    make_model("sound")
    damage(make_model("broken"))
    assert names(tmp_path) == ["sound"]
    [told] = reasons(tmp_path)
    assert reason in told
