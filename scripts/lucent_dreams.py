"""Stills by lucent (https://github.com/greentfrapp/lucent), to compare with: its own defaults."""

import sys
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn


def dream_with_lucent(
    module: nn.Module, indices: list[int], *, size: int, steps: int
) -> Iterator[UInt8[np.ndarray, "size size 3"]]:
    """Dreams a picture of each class with lucent's defaults: Fourier, decorrelated colors, Adam 0.05, its transforms.

    The classes are one batch, as lucent offers it, and the weights are frozen: pictures as lucent makes them, in less
    time than it takes for one after the other.

    Args:
        module: A network with an output for each class, that takes pictures normalized as torchvision's do.
        indices: Classes.
        size: Side of the pictures in pixels.
        steps: Ascent steps, each of which is one pass.
    """
    objectives, param, render = find_lucent()
    torch.manual_seed(indices[0])
    np.random.seed(indices[0])  # noqa: NPY002  lucent draws from this generator
    wanted = objectives.Objective.sum(
        [objectives.channel("labels", index, batch=place) for place, index in enumerate(indices)]
    )
    images = render.render_vis(
        module,
        wanted,
        param_f=lambda: param.image(size, batch=len(indices)),
        thresholds=(steps,),
        progress=False,
        show_image=False,
    )
    yield from (images[0] * 255).round().astype(np.uint8)


def find_lucent():  # type: ignore[no-untyped-def]
    """Lucent's modules; ends the program with what to install where they are missing."""
    try:
        import kornia  # noqa: PLC0415  only this comparison needs it
        from lucent.optvis import objectives, param, render  # noqa: PLC0415
    except ImportError as error:
        sys.exit(f"{error}: pip install --no-deps torch-lucent && pip install kornia tqdm decorator ipython")
    # lucent knows kornia 0.4, where these were one level up.
    kornia.get_rotation_matrix2d = kornia.geometry.transform.get_rotation_matrix2d
    kornia.warp_affine = kornia.geometry.transform.warp_affine
    return objectives, param, render
