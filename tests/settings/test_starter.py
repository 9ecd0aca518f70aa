"""The configuration to start from: it is right as it stands, and so is everything that is commented out in it."""

import re

from renderer.settings.loading import parse_settings
from renderer.settings.shape import Group, Leaf, settings_shape
from renderer.settings.starter import starter_text
from renderer.settings.yaml_source import parse_yaml

TEXT = starter_text("film.yaml", "neuron-atlas.schema.json")
DEFAULT = re.compile(r"^( *)#(\w+:)", re.MULTILINE)


def test_the_first_line_names_the_schema_and_the_next_the_command() -> None:
    lines = TEXT.splitlines()
    assert lines[0] == "# yaml-language-server: $schema=neuron-atlas.schema.json"
    assert lines[2] == "# neuron-atlas render film.yaml"
    assert max(map(len, lines)) <= 120


def test_what_is_commented_out_is_the_default() -> None:
    everything, count = DEFAULT.subn(r"\1\2", TEXT)
    assert count > 70
    assert parse_settings(everything, "film.yaml") == parse_settings(TEXT, "film.yaml")


def test_each_default_may_be_uncommented_by_itself() -> None:
    for line in DEFAULT.finditer(TEXT):
        one = TEXT[: line.start()] + line.expand(r"\1\2") + TEXT[line.end() :]
        assert parse_settings(one, "film.yaml") == parse_settings(TEXT, "film.yaml"), line


def test_all_sections_stand_in_order_with_all_their_keys() -> None:
    said = parse_yaml(DEFAULT.sub(r"\1\2", TEXT), str).plain()
    shape = settings_shape().keys
    assert list(said) == list(shape)
    for name, section in shape.items():
        if isinstance(section, Group):
            assert set(said[name]) == set(section.keys)
    chosen = settings_shape().keys["network"].groups["torchvision"]  # type: ignore[union-attr]
    assert set(said["network"]) == set(chosen.keys)


def test_what_most_want_to_change_is_live() -> None:
    live = parse_yaml(TEXT, str).plain()
    assert set(live["network"]) >= {"source", "name"}
    assert live["classes"]["select"] and live["overlay"]["lines"] and live["video"]["codec"]
    assert set(live["film"]) == {"width", "height", "seconds_per_class"}


def test_every_key_is_explained() -> None:
    flowing = " ".join(TEXT.replace("#", " ").split())
    for section in settings_shape().keys.values():
        for leaf in section.keys.values() if isinstance(section, Group) else ():
            if isinstance(leaf, Leaf):
                assert " ".join(leaf.description.replace("#", " ").split()) in flowing
