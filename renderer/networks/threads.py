"""How a thread is made ready to compute."""

import torch


def prepare_thread(threads: int) -> None:
    """Prepare the calling thread to compute, with so many threads that it shares its work with.

    Numbers so small that a processor takes a hundred times as long for them become 0: the gradients of a film have more
    of them from frame to frame, as it gets surer of its classes. Threads that share the work take that over from the
    one that creates them, so call it before the first computation; a worker does, before it loads its network.
    """
    torch.set_flush_denormal(True)
    # A thread that asks or computes for the first time takes the number that any thread has set last. Be that now.
    torch.get_num_threads()
    torch.set_num_threads(threads)
