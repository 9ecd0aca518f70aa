"""Clips: the right frames of a run's film, in the right size, for as long, with text that is not cut off."""

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from renderer.atlas.seen import look_at
from renderer.cli import main
from renderer.common.errors import UserError
from renderer.common.quantities import format_time, read_bytes, read_proportion, read_time
from renderer.jobs.clipping import Wish, make_clip
from renderer.jobs.commands import assemble, render, render_stills
from renderer.jobs.presenting import Presenter
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, located, request

Frames = list[np.ndarray]
EXACT = ("video.codec=ffv1", "film.clean_frames=lossless")
FORMATS = ("mp4", "webp", "gif")


def pictures(path: Path) -> tuple[Frames, Fraction]:
    """The decoded frames of a clip, and how long it lasts in seconds."""
    if path.suffix == ".mp4":
        with av.open(str(path)) as film:
            frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
            return frames, film.streams.video[0].duration * film.streams.video[0].time_base
    with Image.open(path) as image:
        assert image.info["loop"] == 0  # for ever
        found, milliseconds = [], 0
        for frame in ImageSequence.Iterator(image):
            found.append(np.array(frame.convert("RGB")))
            milliseconds += frame.info["duration"]
        return found, Fraction(milliseconds, 1000)


def film_frames(directory: Path) -> Frames:
    with av.open(str(directory / "atlas.mkv")) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def nearest(frames: Frames, film: Frames) -> list[int]:
    """For each frame, the number of the film's frame that it resembles most."""
    known = np.stack(film).astype(np.int16)
    return [int(np.abs(known - frame).mean(axis=(1, 2, 3)).argmin()) for frame in frames]


