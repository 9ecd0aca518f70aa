import functools
import os
import signal
import sys
import threading
import time
from fractions import Fraction
from hashlib import sha256

import av
import numpy as np
import pytest

from renderer.common import ffmpeg
from renderer.common.ffmpeg import EncodingError, frame_rate
from renderer.media.codecs import CODECS, film_coding
from renderer.media.encoding import SegmentEncoder
from renderer.settings.sections import Video
from tests.media.reading import FILM_CODECS, decoded, encode, moving_frames, times

PIXELS = {"prores": "yuv422p10le", "ffv1": "bgr0"}


@pytest.mark.parametrize("codec", FILM_CODECS)
def test_the_same_frames_give_the_same_file(tmp_path, codec):
    digests = set()
    for name in ("one", "two"):
        path = tmp_path / f"{name}{CODECS[codec].segment_suffix}"
        encode(path, moving_frames(30, width=80, height=66), 25, Video(codec=codec))
        digests.add(sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("codec", FILM_CODECS)
@pytest.mark.parametrize("size", [(48, 32), (47, 33), (16, 16)])
def test_every_frame_is_there_in_the_right_size_and_format(tmp_path, codec, size):
    path = tmp_path / f"segment{CODECS[codec].segment_suffix}"
    frames = moving_frames(7, *size)
    encode(path, frames, 25, Video(codec=codec))
    with av.open(str(path)) as film:
        assert film.streams.video[0].format.name == PIXELS.get(codec, "yuv420p")
    shown = decoded(path)
    assert len(shown) == 7
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2) if codec != "ffv1" else size
    assert (shown[0].shape[1], shown[0].shape[0]) == even


def test_an_odd_size_is_filled_with_its_last_row_and_column(tmp_path):
    white = np.full((33, 47, 3), 255, np.uint8)
    encode(tmp_path / "segment.mp4", [white], 25, Video())
    assert decoded(tmp_path / "segment.mp4")[0].min() > 250


@pytest.mark.parametrize("codec", ["ffv1", "gif", "webp", "png"])
def test_lossless_segments_give_the_frames_themselves(tmp_path, codec):
    random = np.random.default_rng(1)
    frames = [random.integers(0, 256, (33, 47, 3)).astype(np.uint8) for _ in range(3)]
    encode(tmp_path / "segment.mkv", frames, 25, Video(codec=codec))
    assert all((shown == frame).all() for shown, frame in zip(decoded(tmp_path / "segment.mkv"), frames, strict=True))


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9", "prores"])
def test_colors_are_kept_by_the_matrix_that_the_file_names(tmp_path, codec):
    path = tmp_path / f"segment{CODECS[codec].segment_suffix}"
    patches = [(200, 30, 40), (30, 180, 60), (40, 50, 210), (128, 128, 128), (255, 255, 255), (0, 0, 0)]
    frame = np.repeat(np.repeat(np.array([patches], np.uint8), 32, axis=0), 16, axis=1)
    encode(path, [frame] * 3, 25, Video(codec=codec, quality=4))
    with av.open(str(path)) as film:
        shown = next(film.decode(video=0))
        assert shown.colorspace == 1  # ITU-R BT.709
        assert shown.color_range == 1  # 16 to 235
        depth = shown.format.components[0].bits
        luma, blue, red = (_plane(plane, depth) for plane in shown.planes)
    for number, patch in enumerate(patches):
        column = 16 * number + 8
        shrunk = column * blue.shape[1] // luma.shape[1]
        yuv = luma[16, column], blue[blue.shape[0] // 2, shrunk], red[red.shape[0] // 2, shrunk]
        assert _rgb_of_bt709(*yuv) == pytest.approx(patch, abs=4)


def _plane(plane, depth):
    kind = np.uint16 if depth > 8 else np.uint8
    values = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width]
    return values.astype(float) / 2 ** (depth - 8)


