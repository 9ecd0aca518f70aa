import json
from pathlib import Path

from renderer.config.loading import flatten, parse_settings
from renderer.config.models import Settings
from renderer.config.reference import settings_reference
from renderer.config.shape import Group, Leaf, Variants, settings_shape

REFERENCE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_reference_is_current():
    assert REFERENCE.read_text(encoding="utf-8") == settings_reference(), "run scripts/write_settings_reference.py"


def test_every_key_has_a_row_with_its_default_and_meaning():
    rows = [line.strip("| ").split(" | ") for line in settings_reference().splitlines() if line.startswith("| `")]
    reference = {row[0].strip("`"): row for row in rows}
    variants = ["network.source=torchvision", "dream.parameterization.kind=pixels", "dream.optimizer.kind=normalized"]
    kinds = {variant.split("=")[0] for variant in variants}
    for overrides in [(), variants]:
        for key, value in flatten(parse_settings("", "f.yaml", overrides)).items():
            assert len(reference[key]) == 4, key
            assert key in kinds or reference[key][2] == f"`{json.dumps(value)}`", key


def leaves(shape):
    match shape:
        case Leaf():
            return [shape]
        case Group(keys=keys):
            return [leaf for below in keys.values() for leaf in leaves(below)]
        case Variants(tag=tag, groups=groups):
            others = [below for group in groups.values() for key, below in group.keys.items() if key != tag]
            return [shape.tag_leaf, *(leaf for below in others for leaf in leaves(below))]


def test_every_key_has_a_meaning_and_words_for_its_values():
    found = leaves(settings_shape())
    assert len(found) >= len(flatten(Settings()))
    assert all(leaf.description.endswith(".") and leaf.words for leaf in found)
