"""Optical flow between neighboring frames of a film: what is where, what was hidden, and carrying pictures along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from types import ModuleType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

from renderer.common.errors import UserError

Picture = UInt8[np.ndarray, "height width 3"]
Values = Float32[np.ndarray, "height width colors"]
Field = Float32[np.ndarray, "height width 2"]
FindField = Callable[[Picture, Picture], Field]
"""Tells for each pixel of the first picture how far right and down it is in the second one."""

# Sundaram et al. 2010, as in Ruder et al. 2016 (arXiv 1604.08610): there and back again has to end where it began.
_RELATIVE, _ABSOLUTE = 0.01, 0.5
_MOST_CHANGE = 0.15  # Of what is taken for the same thing, where white is 1.
_SOFT = 5  # Pixels across which what is visible fades into what is not.
_one_at_a_time = Lock()


class Flow(NamedTuple):
    """How a picture became the one after it.

    Attributes:
        back: For each pixel of the later picture, how far right and down it was in the earlier one.
        visible: From 0, where it was hidden or is something else, to 1, where it was seen.
    """

    back: Field
    visible: Float32[np.ndarray, "height width"]


def find_flow(before: Picture, after: Picture, find: FindField) -> Flow:
    """Compare two neighboring frames, in both directions.

    Args:
        before: The earlier one.
        after: The later one.
        find: How motion is found.
    """
    back, forth = find(after, before), find(before, after)
    with _single_thread() as cv2:
        there = _read(cv2, forth, back, cv2.INTER_LINEAR)
        apart = ((back + there) ** 2).sum(axis=2)
        allowed = _RELATIVE * ((back**2).sum(axis=2) + (there**2).sum(axis=2)) + _ABSOLUTE
        came = _read(cv2, before.astype(np.float32), back, cv2.INTER_LINEAR)
        change = cv2.blur(np.abs(came - after).mean(axis=2) / 255, (_SOFT, _SOFT))
        hidden = (apart > allowed) | (change > _MOST_CHANGE) | _comes_from_outside(back)
        visible = 1 - cv2.blur(hidden.astype(np.float32), (_SOFT, _SOFT))
    return Flow(back, visible)


def carry(values: Values, flow: Flow) -> Values:
    """Carry what lies over the earlier frame along to the later one; what was hidden there gets 0.

    A window of eight pixels interpolates: what is carried on from frame to frame is neither softened (as by a bilinear
    one) nor sharpened (as by OpenCV's bicubic one).
    """
    with _single_thread() as cv2:
        carried = _read(cv2, values, flow.back, cv2.INTER_LANCZOS4)
    shown: Values = carried * flow.visible[..., None]
    return shown


def flicker(before: Picture, after: Picture, flow: Flow) -> float:
    """How much a film changes that is not motion: of neighboring frames, the earlier one moved along.

    Args:
        before: The earlier frame.
        after: The later one.
        flow: Of the film that they were made from.

    Returns:
        Mean absolute difference where nothing was hidden, where white is 1; not a number where all was.
    """
    with _single_thread() as cv2:
        came = _read(cv2, before.astype(np.float32), flow.back, cv2.INTER_LANCZOS4).clip(0, 255)
    change = np.abs(came - after).mean(axis=2) / 255
    weight = float(flow.visible.sum())
    return float((change * flow.visible).sum()) / weight if weight else float("nan")


def find_by_dis(first: Picture, second: Picture) -> Field:
    """Dense inverse search (Kroeger et al. 2016, arXiv 1603.03590), which needs no weights.

    Raises:
        UserError: OpenCV is not installed.
    """
    with _single_thread() as cv2:
        gray = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second)]
        field: Field = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*gray, None)
    return field


def refuse_without_opencv() -> None:
    """Raise UserError where OpenCV is not installed."""
    _opencv()


@contextmanager
def _single_thread() -> Iterator[ModuleType]:
    """OpenCV, which divides a picture among its threads, and finds other motion where they are more."""
    cv2 = _opencv()
    with _one_at_a_time:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            yield cv2
        finally:
            cv2.setNumThreads(threads)


def _opencv() -> ModuleType:
    try:
        import cv2  # noqa: PLC0415  it is large, and only this start needs it
    except ImportError as error:
        raise UserError(
            'start.kind: a film is followed with OpenCV, which is not installed; pip install "neuron-atlas[film]"'
        ) from error
    return cv2


def _read(cv2: ModuleType, values: Values, back: Field, how: int) -> Values:
    """The values from where they were; beyond the border the nearest."""
    rows, columns = _places(back)
    read: Values = cv2.remap(values, columns, rows, how, borderMode=cv2.BORDER_REPLICATE)
    return read


def _places(back: Field) -> tuple[Float32[np.ndarray, "height width"], Float32[np.ndarray, "height width"]]:
    height, width = back.shape[:2]
    columns = back[..., 0] + np.arange(width, dtype=np.float32)
    rows = back[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return rows, columns


def _comes_from_outside(back: Field) -> np.ndarray:
    rows, columns = _places(back)
    height, width = back.shape[:2]
    inside: np.ndarray = (rows > -1) & (rows < height) & (columns > -1) & (columns < width)
    return ~inside
