"""Pictures in several resolutions: a view is read, and changed, in the one that is nearest to its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial, reduce
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from renderer.dream.canvas import Canvas
from renderer.dream.per_picture import onto
from renderer.dream.resolution import doubled, halved

Pictures = Float[Tensor, "batch 3 height width"]
Views = Float[Tensor, "views 3 size size"]
Maps = Float[Tensor, "views 2 3"]

_REPEATED = 3  # How far away a repetition of a picture can be seen: a view is at most a few times as large.


def view_levels(maps: Maps, size: int) -> list[int]:
    """In which level views are read: 0 is the picture itself, each further one has half the resolution.

    Args:
        maps: As from `draw_views`, on the host.
        size: Side of the views in pixels.
    """
    pixels = maps[:, :, :2].square().sum(dim=(1, 2)).div(2).sqrt() * 2 / size
    levels: list[int] = pixels.log2().round().clamp(min=0).int().tolist()
    return levels


class Pyramid:
    """Pictures, and what is changed in views of them: each step works on about as many pixels as a view has.

    A change is kept in the resolution of its view. Coarser ones have it at once, which costs little; finer ones read
    it by interpolation, until `pictures` is asked for.
    """

    def __init__(self, pictures: Pictures, levels: int, canvas: Canvas) -> None:
        """Halve the pictures again and again.

        Args:
            pictures: Any values; they are changed in place by `add`.
            levels: How many resolutions; at least 1.
            canvas: What is seen beyond the border of a picture.
        """
        self._canvas, self._wrapped = canvas, canvas.padding == "circular"
        self._seen = [pictures]
        for _ in range(levels - 1):
            self._seen.append(halved(self._seen[-1]))
        self._changed: dict[int, Tensor] = {}

    def views(self, maps: Maps, size: int) -> Views:
        """Look at the pictures through maps.

        Args:
            maps: As from `draw_views`: equally many for each picture, in the order of the pictures.
            size: Side of the views in pixels.

        Returns:
            The views; a view that shrinks the picture averages, so that nothing flickers that is smaller than its
            pixels.
        """
        groups = list(self._groups(maps, size))
        parts = [self._look(group, size) for group in groups]
        if len(parts) == 1:
            return parts[0]
        places = [place for group in groups for place in group.places]
        order = sorted(range(len(places)), key=places.__getitem__)
        return torch.cat(parts).index_select(0, onto(torch.tensor(order), parts[0].device))

    def add(self, changes: Views, maps: Maps) -> None:
        """Change the pictures where they were seen; beyond the views' borders nothing changes.

        What was seen beyond a picture's border is changed where the canvas repeats the picture; mirror images of it,
        which would be in their own way, are left out.

        Args:
            changes: What is added to the pixels of each view.
            maps: Those through which the views were taken.
        """
        for group in self._groups(maps, changes.shape[-1]):
            change = self._spread(_rows(changes, group.places), group)
            if group.level:
                if group.level not in self._changed:
                    self._changed[group.level] = torch.zeros_like(self._seen[group.level])
                _add(self._changed[group.level], group.owners, change)
            for level in range(group.level, len(self._seen)):
                change = change if level == group.level else halved(change)
                _add(self._seen[level], group.owners, change)

    def pictures(self) -> Pictures:
        """The pictures with all changes."""
        change: Tensor | None = None
        for level in range(len(self._seen) - 1, 0, -1):
            own = self._changed.get(level)
            if own is not None:
                change = own if change is None else change + own
            if change is not None:
                above = self._seen[level - 1]
                change = doubled(change, (above.shape[-2], above.shape[-1]), wrapped=self._wrapped)
        return self._seen[0] if change is None else self._seen[0] + change

    def _groups(self, maps: Maps, size: int) -> Iterator[_Group]:
        """Views of the same level, which are read at once."""
        count = len(maps) // len(self._seen[0])
        places = defaultdict[int, list[int]](list)
        for place, level in enumerate(view_levels(maps, size)):
            places[min(level, len(self._seen) - 1)].append(place)
        for level, own in sorted(places.items()):
            yield _Group(level, own, [place // count for place in own], maps[own])

    def _look(self, group: _Group, size: int) -> Views:
        views = self._read(self._seen[group.level], group, group.level, size)
        for level, changed in self._changed.items():
            if level > group.level:
                views = views + self._read(changed, group, level, size)
        return views

    def _read(self, source: Tensor, group: _Group, level: int, size: int) -> Views:
        to_level = _compose(self._onto(level), group.maps)
        return self._canvas.sample(_rows(source, group.owners), _grid(to_level, (size, size), source.device))

    def _spread(self, changes: Views, group: _Group) -> Tensor:
        """What views add to the pixels of their level."""
        height, width = self._seen[group.level].shape[-2:]
        to_views = _inverse(_compose(self._onto(group.level), group.maps))
        grids = (_grid(maps, (height, width), changes.device) for maps in self._repeated(to_views, group.level))
        read = partial(functional.grid_sample, mode="bilinear", padding_mode="zeros", align_corners=False)
        return reduce(Tensor.add_, (read(changes, grid) for grid in grids))

    def _repeated(self, to_views: Maps, level: int) -> Iterator[Maps]:
        """The maps from a level to its views, for each repetition of the picture that any view shows a part of."""
        if not self._wrapped:
            yield to_views
            return
        (height, width), (rows, columns) = (self._seen[number].shape[-2:] for number in (0, level))
        period = torch.tensor([2 * width / (columns * 2**level), 2 * height / (rows * 2**level)], dtype=torch.float64)
        for tile in product(range(-_REPEATED, _REPEATED + 1), repeat=2):
            moved = to_views.clone()
            moved[..., 2] += to_views[..., :2] @ (period * torch.tensor(tile, dtype=torch.float64))
            if tile == (0, 0) or _meets(moved):
                yield moved

    def _onto(self, level: int) -> Float[Tensor, "2 3"]:
        """The map from the pixels of the pictures, around their center, to a level's square, [-1, 1] in x and y."""
        (height, width), (rows, columns) = (self._seen[number].shape[-2:] for number in (0, level))
        across, down = columns * 2**level, rows * 2**level
        return torch.tensor(
            [[2 / across, 0, width / across - 1], [0, 2 / down, height / down - 1]], dtype=torch.float64
        )


