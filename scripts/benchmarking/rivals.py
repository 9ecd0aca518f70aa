"""Stills by lucent, where it is installed."""

from lucent_dreams import dream_with_lucent, find_lucent

from benchmarking.bare import bare_module
from benchmarking.options import Case
from benchmarking.subject import Subject
from renderer.networks.sources.torchvision import TorchvisionNetwork


class Lucent:
    """A batch of stills with lucent's defaults; its transforms, weights frozen and channels last, as ours."""

    def __init__(self, subject: Subject, case: Case) -> None:
        self._module, _ = bare_module(subject, "float32")
        self._size, self._batch = case.width, case.batch
        self.least = subject.still_steps

    def make(self, amount: int) -> int:
        """Takes so many steps of each still."""
        list(dream_with_lucent(self._module, list(range(self._batch)), size=self._size, steps=amount))
        return amount * self._batch


def why_not(subject: Subject) -> str | None:
    """Why lucent cannot be measured, or None."""
    if not isinstance(subject.network, TorchvisionNetwork):
        return "lucent knows torchvision's normalization only"
    try:
        find_lucent()
    except SystemExit as error:
        return f"lucent is not installed: {error}"
    return None
