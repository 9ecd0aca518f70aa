"""Pictures that lie over what a start brings into every frame: what was dreamed into them goes along with that."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.dream.nearness import Reference
from renderer.starts.start import MovingStart, StartPicture

OnePicture = Float[Tensor, "1 3 height width"]


class Brought:
    """What a start brings into the frames of one segment."""

    def __init__(self, start: MovingStart, first: int, to_tensor: Callable[[StartPicture], OnePicture]) -> None:
        """Follow a start.

        Args:
            start: The start, opened.
            first: Number within the film of the first frame.
            to_tensor: Brings a picture to where the dreams are.
        """
        self._start, self._first, self._to_tensor = start, first, to_tensor

    def picture(self, number: int) -> OnePicture:
        """What it brings into a frame, by its number from the first one on."""
        return self._to_tensor(self._start.picture(self._first + number))

    def reference(self, number: int) -> Reference:
        """The same, as what the dream may stay near: its brightness and contrast are level."""
        return Reference(self.picture(number), leads=True)

    def followed(self, picture: OnePicture, number: int, move: Callable[[OnePicture], OnePicture]) -> OnePicture:
        """The frame before as it goes over to a frame.

        What was dreamed is moved alone, and what it lies over is brought anew, so nothing of that is ever softened.

        Args:
            picture: The frame before.
            number: Number of the frame.
            move: The camera's move.
        """
        dreamed = move(picture - self.picture(number - 1))
        carried = self._start.carried(dreamed[0].cpu().numpy(), self._first + number)
        return self.picture(number) + torch.from_numpy(carried)[None].to(picture.device)
