"""All kinds of targets: the one place where a new kind is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from renderer.common.section import one_of
from renderer.targets.class_outputs import ClassOutputs
from renderer.targets.directions import Directions
from renderer.targets.guides import Guides
from renderer.targets.inversions import Inversions
from renderer.targets.kind import TargetKind
from renderer.targets.layer_channels import LayerChannels
from renderer.targets.whole_layers import WholeLayers

TARGET_KINDS: tuple[type[TargetKind], ...] = (
    ClassOutputs,
    LayerChannels,
    WholeLayers,
    Directions,
    Guides,
    Inversions,
)

if TYPE_CHECKING:
    AnyTargets = TargetKind
else:
    AnyTargets = one_of(TARGET_KINDS, "kind")
