"""The network alone, frozen: forward, and back to its input."""

import torch
from torch import nn

from benchmarking.subject import Subject
from renderer.networks.threads import prepare_thread
from renderer.settings.chosen import Chosen

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Bare:
    """Passes of one batch, with all threads; the loss is one output of each picture."""

    least = 1

    def __init__(self, subject: Subject, precision: str, batch: int, *, compiled: bool = False) -> None:
        self._module, size = bare_module(subject, precision)
        if compiled:
            self._module = torch.compile(self._module, dynamic=False)  # type: ignore[assignment]
        self._threads = Chosen.of(subject.settings()).threads
        pictures = torch.randn(batch, 3, size, size, device=subject.place, dtype=DTYPES[precision])
        self._pictures = pictures.contiguous(memory_format=torch.channels_last)

    def make(self, amount: int) -> int:
        """Makes so many forward and backward passes of the batch."""
        prepare_thread(self._threads)  # as those are that dream; each of them has a number of its own
        for _ in range(amount):
            seen = self._pictures.detach().requires_grad_()
            torch.autograd.grad(self._module(seen)[:, 0].sum(), seen)
        return amount * len(self._pictures)


def bare_module(subject: Subject, precision: str) -> tuple[nn.Module, int]:
    """The frozen module, and the side of its input."""
    loaded = subject.network.load()
    module = loaded.module.eval().requires_grad_(requires_grad=False)
    module.to(device=subject.place, dtype=DTYPES[precision], memory_format=torch.channels_last)
    return module, loaded.preprocessing.size
