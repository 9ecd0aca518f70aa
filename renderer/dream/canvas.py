"""The surfaces on which pictures are: for the camera's move, the network's views and the leveling alike."""

from __future__ import annotations

from collections.abc import Mapping

from renderer.dream.plane import Mirror, Plane, Wrap
from renderer.dream.sphere import Sphere

Canvas = Plane | Sphere
"""A plane with a rule for what lies beyond a picture's border, or the sphere, which has no border."""

CANVASES: Mapping[str, Canvas] = {"mirror": Mirror(), "wrap": Wrap(), "sphere": Sphere()}
