"""Pictures in several resolutions: a view is read, and changed, in the one that is nearest to its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.dream.canvas import Canvas
from renderer.dream.per_picture import onto, rows_of
from renderer.dream.plane import Layer

Pictures = Float[Tensor, "batch 3 height width"]
Views = Float[Tensor, "views 3 size size"]
Maps = Float[Tensor, "views rows 3"]


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
            canvas: The surface on which the pictures are.
        """
        self._canvas, self._seen = canvas, [pictures]
        for _ in range(levels - 1):
            self._seen.append(canvas.halved(self._seen[-1]))
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

        Args:
            changes: What is added to the pixels of each view.
            maps: Those through which the views were taken.
        """
        for group in self._groups(maps, changes.shape[-1]):
            change = self._canvas.spread(rows_of(changes, group.places), group.maps, self._layer(group.level))
            if group.level:
                if group.level not in self._changed:
                    self._changed[group.level] = torch.zeros_like(self._seen[group.level])
                _add(self._changed[group.level], group.owners, change)
            for level in range(group.level, len(self._seen)):
                change = change if level == group.level else self._canvas.halved(change)
                _add(self._seen[level], group.owners, change)

    def pictures(self) -> Pictures:
        """The pictures with all changes."""
        change: Tensor | None = None
        for level in range(len(self._seen) - 1, 0, -1):
            own = self._changed.get(level)
            if own is not None:
                change = own if change is None else change + own
            if change is not None:
                change = self._canvas.doubled(change, self._layer(level - 1).size)
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
        return self._canvas.read(source, group.owners, group.maps, size, self._layer(level))

    def _layer(self, level: int) -> Layer:
        (height, width), (rows, columns) = (self._seen[number].shape[-2:] for number in (0, level))
        return Layer((rows, columns), (height, width), level)


@dataclass(frozen=True)
class _Group:
    """Views of one level: their places, the pictures that they are of, and their maps."""

    level: int
    places: list[int]
    owners: list[int]
    maps: Maps


def _add(pictures: Tensor, owners: list[int], changes: Tensor) -> None:
    if len(set(owners)) == len(owners):
        pictures.index_add_(0, onto(torch.tensor(owners), pictures.device), changes)
        return
    for owner, change in zip(owners, changes, strict=True):  # always in the same order, also on a graphics card
        pictures[owner].add_(change)
