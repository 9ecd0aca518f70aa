"""Films and stills that begin with photographs."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from renderer.common.digests import file_digest
from renderer.common.errors import UserError
from renderer.common.photographs import CAT, read_photograph
from renderer.dream.attention import attention
from renderer.dream.randomness import PictureKey
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import Request, render, render_stills
from renderer.jobs.local_worker import LocalWorker
from renderer.jobs.session import describe_run
from renderer.media.pictures import load_picture
from renderer.networks.loaded import load_network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from renderer.starts.picture import PictureStart
from renderer.starts.start import ALL, StartFile
from renderer.store.paths import RunPaths
from renderer.store.run import Run, load_run
from renderer.targets.target import class_target
from tests.film_helpers import Recorder, names, request, results

RESTING = ("motion.zoom=1", "motion.rotate=0", "dream.fresh_steps=0", "stills.retries=0", "film.seconds_per_class=0.5")
PHOTO = "start={kind: picture}"
STILLS = ("stills={width: 72, height: 48, steps: 12, smooth: 0, retries: 0}", "classes.select=[3]", "film.chains=1")


def photograph(size: tuple[int, int], path: Path = CAT) -> np.ndarray:
    return read_photograph(path, size).picture.transpose(1, 2, 0) * 255


def still(directory: Path, *overrides: str) -> np.ndarray:
    """The one still that some settings give."""
    render_stills(request(directory, *STILLS, *overrides), Recorder(), LocalWorker)
    (path,) = (directory / "stills").glob("*.png")
    return load_picture(path).astype(float)


def test_without_steps_a_film_is_the_photograph(tmp_path: Path) -> None:
    settings = (PHOTO, *RESTING, "dream.steps_per_frame=0", "dream.level.strength=0", "film.clean_frames=lossless")
    outcome = render(request(tmp_path, *settings), Recorder(), LocalWorker)
    for entry in outcome.index.classes:
        assert np.abs(load_picture(tmp_path / str(entry.still)) - photograph((16, 24))).max() <= 1.01


def test_the_nearer_it_stays_the_more_it_is_the_photograph(tmp_path: Path) -> None:
    photo = photograph((48, 72))
    off = [
        np.abs(still(tmp_path / str(keep), f"start={{kind: picture, keep: {keep}}}") - photo).mean()
        for keep in (0, 0.5, 0.8, 1)
    ]
    assert off[0] > 1.2 * off[1] and off[1] > 1.2 * off[2] and off[2] > off[3]
    assert off[3] < 0.6  # a color of 255


def test_it_stays_near_by_what_a_layer_answers_too(tmp_path: Path) -> None:
    network, photo = load_network(EmbeddedNetwork()), photograph((48, 72)).round().astype(np.uint8)

    def off(picture: np.ndarray) -> float:
        views = network.whole_pictures(np.stack([picture.astype(np.uint8), photo]))
        mine, its = network.activations(views, ["features.5"])["features.5"]
        return float((mine - its).square().mean())

    free, near = (
        off(still(tmp_path / str(keep), f"start={{kind: picture, keep: {keep}, keep_layer: features.5}}"))
        for keep in (0, 0.8)
    )
    assert near < 0.8 * free


def test_a_frame_stays_near_as_a_still_does(tmp_path: Path) -> None:
    photo = photograph((16, 24))
    off = []
    for keep in (0.1, 0.6):
        settings = (f"start={{kind: picture, keep: {keep}}}", *RESTING, "film.chains=1")
        outcome = render(request(tmp_path / str(keep), *settings), Recorder(), LocalWorker)
        stills = [load_picture(tmp_path / str(keep) / str(entry.still)) for entry in outcome.index.classes]
        off.append(np.mean([np.abs(one - photo).mean() for one in stills]))
    assert off[1] < 0.6 * off[0]


def test_octaves_leave_the_photograph_as_sharp_as_it_is(tmp_path: Path) -> None:
    def sharpness(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture, axis=1)).mean())

    few = ("stills={width: 144, height: 96, steps: 3, smooth: 0, retries: 0}", "dream.octaves=3")
    dreamed = still(tmp_path, "start={kind: picture, keep: 0.8}", *few)
    assert sharpness(dreamed) > 0.9 * sharpness(photograph((96, 144)))


def test_a_mask_leaves_the_rest_alone(tmp_path: Path) -> None:
    image = Image.open(CAT).resize((72, 48)).convert("RGBA")
    alpha = np.zeros((48, 72), np.uint8)
    alpha[:, :36] = 255
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "masked.png")
    photo = photograph((48, 72), tmp_path / "masked.png")
    dreamed = still(tmp_path / "run", f"start={{kind: picture, mask: alpha, path: {tmp_path / 'masked.png'}}}")
    off = np.abs(dreamed - photo).mean(axis=2)
    assert off[:, 37:].max() <= 0.51 and off[:, :34].mean() > 5


def test_half_a_mask_shows_half_of_what_is_dreamed(tmp_path: Path) -> None:
    image = Image.open(CAT).resize((72, 48)).convert("RGBA")
    halved = np.full((48, 72), 255, np.uint8)
    halved[:, :36] = 128
    image.putalpha(Image.fromarray(halved))
    image.save(tmp_path / "half.png")
    start = f"start={{kind: picture, path: {tmp_path / 'half.png'}}}"
    photo = photograph((48, 72), tmp_path / "half.png")
    many = "stills={width: 72, height: 48, steps: 70, smooth: 0, retries: 0}"
    free, masked = (
        still(tmp_path / name, start.replace("}", more), many) - photo
        for name, more in (("free", "}"), ("masked", ", mask: alpha}"))
    )
    left, right = (np.abs(masked[:, part]).mean() / np.abs(free[:, part]).mean() for part in (slice(34), slice(38, 72)))
    assert abs(left - 0.5) < 0.03 and abs(right - 1) < 0.01


def test_nothing_is_the_class_where_no_piece_shows_it() -> None:
    network = load_network(EmbeddedNetwork())
    target = next(one for one in network.classes if one.title == "cat face")
    seen = attention(network, torch.full((1, 3, 48, 96), 0.5), target.aim)
    assert seen.max() < 0.3


def test_attention_is_where_the_class_is(tmp_path: Path) -> None:
    network = load_network(EmbeddedNetwork())
    classes = network.classes
    target = next(one for one in classes if one.title == "cat face")
    dreamed = still(tmp_path, f"classes.select=[{target.index}]", "stills={width: 64, height: 64, steps: 48}")
    scene = torch.full((1, 3, 96, 192), 0.5)
    scene[..., 16:80, 112:176] = torch.from_numpy(dreamed).permute(2, 0, 1).float() / 255
    seen = attention(network, scene, target.aim)
    assert seen.shape == (1, 1, 96, 192) and float(seen.min()) >= 0 and float(seen.max()) <= 1
    assert seen[..., 32:64, 128:160].mean() > 0.6 and seen[..., :64].mean() < 0.2


def test_a_mask_of_the_class_needs_classes() -> None:
    layers = "network: {targets: {kind: layers, layers: [features.1]}}\nstart: {kind: picture, mask: class}"
    with pytest.raises(UserError, match=r"start\.mask: class looks for a class"):
        parse_settings(layers, "wrong")


def test_a_folder_gives_each_class_its_own(tmp_path: Path) -> None:
    targets = [class_target(7, "cock"), class_target(281, "tabby", "n02123045"), class_target(9, "ostrich")]
    start = PictureStart(path=Path("nowhere"))

    def dealt(folder: Path, *stems: str) -> dict[str, str]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for stem in stems:
            Image.new("RGB", (8, 8)).save(folder / f"{stem}.png")
        found = start.model_copy(update={"path": folder}).files(targets)
        return {key: path.stem for key, path in found.items()}

    folder = tmp_path / "photos"
    assert dealt(folder, "Tabby", "0009", "x") == {"0281": "Tabby", "0009": "0009", "0007": "x"}
    assert dealt(folder, "n02123045", "a", "b") == {"0281": "n02123045", "0007": "a", "0009": "b"}
    assert dealt(folder, "0281-tabby", "a") == {"0281": "0281-tabby", "0007": "a", "0009": "a"}
    assert dealt(folder, "one", "two") == {"0007": "one", "0281": "two", "0009": "one"}


def test_another_photograph_of_one_class_dreams_that_class_alone(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, color in ((1, "red"), (2, "green"), (3, "blue"), (5, "gray")):
        Image.new("RGB", (24, 16), color).save(folder / f"{index}.png")
    settings = (f"start={{kind: picture, path: {folder}}}", "film.transition=reset", *RESTING)
    render(request(tmp_path / "run", *settings), Recorder(), LocalWorker)
    before = names(tmp_path / "run")
    Image.new("RGB", (24, 16), "white").save(folder / "3.png")
    told = r"(?s)start\.path\.0003: the file is not.*1 of 4 classes would be dreamed anew"
    with pytest.raises(UserError, match=told):
        render(request(tmp_path / "run", *settings), Recorder(), LocalWorker)
    render(request(tmp_path / "other", *settings), Recorder(), LocalWorker)
    changed = {place for place, name in names(tmp_path / "other").items() if before[place] != name}
    assert changed == {place for place in before if place.startswith("0002-")}


def test_carried_on_a_later_photograph_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in (1, 2, 3, 5):
        Image.new("RGB", (24, 16), (40 * index, 90, 120)).save(folder / f"{index}.png")
    settings = (f"start={{kind: picture, path: {folder}}}", "film.chains=1")
    before = names_of(request(tmp_path, *settings))
    Image.new("RGB", (24, 16), "white").save(folder / "3.png")
    assert names_of(request(tmp_path, *settings)) == before
    Image.new("RGB", (24, 16), "white").save(folder / "1.png")
    assert not set(names_of(request(tmp_path, *settings))) & set(before)


def names_of(asked: Request) -> list[str]:
    """Names of the segments of a film that has not been begun."""
    targets = chosen_targets(asked.settings)
    file = describe_run("tiny", asked.settings, targets, film=True, chosen=Chosen())
    return [segment.name for segment in Run(RunPaths(asked.directory), file).timeline.segments]


def test_a_photograph_that_changes_under_a_run_is_not_taken(tmp_path: Path) -> None:
    shutil.copy(CAT, tmp_path / "me.jpg")
    targets = [class_target(3, "x")]
    start = PictureStart(path=tmp_path / "me.jpg")
    file = StartFile(path=start.files(targets)[ALL], digest=file_digest(tmp_path / "me.jpg"))
    assert start.first(PictureKey(0, "0003"), (16, 24), file).shape == (3, 16, 24)
    Image.new("RGB", (24, 16), "white").save(tmp_path / "me.jpg")
    with pytest.raises(UserError, match=r"^start\.path: .*me\.jpg is not the file any more"):
        start.first(PictureKey(0, "0003"), (16, 24), file)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("start: {keep_layer: featurs.5, keep: 0.5}", r"^start\.keep_layer: the network has no layer 'featurs\.5'"),
        ("start: {keep: 0.5}\ndream: {parameterization: {kind: maco}}", "held as maco cannot be a photograph"),
    ],
)
def test_what_cannot_be_held_is_refused(more: str, told: str, tmp_path: Path) -> None:
    text = more.replace("start: {", "start: {kind: picture, ")
    with pytest.raises(UserError, match=told):
        render_stills(Request("x", parse_settings(text, "x", STILLS), tmp_path / "run"), Recorder(), LocalWorker)
    assert not (tmp_path / "run").exists()


def test_the_camera_rests_where_the_photograph_is_kept() -> None:
    kept, free, moved = (
        parse_settings(f"start: {{kind: picture{keep}}}{more}", "x")
        for keep, more in ((", keep: 0.3", ""), ("", ""), (", keep: 0.3", "\nmotion: {zoom: 1.1}"))
    )
    assert (kept.motion.zoom, kept.motion.rotate, kept.dream.fresh_steps) == (1.0, 0.0, 0)
    assert free.motion.zoom > 1 and free.dream.fresh_steps == 0 and moved.motion.zoom == 1.1


def test_film_and_stills_take_the_proportion_of_the_photograph(tmp_path: Path) -> None:
    Image.new("RGB", (300, 1200)).save(tmp_path / "tall.png")
    start = f"start: {{kind: picture, path: {tmp_path / 'tall.png'}}}"
    sizes = "film: {width: 100}\nstills: {height: 64}"
    free, wide = (parse_settings(text, "x") for text in (start, f"{start}\n{sizes}"))
    assert (free.film.width, free.film.height) == (free.stills.width, free.stills.height) == (160, 640)
    assert (wide.film.width, wide.film.height, wide.stills.width, wide.stills.height) == (100, 400, 16, 64)
    with pytest.raises(UserError, match=r"^start\.path: there is no file"):
        parse_settings("start: {kind: picture, path: none.png}", "x")


def test_where_a_photograph_lies_is_of_no_matter(tmp_path: Path) -> None:
    shutil.copy(CAT, tmp_path / "here.jpg")
    shutil.copy(CAT, tmp_path / "there.jpg")
    for name in ("here", "there"):
        start = f"start={{kind: picture, path: {tmp_path / name}.jpg}}"
        outcome = render(request(tmp_path / "run", start, *RESTING), Recorder(), LocalWorker)
    assert outcome.index.film
    assert load_run(tmp_path / "run").file.start[""].path == tmp_path / "there.jpg"


def test_killed_in_a_class_and_continued_it_is_the_same(tmp_path: Path) -> None:
    settings = ("start={kind: picture, keep: 0.3}", "motion.zoom=1", "dream.fresh_steps=3", "film.chains=1")
    render(request(tmp_path / "whole", *settings), Recorder(), LocalWorker)

    class Stopping(Recorder):
        def advance(self, amount: object, showing: object) -> None:
            super().advance(amount, showing)  # type: ignore[arg-type]
            if self.done.work > 0.6 * self.total.work:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path / "run", *settings), Stopping(), LocalWorker)
    render(request(tmp_path / "run", *settings), Recorder(), LocalWorker)
    assert results(tmp_path / "run")["frames"] == results(tmp_path / "whole")["frames"]


def test_a_photograph_that_is_not_there_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^start\.path: there is no file"):
        render(request(tmp_path / "run", "start={kind: picture, path: none.jpg}"), Recorder(), LocalWorker)
    assert not (tmp_path / "run").exists()
