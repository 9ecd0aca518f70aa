import wave
from fractions import Fraction
from hashlib import sha256

import av
import numpy as np
import pytest
from PIL import Image

from renderer.common.errors import UserError
from renderer.common.ffmpeg import EncodingError
from renderer.media.chapters import Chapter, write_vtt
from renderer.media.codecs import CODECS
from renderer.media.joining import Piece, assemble_film, probe_encoder
from renderer.media.sound import check_audio, cut_audio
from renderer.settings.sections import Video
from tests.media.reading import FILM_CODECS, decoded, encode, moving_frames, segments, times

STRANGE = [
    "a=b; #c \\d",
    "two\nlines",
    'it\'s "quoted" & <i>not</i> -->',
    "\U0001f600 \u00e9 \u6f22\u5b57",
    "ends with \\",
    "#first",
    "\u00fc" * 300,
    "a\r\nb\x00c",
]


def chapters_of(pieces, titles=None):
    starts = np.cumsum([0, *(piece.frames for piece in pieces)])
    titles = titles or [f"class {number}" for number in range(len(pieces))]
    return [
        Chapter(title, int(start), piece.frames) for title, start, piece in zip(titles, starts, pieces, strict=False)
    ]


def film_of(folder, video, lengths=(5, 7), fps=25.0, titles=None):
    pieces = segments(folder, lengths, fps, video)
    path = folder / f"atlas{CODECS[video.codec].film_suffix}"
    assemble_film(path, pieces, chapters_of(pieces, titles), fps, video)
    return path


@pytest.mark.parametrize("codec", FILM_CODECS)
@pytest.mark.parametrize("fps", [25, 23.976])
def test_joins_are_seamless(tmp_path, codec, fps):
    lengths = (30, 1, 26, 2, 3, 1, 1, 9)  # short ones are stored without pictures before their turn
    film = film_of(tmp_path, Video(codec=codec), lengths, fps)
    frame = Fraction(1, 25) if fps == 25 else Fraction(1001, 24000)
    tolerance = Fraction(1, 2000) if film.suffix in {".webm", ".mkv"} else 0  # they count milliseconds
    shown = times(film)
    assert len(shown) == sum(lengths)
    assert all(abs(time - number * frame) <= tolerance for number, time in enumerate(shown))
    with av.open(str(film)) as container:
        assert abs(container.duration / 1e6 - sum(lengths) * frame) < 0.0015
        packets = [(packet.dts, packet.pts) for packet in container.demux(video=0) if packet.size]
    decoding = [dts for dts, _ in packets]
    assert decoding == sorted(set(decoding))
    assert all(pts >= dts for dts, pts in packets)


@pytest.mark.parametrize("codec", FILM_CODECS)
def test_frames_are_copied_as_they_are(tmp_path, codec):
    video = Video(codec=codec)
    pieces = segments(tmp_path, (9, 4), 25, video)
    film = tmp_path / f"atlas{CODECS[codec].film_suffix}"
    assemble_film(film, pieces, [], 25, video)
    before = [frame for piece in pieces for frame in decoded(piece.path)]
    assert all((frame == old).all() for frame, old in zip(decoded(film), before, strict=True))


@pytest.mark.parametrize("codec", FILM_CODECS)
def test_the_same_segments_give_the_same_film(tmp_path, codec):
    video = Video(codec=codec, title="film")
    digests = {sha256(film_of(tmp_path, video).read_bytes()).hexdigest() for _ in range(2)}
    assert len(digests) == 1


@pytest.mark.parametrize("codec", FILM_CODECS)
def test_chapters_carry_titles_and_times(tmp_path, codec):
    film = film_of(tmp_path, Video(codec=codec), (2,) * len(STRANGE), 29.97, STRANGE)
    with av.open(str(film)) as container:
        chapters = container.chapters()
    assert len(chapters) == len(STRANGE)
    expected = [*STRANGE[:4], "ends with \\ ", *STRANGE[5:7], "a\nb c"]
    assert [chapter["metadata"]["title"] for chapter in chapters] == expected
    for number, chapter in enumerate(chapters):
        for side, frame in (("start", 2 * number), ("end", 2 * number + 2)):
            assert abs(chapter[side] * chapter["time_base"] - frame * Fraction(1001, 30000)) <= Fraction(1, 1000)


