"""`docs/directing.md`: what it writes can be read, and what it lists is what there is."""

import re
from pathlib import Path

import pytest
import yaml

from renderer.common.expressions import FUNCTIONS
from renderer.common.value_curves import SOUNDS, TIMES
from renderer.settings.loading import parse_settings
from renderer.settings.shape import settings_shape
from renderer.sound.csv_file import read_curves
from tests.test_readme import blocks

PAGE = Path(__file__).parents[1] / "docs" / "directing.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("block", blocks(PAGE, "yaml"))
def test_what_is_written_there_are_settings(block: str) -> None:
    keys = yaml.safe_load(block).keys()
    # Some lines are of the section `motion`.
    text = block if keys <= settings_shape().keys.keys() else "motion:\n" + re.sub("^", "  ", block, flags=re.MULTILINE)
    assert parse_settings(text, "directing.md")


def test_all_names_and_functions_are_told() -> None:
    names = set(re.findall(r"`([a-z_.]+)`", TEXT))
    assert {*TIMES, *SOUNDS} <= names
    assert {name for name in FUNCTIONS if f"`{name}`" in TEXT or f"`{name}(" in TEXT} == set(FUNCTIONS)


def test_the_table_there_is_one(tmp_path: Path) -> None:
    (table,) = blocks(PAGE, "csv")
    (tmp_path / "curves.csv").write_text(table)
    assert read_curves(tmp_path / "curves.csv").at("curves.glow", 2.0) == pytest.approx(0.5, abs=0.01)
