"""Measures whether a film stays level, keeps its color, and holds together while the camera moves."""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from renderer.common.errors import UserError
from renderer.film.camera import Camera, camera_of
from renderer.film.motion import Move
from renderer.film.warp import apply_moves
from renderer.settings.sections import Settings
from renderer.store.index_file import Index, read_index
from renderer.store.paths import RunPaths
from renderer.store.run import Run, load_run

Picture = UInt8[np.ndarray, "height width 3"]

REC_709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
DARKEST, BRIGHTEST = 1, 254
EDGE = 8  # this part of the width and height is left out at each border where neighboring frames are compared

DEFINITIONS = {
    "luminance": "mean of Rec. 709 luma, 0.2126 R + 0.7152 G + 0.0722 B of the encoded values, where white is 1",
    "contrast": "standard deviation of that luma over the pixels of a frame",
    "saturation": "mean over the pixels of the largest less the smallest of R, G and B, where white is 1",
    "clipped_values": "share of the values (three a pixel) that are 0, 1, 254 or 255 of 255",
    "clipped_pixels": "share of the pixels that have at least one such value",
    "motion": "mean absolute difference of a frame from the one before, moved as the camera moves, where white is 1; "
    "the outer eighth at each border is left out",
}

EXAMPLES = """
examples:
  %(prog)s runs/imagenet
  %(prog)s runs/imagenet/atlas.mp4 --json measured.json

The text over the frames is measured with them. For figures without it, render with --set 'overlay.lines=[]'.
"""


@dataclass(frozen=True)
class Measures:
    """Figures of a frame, or their means over several; `DEFINITIONS` says what they are."""

    luminance: float
    contrast: float
    saturation: float
    clipped_values: float
    clipped_pixels: float


@dataclass(frozen=True)
class Trend:
    """How a figure changes from class to class.

    Attributes:
        per_100_classes: Slope of the line of least squares, as a share of the mean over all classes.
        standard_error: Its standard error.
    """

    per_100_classes: float
    standard_error: float


