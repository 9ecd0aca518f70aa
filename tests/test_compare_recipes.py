"""The comparison of recipes gives each the same number of passes, and says what the judge sees in what each makes."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import compare_recipes as script
import lucent_dreams


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    given = ["--network", "embedded", "--judge", "embedded", "--classes", "2", "--size", "64", *arguments]
    monkeypatch.setattr(sys, "argv", ["compare_recipes.py", *given])
    script.main()


def test_more_passes_are_recognized_better(monkeypatch, tmp_path, capsys) -> None:
    told, pictures = tmp_path / "rows.jsonl", tmp_path / "pictures"
    for passes in ("2", "40"):
        run(monkeypatch, "--passes", passes, "--json", str(told), "--pictures", str(pictures), "default")
    few, many = (json.loads(line)["judged"]["mean_log_probability"] for line in told.read_text().splitlines())
    assert many > few + 1
    assert Image.open(pictures / "default" / "0500.png").size == (64, 64)
    assert "ms/pass" in capsys.readouterr().out


def test_views_count_as_passes(monkeypatch) -> None:
    options = script.parser().parse_args(["--network", "embedded", "--passes", "10"])
    assert script.settings_of({"transforms": {"views": 2}}, options).stills.steps == 5
    assert script.settings_of({}, options).stills.steps == 10


def test_every_recipe_is_one_that_the_settings_know() -> None:
    options = script.parser().parse_args([])
    recipes = script.yaml.safe_load(script.RECIPES.read_text(encoding="utf-8"))
    looks = {script.settings_of(recipe, options).model_dump_json() for recipe in recipes.values()}
    assert len(looks) == len(recipes) > 10


def test_lucent_wants_a_torchvision_network(monkeypatch) -> None:
    with pytest.raises(SystemExit, match="torchvision"):
        run(monkeypatch, "--passes", "2", "lucent")


def test_without_lucent_it_says_how_to_get_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "lucent.optvis", None)
    with pytest.raises(SystemExit, match="pip install"):
        next(lucent_dreams.dream_with_lucent(None, [1], size=32, steps=1))
