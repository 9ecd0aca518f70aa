"""Optical flow by RAFT (Teed & Deng 2020, arXiv 2003.12039), as torchvision has it, where its weights are at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from renderer.common.errors import UserError
from renderer.common.ordinary_files import is_ordinary_file

Picture = UInt8[np.ndarray, "height width 3"]
Field = Float32[np.ndarray, "height width 2"]

_FILES = {"raft_large": "raft_large_C_T_SKHT_V2-ff5fadd5.pth", "raft_small": "raft_small_C_T_V2-01064c6d.pth"}
_ADDRESS = "https://download.pytorch.org/models/"
_GRAIN, _LEAST = 8, 128  # Sides that it takes are multiples of the one, and not below the other.


def raft_weights() -> Path | None:
    """The file with its weights, where torch keeps what it has downloaded; None if there is none."""
    found = (_cache() / name for name in _FILES.values())
    return next((path for path in found if is_ordinary_file(path)), None)


def missing_weights() -> UserError:
    """What is to be said where there are none."""
    name = _FILES["raft_small"]
    return UserError(
        f"start.flow: the weights of RAFT are not there; download {_ADDRESS}{name} to {_cache() / name}, or use "
        "start.flow=dis, which needs none"
    )


def find_by_raft(path: Path, device: str) -> Callable[[Picture, Picture], Field]:
    """What finds motion with the given weights on a device.

    Raises:
        UserError: The file does not hold them.
    """
    network = _loaded(path, device)

    def find(first: Picture, second: Picture) -> Field:
        import torch  # noqa: PLC0415  it takes seconds
        from torch.nn import functional  # noqa: PLC0415

        height, width = first.shape[:2]
        size = [max(_LEAST, -(-side // _GRAIN) * _GRAIN) for side in (height, width)]
        pictures = torch.from_numpy(np.stack([first, second])).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        fitted = functional.interpolate(pictures, size, mode="bilinear", antialias=True)
        with torch.no_grad():
            flow = network(fitted[:1], fitted[1:])[-1]
        back = functional.interpolate(flow, (height, width), mode="bilinear", antialias=True)[0]
        scale = torch.tensor([width / size[1], height / size[0]], device=back.device).view(2, 1, 1)
        field: Field = (back * scale).permute(1, 2, 0).contiguous().cpu().numpy()
        return field

    return find


@lru_cache(maxsize=2)
def _loaded(path: Path, device: str) -> Any:
    import torch  # noqa: PLC0415  it takes seconds
    from torchvision.models import optical_flow  # noqa: PLC0415

    name = next((name for name, file in _FILES.items() if file == path.name), "raft_small")
    network = getattr(optical_flow, name)(weights=None).eval().requires_grad_(requires_grad=False)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # A file that is cut or of another kind leads to errors of many kinds.
        raise UserError(
            f"start.flow: {path} does not hold the weights of {name}; remove it, and download {_ADDRESS}{path.name}, "
            "or use start.flow=dis"
        ) from error
    return network.to(device)


def _cache() -> Path:
    """As `torch.hub.get_dir` says, without torch."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints"
