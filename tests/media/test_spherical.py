"""Panoramas are told as such to players, and all else in the file stays as it was."""

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from renderer.media.chapters import Chapter
from renderer.media.codecs import CODECS
from renderer.media.joining import assemble_film
from renderer.media.spherical import mark_as_panorama
from renderer.settings.sections import Video
from tests.media.reading import decoded, segments, times

MARKED = ["h264", "h265", "av1", "prores"]


def film_of(folder: Path, video: Video, *, is_panorama: bool) -> Path:
    pieces = segments(folder, (9, 5), 25, video)
    path = folder / f"{'panorama' if is_panorama else 'flat'}{CODECS[video.codec].film_suffix}"
    chapters = [Chapter("first", 0, 9), Chapter("second", 9, 5)]
    assemble_film(path, pieces, chapters, 25, video, is_panorama=is_panorama)
    return path


def told(path: Path) -> str:
    """What ffmpeg says of a file."""
    return subprocess.run([get_ffmpeg_exe(), "-i", path], capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("codec", MARKED)
def test_an_independent_reader_takes_it_for_a_sphere(tmp_path: Path, codec: str) -> None:
    film = film_of(tmp_path, Video(codec=codec), is_panorama=True)
    assert "Spherical Mapping: equirectangular" in told(film)
    assert "Stereo 3D: 2D" in told(film)
    assert "Spherical" not in told(film_of(tmp_path, Video(codec=codec), is_panorama=False))


@pytest.mark.parametrize("codec", MARKED)
def test_frames_sound_chapters_and_subtitles_stay_as_they_were(tmp_path: Path, codec: str) -> None:
    sound = tmp_path / "sound.wav"
    tone = ["-f", "lavfi", "-i", "sine=duration=1", str(sound)]
    subprocess.run([get_ffmpeg_exe(), "-v", "error", *tone], check=True)
    video = Video(codec=codec, audio=sound, title="film")
    flat, panorama = (film_of(tmp_path, video, is_panorama=is_panorama) for is_panorama in (False, True))
    assert times(panorama) == times(flat) and len(times(flat)) == 14
    assert all((one == other).all() for one, other in zip(decoded(panorama), decoded(flat), strict=True))
    with av.open(str(flat)) as before, av.open(str(panorama)) as after:
        assert after.chapters() == before.chapters() and len(after.chapters()) == 2
        assert after.metadata["title"] == "film"
        packets = [[(one.stream.index, one.pts, bytes(one)) for one in film.demux()] for film in (before, after)]
        assert packets[0] == packets[1] and len({index for index, *_ in packets[0]}) >= 3
    data = panorama.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # it still plays while it is loaded


def test_the_older_text_is_in_the_track_of_the_pictures(tmp_path: Path) -> None:
    data = film_of(tmp_path, Video(), is_panorama=True).read_bytes()
    (track,) = (one for one in data[: data.index(b"mdat")].split(b"trak")[1:] if b"vide" in one)
    text = track[track.index(bytes.fromhex("ffcc8263f8554a938814587a02521fdd")) + 16 :].decode("utf-8", "ignore")
    assert text.startswith("<?xml")
    assert "<GSpherical:Spherical>true</GSpherical:Spherical>" in text
    assert "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>" in text
    assert track.index(b"st3d") < track.index(b"sv3d") < track.index(b"equi")
    assert not [path for path in tmp_path.iterdir() if "marked" in path.name]


def box(name: bytes, *contents: bytes) -> bytes:
    whole = b"".join(contents)
    return (8 + len(whole)).to_bytes(4, "big") + name + whole


@pytest.mark.parametrize(("table", "width"), [(b"stco", 4), (b"co64", 8)])
@pytest.mark.parametrize("is_ahead", [True, False])
def test_places_of_frames_are_moved_on_if_they_lie_behind(
    tmp_path: Path, table: bytes, width: int, is_ahead: bool
) -> None:
    frames = [b"frame one", b"frame two"]
    entry = box(b"stsd", bytes(7) + b"\1", box(b"avc1", bytes(78)))

    def movie(first: int) -> bytes:
        numbers = np.array([first, first + len(frames[0])], f">u{width}").tobytes()
        places = box(table, bytes(7) + b"\2" + numbers)
        media = box(b"mdia", box(b"hdlr", bytes(8) + b"vide"), box(b"minf", box(b"stbl", entry, places)))
        return box(b"moov", box(b"trak", box(b"tkhd", bytes(84)), media))

    before = movie(len(movie(0)) + 8) + box(b"mdat", *frames) if is_ahead else box(b"mdat", *frames) + movie(8)
    path = tmp_path / "film.mp4"
    path.write_bytes(before)
    mark_as_panorama(path)
    after = path.read_bytes()
    start = after.index(table) + 4 + 8
    places = np.frombuffer(after[start : start + 2 * width], f">u{width}")
    assert [after[place : place + 9] for place in places] == frames
    assert b"sv3d" in after and len(after) > len(before)
