"""Stills as a training set: torchvision reads the right classes in both parts, and nothing else is touched."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from renderer.atlas.dataset import DatasetStyle, export_dataset
from renderer.cli import main
from renderer.common.errors import UserError
from renderer.jobs.commands import render, render_stills
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from renderer.targets.class_files import load_class_file
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request
from tests.test_comparing import named_run, tree

FIVE = ("stills.variants=5", "stills.retries=0")
CLASSES = ["0001-rolling-on-the-floor-laughing", "0002-melting-face", "0003-smiling-face-with-halo", "0005-zany-face"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes with five stills each; nobody changes it."""
    directory = tmp_path_factory.mktemp("runs") / "five"
    render_stills(request(directory, *FIVE, "classes.order=title"), Recorder(), FakeWorker)
    return directory


def exported(run: Path, output: Path, **style: float) -> list[str]:
    """Export, and give what was said."""
    recorder = Recorder()
    export_dataset(run, DatasetStyle(**style), output, recorder)  # type: ignore[arg-type]
    return recorder.notes


def rows(output: Path) -> list[dict[str, str]]:
    with (output / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_torchvision_reads_each_still_under_its_class(run: Path, tmp_path: Path) -> None:
    assert exported(run, tmp_path / "out", split=0.2) == []
    titles = (tmp_path / "out" / "classes.txt").read_text(encoding="utf-8").splitlines()
    stills = {path.name: path.read_bytes() for path in (run / "stills").iterdir()}
    known, found = {row["path"]: row for row in rows(tmp_path / "out")}, []
    for split, count in (("train", 16), ("val", 4)):
        folder = ImageFolder(str(tmp_path / "out" / split))
        assert folder.classes == CLASSES
        assert len(folder) == count
        for path, label in folder.samples:
            row = known.pop(Path(path).relative_to(tmp_path / "out").as_posix())
            assert (row["split"], row["label"], row["title"]) == (split, str(label), titles[label])
            assert int(row["index"]) == (1, 2, 3, 5)[label]
            assert Path(path).read_bytes() == stills[Path(path).name]
            found.append(Path(path).name)
    assert sorted(found) == sorted(stills)
    assert known == {}


def test_what_is_known_of_each_picture_is_what_the_index_says(run: Path, tmp_path: Path) -> None:
    exported(run, tmp_path / "out")
    classes = json.loads((run / "atlas.json").read_text())["classes"]
    told = {Path(one["still"]).name: one for entry in classes for one in (entry, *entry["facets"])}
    for row in rows(tmp_path / "out"):
        one = told[Path(row["path"]).name]
        assert (int(row["seed"]), float(row["probability"]), int(row["rank"])) == (
            one["seed"],
            one["probability"],
            one["rank"],
        )


def test_the_split_is_the_same_each_time_and_another_with_another_seed(run: Path, tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        exported(run, tmp_path / name, seed=seed, split=0.4)
    one, again, other = (tree(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert {path for path in one if path.startswith("val")} != {path for path in other if path.startswith("val")}
    counts = {name: len(list((tmp_path / "one" / "val" / name).iterdir())) for name in CLASSES}
    assert counts == dict.fromkeys(CLASSES, 2)


def test_every_class_is_in_both_parts_whatever_the_share(run: Path, tmp_path: Path) -> None:
    for share in (0.01, 0.9):
        exported(run, tmp_path / str(share), split=share)
        for split in ("train", "val"):
            assert ImageFolder(str(tmp_path / str(share) / split)).classes == CLASSES
    exported(run, tmp_path / "all", split=0)
    assert not (tmp_path / "all" / "val").exists()
    assert len(ImageFolder(str(tmp_path / "all" / "train"))) == 20


def test_classes_with_one_still_keep_their_number(run: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    render_stills(request(mixed, "stills.variants=2", "stills.retries=0"), Recorder(), FakeWorker)
    (mixed / "stills" / f"{CLASSES[1]}_2.png").unlink()
    notes = exported(mixed, tmp_path / "out")
    assert any("melting face" in note and "allow_empty" in note for note in notes)
    val = ImageFolder(str(tmp_path / "out" / "val"), allow_empty=True)
    assert val.classes == CLASSES
    assert [label for _, label in val.samples] == [0, 2, 3]


def test_a_run_with_one_still_a_class_has_nothing_to_validate_with(tmp_path: Path) -> None:
    render_stills(request(tmp_path / "run"), Recorder(), FakeWorker)
    (note,) = exported(tmp_path / "run", tmp_path / "out")
    assert "stills.variants" in note
    assert not (tmp_path / "out" / "val").exists()
    assert ImageFolder(str(tmp_path / "out" / "train")).classes == CLASSES


def test_an_unfinished_run_gives_what_is_there_and_says_what_is_not(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        if number == 7:
            raise RuntimeError("cut short")

    wanted = request(tmp_path / "run", "stills.variants=3", "stills.retries=0")
    render_stills(wanted, Recorder(), lambda settings: FakeWorker(settings, fail))
    before = tree(tmp_path / "run")
    with locked(RunPaths(tmp_path / "run").lock):  # another process may be working there
        held = tree(tmp_path / "run")
        (note,) = exported(tmp_path / "run", tmp_path / "out")
        assert tree(tmp_path / "run") == held
    assert "2 of 4 classes" in note
    assert "smiling face with halo" in note
    assert ImageFolder(str(tmp_path / "out" / "val")).classes == CLASSES[:2]
    assert before.keys() == tree(tmp_path / "run").keys()


def test_folders_sort_by_number_beyond_ten_thousand(tmp_path: Path) -> None:
    many = [("", f"thing {number}") for number in range(10_003)]
    run = named_run(tmp_path / "many", many, "classes.select=[2,9999,10001]")
    exported(run, tmp_path / "out", split=0)
    found = ImageFolder(str(tmp_path / "out" / "train")).classes
    assert found == ["00002-thing-2", "09999-thing-9999", "10001-thing-10001"]


def test_units_of_a_layer_have_folders_too(tmp_path: Path) -> None:
    units = "network={source: embedded, targets: {kind: channels, layer: features.0}}"
    render_stills(request(tmp_path / "run", units, "classes.select=[0,3]"), Recorder(), FakeWorker)
    exported(tmp_path / "run", tmp_path / "out")
    assert ImageFolder(str(tmp_path / "out" / "train")).classes == ["features.0-0000", "features.0-0003"]


def test_titles_serve_as_a_class_list_of_the_network_that_is_trained(tmp_path: Path) -> None:
    run = named_run(tmp_path / "run", [("", "=1+1"), ("", "ĂĄ <b>"), ("", "two\twords")])
    exported(run, tmp_path / "out")
    listed = load_class_file(tmp_path / "out" / "classes.txt")
    assert [target.title for target in listed] == ["=1+1", "ĂĄ <b>", "two words"]
    assert not any(row["title"].startswith("=") for row in rows(tmp_path / "out"))


def test_sizes_and_transparency(run: Path, tmp_path: Path) -> None:
    exported(run, tmp_path / "small", size=8)
    sizes = {Image.open(path).size for path in (tmp_path / "small").rglob("*.png")}
    assert sizes == {(10, 8)}  # of 20 x 16
    render_stills(request(tmp_path / "clear", "stills.alpha=true"), Recorder(), FakeWorker)
    for path in (tmp_path / "clear" / "stills").iterdir():
        assert Image.open(path).mode == "RGBA"
    exported(tmp_path / "clear", tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.png"):
        clear = np.asarray(Image.open(tmp_path / "clear" / "stills" / path.name)).astype(float)
        share = clear[..., 3:] / 255
        laid = clear[..., :3] * share + 128 * (1 - share)
        shown = Image.open(path)
        assert shown.mode == "RGB"
        assert np.abs(np.asarray(shown) - laid).max() <= 1


def test_text_on_stills_is_not_learned(tmp_path: Path) -> None:
    for name, overlay in (("plain", "false"), ("text", "true")):
        said = (f"stills.overlay={overlay}", "stills.width=96", "stills.height=96")
        render_stills(request(tmp_path / name, *said), Recorder(), FakeWorker)
        exported(tmp_path / name, tmp_path / f"{name}-out")
    plain, text = (tree(tmp_path / f"{name}-out" / "train") for name in ("plain", "text"))
    assert plain == text
    assert tree(tmp_path / "plain" / "stills") != tree(tmp_path / "text" / "stills")


def test_stills_of_a_film_are_exported_too(tmp_path: Path) -> None:
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    exported(tmp_path / "run", tmp_path / "out")
    assert ImageFolder(str(tmp_path / "out" / "train")).classes == CLASSES


def test_an_earlier_export_is_replaced_and_other_things_are_not(run: Path, tmp_path: Path) -> None:
    exported(run, tmp_path / "out", split=0.4)
    exported(run, tmp_path / "out", split=0)
    assert not (tmp_path / "out" / "val").exists()
    exported(run, tmp_path / "new", split=0)
    assert tree(tmp_path / "out").keys() == tree(tmp_path / "new").keys()
    mine = tmp_path / "out" / "train" / CLASSES[0] / "mine.png"
    mine.write_bytes(b"a picture of my own")
    before = tree(tmp_path / "out")
    with pytest.raises(UserError, match=r"mine\.png.*--output"):
        exported(run, tmp_path / "out")
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("place", ["model.pth", "train/model.pth", "train/mine/a.png", "state/log.txt", ".hidden"])
def test_folders_with_other_things_are_refused(run: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "out" / place).parent.mkdir(parents=True)
    (tmp_path / "out" / place).write_text("mine")
    with pytest.raises(UserError, match="--output"):
        exported(run, tmp_path / "out")
    assert (tmp_path / "out" / place).read_text() == "mine"
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [tmp_path / "out" / place]


def test_links_are_neither_followed_nor_removed(run: Path, tmp_path: Path) -> None:
    exported(run, tmp_path / "out")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.png").write_text("mine")
    (tmp_path / "out" / "train").rename(tmp_path / "train")
    (tmp_path / "out" / "train").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="train"):
        exported(run, tmp_path / "out")
    assert (tmp_path / "elsewhere" / "mine.png").read_text() == "mine"


def test_runs_and_files_are_no_place_for_it(run: Path, tmp_path: Path) -> None:
    before = tree(run)
    (tmp_path / "file").write_text("mine")
    for place in (run, run / "out", tmp_path / "file"):
        with pytest.raises(UserError, match="--output"):
            exported(run, place)
    with pytest.raises(UserError, match="--split"):
        exported(run, tmp_path / "out", split=float("nan"))
    with pytest.raises(UserError, match="holds no run"):
        exported(tmp_path / "none", tmp_path / "out")
    assert tree(run) == before
    assert not (tmp_path / "out").exists()


def test_an_export_that_fails_leaves_the_old_one(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exported(run, tmp_path / "out")
    before, save, saved = tree(tmp_path / "out"), Image.Image.save, []

    def full(image: Image.Image, path: Path, **more: str) -> None:
        saved.append(path)
        if len(saved) == 7:
            raise OSError(28, "No space left on device")
        save(image, path, **more)

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        exported(run, tmp_path / "out", size=8)
    assert tree(tmp_path / "out") == before
    assert not list((tmp_path / "out").glob(".*"))


def test_the_command_says_what_it_made(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", str(run), "--output", str(tmp_path / "out"), "--split", "0.2", "--size", "16"])
    assert not ended.value.code
    assert "4 classes, 16 pictures to train on, 4 to validate with" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["export", str(run), "--format", "zip"])
    assert ended.value.code == 2
    assert "imagefolder" in capsys.readouterr().err
    assert not (run.parent / "five-imagefolder").exists()
