"""Settings that make pixels count, others do not."""

import pytest
from renderer.store.fingerprint import Product, by_contents, differences, fingerprint, relevant

from renderer.settings.loading import flatten, parse_settings


def _flat(*overrides: str) -> dict[str, object]:
    return flatten(parse_settings("", "test", overrides))


@pytest.mark.parametrize(
    ("override", "products"),
    [
        ("film.width=64", ["film"]),
        ("motion.zoom=1.3", ["film"]),
        ("overlay.color=#ff0000", ["film"]),
        ("video.quality=30", ["film"]),
        ("run.segment_seconds=3", ["film"]),
        ("dream.steps_per_frame=9", ["film"]),
        ("dream.fresh_steps=9", ["film"]),
        ("dream.level.contrast=0.3", ["film"]),
        ("dream.optimizer.learning_rate=0.3", ["film", "stills"]),
        ("start.contrast=0.3", ["film", "stills"]),
        ("dream.parameterization.kind=pixels", ["film", "stills"]),
        ("dream.preset=maco", ["film", "stills"]),
        ("run.seed=1", ["film", "stills"]),
        ("run.batch=2", ["film", "stills"]),
        ("stills.steps=9", ["stills"]),
        ("stills.fresh=true", []),
        ("page.title=Dreams", []),
        ("video.title=Dreams", []),
        ("video.audio=a.ogg", []),
        ("video.chapters=false", []),
        ("run.device=cuda", []),
    ],
)
def test_what_matters_to_what(override: str, products: list[Product]) -> None:
    before, after = _flat(), _flat(override)
    for product in ("film", "stills"):
        changed = differences(before, after, product)
        assert bool(changed) == (product in products)
        assert (fingerprint(relevant(before, product)) != fingerprint(relevant(after, product))) == bool(changed)


def test_a_difference_names_key_old_and_new() -> None:
    (found,) = differences(_flat(), _flat("film.width=64"), "film")
    assert str(found) == "film.width: was 512, is 64"


def test_text_matters_to_stills_that_carry_it() -> None:
    plain, red = _flat("stills.overlay=true"), _flat("stills.overlay=true", "overlay.color=#ff0000")
    assert [item.key for item in differences(plain, red, "stills")] == ["overlay.color"]


def test_where_the_network_lies_does_not_matter() -> None:
    here, there = (
        parse_settings("", "test", ["network.source=torchvision", f"network.weights={name}/a.pth"])
        for name in ("here", "there")
    )
    same = {"network.weights": "a digest"}
    assert differences(by_contents(here, same), by_contents(there, same), "film") == []
    (changed,) = differences(by_contents(here, same), by_contents(there, {"network.weights": "another"}), "film")
    assert changed.key == "network.weights"
