"""Several runs side by side: which targets are matched, where it is written, what is refused; runs are only read."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from renderer.atlas.compare import Compared, default_folder, write_comparison
from renderer.common.errors import UserError
from renderer.jobs.commands import Request, render, render_stills
from renderer.settings.loading import parse_settings
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from renderer.store.records import StillRecord, describe, read_record, write_record
from renderer.targets.target import Guess, Score
from tests import fake_worker
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, chapters, request

UNITS = "network={source: embedded, targets: {kind: channels, layer: features.0}}"


def stills_run(directory: Path, *overrides: str) -> Path:
    render_stills(request(directory, *overrides), Recorder(), FakeWorker)
    return directory


def named_run(directory: Path, rows: list[tuple[str, str]], *more: str) -> Path:
    """A run of stills of a network with a class list of its own: wnids and titles."""
    folder = directory.parent
    classes = folder / f"{directory.name}.csv"
    lines = [f"{index},{title},{wnid}" for index, (wnid, title) in enumerate(rows)]
    classes.write_text("\n".join(["index,title,wnid", *lines]), encoding="utf-8")
    (folder / "none.pth").touch()
    network = f"network={{source: torchvision, weights: {folder}/none.pth, classes: {classes}}}"
    return stills_run(directory, network, "classes.select=all", *more)


def compared(*runs: Path, output: Path, **wanted: bool) -> tuple[Compared, dict[str, Any], list[str]]:
    """What was written, the contents of its page, and what was said."""
    recorder = Recorder()
    done = write_comparison(runs, output, recorder, **wanted)
    contents: dict[str, Any] = json.loads((output / "compare.json").read_text(encoding="utf-8"))
    return done, contents, recorder.notes


def tree(folder: Path) -> dict[str, str]:
    """Digests of all files below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs with films of the same network, which share three classes; nobody changes them."""
    folder = tmp_path_factory.mktemp("runs")
    first, second = folder / "one", folder / "two"
    render(request(first), Recorder(), FakeWorker)
    more = ("classes.select=[7,5,2,1]", "classes.order=title", "film.seconds_per_class=0.75", "run.seed=3")
    render(request(second, *more), Recorder(), FakeWorker)
    return first, second


def test_classes_are_matched_by_wnid_then_title_wherever_they_stand_in_the_lists(tmp_path: Path) -> None:
    one = named_run(tmp_path / "one", [("n1", "crane"), ("", "Red Fox"), ("n3", "hen"), ("n4", "only here")])
    two = named_run(tmp_path / "two", [("n3", "biddy"), ("n9", "crane"), ("", "red_fox")])
    _, contents, _ = compared(one, two, output=tmp_path / "out")
    assert [row["title"] for row in contents["rows"]] == ["Red Fox", "hen"]
    assert [[bool(cell) for cell in row["cells"]] for row in contents["rows"]] == [[True, True], [True, True]]
    assert [run["alone"] for run in contents["runs"]] == [["crane", "only here"], ["crane"]]
    assert contents["rows"][1]["synonyms"] == ["biddy"]


def test_a_row_needs_two_of_three_runs(tmp_path: Path) -> None:
    lists = [[("", "a"), ("", "b")], [("", "b"), ("", "c")], [("", "c"), ("", "d")]]
    three = [named_run(tmp_path / f"run-{number}", rows) for number, rows in enumerate(lists)]
    _, contents, _ = compared(*three, output=tmp_path / "out")
    cells = {row["title"]: [cell is not None for cell in row["cells"]] for row in contents["rows"]}
    assert cells == {"b": [True, True, False], "c": [False, True, True]}
    assert contents["common"] == 0


def test_runs_are_told_apart_by_what_differs(runs: tuple[Path, Path], tmp_path: Path) -> None:
    _, contents, _ = compared(*runs, output=tmp_path)
    assert [run["name"] for run in contents["runs"]] == ["one", "two"]
    assert contents["title"] == "emojinet: one · two"
    differences = [run["differences"] for run in contents["runs"]]
    assert differences[0] == {"film.seconds_per_class": "1.25", "run.seed": "0"}
    assert differences[1] == {"film.seconds_per_class": "0.75", "run.seed": "3"}


def test_figures_are_of_what_all_runs_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def score(unit: int, seed: int) -> Score:
        probability = {1: 0.9, 2: 0.6, 3: 0.01}.get(unit, 0.5)
        return Score(1.0 * unit, probability / (1 + seed % 2), 1 if unit < 3 else 4, (Guess(unit, probability),))

    monkeypatch.setattr(fake_worker, "fake_score", score)
    one = stills_run(tmp_path / "one", "classes.select=[1,2,3,5]", "stills.retries=0")
    two = stills_run(tmp_path / "two", "classes.select=[1,2,3]", "stills.retries=0", "run.seed=1")
    _, contents, _ = compared(one, two, output=tmp_path / "out")
    assert contents["common"] == 3
    assert [run["own"]["pictures"] for run in contents["runs"]] == [3, 3]
    assert contents["runs"][0]["own"]["top_1"] == pytest.approx(2 / 3)
    assert contents["runs"][0]["own"]["top_5"] == 1.0
    probabilities = [[cell["probability"] for cell in row["cells"]] for row in contents["rows"]]
    apart = [row["disagreement"] for row in contents["rows"]]
    assert apart == pytest.approx([abs(a - b) for a, b in probabilities], abs=1e-6)


def test_units_of_one_network_are_matched_and_have_activations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_worker, "fake_score", lambda unit, seed: Score(4.0 - 3 * (seed % 2)))
    two = [stills_run(tmp_path / str(seed), UNITS, "classes.select=[0,1]", f"run.seed={seed}") for seed in range(2)]
    _, contents, _ = compared(*two, output=tmp_path / "out")
    assert contents["unit"] == "unit"
    assert [row["title"] for row in contents["rows"]] == ["features.0 · 0", "features.0 · 1"]
    assert all("rank" not in cell for row in contents["rows"] for cell in row["cells"])
    assert contents["runs"][0]["own"]["mean_activation"] == 4.0


def test_the_runs_are_only_read_also_beside_a_render(runs: tuple[Path, Path], tmp_path: Path) -> None:
    before = [tree(run) for run in runs]
    with locked(RunPaths(runs[0]).lock):
        held = tree(runs[0])
        compared(*runs, output=tmp_path / "out", film=True, copy=True)
        assert tree(runs[0]) == held
    assert tree(runs[1]) == before[1]


def test_an_unfinished_run_shows_what_is_there(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        if number == 2:
            raise RuntimeError("cut short")

    one = stills_run(tmp_path / "one")
    render_stills(request(tmp_path / "two"), Recorder(), lambda settings: FakeWorker(settings, fail))
    _, contents, _ = compared(one, tmp_path / "two", output=tmp_path / "out")
    assert ["still" in row["cells"][1] for row in contents["rows"]] == [True, True, False, False]
    assert all("still" in row["cells"][0] for row in contents["rows"])


def test_damaged_and_missing_stills_are_left_out_and_named(tmp_path: Path) -> None:
    one, two = stills_run(tmp_path / "one"), stills_run(tmp_path / "two", "run.seed=1")
    gone, damaged, *_ = sorted((two / "stills").iterdir())
    gone.unlink()
    damaged.write_bytes(bytes(reversed(damaged.read_bytes())))
    _, contents, notes = compared(one, two, output=tmp_path / "out")
    (note,) = notes
    assert str(two) in note
    assert gone.name in note
    assert damaged.name in note
    assert ["still" in row["cells"][1] for row in contents["rows"]] == [False, False, True, True]
    assert not list((tmp_path / "out" / "thumbs").glob(f"02-{gone.stem}*"))


def test_thumbnails_are_there_and_stills_and_films_are_linked(runs: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "a" / "b"
    _, contents, _ = compared(*runs, output=output)
    for row in contents["rows"]:
        for cell in filter(None, row["cells"]):
            assert Image.open(output / cell["thumbnail"]).format == "WEBP"
            assert (output / cell["still"]).is_file()
            assert ".." in cell["still"]
    assert all(
        (output / run["film"]["path"]).samefile(runs[place] / "atlas.mp4") for place, run in enumerate(contents["runs"])
    )
    assert not any((output / name).exists() for name in ("stills", "films", "compare.mp4"))


def test_with_copies_nothing_outside_is_needed(runs: tuple[Path, Path], tmp_path: Path) -> None:
    compared(*runs, output=tmp_path / "out", copy=True)
    moved = (tmp_path / "out").rename(tmp_path / "elsewhere")
    contents = json.loads((moved / "compare.json").read_text(encoding="utf-8"))
    stills = [cell["still"] for row in contents["rows"] for cell in row["cells"] if cell]
    films = [run["film"]["path"] for run in contents["runs"]]
    assert all((moved / path).is_file() and ".." not in path for path in stills + films)
    assert all(run["page"] is None for run in contents["runs"])


def test_a_comparison_replaces_an_earlier_one_and_leaves_other_files(runs: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "out"
    compared(*runs, output=output, film=True, copy=True)
    (output / "mine.txt").write_text("mine")
    (output / "stills" / "mine.png").write_text("mine")
    compared(runs[1], runs[0], output=output)
    assert (output / "mine.txt").read_text() == (output / "stills" / "mine.png").read_text() == "mine"
    assert [path.name for path in (output / "stills").iterdir()] == ["mine.png"]
    assert not (output / "films").exists()
    assert not (output / "compare.mp4").exists()


def test_the_sheet_has_a_row_for_each_target_and_a_column_for_each_run(tmp_path: Path) -> None:
    one, two = stills_run(tmp_path / "one"), stills_run(tmp_path / "two", "classes.select=[1,2]")
    for run, color in ((one, (220, 20, 20)), (two, (20, 20, 220))):
        paint(run, color)
    done, _, _ = compared(one, two, output=tmp_path / "out")
    sheet = Image.open(done.sheet[0]).convert("RGB")
    colors = sheet.getcolors(sheet.width * sheet.height) or []
    red = sum(count for count, (r, g, b) in colors if r > 180 and b < 80)  # type: ignore[misc]
    blue = sum(count for count, (r, g, b) in colors if b > 180 and r < 80)  # type: ignore[misc]
    assert red == pytest.approx(blue, rel=0.05)  # two rows with both: what one run has alone is left out
    assert red > 10_000


def paint(run: Path, color: tuple[int, int, int]) -> None:
    """Make a run's stills of one color, and its records believe it."""
    paths = RunPaths(run)
    for path in paths.still_records().values():
        record = read_record(path, StillRecord)
        assert record
        still = run / record.still.path
        Image.new("RGB", (20, 16), color).save(still)
        write_record(path, record.model_copy(update={"still": describe(paths, still)}))


