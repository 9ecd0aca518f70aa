"""A segment's frames to its file, in an ffmpeg process of its own that runs at the same time as the dreaming."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from renderer.common import ffmpeg
from renderer.common.ffmpeg import EncodingError
from renderer.media.codecs import Coding
from renderer.store.files import whole_file

Picture = UInt8[np.ndarray, "height width 3"]

_QUEUE_BYTES = 32 * 2**20
_QUEUE_FRAMES = 16
_LOOK_SECONDS = 0.05


class SegmentEncoder:
    """Encodes frames as they come; the file gets its name only when it is complete.

    Every method may be called from any thread, but one at a time.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float, coding: Coding) -> None:
        """Begin a segment.

        Args:
            path: The file to be, with a suffix by which ffmpeg knows a container that holds the codec.
            size: Width and height of the frames in pixels.
            fps: Frames per second.
            coding: How they are encoded.
        """
        self._path = path
        self._size = size
        self._fps = fps
        self._coding = coding
        width, height = size
        waiting = min(max(_QUEUE_BYTES // (width * height * 3), 2), _QUEUE_FRAMES)
        self._frames: queue.Queue[Callable[[], Picture] | None] = queue.Queue(maxsize=waiting)
        self._process: subprocess.Popen[bytes] | None = None
        self._aborted = threading.Event()
        self._ended = threading.Event()
        self._failure: Exception | None = EncodingError(f"encoding {path.name} ended unexpectedly")
        self._thread = threading.Thread(target=self._run, name=f"encode {path.name}", daemon=True)
        self._thread.start()

    def write(self, frame: Picture | Callable[[], Picture]) -> None:
        """Hand over the next frame. Waits while the encoder is far behind.

        Args:
            frame: The frame, which is copied; or what makes it, which is called in another thread when its turn comes,
                and whose errors are raised by the next call, or by `finish`.

        Raises:
            EncodingError: ffmpeg has failed.
            OSError: The file cannot be written.
        """
        if isinstance(frame, np.ndarray):
            frame = self._checked(frame).copy().view
        self._hand_over(frame)
        if self._ended.is_set() or (self._process is not None and self._process.poll() is not None):
            self.finish()
            raise EncodingError(f"ffmpeg ended early while encoding {self._path.name}")

    def finish(self) -> None:
        """Wait until the file is whole, on the disk, and has its name.

        Raises:
            EncodingError: ffmpeg has failed.
            OSError: The file cannot be written.
        """
        self._hand_over(None)
        self._ended.wait()
        self._raise_failure()

    def abort(self) -> None:
        """Stop encoding and remove what there is of the file, unless it is whole already."""
        self._aborted.set()
        if self._process is not None:
            self._process.kill()
        self._hand_over(None)
        self._thread.join()

    def _checked(self, frame: Picture) -> Picture:
        width, height = self._size
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            raise ValueError(f"a frame of {width}x{height} was expected, not {frame.shape} {frame.dtype}")
        return frame

    def _pad(self, frame: Picture) -> UInt8[np.ndarray, "even_height even_width 3"]:
        """Repeat the last row and column of odd sizes, where the codec needs even ones."""
        width, height = self._coding.stored_size(self._size)
        if (width, height) == self._size:
            return np.ascontiguousarray(frame)
        return np.pad(frame, ((0, height - self._size[1]), (0, width - self._size[0]), (0, 0)), mode="edge")

    def _hand_over(self, frame: Callable[[], Picture] | None) -> None:
        while not self._ended.is_set():
            try:
                self._frames.put(frame, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._encode()
            self._failure = None
        except Exception as error:  # noqa: BLE001  it is raised again in the thread that hands over frames
            self._failure = error
        finally:
            self._ended.set()

    def _encode(self) -> None:
        doing = f"encoding {self._path.name}"
        with whole_file(self._path) as temporary, ffmpeg.fed(self._arguments(temporary), doing) as (process, pipe):
            self._process = process
            while (frame := self._frames.get()) is not None and not self._aborted.is_set():
                pipe.write(self._pad(self._checked(frame())).data)
            if self._aborted.is_set():
                raise EncodingError(f"{doing} was aborted")

    def _arguments(self, output: Path) -> list[str]:
        width, height = self._coding.stored_size(self._size)
        rate = ffmpeg.frame_rate(self._fps)
        frames = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "pipe:"]
        return [*frames, "-an", *self._coding.options, str(output.absolute())]
