"""`stills.variants` and `stills.alpha` on whole runs."""

import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.atlas.sheet import make_sheet
from renderer.common.errors import UserError
from renderer.common.progress import Amount, Stepped
from renderer.film.still_recipe import StillRecipe, still_recipe
from renderer.film.tasks import NOT_SAVING, Saving, Still, StillTask
from renderer.jobs.commands import Request, make_page, render, render_stills
from renderer.jobs.evaluation import evaluate
from renderer.jobs.preflight import preflight
from renderer.jobs.status import run_status
from renderer.media.contact_sheet import Cell, SheetStyle, write_sheet
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results, tiny_settings

FOUR = ("stills.variants=4", "stills.steps=3", "stills.retries=0")
NAMES = ["0001-rolling-on-the-floor-laughing", "0002-melting-face"]


def asked(directory: Path, *more: str, restart: bool = False) -> Request:
    return request(directory, "classes.select=[1,2]", *FOUR, *more, restart=restart)


def names(directory: Path) -> list[str]:
    return [path.name for path in sorted((directory / "stills").iterdir())]


def index(directory: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((directory / "atlas.json").read_text())["classes"]
    return found


def test_each_class_has_so_many_stills_and_the_index_names_them_best_first(tmp_path: Path) -> None:
    told = Recorder()
    outcome = render_stills(asked(tmp_path), told)
    paths = [path for entry in outcome.index.classes for path in entry.stills]
    assert len(paths) == len(set(paths)) == 8
    assert sorted(f"stills/{name}" for name in names(tmp_path)) == sorted(paths)
    assert (told.total.pictures, told.total.classes) == (8, 2)
    for entry in index(tmp_path):
        variants = [entry, *entry["facets"]]  # type: ignore[misc]
        assert len({one["seed"] for one in variants}) == 4
        quality = [(one["rank"], -one["probability"]) for one in variants]
        assert quality == sorted(quality)
        pictures = [np.asarray(Image.open(tmp_path / one["still"])) for one in variants]
        assert all((one != other).any() for one, other in combinations(pictures, 2))
        assert all((tmp_path / "thumbs" / f"{Path(one['still']).stem}.webp").is_file() for one in variants)


def test_one_variant_is_the_still_as_it_was_and_more_do_not_change_the_first(tmp_path: Path) -> None:
    render_stills(asked(tmp_path / "one", "stills.variants=1"), Recorder())
    render_stills(asked(tmp_path / "four"), Recorder())
    one = [(tmp_path / "one" / str(entry["still"])).read_bytes() for entry in index(tmp_path / "one")]
    for alone, entry in zip(one, index(tmp_path / "four"), strict=True):
        by_seed = {v["seed"]: v["still"] for v in [entry, *entry["facets"]]}  # type: ignore[misc]
        assert (tmp_path / "four" / by_seed[0]).read_bytes() == alone


def test_diversity_matters_and_belongs_to_the_run(tmp_path: Path) -> None:
    render_stills(asked(tmp_path / "apart", "stills.diversity=100"), Recorder())
    render_stills(asked(tmp_path / "free", "stills.diversity=0"), Recorder())
    assert results(tmp_path / "apart") != results(tmp_path / "free")
    with pytest.raises(UserError, match=r"stills\.diversity: was 0\.0, is 100\.0"):
        render_stills(asked(tmp_path / "free", "stills.diversity=100"), Recorder())


@pytest.mark.parametrize("lost", [f"stills/{NAMES[1]}_3.png", f"stills/{NAMES[0]}.png", "state/still-0002.json"])
def test_what_is_lost_is_made_again_as_it_was(tmp_path: Path, lost: str) -> None:
    render_stills(asked(tmp_path), Recorder())
    before = results(tmp_path)
    (tmp_path / lost).unlink()
    assert run_status(tmp_path).is_finished is False
    render_stills(asked(tmp_path), Recorder())
    assert results(tmp_path) == before
    assert run_status(tmp_path).is_finished


def test_an_interrupted_run_goes_on_to_the_same(tmp_path: Path) -> None:
    render_stills(asked(tmp_path / "whole", "run.batch=1"), Recorder(), FakeWorker)

    def interrupt(number: int) -> None:
        if number == 6:  # the third variant of the second class
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_stills(
            asked(tmp_path / "run", "run.batch=1"), Recorder(), lambda settings: FakeWorker(settings, interrupt)
        )
    status = run_status(tmp_path / "run").stills
    assert status
    assert (status.pictures_done, status.pictures, status.classes_done) == (4, 8, 1)
    worker = FakeWorker(asked(tmp_path).settings)
    render_stills(asked(tmp_path / "run", "run.batch=1"), Recorder(), lambda settings: worker)
    assert worker.frames == 4
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def test_each_variant_is_given_those_before_it(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    class Looking(FakeWorker):
        def stills(
            self,
            recipe: StillRecipe,
            batches: Sequence[Sequence[StillTask]],
            stepped: Stepped,
            saving: Saving = NOT_SAVING,
        ) -> Iterator[Still]:
            seen.extend((task.aim.key, len(task.others)) for batch in batches for task in batch)
            return super().stills(recipe, batches, stepped, saving)

    render_stills(asked(tmp_path, "stills.variants=3"), Recorder(), Looking)
    assert seen == [(key, others) for others in range(3) for key in ("0001", "0002")]


def test_restart_removes_all_variants(tmp_path: Path) -> None:
    render_stills(asked(tmp_path), Recorder(), FakeWorker)
    (tmp_path / "stills" / "mine_2.png").write_bytes(b"not the run's")
    render_stills(asked(tmp_path, "stills.variants=2", restart=True), Recorder(), FakeWorker)
    assert sorted(names(tmp_path)) == sorted([*(f"{n}{end}.png" for n in NAMES for end in ("", "_2")), "mine_2.png"])
    assert len(list((tmp_path / "thumbs").iterdir())) == 4


def test_the_page_and_the_sheet_show_them(tmp_path: Path) -> None:
    render_stills(asked(tmp_path), Recorder(), FakeWorker)
    html = (tmp_path / "index.html").read_text()
    shown = json.loads(html.split('id="contents">')[1].split("</script>")[0])["classes"]
    assert [len(entry["facets"]) for entry in shown] == [3, 3]
    assert all((tmp_path / one["thumbnail"]).is_file() for entry in shown for one in entry["facets"])
    style = SheetStyle(columns=2, thumbnail=100, per_page=None, titles=False)
    sheet = make_sheet(tmp_path, style, tmp_path / "sheet.png")
    drawn = np.asarray(Image.open(sheet.pages[0].path).convert("RGB")).astype(int)
    for name in names(tmp_path):
        still = Image.open(tmp_path / "stills" / name).convert("RGB").resize((49, 39), Image.Resampling.LANCZOS)
        assert occurs(drawn, np.asarray(still).astype(int)), name


def occurs(page: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a picture stands somewhere on a page."""
    height, width, _ = picture.shape
    return any(
        np.abs(page[top : top + height, left : left + width] - picture).mean() < 2
        for top in range(page.shape[0] - height + 1)
        for left in range(page.shape[1] - width + 1)
        if np.abs(page[top, left] - picture[0, 0]).max() < 16
    )


def test_the_best_alone_is_judged(tmp_path: Path) -> None:
    render_stills(asked(tmp_path), Recorder())
    (figures,) = evaluate(tmp_path, [], Recorder()).network.figures
    assert figures.pictures == 2


def test_transparent_stills_keep_their_colors(tmp_path: Path) -> None:
    render_stills(asked(tmp_path / "solid", "stills.variants=1"), Recorder())
    render_stills(asked(tmp_path / "clear", "stills.variants=1", "stills.alpha=true"), Recorder())
    for name in names(tmp_path / "solid"):
        solid, clear = (Image.open(tmp_path / run / "stills" / name) for run in ("solid", "clear"))
        assert (solid.mode, clear.mode) == ("RGB", "RGBA")
        assert np.array_equal(np.asarray(solid), np.asarray(clear)[..., :3])
        opacity = np.asarray(clear)[..., 3]
        assert opacity.min() == 0
        assert opacity.max() == 255
    assert Image.open(next((tmp_path / "clear" / "thumbs").iterdir())).mode == "RGBA"
    scores = [[entry["logit"] for entry in index(tmp_path / run)] for run in ("solid", "clear")]
    assert scores[0] == scores[1]
    judged = [evaluate(tmp_path / run, [], Recorder()).network.pictures for run in ("solid", "clear")]
    assert [one.log_probability for one in judged[0]] == [one.log_probability for one in judged[1]]


def test_a_transparent_still_on_a_sheet_lets_its_ground_through(tmp_path: Path) -> None:
    render_stills(asked(tmp_path, "stills.variants=1", "stills.alpha=true"), Recorder(), FakeWorker)
    for path in (tmp_path / "stills").iterdir():
        Image.new("RGBA", (20, 16), (255, 0, 0, 0)).save(path)
    style = SheetStyle(columns=2, thumbnail=100, per_page=None, titles=False)
    cells = [Cell("one", (path,)) for path in sorted((tmp_path / "stills").iterdir())]
    (page,) = write_sheet(tmp_path / "sheet.png", cells, style)
    assert len(np.unique(np.asarray(Image.open(page.path)).reshape(-1, 3), axis=0)) == 1


def test_a_facet_that_is_lost_leaves_the_best_where_it_is(tmp_path: Path) -> None:
    render_stills(asked(tmp_path, "stills.variants=3"), Recorder(), FakeWorker)
    render(asked(tmp_path, "stills.variants=1"), Recorder(), FakeWorker)
    before = results(tmp_path)
    (tmp_path / "stills" / f"{NAMES[0]}_3.png").unlink()
    told = Recorder()
    make_page(tmp_path, told)
    after = results(tmp_path)
    assert {name: after[name] for name in (f"{NAMES[0]}.png", f"{NAMES[0]}_2.png")} == {
        name: before[name] for name in (f"{NAMES[0]}.png", f"{NAMES[0]}_2.png")
    }
    assert len(index(tmp_path)[0]["facets"]) == 1  # type: ignore[arg-type]
    assert any(f"{NAMES[0]}_3.png" in note for note in told.notes)


def test_a_lost_best_still_is_taken_from_the_film_without_its_facets(tmp_path: Path) -> None:
    render_stills(asked(tmp_path, "stills.variants=3"), Recorder(), FakeWorker)
    render(asked(tmp_path, "stills.variants=1"), Recorder(), FakeWorker)
    (tmp_path / "stills" / f"{NAMES[0]}.png").unlink()
    (tmp_path / "stills" / f"{NAMES[0]}_9.png").write_bytes(b"not the run's")
    for _ in range(2):
        render(asked(tmp_path, "stills.variants=1"), Recorder(), FakeWorker)
        assert names(tmp_path) == sorted(
            [f"{NAMES[0]}.png", f"{NAMES[0]}_9.png", *(f"{NAMES[1]}{end}.png" for end in ("", "_2", "_3"))]
        )
    assert len(list((tmp_path / "thumbs").iterdir())) == 4


def test_tries_do_not_use_up_the_progress_of_later_variants(tmp_path: Path) -> None:
    told = Recorder()
    wanted = request(tmp_path, "stills.variants=4", "stills.retries=3", "stills.steps=5", "run.batch=4")
    shares: list[tuple[int, float]] = []

    class Looking(FakeWorker):
        def stills(
            self,
            recipe: StillRecipe,
            batches: Sequence[Sequence[StillTask]],
            stepped: Stepped,
            saving: Saving = NOT_SAVING,
        ) -> Iterator[Still]:
            shares.append((len(batches[0][0].others), told.done.steps / told.total.steps))
            return super().stills(recipe, batches, stepped, saving)

    render_stills(wanted, told, Looking)
    assert told.done == told.total == Amount(16, 4, 16 * 5)
    first = dict(reversed(shares))
    assert first == {others: others / 4 for others in range(4)}
    assert all(share <= (others + 1) / 4 for others, share in shares)


def test_the_digest_is_as_before_where_neither_is_asked_for() -> None:
    def digest(*said: str) -> str:
        settings = Chosen(precision="float32", threads=1).fill_in(tiny_settings(*said))
        return still_recipe(settings, settings.network.known_targets()[:2], {}).digest

    plain = digest()
    assert digest("stills.diversity=3") == plain
    assert len({plain, digest("stills.alpha=true"), digest("stills.variants=2")}) == 3
    assert digest("stills.variants=2", "stills.diversity=3") != digest("stills.variants=2")


def test_variants_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    for batch in (1, 2):
        render_stills(asked(tmp_path / str(batch), f"run.batch={batch}", "run.threads=1"), Recorder())
    one, two = (results(tmp_path / batch) for batch in "12")
    assert one.keys() == two.keys()
    for name in names(tmp_path / "1"):
        pictures = [np.asarray(Image.open(tmp_path / batch / "stills" / name)).astype(int) for batch in "12"]
        assert np.abs(pictures[0] - pictures[1]).mean() < 1


def test_channels_of_a_layer_have_variants_too(tmp_path: Path) -> None:
    said = ("network.targets={kind: channels, layer: features.7}", "stills.variants=2", "stills.steps=3")
    outcome = render_stills(request(tmp_path, *said, "classes.select=[3]"), Recorder())
    assert [len(entry.stills) for entry in outcome.index.classes] == [2]


def _network_of(code: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A network of six classes, which `made` in some code gives; the setting for it."""
    (folder / f"{name}.py").write_text(f"from torch import nn\n{code}")
    (folder / "six.csv").write_text("".join(["index,title\n", *(f"{i},class {i}\n" for i in range(6))]))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    return f'network={{source: python, name: "{name}:made", input: {{size: 32}}, classes: six.csv}}'


def test_a_network_without_places_is_refused_before_anything_is_dreamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = "def made():\n    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 6))\n"
    network = _network_of(flat, "flat_network", tmp_path, monkeypatch)
    said, told = (network, "stills.variants=2", "stills.steps=3", "stills.retries=0"), Recorder()
    with pytest.raises(UserError, match=r"set stills\.diversity=0"):
        render_stills(request(tmp_path / "run", *said), told)
    assert told.done.steps == 0
    outcome = render_stills(request(tmp_path / "free", *said, "stills.diversity=0"), Recorder())
    assert [len(entry.stills) for entry in outcome.index.classes] == [2, 2, 2, 2]


def test_a_network_that_remembers_has_threads_for_variants_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remembering = (
        "class made(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.first = nn.Conv2d(3, 6, 3, padding=1)\n"
        "    def forward(self, views):\n"
        "        self.last = self.first(views)\n"
        "        return self.last.mean((2, 3))\n"
    )
    network = _network_of(remembering, "remembering", tmp_path, monkeypatch)
    said = (network, "stills.variants=2", "stills.steps=2", "stills.retries=0", "run.threads=2")
    render_stills(request(tmp_path / "run", *said), Recorder())
    assert "take turns" not in caplog.text


def test_text_and_transparency_are_refused_together() -> None:
    with pytest.raises(UserError, match="alpha and overlay"):
        parse_settings("stills: {alpha: true, overlay: true}", "x.yaml", [])


def test_stills_of_the_film_are_said_to_be_without_both(tmp_path: Path) -> None:
    told = Recorder()
    render(request(tmp_path, "stills.variants=2", "stills.alpha=true"), told, FakeWorker)
    assert any("stills.fresh" in note for note in told.notes)
    assert len(names(tmp_path)) == 4
    found = preflight(request(tmp_path / "new", "stills.variants=2"), film=True, quick=True)
    assert any("stills.fresh" in finding.text for finding in found)