@pytest.mark.parametrize("codec", FILM_CODECS)
def test_subtitles_carry_titles_and_times(tmp_path, codec):
    film = film_of(tmp_path, Video(codec=codec), (2,) * 4, 25, [*STRANGE[:3], "{\\an8} brace"])
    with av.open(str(film)) as container:
        assert len(container.streams.subtitles) == 1
        cues = [packet for packet in container.demux(subtitles=0) if packet.size > 2]
        shown = [
            (cue.pts * cue.time_base, cue.duration * cue.time_base, bytes(cue).decode("utf-8-sig")) for cue in cues
        ]
    assert [(start, length) for start, length, _ in shown] == [
        (Fraction(number * 2, 25), Fraction(2, 25)) for number in range(4)
    ]
    texts = [text.translate({0x2060: None, 0xFF5B: "{", 0xFF5D: "}"}).lstrip("\x00") for _, _, text in shown]
    if film.suffix in {".mp4", ".mov"}:  # a sample is its length in two bytes, then its text
        expected = [*STRANGE[:3], "{\\an8} brace"]
        texts = [text[1:] for text in texts]
    else:
        expected = [*STRANGE[:2], 'it\'s "quoted" &amp; &lt;i&gt;not&lt;/i&gt; --&gt;', "{\\an8} brace"]
    assert texts == expected


def test_a_thousand_segments_have_a_thousand_chapters(tmp_path):
    video = Video()
    piece = encode(tmp_path / "segment.mp4", moving_frames(2, 16, 16), 25, video)
    film = tmp_path / "atlas.mp4"
    assemble_film(film, [piece] * 1000, chapters_of([piece] * 1000), 25, video)
    with av.open(str(film)) as container:
        chapters = container.chapters()
    assert len(chapters) == 1000
    assert chapters[-1]["metadata"]["title"] == "class 999"
    assert times(film) == [Fraction(number, 25) for number in range(2000)]


@pytest.mark.parametrize("codec", ["h264", "prores"])
def test_players_show_no_subtitles_until_they_are_asked_to(tmp_path, codec):
    data = film_of(tmp_path, Video(codec=codec)).read_bytes()
    tracks = data[data.index(b"moov") :].split(b"trak")[1:]
    kinds = [track[track.index(b"hdlr") + 12 :][:4] for track in tracks]
    enabled = [track[track.index(b"tkhd") + 7] & 1 for track in tracks]
    texts = [b"sbtl", b"text"] if codec == "h264" else [b"text", b"text"]  # subtitles and chapters
    assert (kinds, enabled) == ([b"vide", *texts], [1, 0, 0])


def test_title_and_comment_are_written_and_chapters_and_subtitles_can_be_left_out(tmp_path):
    for codec in ("h264", "vp9"):
        comment = "made of " + "noise; " * 100
        video = Video(codec=codec, title="a=b \u00e9", comment=comment, chapters=False, subtitles=False)
        with av.open(str(film_of(tmp_path, video))) as container:
            metadata = {key.lower(): text for key, text in container.metadata.items()}
            assert (metadata["title"], metadata["comment"]) == ("a=b \u00e9", comment)
            assert container.chapters() == []
            assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "prores"])
def test_the_index_comes_before_the_pictures(tmp_path, codec):
    data = film_of(tmp_path, Video(codec=codec)).read_bytes()
    assert -1 < data.index(b"moov") < data.index(b"mdat")