def test_films_are_cut_by_class(runs: tuple[Path, Path], tmp_path: Path) -> None:
    done, contents, _ = compared(*runs, output=tmp_path, film=True)
    assert done.film
    shared = [row["title"] for row in contents["rows"]]
    assert len(shared) == 3
    assert chapters(done.film) == [(title, 1.25 * place) for place, title in enumerate(shared)]
    assert contents["film"] == "compare.mp4"


def test_runs_of_stills_make_a_growing_film(tmp_path: Path) -> None:
    two = [stills_run(tmp_path / f"epoch-{number}", f"run.seed={number}") for number in range(2)]
    done, contents, _ = compared(*two, output=tmp_path / "out", film=True)
    assert done.film
    assert [title for title, _ in chapters(done.film)] == [row["title"] for row in contents["rows"]]


def refusal(runs: tuple[Path, ...], output: Path, **wanted: bool) -> str:
    with pytest.raises(UserError) as refused:
        write_comparison(runs, output, Recorder(), **wanted)
    return str(refused.value)


def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path, runs: tuple[Path, Path]) -> None:
    one, output = runs[0], tmp_path / "out"
    other = stills_run(tmp_path / "other", "classes.select=[100,101]")
    layer = stills_run(tmp_path / "layer", UNITS, "classes.select=[0,1]")
    assert "two runs at least" in refusal((one,), output)
    assert "is given twice" in refusal((one, one.parent / "." / one.name), output)
    assert "holds no run" in refusal((one, tmp_path), output)
    assert "no target in common" in refusal((one, other), output)
    assert "units of features.0 of emojinet" in refusal((one, layer), output)
    assert "has no film" in refusal((one, stills_run(tmp_path / "stills")), output, film=True)
    assert not output.exists()


