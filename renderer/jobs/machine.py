"""What a run computes with on this machine, where its settings leave that open."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from renderer.common.errors import UserError
from renderer.common.processor import has_fast_bfloat16, may_have_cuda, usable_cores
from renderer.common.progress import Progress
from renderer.settings.chosen import Chosen
from renderer.settings.sections import MOST_THREADS, Precision, Settings
from renderer.store.paths import RunPaths
from renderer.store.run_file import RunFile, holds_run, read_run_file


def choose(settings: Settings, begun: Chosen | None = None) -> Chosen:
    """Decide what `auto` stands for.

    Args:
        settings: What is asked for; what is said there comes first.
        begun: What the run was begun with, which comes next; None for a new one, which takes what this machine does
            best.

    Raises:
        UserError: A device is not there.
    """
    run = (begun.fill_in(settings) if begun else settings).run
    return Chosen(
        precision=fastest_precision(run.device) if run.precision == "auto" else run.precision,
        threads=_threads_here() if run.threads == "auto" else run.threads,
    )


def begun_with(directory: Path) -> Chosen | None:
    """What the run in a directory was begun with; None if there is none, or its file cannot be read."""
    paths = RunPaths(directory)
    with suppress(UserError):
        return read_run_file(paths.settings).chosen if holds_run(paths) else None
    return None


def too_many_threads(chosen: Chosen, device: str | tuple[str, ...]) -> str | None:
    """What is to be said where a processor has more threads than cores that the program may use."""
    cores, devices = usable_cores(), {device} if isinstance(device, str) else set(device)
    if chosen.threads <= cores or not devices & {"cpu", "auto"}:
        return None
    return (
        f"{chosen.threads} threads on {cores} core{'s' if cores > 1 else ''} hinder one another: they follow from "
        "run.threads or OMP_NUM_THREADS, or are those that the run was begun with"
    )


def note_machine(run: RunFile, progress: Progress) -> None:
    """Say where a run goes on otherwise than it would begin on this machine, and what slows it."""
    if slow := too_many_threads(Chosen.of(run.decided), run.settings.run.device):
        progress.note(slow)
    for name, here in choose(run.settings):
        kept = getattr(run.chosen, name, here)
        if kept != here:
            progress.note(
                f"run.{name}: the run was begun with {kept} and goes on so, that its pictures stay the same; "
                f"on this machine a new one would have {here}"
            )


def _threads_here() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and 0 < int(wanted) <= MOST_THREADS else min(usable_cores(), MOST_THREADS)


def fastest_precision(device: str | tuple[str, ...]) -> Precision:
    """What a network computes the fastest with on the devices of the given names; raises as `find_devices`."""
    names = {device} if isinstance(device, str) else set(device)
    if names <= {"cpu", "auto"} and not ("auto" in names and may_have_cuda()):
        # Where `auto` can mean mps, float32 it is too: processors of that kind name none of the flags.
        return "bfloat16" if has_fast_bfloat16() else "float32"
    from renderer.networks.devices import are_faster_in_bfloat16  # noqa: PLC0415  torch takes seconds

    return "bfloat16" if are_faster_in_bfloat16(device) else "float32"