@dataclass(frozen=True)
class Shot:
    """Frames of one class, and how the camera moves in them.

    Attributes:
        title: Title of the class.
        start: Number of the first frame.
        moves: The move that leads to each frame from the one before; None where the picture is a new one.
    """

    title: str
    start: int
    moves: tuple[Move | None, ...]

    @property
    def last_half(self) -> slice:
        """The frames of the second half, or the only one."""
        return slice(self.start + len(self.moves) // 2, self.start + len(self.moves))


def measure_frame(frame: Picture) -> Measures:
    """Figures of one frame."""
    luma = frame.astype(np.float32) @ (REC_709 / 255)
    clipped = (frame <= DARKEST) | (frame >= BRIGHTEST)
    return Measures(
        luminance=float(luma.mean()),
        contrast=float(luma.std()),
        saturation=float((frame.max(axis=2) - frame.min(axis=2)).mean() / 255),
        clipped_values=float(clipped.mean()),
        clipped_pixels=float(clipped.any(axis=2).mean()),
    )


def mean_of(measures: Sequence[Measures]) -> Measures:
    """Means over frames, one at least."""
    names = asdict(measures[0])
    return Measures(**{name: float(np.mean([getattr(one, name) for one in measures])) for name in names})


def trend(values: Sequence[float]) -> Trend:
    """Trend of a figure over at least three classes."""
    places = np.arange(len(values)) - (len(values) - 1) / 2
    mean = np.mean(values)
    spread = float((places**2).sum())
    slope = float((places * values).sum()) / spread
    residuals = np.asarray(values) - mean - slope * places
    error = math.sqrt(float((residuals**2).sum()) / (len(values) - 2) / spread)
    scale = 100 / float(mean) if mean else math.nan
    return Trend(slope * scale, error * scale)


def difference(before: Picture, after: Picture, move: Move | None = None) -> float:
    """Mean absolute difference of a frame from the one before, moved if a move is given, away from the borders."""
    predicted = apply_moves(_tensor(before), [move]).clamp(0, 1) if move else _tensor(before)
    height, width, _ = after.shape
    rows, columns = (slice(side // EDGE, side - side // EDGE) for side in (height, width))
    return float((predicted - _tensor(after)).abs()[..., rows, columns].mean())


def _tensor(frame: Picture) -> Tensor:
    return torch.from_numpy(frame.astype(np.float32) / 255).permute(2, 0, 1)[None]


def shots(index: Index, run: Run) -> list[Shot]:
    """The classes of a run's film."""
    begins = {segment.position: segment for segment in run.timeline.segments if segment.first_frame == 0}
    places = {target.index: place for place, target in enumerate(run.targets)}
    found = []
    for entry in index.classes:
        if entry.start_frame is not None and entry.frames is not None:
            camera = camera_of(run.film_recipe, begins[places[entry.index]])
            moves = tuple(_move(run.settings, camera, number) for number in range(entry.frames))
            found.append(Shot(entry.title, entry.start_frame, moves))
    return found


def _move(settings: Settings, camera: Camera, number: int) -> Move | None:
    if number == 0 and settings.film.transition == "reset":
        return None
    fps = settings.film.fps
    return camera.move((number - 1) / fps, number / fps)


def read_frames(film: Path) -> Iterator[Picture]:
    """Decode a film frame by frame; a folder of pictures is a film too."""
    source = film / "%06d.png" if film.is_dir() else film
    exact = ["-vf", "scale=flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"]
    frames = imageio_ffmpeg.read_frames(
        str(source), pix_fmt="rgb24", output_params=[*exact, "-fps_mode", "passthrough"]
    )
    width, height = next(frames)["size"]
    for frame in frames:
        yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)


def measure(frames: Iterator[Picture], classes: Sequence[Shot]) -> dict[str, Any]:
    """Measure a film.

    Args:
        frames: Its frames, one at least.
        classes: Its classes, if they are known.

    Returns:
        All figures, as JSON-like data: `frames` has a value for each frame, `motion` one for each pair of neighbors.
    """
    moves = {shot.start + number: move for shot in classes for number, move in enumerate(shot.moves)}
    measured: list[Measures] = []
    motion: list[dict[str, float]] = []
    before: Picture | None = None
    for number, frame in enumerate(frames):
        measured.append(measure_frame(frame))
        move = moves.get(number)
        if before is not None and move is not None:
            still = difference(before, frame)
            motion.append({"frame": number, "compensated": difference(before, frame, move), "uncompensated": still})
        before = frame
    means = [mean_of(measured[shot.last_half]) for shot in classes if measured[shot.last_half]]
    return {
        "definitions": DEFINITIONS,
        "extremes": _extremes(measured),
        "classes": [
            {"title": shot.title, "start_frame": shot.start, **asdict(mean)}
            for shot, mean in zip(classes, means, strict=False)
        ],
        "trends": _trends(means),
        "comparison": _comparison(means),
        "motion_summary": _summary(motion, {shot.start for shot in classes}),
        "frames": [asdict(one) for one in measured],
        "motion": motion,
    }


def _columns(measures: Sequence[Measures]) -> Mapping[str, Float[np.ndarray, " measures"]]:
    names = asdict(measures[0]) if measures else ()
    return {name: np.array([getattr(one, name) for one in measures]) for name in names}


def _extremes(measured: Sequence[Measures]) -> dict[str, dict[str, float]]:
    """Smallest and largest value of each figure, and in which frames they are."""
    return {
        name: {
            "min": float(values.min()),
            "min_frame": int(values.argmin()),
            "max": float(values.max()),
            "max_frame": int(values.argmax()),
        }
        for name, values in _columns(measured).items()
    }


def _trends(means: Sequence[Measures]) -> dict[str, dict[str, float]]:
    return {name: asdict(trend(list(values))) for name, values in _columns(means).items()} if len(means) > 2 else {}


def _comparison(means: Sequence[Measures]) -> dict[str, Any]:
    """Class 20, or the last one of a shorter film, against class 2, counted from 1: how much more it has of each."""
    if len(means) < 3:
        return {}
    late = min(20, len(means))
    changes = {
        name: float(values[late - 1] / values[1] - 1) if values[1] else None for name, values in _columns(means).items()
    }
    return {"early": 2, "late": late, "change": changes}


def _summary(motion: Sequence[Mapping[str, float]], borders: set[int]) -> dict[str, dict[str, float]]:
    """Mean and 95th percentile over all pairs of neighbors, and the mean where one class meets the next."""
    found = {}
    for name in ("compensated", "uncompensated") if motion else ():
        values = np.array([pair[name] for pair in motion])
        found[name] = {"mean": float(values.mean()), "p95": float(np.percentile(values, 95))}
        met = [pair[name] for pair in motion if pair["frame"] in borders]
        if met:
            found[name]["borders"] = float(np.mean(met))
    return found


def describe(found: Mapping[str, Any]) -> Iterator[str]:
    """What was measured, in lines."""
    yield f"{len(found['frames'])} frames, {len(found['classes'])} classes"
    for name, ends in found["extremes"].items():
        low, high = (f"{ends[end]:.4f} (frame {ends[f'{end}_frame']})" for end in ("min", "max"))
        yield f"{name:<15} {low:<24} to {high}"
    if found["classes"]:
        yield "\nmeans over the last half of each class"
        yield from _table(found["classes"])
    for name, line in found["trends"].items():
        slope, error = 100 * line["per_100_classes"], 100 * line["standard_error"]
        yield f"trend of {name:<15} {slope:+7.1f} % ± {error:.1f} % in 100 classes"
    if found["comparison"]:
        early, late = found["comparison"]["early"], found["comparison"]["late"]
        changes = found["comparison"]["change"].items()
        told = ", ".join(f"{name} {100 * change:+.1f} %" for name, change in changes if change is not None)
        yield f"\nclass {late} against class {early}: {told}"
    for name, values in found["motion_summary"].items():
        told = ", ".join(f"{kind} {value:.4f}" for kind, value in values.items())
        yield f"difference of neighbors, {name:<14} {told}"


def _table(classes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = [name for name in classes[0] if name not in {"title", "start_frame"}]
    yield "    " + f"{'title':<30}" + "".join(f"{name:>16}" for name in names)
    for place, entry in enumerate(classes, 1):
        yield f"{place:>3} {entry['title'][:29]:<30}" + "".join(f"{entry[name]:>16.4f}" for name in names)


def find_film(path: Path) -> tuple[Path, list[Shot], bool]:
    """The film that a path stands for, its classes where its run is known, and whether text is over its frames.

    Raises:
        UserError: There is no film, or the run's files cannot be read.
    """
    paths = RunPaths(path if path.is_dir() else path.parent)
    if not paths.index.exists():
        if path.is_dir() or not path.exists():
            raise UserError(f"{path} is neither a film nor the directory of a run with one")
        return path, [], False
    index = read_index(paths.index)
    own = paths.root / index.film.path if index.film else None
    if own is None or path not in {paths.root, own}:
        return path, [], False
    run = load_run(paths.root)
    return own, shots(index, run), bool(run.settings.overlay.lines)


def main() -> None:
    """Does what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("film", type=Path, metavar="FILM_OR_RUN_DIR", help="a film, or the directory of a run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures, also those of each frame")
    options = parser.parse_args()
    try:
        film, classes, has_text = find_film(options.film)
    except UserError as error:
        sys.exit(f"Error: {error}")
    found = {"film": str(film), **measure(read_frames(film), classes)}
    print(f"{film}:")
    print("\n".join(describe(found)))
    if has_text:
        print("\nThe text over the frames was measured with them; see --help")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