def test_apple_players_know_the_h265_film_by_its_tag(tmp_path):
    with av.open(str(film_of(tmp_path, Video(codec="h265")))) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize(
    "name", ["it's here", 'a "quoted" 100% [x] #1', "\u6f22 \U0001f600", "two\nlines", "no\udcffUTF-8"]
)
@pytest.mark.parametrize("codec", ["h264", "png", "gif"])
def test_any_folder_name_will_do(tmp_path, name, codec):
    folder = tmp_path / name
    folder.mkdir()
    assert film_of(folder, Video(codec=codec)).exists()


def sound(path, seconds, rate=44100):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        tone = np.sin(np.arange(round(seconds * rate)) / 20) * 8000
        file.writeframes(tone.astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("codec", FILM_CODECS)
@pytest.mark.parametrize("seconds", [0.3, 5.0])
def test_sound_is_looped_or_cut_to_the_films_length(tmp_path, codec, seconds):
    video = Video(codec=codec, audio=sound(tmp_path / "it's a sound.wav", seconds))
    film = film_of(tmp_path, video, (20, 10))
    with av.open(str(film)) as container:
        assert len(container.streams.audio) == 1
        parts = [frame.to_ndarray().astype(float) for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    samples = np.concatenate([part.reshape(-1) for part in parts])
    assert abs(samples.size / rate - 30 / 25) <= 1024 / rate
    loudness = np.abs(samples[: samples.size // 20 * 20]).reshape(20, -1).mean(axis=1)
    assert loudness[1:-1].min() > loudness.max() / 2
    assert times(film) == pytest.approx([number / 25 for number in range(30)])
    with av.open(str(film)) as container:
        packet = 0.02 if codec == "vp9" else 0.001  # Opus says that the last packet is whole, and which part to play
        assert container.duration / 1e6 == pytest.approx(1.2, abs=packet)


def test_a_single_sample_is_sound_for_a_whole_film(tmp_path):
    """Were it opened once for each time that it is heard, this would not end."""
    for rate in (8000, 44100, 192000):
        audio = sound(tmp_path / "click.wav", 1 / rate, rate)
        cut_audio(audio, tmp_path / "long.flac", Fraction(3600))
        with av.open(str(tmp_path / "long.flac")) as container:
            assert container.duration / 1e6 == 3600


@pytest.mark.parametrize("codec", ["h264", "vp9", "ffv1"])
def test_texts_with_a_nul_do_not_stop_the_film(tmp_path, codec):
    film = film_of(tmp_path, Video(codec=codec, title="a\0b", comment="\0"))
    with av.open(str(film)) as container:
        assert {key.lower(): text for key, text in container.metadata.items()}["title"] == "a b"


def test_nothing_is_left_of_an_assembly(tmp_path):
    before = {path.name for path in segments_of(tmp_path)}
    film_of(tmp_path, Video())
    assert {path.name for path in tmp_path.iterdir()} == before | {"atlas.mp4"}


def segments_of(folder):
    segments(folder, (5, 7), 25.0, Video())
    return list(folder.iterdir())


def test_sound_that_cannot_be_used_is_named(tmp_path):
    piece = encode(tmp_path / "silent.mp4", moving_frames(2), 25, Video())
    (tmp_path / "text.wav").write_text("no sound")
    sound(tmp_path / "empty.wav", 0)
    for audio in (tmp_path / "missing.wav", tmp_path / "text.wav", tmp_path / "empty.wav", piece.path, tmp_path):
        with pytest.raises(UserError, match=r"video\.audio: .*" + audio.name):
            check_audio(Video(audio=audio))
        with pytest.raises(UserError, match=r"video\.audio"):
            assemble_film(tmp_path / "atlas.mp4", [piece], [], 25, Video(audio=audio))
    with pytest.raises(UserError, match=r"video\.audio: gif"):
        check_audio(Video(codec="gif", audio=sound(tmp_path / "sound.wav", 1)))
    check_audio(Video(audio=tmp_path / "sound.wav"))
    check_audio(Video())
    assert not (tmp_path / "atlas.mp4").exists()


@pytest.mark.parametrize(("fps", "frames", "seconds"), [(10, 12, 1.2), (30, 12, 0.4), (100, 6, 0.12)])
def test_a_gif_shows_the_film_endlessly(tmp_path, fps, frames, seconds):
    film = film_of(tmp_path, Video(codec="gif"), (5, 7), fps)
    with Image.open(film) as image:
        assert image.n_frames == frames
        assert image.info["loop"] == 0
        assert total_duration(image) == pytest.approx(seconds * 1000, abs=10)
        image.seek(0)
        difference = np.asarray(image.convert("RGB")).astype(int) - moving_frames(1)[0]
    assert np.abs(difference).mean() < 12


def test_a_webp_shows_the_film_endlessly(tmp_path):
    film = film_of(tmp_path, Video(codec="webp", quality=5), (5, 7), 25)
    with Image.open(film) as image:
        assert image.n_frames == 12
        assert image.info["loop"] == 0
        assert total_duration(image) == pytest.approx(480, abs=2)
        image.seek(0)
        difference = np.asarray(image.convert("RGB")).astype(int) - moving_frames(1)[0]
    assert np.abs(difference).mean() < 12


def total_duration(image):
    durations = []
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        durations.append(image.info["duration"])
    return sum(durations)


def test_a_png_sequence_is_the_frames_themselves(tmp_path):
    for lengths in ((5, 7), (2, 3)):  # the second takes the first one's place, and leaves none of its pictures
        film = film_of(tmp_path, Video(codec="png"), lengths)
        assert sorted(path.name for path in film.iterdir()) == [f"{n:06d}.png" for n in range(1, sum(lengths) + 1)]
        for number, frame in enumerate(moving_frames(sum(lengths)), start=1):
            assert (np.asarray(Image.open(film / f"{number:06d}.png")) == frame).all()


@pytest.mark.parametrize("codec", ["h264", "gif", "webp", "png"])
def test_a_film_that_fails_leaves_the_old_one(tmp_path, codec):
    video = Video(codec=codec)
    film = film_of(tmp_path, video)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(EncodingError, match=r"missing\.mkv"):
        assemble_film(film, [Piece(tmp_path / "missing.mkv", 3)], [], 25, video)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("codec", ["h264", "vp9", "ffv1", "gif", "webp", "png"])
def test_a_damaged_segment_in_the_middle_is_reported(tmp_path, codec):
    video = Video(codec=codec)
    pieces = segments(tmp_path, (5, 5, 5), 25, video)
    pieces[1].path.write_bytes(b"damaged")
    with pytest.raises(EncodingError, match=pieces[1].path.name):
        assemble_film(tmp_path / f"atlas{CODECS[codec].film_suffix}", pieces, [], 25, video)
    assert not (tmp_path / f"atlas{CODECS[codec].film_suffix}").exists()


def test_the_vtt_file_says_the_titles(tmp_path):
    chapters = [Chapter("a & b <i> -->", 0, 90_000), Chapter("two\n\nlines", 90_000, 1)]
    write_vtt(tmp_path / "atlas.vtt", chapters, 24)
    assert (tmp_path / "atlas.vtt").read_text(encoding="utf-8") == (
        "WEBVTT\n\n00:00:00.000 --> 01:02:30.000\n"
        "a &amp; b &lt;i&gt; --&gt;\n\n01:02:30.000 --> 01:02:30.041\ntwo\nlines\n"
    )


@pytest.mark.parametrize("codec", CODECS)
def test_every_encoder_can_be_probed(codec):
    probe_encoder((47, 33), 25, Video(codec=codec))


def test_an_encoder_that_does_not_work_is_found_by_probing(monkeypatch):
    monkeypatch.setattr("renderer.media.codecs._codec_options", lambda video: ["-c:v", "no_such_encoder"])
    with pytest.raises(EncodingError, match="no_such_encoder"):
        probe_encoder((47, 33), 25, Video())
