"""Pictures that stay near photographs, and others beside them: none follows from what else is in its batch."""

import pytest
import torch

from renderer.dream.canvas import CANVASES
from renderer.dream.dreaming import Level
from renderer.dream.nearness import Reference, References

SIZE = (32, 64)
HELD, LED, FREE = {"keep": 0.4}, {"leads": True}, {"keep": 0.0}
LEVELS = [Level(strength=0.9, contrast=0.1), Level(strength=0.5, contrast=0.2), Level(strength=0.7, contrast=0.1)]


def pictures(seed: int) -> torch.Tensor:
    return torch.rand(3, 3, *SIZE, generator=torch.Generator().manual_seed(seed))


def references(*how: dict[str, float]) -> References:
    photographs = pictures(0) ** 2  # Darker than gray.
    return References([Reference(photographs[row : row + 1], **own) for row, own in enumerate(how)], SIZE)


def alone(row: int, how: dict[str, float]) -> References:
    return References([Reference(pictures(0)[row : row + 1] ** 2, **how)], SIZE)


@pytest.mark.parametrize("canvas", ["mirror", "sphere"])
@pytest.mark.parametrize("how", [(FREE, HELD, FREE), (LED, FREE, HELD), (HELD, HELD, LED), (FREE, FREE, FREE)])
def test_a_picture_is_leveled_as_if_it_were_alone(how: tuple[dict[str, float], ...], canvas: str) -> None:
    dreamed, surface = pictures(1), CANVASES[canvas]
    together = references(*how).leveled(LEVELS, dreamed, 0.5, surface)
    for row, own in enumerate(how):
        single = alone(row, own).leveled(LEVELS[row : row + 1], dreamed[row : row + 1], 0.5, surface)
        torch.testing.assert_close(together[row], single[0], atol=1e-5, rtol=0)
    brightness = [float(one.mean()) for one in together]
    for row, own in enumerate(how):
        assert (brightness[row] < 0.47) == (own is not FREE)


def test_without_contrast_a_picture_is_its_photograph_only_where_it_is_held_near_it() -> None:
    mixed = references(FREE, HELD, FREE).rest
    assert isinstance(mixed, torch.Tensor)
    assert torch.equal(mixed[1], pictures(0)[1] ** 2) and torch.all(mixed[[0, 2]] == 0.5)
    assert references(FREE, FREE, FREE).rest == 0.5


def test_only_what_is_held_is_pulled() -> None:
    dreamed, kept = pictures(1), references(FREE, HELD, LED)
    pulled = dreamed.clone()
    kept.pull(pulled, pictures(0) ** 2, 3)
    assert torch.equal(pulled[[0, 2]], dreamed[[0, 2]]) and not torch.equal(pulled[1], dreamed[1])