def contents(directory: Path) -> dict[Path, str]:
    return {path: sha256(path.read_bytes()).hexdigest() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 40 frames, 8 a second: classes 1 and 2 in one chain, 3 and 5 in the other."""
    directory = tmp_path_factory.mktemp("clips") / "run"
    render(request(directory, *EXACT), Recorder(), FakeWorker)
    return directory


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 101 x 75 pixels with a text that is about as wide as its frames."""
    directory = tmp_path_factory.mktemp("large") / "run"
    size = ("film.width=101", "film.height=75", "overlay.size=0.15", 'overlay.lines=["wide enough words"]')
    render(request(directory, *EXACT, *size), Recorder(), FakeWorker)
    return directory


def made(directory: Path, path: Path, **wish: object) -> tuple[Frames, Fraction]:
    clip = make_clip(directory, Wish(output=path, **wish), Recorder())  # type: ignore[arg-type]
    frames, seconds = pictures(clip.path)
    assert [frame.shape[1::-1] for frame in frames] == [clip.size] * clip.frames
    assert clip.bytes == path.stat().st_size
    assert list(path.parent.iterdir()) == [path]
    return frames, seconds


@pytest.mark.parametrize("name", FORMATS)
def test_classes_come_in_the_order_of_the_film(run: Path, tmp_path: Path, name: str) -> None:
    before = contents(run)
    with locked(RunPaths(run).lock):  # another process may be working there
        frames, seconds = made(run, tmp_path / f"clip.{name}", classes=("5", "0-1"))
    assert nearest(frames, film_frames(run)) == [*range(10), *range(30, 40)]
    assert abs(seconds - Fraction(20, 8)) < Fraction(1, 50)
    assert contents(run) == before


def test_text_names_the_neighbors_in_a_clip_of_classes_and_those_of_the_film_in_a_span(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []
    texts = Presenter.texts

    def told_texts(*arguments: object) -> list[tuple[str, ...]]:
        lines = texts(*arguments)  # type: ignore[arg-type]
        told.extend(lines)
        return lines

    monkeypatch.setattr(Presenter, "texts", told_texts)
    entries = json.loads((run / "atlas.json").read_text(encoding="utf-8"))["classes"]
    first, second, third, _ = (entry["title"] for entry in entries)
    make_clip(run, Wish(classes=("1", "3"), output=tmp_path / "a.mp4"), Recorder())
    assert list(dict.fromkeys(told)) == [("", first, third), (first, third, "")]
    told.clear()
    make_clip(run, Wish(start=Fraction(0), end=Fraction(1), output=tmp_path / "b.mp4"), Recorder())
    assert list(dict.fromkeys(told)) == [("", first, second)]


def test_titles_globs_and_groups_name_the_classes_of_the_run(run: Path, tmp_path: Path) -> None:
    title = json.loads((run / "atlas.json").read_text(encoding="utf-8"))["classes"][1]["title"]
    named, _ = made(run, tmp_path / "named" / "clip.mp4", classes=(title.upper(),))
    assert nearest(named, film_frames(run)) == list(range(10, 20))
    everything, _ = made(run, tmp_path / "all" / "clip.mp4", classes=("*",))
    assert nearest(everything, film_frames(run)) == list(range(40))
    for unknown in ("4", "0900", "nothing like it"):
        with pytest.raises(UserError, match="has no class"):
            make_clip(run, Wish(classes=("1", unknown)), Recorder())


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [("1", "2.25", range(8, 18)), ("0:02.25", None, range(18, 40)), (None, "0:01", range(8)), ("4.9", "99", [39])],
)
def test_a_span_of_time_is_that_of_the_film(
    run: Path, tmp_path: Path, start: str | None, end: str | None, shown: Sequence[int]
) -> None:
    times = {"start": start and read_time("--from", start), "end": end and read_time("--to", end)}
    frames, seconds = made(run, tmp_path / "clip.mp4", **times)
    assert nearest(frames, film_frames(run)) == list(shown)
    assert seconds == Fraction(len(shown), 8)


def test_frames_from_within_a_seam_are_mixed_as_the_film_mixes_them(run: Path) -> None:
    seen, film = look_at(run), film_frames(run)
    presenter = Presenter(seen.run)
    for segment in seen.run.timeline.segments:
        record, shown = seen.segment(segment), film[segment.start_frame : segment.start_frame + segment.frames]
        assert record
        texts = presenter.texts(segment, record)
        for first in range(segment.frames):
            frames = enumerate(presenter.mixed(record, *presenter.seam(segment, seen), first), first)
            written = [presenter.write(frame, segment, number, texts) for number, frame in frames]
            assert np.array_equal(written, shown[first:])


def test_half_of_the_frames_last_as_long(run: Path, tmp_path: Path) -> None:
    frames, seconds = made(run, tmp_path / "clip.mp4", fps=4, classes=("2",))
    assert nearest(frames, film_frames(run)) == [10, 12, 14, 16, 18]
    assert seconds == Fraction(10, 8)
    _, seconds = made(run, tmp_path / "more" / "clip.mp4", fps=100, classes=("2",))
    assert seconds == Fraction(10, 8)


def test_without_any_wish_it_is_the_first_ten_seconds_beside_the_run(tmp_path: Path) -> None:
    render(request(tmp_path / "run", "film.seconds_per_class=3"), Recorder(), FakeWorker)
    told = Recorder()
    clips = [make_clip(tmp_path / "run", Wish(), told) for _ in range(2)]
    assert [clip.path for clip in clips] == [tmp_path / "run-clip.mp4", tmp_path / "run-clip-2.mp4"]
    assert [(clip.seconds, clip.size) for clip in clips] == [(10, (24, 16))] * 2
    assert "the first 10 s of 0:12;" in told.notes[0]


@pytest.mark.parametrize(
    ("name", "wish", "size"),
    [
        ("mp4", {}, (100, 74)),  # two pixels share their color
        ("gif", {}, (101, 75)),
        ("webp", {"width": 51}, (51, 38)),
        ("mp4", {"width": 51}, (50, 36)),
        ("gif", {"width": 303}, (303, 225)),
        ("mp4", {"proportion": (9, 16)}, (42, 74)),
        ("gif", {"proportion": (9, 16)}, (42, 75)),
        ("webp", {"proportion": (3, 1), "width": 60}, (60, 20)),
    ],
)
def test_sizes_are_those_asked_for(
    large: Path, tmp_path: Path, name: str, wish: dict[str, object], size: tuple[int, int]
) -> None:
    frames, _ = made(large, tmp_path / f"clip.{name}", classes=("2",), text=False, **wish)
    assert len(frames) == 10
    assert frames[0].shape == (size[1], size[0], 3)


def test_gif_and_webp_are_small_unless_a_width_is_asked_for(tmp_path: Path) -> None:
    render(request(tmp_path / "run", "film.width=352", "film.height=32"), Recorder(), FakeWorker)
    for name, width in (("mp4", 352), ("webp", 320), ("gif", 320)):
        frames, _ = made(tmp_path / "run", tmp_path / name / f"clip.{name}", end=Fraction(1, 4))
        assert frames[0].shape[1] == width


def test_a_crop_shows_the_very_pixels_of_the_middle(large: Path, tmp_path: Path) -> None:
    render(
        request(tmp_path / "run", *EXACT, "film.width=101", "film.height=75", "overlay.lines=[]"),
        Recorder(),
        FakeWorker,
    )
    frames, _ = made(large, tmp_path / "clips" / "clip.mp4", classes=("2",), text=False, proportion=(9, 16))
    middle = [frame[0:74, 29:71] for frame in film_frames(tmp_path / "run")]
    assert nearest(frames, middle) == list(range(10, 20))
    shifted = [frame[0:74, 25:67] for frame in film_frames(tmp_path / "run")]
    errors = [np.abs(one[12].astype(int) - frames[2]).mean() for one in (middle, shifted)]
    assert errors[0] < errors[1] / 2


@pytest.mark.parametrize("wish", [{}, {"proportion": (9, 16)}, {"width": 40}, {"proportion": (4, 1)}])
def test_text_is_drawn_at_the_size_of_the_clip_and_never_cut_off(
    large: Path, tmp_path: Path, wish: dict[str, object]
) -> None:
    with_text, _ = made(large, tmp_path / "text" / "clip.mp4", classes=("2",), **wish)
    without, _ = made(large, tmp_path / "bare" / "clip.mp4", classes=("2",), text=False, **wish)
    changed = np.abs(with_text[5].astype(int) - without[5]).max(axis=2) > 90
    down, across = np.nonzero(changed)
    height, width = changed.shape
    assert changed.sum() > 20
    assert across.max() - across.min() > 0.3 * width
    assert across.min() > 0 and across.max() < width - 1 and down.max() < height - 1
    assert abs(across.min() - (width - 1 - across.max())) <= 0.1 * width + 1  # in the middle


@pytest.mark.parametrize("name", FORMATS)
def test_it_becomes_smaller_than_asked_for_and_close_to_it(large: Path, tmp_path: Path, name: str) -> None:
    path, told = tmp_path / f"clip.{name}", Recorder()
    full = make_clip(large, Wish(output=path, classes=("2",)), told).bytes
    clip = make_clip(large, Wish(output=path, classes=("2",), under=full * 3 // 4, force=True), told)
    frames, seconds = pictures(path)
    assert 0.5 * full < path.stat().st_size == clip.bytes <= full * 3 // 4
    assert (len(frames), abs(seconds - Fraction(10, 8)) < Fraction(1, 50)) == (clip.frames, True)
    assert clip.tries > 1
    assert len(told.notes) == clip.tries
    roomy = make_clip(large, Wish(output=path, classes=("2",), under=full, force=True), told)
    assert (roomy.tries, roomy.bytes) == (1, full)


def test_a_gif_loses_colors_before_its_text_becomes_small_and_another_kind_is_named_after_that(
    large: Path, tmp_path: Path
) -> None:
    path, told = tmp_path / "clip.gif", Recorder()
    wish = Wish(output=path, force=True)
    full = make_clip(large, wish, told)
    fewer = make_clip(large, replace(wish, under=full.bytes * 2 // 3), told)
    assert fewer.size == full.size and fewer.form.quality > full.form.quality
    assert not any("--format mp4" in note for note in told.notes)
    tiny = make_clip(large, replace(wish, under=full.bytes // 6), told)
    assert tiny.size < full.size and "--format mp4" in told.notes[-1]


def test_what_cannot_be_made_so_small_is_refused_and_leaves_nothing(large: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--under: 1 kB cannot be reached; even with \d+x\d+, 8 frames a second"):
        make_clip(large, Wish(output=tmp_path / "clip.gif", under=500), Recorder())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(output=Path("clip.avi")), r"ends in \.mp4, \.webp or \.gif"),
        (Wish(output=Path("clip.gif"), kind="mp4"), "--format: mp4 does not go with"),
        (Wish(kind="png"), "ends in"),
        (Wish(output=Path("run/clip.mp4")), "lies in the run's directory"),
        (Wish(classes=("1",), start=Fraction(1)), "not both"),
        (Wish(start=Fraction(5)), "--from: the film ends at 0:05"),
        (Wish(start=Fraction(2), end=Fraction(2)), "--to: it must be later"),
        (Wish(proportion=(9999, 1)), "--crop: of 24x16 pixels, 9999:1 leaves nothing"),
        (Wish(width=4096, proportion=(1, 2)), "--width: the clip would have 4096x"),
    ],
)
def test_what_contradicts_itself_is_refused(
    run: Path, monkeypatch: pytest.MonkeyPatch, wish: Wish, message: str
) -> None:
    monkeypatch.chdir(run.parent)
    with pytest.raises(UserError, match=message):
        make_clip(Path("run"), wish, Recorder())
    assert list(run.parent.iterdir()) == [run]


def test_a_file_is_replaced_only_if_that_is_asked_for(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    path.write_text("mine")
    with pytest.raises(UserError, match="is there already; replace it with --force"):
        make_clip(run, Wish(output=path, classes=("1",)), Recorder())
    assert path.read_text() == "mine"
    make_clip(run, Wish(output=path, classes=("1",), force=True), Recorder())
    assert len(pictures(path)[0]) == 10


def test_of_an_unfinished_run_what_is_there_is_taken_or_named(tmp_path: Path) -> None:
    def stop(number: int) -> None:
        if number >= 2 * (4 + 10 + 5):  # in the second class of each chain
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path / "run", *EXACT), Recorder(), lambda settings: FakeWorker(settings, stop))
    clip = make_clip(tmp_path / "run", Wish(classes=("1",)), Recorder())
    assert len(pictures(clip.path)[0]) == 10
    with pytest.raises(
        UserError, match=r"not all frames of .+ are there.*There is 0:00 to 0:01\.25.* of 0:05, with all of"
    ):
        make_clip(tmp_path / "run", Wish(), Recorder())


def test_times_are_those_of_the_film_that_is_there(tmp_path: Path) -> None:
    """Of a film that lacks classes, times count what it shows."""
    directory = tmp_path / "run"
    render(request(directory, *EXACT), Recorder(), FakeWorker)
    for place in ("0001-000", "0001-001"):
        located(directory, f"state/{place}.json").unlink()
    assemble(directory, Recorder())
    assert len(film_frames(directory)) == 30
    frames, _ = made(directory, tmp_path / "clips" / "clip.mp4", start=Fraction(1), end=Fraction(2))
    assert nearest(frames, film_frames(directory)) == list(range(8, 16))


def test_a_run_that_keeps_no_clean_frames_or_has_no_film_is_refused(tmp_path: Path) -> None:
    render(request(tmp_path / "run", "film.clean_frames=drop"), Recorder(), FakeWorker)
    with pytest.raises(UserError, match=r"film\.clean_frames: drop.*There is the film atlas\.mp4 alone"):
        make_clip(tmp_path / "run", Wish(classes=("1",)), Recorder())
    render_stills(request(tmp_path / "stills"), Recorder(), FakeWorker)
    with pytest.raises(UserError, match="holds stills alone"):
        make_clip(tmp_path / "stills", Wish(), Recorder())


def test_damaged_frames_are_found(tmp_path: Path) -> None:
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    segment = located(tmp_path / "run", "segments/0000-001.mkv")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 255
    segment.write_bytes(data)
    with pytest.raises(UserError, match="not all frames of"):
        make_clip(tmp_path / "run", Wish(classes=("1",)), Recorder())


def test_the_command_says_what_it_made(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["clip", str(run), "--from", "0:01", "--to", "2", "--crop", "1:1", "--under", "1MB", "-o", "a.webp"])
    assert not ended.value.code
    said = capsys.readouterr().out
    assert "a.webp: 1 s, 16x16, 8 frames a second, quality 16" in said
    assert len(pictures(tmp_path / "a.webp")[0]) == 8


def test_quantities_are_read_as_people_write_them() -> None:
    times = {"75": 75, "0:10": 10, "1:02:03.5": Fraction(7447, 2), "90:00": 5400, "0": 0, " 1.25 ": Fraction(5, 4)}
    assert {text: read_time("--from", text) for text in times} == times
    sizes = {"4MB": 4_000_000, "500kb": 500_000, "3.5 MiB": 3_670_016, "1200 B": 1200, "1G": 10**9}
    assert {text: read_bytes("--under", text) for text in sizes} == sizes
    assert read_proportion("--crop", "9:16") == (9, 16)
    for text in ("", "1:75", "1:60:00", "-1", "ten", "1:2:3:4", "1e3", "nan"):
        with pytest.raises(UserError, match=r"--from: .* is no time"):
            read_time("--from", text)
    for text in ("", "0", "1", "4000000", "4 apples", "-4MB"):
        with pytest.raises(UserError, match=r"--under: .* is no size of a file with its unit; write 4MB"):
            read_bytes("--under", text)
    for text in ("0.0001KB", "999B"):
        with pytest.raises(UserError, match=r"--under: .* is less than any film has; write 4MB"):
            read_bytes("--under", text)
    for text in ("9", "0:1", "9/16", "1:1:1"):
        with pytest.raises(UserError, match="--crop"):
            read_proportion("--crop", text)
    spoken = {"5": "0:05", "75.5": "1:15.5", "3600": "1:00:00", "0.25": "0:00.25", "59.999": "0:59.99"}
    assert {text: format_time(Fraction(text)) for text in spoken} == spoken