def test_a_film_that_cannot_be_cut_is_refused(tmp_path: Path, runs: tuple[Path, Path]) -> None:
    gif = tmp_path / "gif"
    render(request(gif, "video.codec=gif"), Recorder(), FakeWorker)
    assert "is gif" in refusal((runs[0], gif), tmp_path / "out", film=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda folder, run: shutil.copytree(run, folder), "is the directory of a run"),
        (lambda folder, run: (folder.mkdir(), (folder / "thesis.txt").touch()), "it has thesis.txt"),
        (lambda folder, run: folder.touch(), "is a file"),
        (lambda folder, run: (folder.mkdir(), (folder / "thumbs").symlink_to(run)), "is a link"),
    ],
    ids=["run", "thesis", "file", "link"],
)
def test_folders_of_others_are_refused(
    runs: tuple[Path, Path], tmp_path: Path, prepare: Callable[[Path, Path], object], said: str
) -> None:
    prepare(tmp_path / "out", runs[0])
    before = tree(tmp_path)
    assert said in refusal(runs, tmp_path / "out")
    assert tree(tmp_path) == before


def test_nothing_is_written_into_a_run(runs: tuple[Path, Path]) -> None:
    before = tree(runs[0])
    for output in (runs[0], runs[0] / "comparison", runs[0] / "stills"):
        assert "directory of a run" in refusal(runs, output)
    assert tree(runs[0]) == before


def test_the_folder_is_named_after_the_runs(tmp_path: Path) -> None:
    assert default_folder([tmp_path / "Seed 0", tmp_path / "b"]) == Path("runs/compare-seed-0-b")


def test_settings_are_told_without_where_files_lie(tmp_path: Path) -> None:
    weights = []
    for epoch in ("epoch-1", "epoch-2"):
        (tmp_path / epoch).mkdir()
        (tmp_path / epoch / "model.pth").write_bytes(epoch.encode())
        weights.append(tmp_path / epoch / "model.pth")
    two = []
    for path in weights:
        network = f"network={{source: torchvision, name: squeezenet1_1, weights: {path}}}"
        settings = parse_settings("", "one", ["classes.select=[1,2]", "stills.width=20", "stills.height=16", network])
        two.append(
            render_stills(Request("one", settings, path.parent / "run-of" / path.parent.name), Recorder(), FakeWorker)
        )
    _, contents, _ = compared(*(outcome.paths.root for outcome in two), output=tmp_path / "out")
    told = [run["differences"] for run in contents["runs"]]
    assert told == [{"network.weights": "epoch-1/model.pth"}, {"network.weights": "epoch-2/model.pth"}]
    assert str(tmp_path) not in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
