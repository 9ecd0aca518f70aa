"""The schema by which editors complete and check configurations: it agrees with the program."""

import json

import pytest
from jsonschema import Draft7Validator

from renderer.common.errors import UserError
from renderer.settings.editor_schema import editor_schema
from renderer.settings.loading import parse_settings
from renderer.settings.presets import presets
from renderer.settings.shape import Group, Leaf, Shape, settings_shape
from renderer.settings.shipped import shipped_configs
from renderer.settings.starter import starter_text
from renderer.settings.yaml_source import parse_yaml

SCHEMA = editor_schema()
VALIDATOR = Draft7Validator(SCHEMA)


def fits(text: str) -> bool:
    return VALIDATOR.is_valid(parse_yaml(text, str).plain())


def program_accepts(text: str) -> bool:
    try:
        parse_settings(text, "text")
    except UserError:
        return False
    return True


def test_it_is_a_schema_of_draft_7() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", shipped_configs())
def test_shipped_configurations_fit(name: str) -> None:
    assert fits(shipped_configs()[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        starter_text("film.yaml", "s.json"),
        "film:\ndream: {optimizer: , transforms: {views: 2}}",
        "classes: {select: all, exclude: [7, 'under:animal']}",
        "classes: {select: {title: lion fish, mix: {lion: 1, lionfish: 0.7}}}",
        "classes: {select: {select: owl, seconds: 2, zoom: {0: 1, 50%: 1.3}, pan: [0.1, 0]}}",
        "classes: {order: listed, select: [{card: A}, {select: [1, 'owl'], overlay: {lines: []}}, {card: [A, B]}]}",
        "video: {chapters: on, subtitles: No}",
        "overlay: {color: red, outline: '#102030'}",
        "run: {lose_at_most: 90s}",
        "run: {device: [cpu, 'cuda:1'], threads: 3}",
        "dream: {preset: pixels, parameterization: {blur: [1.0, 0.5]}}",
        "network: {source: torchvision, companions: [{source: embedded}, {source: timm, name: resnet50}]}",
        "network: {source: python, name: 'a:f', input: {size: 32, channels: 1, mean: [0.5]}}",
        "network: {source: caffe, weights: a.caffemodel, targets: {kind: channels, layer: conv5}}",
    ],
)
def test_what_the_program_accepts_fits(text: str) -> None:
    assert program_accepts(text)
    assert fits(text)


@pytest.mark.parametrize(
    "text",
    [
        "flim: {width: 64}",
        "film: {widht: 64}",
        "film: {width: 8}",
        "film: {width: '64'}",
        "network: {source: torchvision, nmae: vgg16}",
        "network: {name: vgg16}",
        "network: {source: caffe}",
        "network: {source: embedded, weights: a.pth}",
        "network: {source: torchvison}",
        "network: {companions: [{source: torchvision, nmae: vgg16}]}",
        "network: {source: torchvision, targets: {kind: channels}}",
        "dream: {preset: vivd}",
        "dream: {parameterization: {kind: pixels, decay: 1.0}}",
        "dream: {transforms: {jiter: 0.1}}",
        "classes: {select: []}",
        "classes: {select: [{title: a, mix: {b: 1}, weight: 2}]}",
        "classes: {select: [{select: owl, sekonds: 2}]}",
        "classes: {order: listed, select: [owl, {card: []}]}",
        "motion: {pan: [0, 0, 0]}",
        "video: {chapters: maybe}",
        "overlay: {color: '#fc0'}",
    ],
)
def test_what_is_wrong_does_not_fit(text: str) -> None:
    assert not program_accepts(text)
    assert not fits(text)


def told(shape: Shape, schema: dict[str, object], path: str) -> list[str]:
    """The keys below a shape that the schema does not describe as the models do."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][str(schema["$ref"]).removeprefix("#/$defs/")]
    if isinstance(shape, Leaf):
        return [] if schema.get("description") == " ".join(shape.description.split()) else [path]
    if isinstance(shape, Group):
        keys = schema["properties"]
        assert isinstance(keys, dict)
        return [bad for key, below in shape.keys.items() for bad in told(below, keys[key], f"{path}.{key}")]
    options = schema["anyOf"]
    assert isinstance(options, list)
    kinds = {SCHEMA["$defs"][option["$ref"].removeprefix("#/$defs/")]["properties"][shape.tag]["const"]: option
             for option in options}  # fmt: skip
    assert kinds.keys() == shape.groups.keys()
    return [bad for kind, group in shape.groups.items() for bad in told(group, kinds[kind], f"{path}[{kind}]")]


def test_every_key_of_every_kind_is_described() -> None:
    assert told(settings_shape(), SCHEMA, "") == []


def test_presets_are_offered() -> None:
    assert all(fits(f"dream: {{preset: {name}}}") for name in presets())
    assert json.dumps(SCHEMA).count('"vivid"') == 1
