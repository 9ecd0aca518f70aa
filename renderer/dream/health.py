"""How well the gradients of a picture were while it was dreamed; plain data, which a worker can give back."""

from __future__ import annotations

from dataclasses import astuple, dataclass

_SELDOM = 20  # A cure in fewer than one of so many steps is not worth a word.


@dataclass(frozen=True)
class Health:
    """In how many ascent steps a picture's gradient was of use, and in how many something had to be done for it.

    Attributes:
        steps: All steps.
        redirected: Steps in which there was no gradient until it was redirected past activations that were off.
        recomputed: Steps in which it was not finite in the network's precision, and was in float32.
        lost: Steps that were left out, since nothing gave a gradient that is finite and not 0.
    """

    steps: int = 0
    redirected: int = 0
    recomputed: int = 0
    lost: int = 0

    def __add__(self, other: Health) -> Health:
        """Of the steps of both."""
        return Health(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_dead(self) -> bool:
        """Whether most steps were left out: the picture is hardly more than what it began with."""
        return 2 * self.lost > self.steps

    @property
    def complaints(self) -> tuple[str, ...]:
        """What was wrong, and what was done about it, each in a few words."""
        found = []
        if self.redirected * _SELDOM > self.steps:
            found.append(f"no gradient in {self._share(self.redirected)} (dead activations); redirected past them")
        if self.recomputed:
            found.append(f"gradient not finite in {self._share(self.recomputed)}; computed again in float32")
        if self.lost:
            left = f"no usable gradient (0, or not finite) in {self._share(self.lost)}, which were left out"
            found.append(f"{left}: the dream is dead" if self.is_dead else left)
        return tuple(found)

    def _share(self, steps: int) -> str:
        return f"{steps} of {self.steps} steps"
