"""Presets and families: whole and valid, below the user's settings, and kept as plain values."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from torchvision import models

from renderer.common.errors import UserError
from renderer.dream.dreaming import Dream, FourierParameterization, NormalizedOptimizer, PixelParameterization
from renderer.film.film_recipe import film_recipe
from renderer.film.recipe import flatten
from renderer.film.still_recipe import still_recipe
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from renderer.settings.presets import Layer, families, family_of, presets
from renderer.settings.sections import Settings
from renderer.settings.shape import Group, Shape, Variants, settings_shape
from renderer.settings.yaml_source import dump_yaml
from renderer.store.run_file import RunFile, read_run_file, write_run_file
from renderer.targets.target import class_target

LAYERS = {**presets(), **families()}
MADE_UP_PRESETS = {
    "vivid": {"parameterization": {"kind": "fourier", "decay": 1.5}, "steps_per_frame": 6, "fresh_steps": 60},
    "pixels": {"parameterization": {"kind": "pixels"}, "optimizer": {"kind": "normalized", "step": 0.3}},
}
MADE_UP_FAMILY = {"fresh_steps": 50, "regularizers": {"l2": 2.0}, "parameterization": {"kind": "fourier", "decay": 1.1}}


def make_up(monkeypatch: pytest.MonkeyPatch, made_up: dict[str, dict[str, Any]], family: dict[str, Any]) -> None:
    layers = {name: Layer(name, "", dream) for name, dream in made_up.items()}
    monkeypatch.setattr("renderer.settings.presets.presets", lambda: layers)
    monkeypatch.setattr("renderer.settings.presets.families", lambda: {"r": Layer("r", "", family, ("resnet",))})


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    make_up(monkeypatch, MADE_UP_PRESETS, MADE_UP_FAMILY)


def settings_of(dream: str, *overrides: str, network: str = "resnet18") -> Settings:
    return parse_settings(f"network: {{source: torchvision, name: {network}}}\ndream: {dream}", "f.yaml", overrides)


def dream_of(dream: str, *overrides: str, network: str = "resnet18") -> Dream:
    return settings_of(dream, *overrides, network=network).dream


def unnamed_kinds(shape: Shape, data: Any, path: str = "") -> list[str]:
    """Parts of one of several kinds that do not name theirs."""
    match shape, data:
        case Group(keys=keys), dict():
            return [found for key, below in data.items() for found in unnamed_kinds(keys[key], below, f"{path}.{key}")]
        case Variants(tag=tag), dict() if tag not in data:
            return [path]
        case _:
            return []


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_every_key_of_a_layer_is_valid_and_every_part_names_its_kind(layer: Layer) -> None:
    plain = layer.tree.plain()
    said = flatten(Settings.model_validate_json(json.dumps(plain)))
    for key, value in flatten_plain(plain).items():
        assert said[key] == value, key
    assert unnamed_kinds(settings_shape(), plain) == []
    assert layer.description.endswith(".") and "preset" not in layer.dream


def flatten_plain(data: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(data, dict):
        return {path.removeprefix("."): data}
    return {key: leaf for name, below in data.items() for key, leaf in flatten_plain(below, f"{path}.{name}").items()}


def test_presets_are_those_that_the_settings_name() -> None:
    (names, _) = get_args(Dream.model_fields["preset"].annotation)
    assert set(get_args(names)) == set(presets())


def test_every_network_has_one_family() -> None:
    for name in ["embedded", *models.list_models(module=models)]:
        assert sum(name.startswith(family.networks) for family in families().values()) == 1, name
    assert family_of("wide_resnet50_2") is families()["resnet"]
    assert family_of("nonsense") is None


@pytest.mark.usefixtures("made_up")
def test_each_layer_lies_over_the_one_below() -> None:
    assert dream_of("{}", network="vgg16") == Dream()
    assert dream_of("{}").fresh_steps == 50
    assert dream_of("{preset: vivid}").fresh_steps == 60
    assert dream_of("{preset: vivid, fresh_steps: 70}").fresh_steps == 70
    kept = dream_of("{preset: vivid, fresh_steps: 70}", "dream.fresh_steps=80")
    assert (kept.preset, kept.fresh_steps, kept.steps_per_frame, kept.regularizers.l2) == ("vivid", 80, 6, 2.0)


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("text", ["{preset: pixels}", "{}"])
def test_preset_and_network_may_come_from_the_command_line(text: str) -> None:
    assert dream_of(text, "dream.preset=vivid").steps_per_frame == 6
    assert dream_of(text, "dream.preset=vivid").parameterization == FourierParameterization(decay=1.5)
    assert dream_of(text, "dream.preset=null") == dream_of("{}")
    assert dream_of(text, "network.name=vgg16").regularizers.l2 == 0.0


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("preset", "key", "value", "expected"),
    [
        ("vivid", "parameterization", "{decay: 2}", FourierParameterization(decay=2)),
        ("vivid", "parameterization", "{kind: fourier}", FourierParameterization(decay=1.5)),
        ("vivid", "parameterization", "", FourierParameterization(decay=1.5)),
        ("vivid", "parameterization", "{kind: pixels}", PixelParameterization()),
        ("pixels", "parameterization", "{kind: fourier}", FourierParameterization()),
        ("pixels", "optimizer", "{step: 0.1}", NormalizedOptimizer(step=0.1)),
        ("pixels", "optimizer", "{kind: normalized}", NormalizedOptimizer(step=0.3)),
        ("null", "parameterization", "{decay: 2}", FourierParameterization(decay=2)),
        ("null", "parameterization", "", FourierParameterization(decay=1.1)),
    ],
)
def test_parts_of_several_kinds(preset: str, key: str, value: str, expected: object) -> None:
    assert getattr(dream_of(f"{{preset: {preset}, {key}: {value}}}"), key) == expected
    assert getattr(dream_of(f"{{preset: {preset}}}", f"dream.{key}={value}"), key) == expected


@pytest.mark.usefixtures("made_up")
def test_a_key_of_another_kind_than_the_presets_is_told_at_its_place() -> None:
    with pytest.raises(UserError) as caught:
        dream_of(
            "\n  preset: pixels\n  parameterization: {decay: 2}\n  fresh_steps: -1", "dream.optimizer.learning_rate=1"
        )
    decay, rate, steps = str(caught.value).splitlines()
    assert steps.startswith("f.yaml:5: dream.fresh_steps: must be")
    assert decay.startswith("f.yaml:4: dream.parameterization.decay: goes with dream.parameterization.kind 'fourier'")
    assert 'which is "pixels" by dream.preset pixels; remove the key' in decay
    assert rate.startswith("--set: dream.optimizer.learning_rate: goes with dream.optimizer.kind 'adam'")


@pytest.mark.parametrize("text", ["vivd", "[vivid]", "3"])
def test_an_unknown_preset_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^f\.yaml:2: dream\.preset: must be 'vivid', ") as caught:
        settings_of(f"{{preset: {text}}}")
    assert ("did you mean vivid?" in str(caught.value)) == (text == "vivd")


@pytest.mark.parametrize("network", ["embedded", "torchvision"])
@pytest.mark.parametrize("preset", [*presets(), "null"])
def test_a_run_keeps_its_settings_whatever_becomes_of_the_presets(
    network: str, preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = parse_settings(f"network: {{source: {network}}}\ndream: {{preset: {preset}}}", "f.yaml")
    write_run_file(
        tmp_path / "run.yaml", RunFile(name="f", film=True, settings=settings, targets=(class_target(0, "tench"),))
    )
    other = {"fresh_steps": 1, "parameterization": {"kind": "fourier", "decay": 0.1}, "level": {"contrast": 0.01}}
    make_up(monkeypatch, dict.fromkeys(presets(), other), other)
    assert read_run_file(tmp_path / "run.yaml").settings == settings
    assert parse_settings(dump_yaml(settings.model_dump(mode="json")), "f.yaml") == settings


@pytest.mark.usefixtures("made_up")
def test_a_preset_spelled_out_is_the_same_run() -> None:
    named = settings_of("{preset: vivid}")
    spelled = settings_of("{parameterization: {decay: 1.5}, steps_per_frame: 6, fresh_steps: 60}")
    assert named != spelled
    for recipe in (film_recipe, still_recipe):
        told = (Chosen().fill_in(settings) for settings in (named, spelled, settings_of("{}")))
        first, same, other = (recipe(settings, [], {}) for settings in told)
        assert first.digest == same.digest != other.digest
    assert named.network == TorchvisionNetwork(name="resnet18")


def test_networks_that_dream_together_have_what_suits_them() -> None:
    alone = "source: torchvision, name: squeezenet1_1"
    together = f"{alone}, companions: [{{source: embedded}}]"
    usual, mixed = (parse_settings(f"network: {{{network}}}", "f.yaml").dream for network in (alone, together))
    assert (usual.residual_gradient, mixed.residual_gradient) == (1.0, 0.6)
    assert mixed.regularizers.l2 > usual.regularizers.l2
    own = f"network: {{{together}}}\ndream: {{residual_gradient: 0.9, preset: clean}}"
    said = parse_settings(own, "f.yaml").dream
    assert said.residual_gradient == 0.9
    assert said.regularizers == parse_settings("dream: {preset: clean}", "f.yaml").dream.regularizers
