"""Previews: smaller and shorter in work, of the same classes, order, text and transitions, and apart from the run."""

import json
from pathlib import Path

import av
import pytest
from PIL import Image

from renderer.cli import main
from renderer.common.errors import UserError
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.previewing import make_preview
from renderer.settings.loading import load_settings, parse_settings
from renderer.settings.shipped import shipped_configs
from tests.film_helpers import chapters, tiny_settings

QUICK = (
    "film.width=64", "film.height=48", "film.fps=20", "film.seconds_per_class=0.2", "dream.steps_per_frame=2",
    "dream.fresh_steps=4", "stills.steps=8", "stills.width=48", "stills.height=64", "run.device=cpu",
)  # fmt: skip


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("renderer.jobs.previewing._SIDE", 32)


def run(*arguments: str, sets: tuple[str, ...] = QUICK) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, *(word for override in sets for word in ("--set", override))])
    return int(ended.value.code or 0)


def test_a_film_and_its_preview(capsys: pytest.CaptureFixture[str]) -> None:
    sets = (*QUICK, "classes.limit=3")
    assert run("render", "quickstart", sets=sets) == 0
    real = sorted((path.name, path.stat().st_mtime_ns) for path in Path("runs/quickstart").rglob("*"))
    capsys.readouterr()
    assert run("render", "quickstart", "--preview", sets=sets) == 0
    said = capsys.readouterr()
    assert "preview: 42x32, 10 frames a second with 4 steps each" in said.err
    assert "the real one: all 12 frames are there; nothing to dream" in said.out
    assert real == sorted((path.name, path.stat().st_mtime_ns) for path in Path("runs/quickstart").rglob("*"))
    assert chapters(Path("runs/quickstart-preview/atlas.mp4")) == chapters(Path("runs/quickstart/atlas.mp4"))
    with av.open("runs/quickstart-preview/atlas.mp4") as film:
        assert {(frame.width, frame.height) for frame in film.decode(video=0)} == {(42, 32)}


def test_stills_and_their_preview_go_on_after_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stills", "emoji", "--preview") == 0
    said = capsys.readouterr()
    assert "preview: stills of 32x42 with 8 steps; 12 of 1000 classes (evenly chosen)" in said.err
    assert "the real one: the fresh stills about " in said.out
    stills = sorted(Path("runs/emoji-preview/stills").iterdir())
    assert len(stills) == 12 and Image.open(stills[0]).size == (32, 42)
    assert stills[0].name.startswith("0000-") and stills[-1].name.startswith("0999-")
    before = [path.stat().st_mtime_ns for path in stills]
    assert run("stills", "emoji", "--preview") == 0
    assert [path.stat().st_mtime_ns for path in stills] == before


def test_a_preview_has_few_variants() -> None:
    preview = make_preview(parse_settings("stills: {variants: 9}", "x.yaml"), film=False)
    assert preview.settings.stills.variants == 2
    assert "steps, 2 a class;" in preview.told


def test_a_preview_never_takes_the_place_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    sets = (*QUICK, "classes.limit=1")
    assert run("render", "quickstart", "--output", "runs/mine", sets=sets) == 0
    assert run("render", "quickstart", "--preview", "--output", "runs/mine", sets=sets) == 2
    assert "runs/mine was begun with other settings" in capsys.readouterr().err


NEED_WEIGHTS = {"layers", "deepdream", "guide", "inversion"}  # to list their targets


@pytest.mark.parametrize("name", sorted(set(shipped_configs()) - NEED_WEIGHTS))
def test_all_shipped_configurations_have_previews_with_less_work(name: str) -> None:
    real = load_settings(name).settings
    preview = make_preview(real, film=True).settings
    shown, classes = chosen_targets(preview), chosen_targets(real)
    assert [target for target in classes if target in shown] == list(shown) and len(shown) <= 12
    assert preview.network == real.network and preview.motion == real.motion and preview.overlay == real.overlay
    assert preview.dream.model_copy(update={"steps_per_frame": real.dream.steps_per_frame}) == real.dream
    assert preview.film.seconds_per_class == real.film.seconds_per_class
    steps, fewer = (one.film.fps * one.dream.steps_per_frame for one in (real, preview))
    assert 0.45 * steps <= fewer <= steps and fewer >= min(steps, 60)
    pixels, less = (one.film.width * one.film.height for one in (real, preview))
    assert fewer * len(shown) * less < 0.6 * steps * len(classes) * pixels
    assert min(preview.film.width, preview.film.height) <= 32


