"""The classes of a run; the network is loaded only where their order depends on it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from renderer.settings.sections import Settings
from renderer.targets.class_lists import class_list
from renderer.targets.selection import select_classes
from renderer.targets.target import ClassRecord


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

    from renderer.networks.loaded import load_network  # noqa: PLC0415

    return load_network(settings.network, torch.device("cpu")).output_weights()
