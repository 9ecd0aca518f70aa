"""What is told of the gradients of a target."""

from __future__ import annotations

from renderer.common.progress import Progress
from renderer.dream.health import Health
from renderer.targets.target import Target


def note_health(progress: Progress, target: Target, health: Health, *, then: str = "") -> None:
    """Tell what was wrong with the gradients of a target, if anything was, and what comes of it."""
    if health.complaints:
        progress.note(f"class {target.index} {target.title}: {'; '.join(health.complaints)}{then}")
