"""What moves is found, what is hidden is left out, and what is carried along stays sharp and level."""

import sys

import cv2
import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.starts.flow import Flow, Picture, carry, find_by_dis, find_flow, flicker
from tests.starts.film_making import drifting

HEIGHT, WIDTH = 60, 90


def texture(seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Picture:
    """Soft spots in all colors."""
    noise = np.random.default_rng(seed).standard_normal((*size, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return (128 + 45 * soft / soft.std()).clip(0, 255).astype(np.uint8)


def shifted(picture: Picture, right: int, down: int) -> Picture:
    return np.roll(picture, (down, right), axis=(0, 1))


def inner(values: np.ndarray) -> np.ndarray:
    return values[12:-12, 12:-12]


def test_a_shift_is_found_and_followed() -> None:
    before, values = texture(), texture(1).astype(np.float32) / 255
    flow = find_flow(before, shifted(before, 4, 2), find_by_dis)
    assert np.abs(inner(flow.back) - (-4, -2)).mean() < 0.2
    assert inner(flow.visible).mean() > 0.95
    carried = carry(values, flow)
    assert np.abs(inner(carried - np.roll(values, (2, 4), axis=(0, 1)))).mean() < 0.02


def test_what_comes_in_from_outside_gets_nothing() -> None:
    whole = texture(size=(HEIGHT, WIDTH + 20))
    before, after = whole[:, 10:-10], whole[:, :-20]  # the camera goes 10 pixels to the left
    flow = find_flow(np.ascontiguousarray(before), np.ascontiguousarray(after), find_by_dis)
    carried = carry(np.ones((HEIGHT, WIDTH, 3), np.float32), flow)
    assert np.abs(carried[12:-12, :6]).mean() < 0.1
    assert inner(carried[:, 10:]).mean() > 0.9


def test_what_was_hidden_gets_nothing() -> None:
    ground, thing = texture(2), texture(3)
    before, after = ground.copy(), ground.copy()
    before[20:40, 30:50] = thing[20:40, 30:50]
    after[20:40, 42:62] = thing[20:40, 30:50]
    visible = find_flow(before, after, find_by_dis).visible
    assert visible[23:37, 33:39].mean() < 0.4  # the thing stood there
    assert visible[:, 70:].mean() > 0.95 and visible[24:36, 48:58].mean() > 0.6


def test_hardly_anything_goes_over_a_cut() -> None:
    assert find_flow(texture(4), texture(5), find_by_dis).visible.mean() < 0.15


def test_what_is_carried_on_and_on_is_neither_softened_nor_sharpened() -> None:
    values = begun = texture(6).astype(np.float32) / 255 - 0.5
    for number in range(60):
        back = np.full((HEIGHT, WIDTH, 2), (0.37, 0.21) if number % 2 else (-0.37, -0.21), np.float32)
        values = carry(values, Flow(back, np.ones((HEIGHT, WIDTH), np.float32)))
    assert inner(values).std() == pytest.approx(inner(begun).std(), rel=0.05)
    assert np.abs(inner(values - begun)).mean() < 0.02


def test_flicker_is_what_motion_does_not_explain() -> None:
    before, after, *_ = drifting(2, (HEIGHT, WIDTH))
    flow = find_flow(before, after, find_by_dis)
    noise = np.random.default_rng(0).integers(-20, 21, before.shape)
    noisy = (after + noise).clip(0, 255).astype(np.uint8)
    assert flicker(before, after, flow) < 0.01
    assert flicker(before, noisy, flow) == pytest.approx(np.abs(noise).mean() / 255, rel=0.25)
    assert np.isnan(flicker(before, after, Flow(flow.back, np.zeros_like(flow.visible))))


@pytest.mark.parametrize("size", [(16, 16), (17, 33), (40, 24)])
def test_small_and_odd_sizes(size: tuple[int, int]) -> None:
    before = texture(7, size)
    flow = find_flow(before, shifted(before, 1, 0), find_by_dis)
    assert flow.back.shape == (*size, 2) and flow.visible.shape == size
    assert np.isfinite(flow.back).all()


def test_the_number_of_threads_does_not_matter() -> None:
    before, after = texture(8, (240, 320)), shifted(texture(8, (240, 320)), 3, 1)
    found, own = [], cv2.getNumThreads()
    try:
        for threads in (1, 3):
            cv2.setNumThreads(threads)
            found.append(find_flow(before, after, find_by_dis))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(own)
    assert np.array_equal(found[0].back, found[1].back) and np.array_equal(found[0].visible, found[1].visible)


def test_without_opencv_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r'pip install "neuron-atlas\[film\]"'):
        find_by_dis(texture(), texture())
