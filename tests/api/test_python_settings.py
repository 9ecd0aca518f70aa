"""Settings from Python: the same door, and the same messages, as the YAML file and `--set`."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import renderer
from renderer.settings.loading import load_settings, parse_settings

LIGHT = """
import sys
import renderer
heavy = {"torch", "numpy", "pydantic", "PIL", "yaml", "typer", "rich", "typing"} & set(sys.modules)
assert not heavy, heavy
renderer.load("quickstart", film={"width": 64})
assert "torch" not in sys.modules
try:
    renderer.nothing
except AttributeError as error:
    print(error)
"""


def test_to_import_it_is_light_and_settings_need_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "module 'renderer' has no attribute 'nothing'\n"), done.stderr


def test_all_that_is_public_is_there_and_described() -> None:
    for name in renderer.__all__:
        assert getattr(renderer, name).__doc__
        assert name in dir(renderer)


@pytest.mark.parametrize(
    "overrides",
    [
        {"film.width": 320, "classes.select": ["pizza", "0-3"]},
        {"film": {"width": 320}, "classes": {"select": ("pizza", "0-3")}},
        {"film": {"height": 64}, "film.height": 384, "film.width": np.int64(320), "classes.select": ["pizza", "0-3"]},
    ],
    ids=["dotted keys", "sections", "both"],
)
def test_overrides_are_what_the_command_line_takes(overrides: Mapping[str, Any]) -> None:
    expected = load_settings("quickstart", ["film.width=320", "classes.select=[pizza, 0-3]"]).settings
    assert renderer.load("quickstart", overrides) == expected
    assert renderer.load("quickstart", **overrides) == expected


def test_a_mapping_is_what_its_yaml_is(tmp_path: Path) -> None:
    classes = "classes: {select: [0, 1, 2, {title: a, mix: {'7': 1}}]}"
    text = f"network: {{source: torchvision, name: mobilenet_v2}}\n{classes}\n"
    data = {
        "network": {"source": "torchvision", "name": "mobilenet_v2"},
        "classes": {"select": [*range(3), {"title": "a", "mix": {7: 1}}]},
    }
    (tmp_path / "quickstart").write_text(text)
    expected = parse_settings(text, "text")
    assert renderer.load(data) == expected, "the recipe that suits the network too"
    assert renderer.load(tmp_path / "quickstart") == expected


def test_a_path_is_never_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("quickstart").write_text("film: {width: 48}")
    assert renderer.load(Path("quickstart")).film.width == 48
    assert renderer.load("quickstart").film.width == 384


def test_checked_settings_go_in_again_and_can_be_overridden() -> None:
    settings = renderer.load("companions")
    assert renderer.load(settings) == settings
    changed = renderer.load(settings, {"film.width": 64})
    assert changed.film.width == 64
    assert changed.dream == settings.dream


def test_a_network_may_be_named_as_on_the_command_line() -> None:
    assert renderer.load({}, network="mobilenet_v2") == renderer.load(
        {"network": {"source": "torchvision", "name": "mobilenet_v2"}}
    )
    with pytest.raises(renderer.UserError, match=r"^network: network\.source: must be 'caffe', 'embedded'"):
        renderer.load({}, network="nowhere:x")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("film.width", "wide", '"wide"'),
        ("film.width", 3, "3"),
        ("film.widht", 3, "3"),
        ("film.width.more", 3, "3"),
        ("film.fps", float("nan"), ".nan"),
        ("motion.pan", [1], "[1]"),
        ("dream", {"objective": {"kind": "none"}}, "{objective: {kind: none}}"),
        ("page.title", "a\0b", r'"a\0b"'),
    ],
)
def test_errors_are_those_of_the_command_line(key: str, value: object, text: str) -> None:
    with pytest.raises(renderer.UserError) as from_python:
        renderer.load({}, {key: value})
    with pytest.raises(renderer.UserError) as from_command:
        parse_settings("", "empty", [f"{key}={text}"])
    of_the_command = str(from_command.value).partition(": ")[2].partition(" (in --set")[0]
    assert str(from_python.value).endswith(of_the_command)
    assert str(from_python.value).startswith(f"overrides: {key.split('.', maxsplit=1)[0]}")


ENDLESS: list[object] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1, 2}, "overrides: classes.select: set is no kind of value"),
        ([[b"x"]], r"overrides: classes.select\[0\]\[0\]: bytes is no kind of value"),
        ({("a",): 1}, r"overrides: classes.select.\('a',\): a key must be text"),
        (np.zeros(3), "overrides: classes.select: ndarray is no kind of value"),
        (10**200, "overrides: classes.select: a number of more than 100 digits"),
        (ENDLESS, "nested too deeply"),
        (range(10**9), "too much to read"),
        ("\ud800", "half a character"),
    ],
    ids=str,
)
def test_what_settings_cannot_hold_is_refused_with_its_key(value: object, said: str) -> None:
    with pytest.raises(renderer.UserError, match=said):
        renderer.load({}, {"classes.select": value})


@pytest.mark.parametrize("key", ["", "film.", 3])
def test_a_key_that_is_none_is_refused(key: Any) -> None:
    with pytest.raises(renderer.UserError, match=r"must be a dotted key, such as film\.width"):
        renderer.load({}, {key: 3})


@pytest.mark.parametrize("config", [3, None, ["film"]])
def test_what_is_no_configuration_is_refused(config: Any) -> None:
    with pytest.raises(renderer.UserError, match="is no configuration; give the name of a shipped one"):
        renderer.load(config)
