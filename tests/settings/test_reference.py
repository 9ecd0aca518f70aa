import json
import re
from pathlib import Path

from renderer.film.recipe import flatten
from renderer.settings.editor_schema import SCHEMA_FILE, schema_text
from renderer.settings.preset_reference import preset_reference
from renderer.settings.presets import families, presets
from renderer.settings.reference import settings_reference
from renderer.settings.sections import Settings
from renderer.settings.shape import Group, Leaf, Variants, settings_shape

DOCS = Path(__file__).parents[2] / "docs"
RUN = "run scripts/write_settings_reference.py"


def test_reference_is_current():
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == settings_reference(), RUN
    assert (DOCS / "presets.md").read_text(encoding="utf-8") == preset_reference(), RUN
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), RUN


def test_every_key_has_a_row_with_its_default_and_meaning():
    rows = [line.strip("| ").split(" | ") for line in settings_reference().splitlines() if line.startswith("| `")]
    reference = {row[0].strip("`"): row for row in rows}
    variants = {
        "network": {"source": "torchvision"},
        "dream": {"parameterization": {"kind": "maco"}, "optimizer": {"kind": "normalized"}},
    }
    kinds = {"network.source", "dream.parameterization.kind", "dream.optimizer.kind"}
    for data in [{}, variants]:
        for key, value in flatten(Settings.model_validate_json(json.dumps(data))).items():
            assert len(reference[key]) == 4, key
            assert key in kinds or reference[key][2] == f"`{json.dumps(value)}`", key


def test_what_kinds_share_is_told_once_and_pointed_at():
    lines = settings_reference().splitlines()
    headings = [line.lstrip("# ") for line in lines if line.startswith("#")]
    assert len(headings) == len(set(headings))
    anchors = {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\(#([^)]+)\)", settings_reference())
    assert "networktargets" in links and set(links) <= anchors


def test_presets_and_families_are_told_with_every_value():
    sections = {text.split("\n")[0]: text for text in preset_reference().split("\n### ")}
    for name, layer in {**presets(), **families()}.items():
        said = flatten(Settings.model_validate_json(json.dumps(layer.tree.plain())))
        usual = flatten(Settings.model_validate_json(json.dumps({"dream": _kinds(layer.tree.plain()["dream"])})))
        for key in (key for key in said if said[key] != usual[key]):
            assert f"| `{key}` | `{json.dumps(said[key])}` |" in sections[name]
        assert layer.description in sections[name]
        assert all(f"`{begin}`" in sections[name] for begin in layer.networks if begin != "embedded")


def _kinds(section):
    """Only what says of which kind a part is."""
    return {
        key: {"kind": value["kind"]} for key, value in section.items() if isinstance(value, dict) and "kind" in value
    }


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