def test_many_classes_are_four_pieces_of_neighbors() -> None:
    settings = tiny_settings("classes.select=all", "classes.order=random", "classes.limit=500")
    preview = make_preview(settings, film=True)
    order = [target.index for target in chosen_targets(settings)]
    places = [order.index(target.index) for target in chosen_targets(preview.settings)]
    assert places == [0, 1, 2, 166, 167, 168, 331, 332, 333, 497, 498, 499]
    assert preview.settings.film.chains == 4
    assert preview.told.endswith("12 of 500 classes (4 excerpts of 3 neighbors each)")


@pytest.mark.parametrize(
    ("classes", "places"), [(6, [0, 1, 2, 3, 4, 5]), (7, [0, 1, 2, 4, 5, 6]), (18, [0, 1, 2, 8, 9, 10, 15, 16, 17])]
)
def test_of_few_classes_about_half_are_shown(classes: int, places: list[int]) -> None:
    settings = tiny_settings("classes.select=all", f"classes.limit={classes}")
    preview = make_preview(settings, film=True)
    assert [target.index for target in chosen_targets(preview.settings)] == places


def test_a_film_as_small_as_its_preview_is_named_so(capsys: pytest.CaptureFixture[str]) -> None:
    small = make_preview(tiny_settings("film.fps=12", "dream.steps_per_frame=5"), film=True)
    assert not small.saves and "you can as well make it without --preview" in small.told
    for more in ("classes.select=['0-9']", "film.width=128", "film.fps=48", "stills.fresh=true"):
        large = make_preview(tiny_settings("film.height=64", "dream.steps_per_frame=5", more), film=True)
        assert large.saves and "without --preview" not in large.told
    sets = ("classes.limit=1", *QUICK, "film.width=32", "film.height=32", "film.fps=10")
    assert run("render", "quickstart", "--preview", sets=sets) == 0
    assert "you can as well make it without --preview" in capsys.readouterr().err


def test_mixtures_are_kept_in_a_preview() -> None:
    mixture = {"title": "odd one", "mix": {"pizza": 1, "owl": 0.5}}
    settings = tiny_settings(f"classes.select={json.dumps(['0-29', mixture])}")
    shown = chosen_targets(make_preview(settings, film=True).settings)
    assert shown[-1] == chosen_targets(settings)[-1] and shown[-1].title == "odd one"


@pytest.mark.parametrize(
    ("fps", "steps", "wanted"),
    [
        (25, 5, (12.5, 5)), (60, 5, (12, 12)), (12, 40, (12, 20)), (20, 4, (10, 6)),
        (24, 1, (12, 2)), (8, 5, (8, 5)), (12, 5, (12, 5)), (30, 2, (15, 4)), (8, 0, (8, 0)),
    ],
)  # fmt: skip
def test_steps_a_second_are_halved_where_they_are_many(fps: float, steps: int, wanted: tuple[float, int]) -> None:
    settings = tiny_settings(f"film.fps={fps}", f"dream.steps_per_frame={steps}")
    preview = make_preview(settings, film=True).settings
    assert (preview.film.fps, preview.dream.steps_per_frame) == wanted


def test_small_things_stay_as_they_are() -> None:
    preview = make_preview(tiny_settings("film.fps=8"), film=True).settings
    assert (preview.film.width, preview.film.height, preview.film.chains) == (24, 16, 2)


def test_what_is_wrong_is_told_as_ever() -> None:
    with pytest.raises(UserError, match="florble"):
        make_preview(tiny_settings("classes.select=florble"), film=True)