def _rgb_of_bt709(luma, blue, red):
    """ITU-R BT.709 by its definition: shares of red and blue in the luma of 0.2126 and 0.0722, limited range."""
    y, u, v = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    r, b = y + 2 * (1 - 0.2126) * v, y + 2 * (1 - 0.0722) * u
    g = (y - 0.2126 * r - 0.0722 * b) / 0.7152
    return [255 * min(max(value, 0), 1) for value in (r, g, b)]


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9"])
def test_there_is_a_keyframe_every_second_and_none_refers_across_it(tmp_path, codec):
    path = tmp_path / f"segment{CODECS[codec].segment_suffix}"
    encode(path, moving_frames(40), 12, Video(codec=codec))
    with av.open(str(path)) as film:
        packets = [(packet.pts, packet.is_keyframe) for packet in film.demux(video=0) if packet.size]
        ticks = round(1 / (12 * film.streams.video[0].time_base))
    keys = [pts // ticks for pts, is_keyframe in packets if is_keyframe]
    assert keys[0] == 0
    assert max(np.diff([*keys, 40])) <= 12
    for number, (pts, is_keyframe) in enumerate(packets):
        if is_keyframe:
            assert all(later > pts for later, _ in packets[number + 1 :])


@pytest.mark.parametrize(
    ("fps", "exact"),
    [
        (25.0, Fraction(25)),
        (23.976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        (12.5, Fraction(25, 2)),
        (24.0, Fraction(24)),
        (240.0, Fraction(240)),
    ],
)
def test_frame_rates_are_exact(tmp_path, fps, exact):
    assert frame_rate(fps) == exact
    encode(tmp_path / "segment.mp4", moving_frames(5), fps, Video())
    assert times(tmp_path / "segment.mp4") == [number / exact for number in range(5)]


def test_better_quality_makes_a_larger_file(tmp_path):
    random = np.random.default_rng(1)
    frames = [random.integers(0, 256, (64, 96, 3)).astype(np.uint8) for _ in range(3)]
    for codec in ("h264", "h265", "av1", "vp9"):
        sizes = []
        for quality in (0, 20, 63):
            path = tmp_path / f"{quality}{CODECS[codec].segment_suffix}"
            encode(path, frames, 25, Video(codec=codec, quality=quality))
            sizes.append(path.stat().st_size)
        assert sizes[0] > sizes[1] > sizes[2]


def test_the_best_quality_of_h264_still_plays_everywhere(tmp_path):
    encode(tmp_path / "segment.mp4", moving_frames(3), 25, Video(quality=0))
    with av.open(str(tmp_path / "segment.mp4")) as film:
        assert film.streams.video[0].profile == "High"


def test_the_file_has_its_name_only_when_it_is_whole(tmp_path):
    encoder = SegmentEncoder(tmp_path / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    for frame in moving_frames(5):
        encoder.write(frame)
        assert not (tmp_path / "segment.mp4").exists()
    encoder.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["segment.mp4"]


def test_frames_are_copied_when_they_are_handed_over(tmp_path):
    encoder = SegmentEncoder(tmp_path / "segment.mkv", (1024, 768), 25, film_coding(Video(codec="ffv1"), 25))
    frame = np.zeros((768, 1024, 3), np.uint8)
    for number in range(8):
        frame[:] = number
        encoder.write(frame)
    frame[:] = 99
    encoder.finish()
    assert [int(shown.mean()) for shown in decoded(tmp_path / "segment.mkv")] == list(range(8))


def test_frames_are_made_in_order_and_beside_the_one_who_hands_them_over(tmp_path):
    go, makers = threading.Event(), set()

    def make(number):
        assert go.wait(60)  # in the same thread, nobody would let it go on
        makers.add(threading.current_thread())
        return np.full((32, 48, 3), 20 * number, np.uint8)

    encoder = SegmentEncoder(tmp_path / "segment.mkv", (48, 32), 25, film_coding(Video(codec="ffv1"), 25))
    for number in range(8):
        encoder.write(functools.partial(make, number))
    go.set()
    encoder.finish()
    assert [int(shown.mean()) for shown in decoded(tmp_path / "segment.mkv")] == list(range(0, 160, 20))
    assert threading.current_thread() not in makers


def test_a_frame_that_cannot_be_made_is_reported_as_it_is(tmp_path):
    def fail():
        raise LookupError("no such letter")

    encoder = SegmentEncoder(tmp_path / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    with pytest.raises(LookupError, match="no such letter"):
        for _ in range(500):
            encoder.write(fail)
    with pytest.raises(LookupError):
        encoder.finish()
    encoder.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the priority is set by what starts ffmpeg on Linux")
def test_an_encoder_leaves_the_processor_to_the_dreaming(tmp_path):
    encoder = SegmentEncoder(tmp_path / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    wait_for_process(encoder)
    deadline = time.monotonic() + 60
    own = os.getpriority(os.PRIO_PROCESS, 0)
    while (given := os.getpriority(os.PRIO_PROCESS, encoder._process.pid)) == own and time.monotonic() < deadline:
        time.sleep(0.01)
    encoder.abort()
    assert given > own


def test_av1_is_encoded_by_what_there_is(tmp_path, monkeypatch):
    if not ffmpeg.has_encoder("libaom-av1"):
        pytest.skip("this build of ffmpeg has no libaom")
    monkeypatch.setattr("renderer.media.codecs.ffmpeg.has_encoder", lambda name: name != "libsvtav1")
    digests = set()
    for name in ("one.mp4", "two.mp4"):
        encode(tmp_path / name, moving_frames(30), 12, Video(codec="av1"))
        digests.add(sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    assert times(tmp_path / "two.mp4") == [Fraction(number, 12) for number in range(30)]


@pytest.mark.parametrize("frames", [0, 1, 40])
def test_an_aborted_segment_leaves_nothing(tmp_path, frames):
    encoder = SegmentEncoder(tmp_path / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    for frame in moving_frames(frames):
        encoder.write(frame)
    encoder.abort()
    assert list(tmp_path.iterdir()) == []
    encoder.abort()


def test_an_encoder_that_dies_is_reported_at_the_next_frame(tmp_path):
    encoder = SegmentEncoder(tmp_path / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    encoder.write(moving_frames(1)[0])
    kill(encoder)
    with pytest.raises(EncodingError, match=r"segment\.mp4"):
        encoder.write(moving_frames(1)[0])
    with pytest.raises(EncodingError):
        encoder.finish()
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_dies_is_reported_at_the_end(tmp_path):
    encoder = SegmentEncoder(tmp_path / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    encoder.write(moving_frames(1)[0])
    kill(encoder)
    with pytest.raises(EncodingError):
        encoder.finish()
    assert list(tmp_path.iterdir()) == []


def wait_for_process(encoder):
    deadline = time.monotonic() + 60  # generous: it starts in a thread
    while encoder._process is None and time.monotonic() < deadline:
        time.sleep(0.01)


def kill(encoder):
    wait_for_process(encoder)
    os.kill(encoder._process.pid, signal.SIGKILL)
    encoder._process.wait()


def test_what_ffmpeg_complains_about_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setattr("renderer.media.codecs._codec_options", lambda video: ["-c:v", "no_such_encoder"])
    encoder = SegmentEncoder(tmp_path / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    with pytest.raises(EncodingError, match="no_such_encoder"):
        for frame in moving_frames(500):
            encoder.write(frame)
    with pytest.raises(EncodingError, match="no_such_encoder"):
        ffmpeg.run(["-f", "lavfi", "-i", "color", "-c:v", "no_such_encoder", "out.mp4"], "testing")


def test_a_folder_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("no folder")
    encoder = SegmentEncoder(tmp_path / "file" / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    with pytest.raises(OSError, match="file"):
        encoder.finish()


def test_frames_of_another_size_are_refused(tmp_path):
    encoder = SegmentEncoder(tmp_path / "segment.mp4", (48, 32), 25, film_coding(Video(), 25))
    with pytest.raises(ValueError, match="48x32"):
        encoder.write(np.zeros((48, 32, 3), np.uint8))
    with pytest.raises(ValueError, match="float"):
        encoder.write(np.zeros((32, 48, 3)))
    encoder.abort()


def test_several_encoders_run_side_by_side(tmp_path):
    threads = []
    for number in range(4):
        arguments = (tmp_path / f"{number}.mp4", moving_frames(20, first=20 * number), 25, Video())
        threads.append(threading.Thread(target=encode, args=arguments))
        threads[-1].start()
    for thread in threads:
        thread.join()
    for number in range(4):
        shown = decoded(tmp_path / f"{number}.mp4")
        assert len(shown) == 20
        expected = moving_frames(1, first=20 * number)[0]
        assert np.abs(shown[0][8:24, :24, 1].astype(int) - expected[8:24, :24, 1]).mean() < 12
