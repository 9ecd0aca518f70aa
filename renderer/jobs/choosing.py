"""The targets of a run; the network is loaded only where they or their order depend on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from renderer.common.wording import listed
from renderer.networks.source import NetworkSource
from renderer.settings.sections import Settings
from renderer.targets.selection import select_classes
from renderer.targets.target import Target


def chosen_targets(settings: Settings) -> tuple[Target, ...]:
    """The targets that settings choose, in the order of the film; raises UserError as `select_classes` does."""
    known, source = settings.network.known_targets(), settings.network
    # Other targets than classes have no weights by which they would resemble each other.
    weights = partial(_output_weights, source) if all(target.is_class for target in known) else None
    return select_classes(settings.classes, known, seed=settings.run.seed, output_weights=weights)


def _output_weights(source: NetworkSource) -> Float[np.ndarray, "classes features"]:
    """Weights of the network's last layer; raises LookupError where it has none, UserError if it cannot be loaded."""
    from renderer.networks.loaded import load_network  # noqa: PLC0415  torch takes seconds

    return load_network(source.alone).output_weights()


def said_of_companions(network: NetworkSource, targets: Sequence[Target]) -> list[str]:
    """What is to be said of companions that do not know all targets, a line each; raises UserError."""

    def said(companion: NetworkSource) -> list[str]:
        found, texts = network.matches(companion), list[str]()
        lacking = [target.title for target in targets if not all(unit in found for unit, _ in target.units)]
        if lacking:
            without = f"{len(lacking)} of {len(targets)} classes are dreamed without it"
            texts.append(f"does not know {listed(lacking)}: {without}")
        if companion == network.alone:
            texts.append("is the first network once more, so that it counts twice")
        return texts

    return [
        f"network.companions[{number}]: {network.companions[number].label} {text}"
        for number, texts in enumerate(network.of_companions(said))
        for text in texts
    ]
