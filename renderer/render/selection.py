"""The classes of a run; the network is loaded only where their order depends on it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from renderer.classes.lists import class_list
from renderer.classes.records import ClassRecord
from renderer.classes.selection import select_classes
from renderer.config.models import Settings


def chosen_classes(settings: Settings) -> tuple[ClassRecord, ...]:
    """The classes that settings choose, in the order of the film; raises UserError as `select_classes` does."""
    return select_classes(
        settings.classes,
        class_list(settings.network),
        seed=settings.run.seed,
        output_weights=lambda: _output_weights(settings),
    )


def _output_weights(settings: Settings) -> Float[np.ndarray, "classes features"]:
    """Weights of the network's last layer, a row for each of its classes.

    Raises:
        LookupError: The network has no such layer.
        UserError: The network cannot be loaded.
    """
    import torch  # noqa: PLC0415  takes seconds

    from renderer.networks.load import load_network  # noqa: PLC0415

    return load_network(settings.network, torch.device("cpu")).output_weights()
