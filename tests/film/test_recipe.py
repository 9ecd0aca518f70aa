"""A recipe holds what makes pixels and nothing else, and says what differs."""

from pathlib import Path
from typing import Any

import pytest

from renderer.film.film_recipe import film_recipe
from renderer.film.recipe import Recipe
from renderer.film.still_recipe import still_recipe
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from renderer.targets.target import class_target

TARGETS = [class_target(3, "owl"), class_target(7, "cock")]
NETWORK = {"source": "embedded", "weights": "a digest"}


def recipes(*overrides: str, network: dict[str, Any] | None = None) -> dict[str, Recipe]:
    settings = Chosen().fill_in(parse_settings("", "test", overrides))
    known = network or NETWORK
    return {"film": film_recipe(settings, TARGETS, known), "stills": still_recipe(settings, TARGETS, known)}


@pytest.mark.parametrize(
    ("override", "products"),
    [
        ("film.width=64", ["film"]),
        ("film.forget=0.5", ["film"]),
        ("film={projection: equirectangular, width: 512, height: 256}", ["film"]),
        ("motion.zoom=1.3", ["film"]),
        ("run.segment_seconds=3", ["film"]),
        ("dream.steps_per_frame=9", ["film"]),
        ("dream.fresh_steps=9", ["film"]),
        ("dream.level.contrast=0.3", ["film", "stills"]),
        ("dream.canvas=wrap", ["film", "stills"]),
        ("dream.optimizer.learning_rate=0.3", ["film", "stills"]),
        ("start.contrast=0.3", ["film", "stills"]),
        ("dream.parameterization.kind=pixels", ["film", "stills"]),
        ("dream.preset=maco", ["film", "stills"]),
        ("run.seed=1", ["film", "stills"]),
        ("run.batch=2", ["film", "stills"]),
        ("run.precision=bfloat16", ["film", "stills"]),
        ("run.threads=3", ["film", "stills"]),
        ("stills.steps=9", ["stills"]),
        ("stills.smooth=3", ["stills"]),
        ("stills.retries=3", ["stills"]),
        ("stills.fresh=true", []),
        ("stills.overlay=true", []),
        ("overlay.color=#ff0000", []),
        ("film.clean_frames=lossless", []),
        ("video.quality=30", []),
        ("page.title=Dreams", []),
        ("video.audio=a.ogg", []),
        ("run.device=cuda", []),
    ],
)
def test_what_matters_to_what(override: str, products: list[str]) -> None:
    before, after = recipes(), recipes(override)
    for product in ("film", "stills"):
        assert (before[product].digest != after[product].digest) == (product in products)
        assert bool(before[product].differences(after[product])) == (product in products)


def test_a_difference_has_key_and_both_values() -> None:
    assert recipes()["film"].differences(recipes("film.width=64")["film"]) == {"film.width": (512, 64)}


def test_where_the_network_lies_does_not_matter_but_what_it_is(tmp_path: Path) -> None:
    for folder, content in (("here", b"a"), ("there", b"a"), ("else", b"b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.pth").write_bytes(content)

    def recipe(folder: str) -> Recipe:
        said = ["network.source=torchvision", f"network.weights={tmp_path / folder / 'a.pth'}"]
        return recipes(*said, network=parse_settings("", "test", said).network.identity())["film"]

    assert recipe("here").digest == recipe("there").digest != recipe("else").digest
    assert list(recipe("here").differences(recipe("else"))) == ["network.weights"]


def test_titles_and_groups_are_not_dreamed() -> None:
    settings = Chosen().fill_in(parse_settings("", "test"))
    renamed = [class_target(3, "eagle owl", groups=("bird",)), class_target(7, "rooster")]
    assert film_recipe(settings, renamed, NETWORK).digest == recipes()["film"].digest
    assert film_recipe(settings, TARGETS[::-1], NETWORK).digest != recipes()["film"].digest
