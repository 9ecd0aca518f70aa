"""Films are read by number: at their own or another rate, as their flags say, and alike from wherever reading began."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from renderer.common import ffmpeg
from renderer.common.errors import UserError
from renderer.common.source_film import FilmReader, Picture, film_facts
from tests.starts.film_making import EXACT, drifting, make_film, number_of, numbered

SIZE = (24, 40)


def read(path: Path, numbers: range, fps: float = 25, size: tuple[int, int] = SIZE) -> list[Picture]:
    with FilmReader(path, size, fps) as reader:
        return [reader.frame(number) for number in numbers]


def test_frames_are_those_of_the_film(tmp_path: Path) -> None:
    pictures = numbered(12)
    found = read(make_film(tmp_path / "film.mp4", pictures), range(12))
    assert all(np.array_equal(here, there) for here, there in zip(found, pictures, strict=True))


@pytest.mark.parametrize("fps", [10, 25, 50])
def test_another_rate_keeps_the_time(tmp_path: Path, fps: int) -> None:
    path = make_film(tmp_path / "film.mp4", numbered(50))
    count = film_facts(path).frames(fps)
    assert count == 2 * fps
    found = [number_of(frame) for frame in read(path, range(count), fps)]
    assert all(abs(number - frame / fps * 25) <= 1 for frame, number in enumerate(found))


def test_variable_rates_keep_the_time(tmp_path: Path) -> None:
    # Ten frames of 40 ms, then ten of 200 ms.
    times = "setpts=if(lt(N\\,10)\\,N*0.04\\,0.4+(N-10)*0.2)/TB"
    slower = ["-vf", times, "-fps_mode", "vfr", "-enc_time_base", "1/1000"]
    path = make_film(tmp_path / "film.mkv", numbered(20), coding=[*slower, *EXACT])
    shown = [number_of(frame) for frame in read(path, range(50))]
    assert shown[:10] == list(range(10))
    assert shown[10:50] == [10 + number // 5 for number in range(40)]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.webm", "film.ts"])
def test_a_frame_is_the_same_from_wherever_reading_began(tmp_path: Path, name: str) -> None:
    coding = {
        ".webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "40"],
        ".ts": ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "40", "-pix_fmt", "yuv420p"],
    }.get(Path(name).suffix, ["-c:v", "libx264", "-preset", "fast", "-bf", "3", "-g", "60", "-pix_fmt", "yuv420p"])
    path = make_film(tmp_path / name, drifting(220, (32, 48)), coding=coding)
    whole = read(path, range(220), size=(32, 48))
    for first in (1, 58, 60, 61, 130, 219):
        assert np.array_equal(read(path, range(first, first + 1), size=(32, 48))[0], whole[first])


def test_going_back_is_possible(tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.mp4", numbered(30))
    with FilmReader(path, SIZE, 25) as reader:
        assert [number_of(reader.frame(number)) for number in (20, 5, 6, 5, 29, 0)] == [20, 5, 6, 5, 29, 0]


def test_flags_of_rotation_are_obeyed(tmp_path: Path) -> None:
    lying = make_film(tmp_path / "lying.mp4", numbered(4))
    turned = tmp_path / "turned.mp4"
    ffmpeg.run(["-display_rotation", "-90", "-i", str(lying), "-c", "copy", str(turned)], "turning a film")
    facts = film_facts(turned)
    assert (facts.width, facts.height) == (24, 40)
    frame = read(turned, range(1), size=(40, 24))[0]
    assert frame[2, -3, 2] > 200 and frame[2, 2, 2] < 50  # the corner went to the right, as one turns clockwise


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.mp4", numbered(4), coding=["-vf", "setsar=2", *EXACT])
    assert film_facts(path)[:2] == (80, 24)


def test_what_does_not_fit_is_cut_off(tmp_path: Path) -> None:
    pictures = numbered(4, (24, 48))
    for picture in pictures:
        picture[:, :8] = picture[:, -8:] = 255
    frame = read(make_film(tmp_path / "film.mp4", pictures), range(1), size=(48, 48))[0]
    assert frame.shape == (48, 48, 3) and frame.max() < 255


def test_opacity_is_ignored(tmp_path: Path) -> None:
    clear = ["-vf", "format=rgba,colorchannelmixer=aa=0.1", "-c:v", "png"]
    path = make_film(tmp_path / "film.mov", numbered(4), coding=clear)
    assert [number_of(frame) for frame in read(path, range(4))] == [0, 1, 2, 3]


@pytest.mark.parametrize(("rate", "fps"), [("30000/1001", 29.97), ("24000/1001", 23.976), ("25", 25), ("12.5", 12.5)])
@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_the_rate_is_found(tmp_path: Path, rate: str, fps: float, name: str) -> None:
    path = make_film(tmp_path / name, numbered(60), coding=["-r", rate, *EXACT])
    facts = film_facts(path)
    assert facts.fps == fps
    assert ffmpeg.frame_rate(facts.fps) == Fraction(rate)


def test_sound_is_noticed(tmp_path: Path) -> None:
    sound = ["-f", "lavfi", "-i", "sine=d=0.2"]
    assert film_facts(make_film(tmp_path / "with.mp4", numbered(5), sound=sound)).has_sound
    assert not film_facts(make_film(tmp_path / "without.mp4", numbered(5))).has_sound


@pytest.mark.parametrize("name", ["-y.mp4", "%d.mp4", "concat:a|b.mp4", "a'b,[c];d e\n.mp4", "http:x.mp4"])
def test_names_are_nothing_but_names(tmp_path: Path, name: str) -> None:
    path = make_film(tmp_path / "film.mp4", numbered(4)).rename(tmp_path / name)
    assert [number_of(frame) for frame in read(path, range(4))] == [0, 1, 2, 3]


def test_a_list_does_not_lead_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "film.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/film.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(UserError, match=r"film\.m3u8 cannot be read as a film"):
        film_facts(path)


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    words, gone, sound, single, cut = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.wav", "d.png", "e.mp4"))
    words.write_text("no film")
    ffmpeg.run(["-f", "lavfi", "-i", "sine=d=0.2", str(sound)], "making a sound")
    make_film(single, numbered(1), coding=["-frames:v", "1"])
    cut.write_bytes(make_film(tmp_path / "whole.mp4", numbered(30)).read_bytes()[:3000])
    for path, reason in (
        (words, "cannot be read as a film"),
        (gone, "there is no file"),
        (sound, "cannot be read as a film"),
        (single, "single picture.*kind: picture"),
        (cut, "cannot be read as a film: is it one, and whole"),
    ):
        with pytest.raises(UserError, match=reason):
            film_facts(path)


def test_a_film_that_ends_early_is_told_of(tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.mp4", numbered(10))
    with FilmReader(path, SIZE, 25) as reader, pytest.raises(UserError, match="early end"):
        reader.frame(60)