@dataclass(frozen=True)
class _Group:
    """Views of one level: their places, the pictures that they are of, and their maps."""

    level: int
    places: list[int]
    owners: list[int]
    maps: Maps


def _compose(outer: Float[Tensor, "2 3"], maps: Maps) -> Maps:
    composed = outer[:, :2] @ maps.double()
    composed[..., 2] += outer[:, 2]
    return composed


def _inverse(maps: Maps) -> Maps:
    turned = torch.linalg.inv(maps[..., :2])
    return torch.cat([turned, -turned @ maps[..., 2:]], dim=2)


def _meets(maps: Maps) -> bool:
    """Whether any map leads from the square to one that it may have points in common with."""
    reach = maps[..., :2].abs().sum(dim=2)
    return bool(((maps[..., 2].abs() - reach).amax(dim=1) < 1).any())


def _grid(maps: Maps, size: tuple[int, int], device: torch.device) -> Float[Tensor, "views rows columns 2"]:
    """Where the pixels of a square of the given height and width lie after the maps."""
    maps = onto(maps.float(), device)
    down, across = (
        torch.arange(side, device=device, dtype=torch.float32).add_(0.5).mul_(2 / side).sub_(1) for side in size
    )
    grid = torch.empty((len(maps), *size, 2), device=device)
    for axis in range(2):
        rows = maps[:, axis, 1, None] * down + maps[:, axis, 2, None]
        columns = maps[:, axis, 0, None] * across
        torch.add(rows[:, :, None], columns[:, None, :], out=grid[..., axis])
    return grid


def _rows(pictures: Tensor, owners: list[int]) -> Tensor:
    """Some of the pictures; without a copy where they are all."""
    if owners == list(range(len(pictures))):
        return pictures
    return pictures.index_select(0, onto(torch.tensor(owners), pictures.device))


def _add(pictures: Tensor, owners: list[int], changes: Tensor) -> None:
    if len(set(owners)) == len(owners):
        pictures.index_add_(0, onto(torch.tensor(owners), pictures.device), changes)
        return
    for owner, change in zip(owners, changes, strict=True):  # always in the same order, also on a graphics card
        pictures[owner].add_(change)
