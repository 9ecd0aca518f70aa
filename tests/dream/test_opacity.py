"""Opacity of a still: where the gradients have gone."""

from dataclasses import replace

import pytest
import torch

from renderer.dream import ascent
from renderer.dream.canvas import CANVASES
from renderer.dream.dreaming import Dream, Transforms
from renderer.dream.nearness import Reference, References
from renderer.dream.opacity import add_traces, opacity
from renderer.dream.randomness import PictureKey
from tests.dream import climbing
from tests.networks.tiny import tiny_network

SIZE = (40, 52)
KEYS = [PictureKey(0, "0002"), PictureKey(0, "0005")]
STILL = Transforms(crop=(0.3, 0.3), scale=(1.0, 1.0), rotate=0.0, jitter=0.0, flip=0.0, detail=0.0, color=0.0)


def traces(dream: Dream, steps: int) -> torch.Tensor:
    climbs = [replace(climb, is_traced=True) for climb in climbing.climbs(dream, KEYS, [0, 0])]
    found = ascent.ascend_fresh(tiny_network(), climbing.noise(KEYS, SIZE), climbs, steps, seconds_per_step=0.01)
    assert found.trace is not None
    return found.trace


def test_steps_are_counted_alike_and_where_they_go() -> None:
    found = traces(Dream(), 70)  # leveled in between
    assert found.shape == (2, *SIZE)
    assert torch.allclose(found.mean(dim=(1, 2)), torch.full((2,), 70.0), rtol=1e-4)


def test_what_no_view_shows_has_no_trace() -> None:
    found = traces(Dream(transforms=STILL), 1)
    assert (found == 0).float().mean() > 0.5


def test_octaves_are_counted_in_the_full_size() -> None:
    found = traces(Dream(octaves=3), 9)
    assert found.shape == (2, *SIZE)
    assert torch.allclose(found.mean(dim=(1, 2)), torch.full((2,), 9.0), rtol=0.05)


def test_pictures_are_the_same_with_a_trace_and_without() -> None:
    climbs = climbing.climbs(Dream(), KEYS, [0, 0])
    begun = climbing.noise(KEYS, SIZE)
    plain = ascent.ascend_fresh(tiny_network(), begun, climbs, 5)
    with_trace = ascent.ascend_fresh(tiny_network(), begun, [replace(one, is_traced=True) for one in climbs], 5)
    assert plain.trace is None
    assert torch.equal(plain.pictures, with_trace.pictures)


def test_opacity_is_high_where_the_trace_is_and_clear_far_from_it() -> None:
    trace = torch.rand(2, 60, 80) * 0.01
    trace[0, 20:45, 30:60] = 1.0
    trace[1, :30, :40] = 7.0
    found = opacity(trace)
    assert found.shape == trace.shape
    assert found.min() == 0
    assert found.max() == 1
    assert found[0, 25:40, 35:55].min() == 1
    assert found[0, 50:, :20].max() < 0.02
    assert found[1, :24, :34].min() == 1


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_picture_with_gradients_nowhere_or_everywhere_is_solid(value: float) -> None:
    assert opacity(torch.full((1, 20, 30), value)).min() == 1


def test_a_few_places_are_not_everywhere() -> None:
    trace = torch.zeros(1, 40, 400)
    trace[0, :, 10:14] = 1.0
    found = opacity(trace)
    assert found[0, 20, 12] == 1
    assert found[0, :, 100:].max() == 0


def test_a_tile_has_no_seam() -> None:
    trace = torch.zeros(1, 60, 80)
    trace[0, 20:40, :6] = 1.0
    wrapped, mirrored = (opacity(trace, CANVASES[canvas])[0, 30] for canvas in ("wrap", "mirror"))
    assert wrapped[-1] > 0.5
    assert mirrored[-1] == 0


def test_a_large_picture_takes_no_longer_than_a_moment() -> None:
    trace = torch.zeros(1, 2000, 3000)
    trace[0, 500:1500, 500:2000] = 1.0
    found = opacity(trace)
    assert found.shape == trace.shape
    assert (found[0, 700, 700], found[0, 100, 2900]) == (1, 0)


def test_a_smaller_trace_is_enlarged() -> None:
    small, large = torch.zeros(1, 10, 20), torch.ones(1, 20, 40)
    small[0, :5] = 4.0
    both = add_traces(small, large)
    assert both.shape == large.shape
    assert both[0, 0].min() == 5
    assert both[0, -1].max() == 1


def test_a_mask_hides_what_gradients_have_changed_beneath_it() -> None:
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., 26:] = 1
    masked = Reference(torch.full((1, 3, *SIZE), 0.5), mask=mask)
    seen = References([masked, Reference(torch.full((1, 3, *SIZE), 0.5))], SIZE).seen(torch.ones(2, *SIZE))
    assert torch.equal(seen[0], mask[0, 0])
    assert (seen[1] == 1).all()
