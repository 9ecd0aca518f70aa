"""The dreaming of a render without text, encoding and files, or how long a render is said to take; a process by itself.

Prints JSON. Arguments: a configuration, and `dream` or `project`.
"""

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from renderer.common import tuning

if TYPE_CHECKING:
    from renderer.film.tasks import Picture
    from renderer.jobs.local_worker import LocalWorker
    from renderer.store.run import Run

_BEGAN = time.perf_counter()


def _dream(run: "Run", worker: "LocalWorker") -> dict[str, float]:
    """Dreams all rounds of a film; each segment begins where the one before it in its chain has ended."""
    from renderer.film.tasks import SegmentTask, in_batches  # noqa: PLC0415  after `tuning.prepare`
    from renderer.media.captions import templates_need_score  # noqa: PLC0415

    passes, last = 0, dict[int, "Picture"]()
    views, score_all = run.film_recipe.dream.transforms.views, templates_need_score(run.settings.overlay.lines)

    def stepped(pictures: int) -> None:
        nonlocal passes
        passes += pictures * views

    began = time.perf_counter()
    for segments in run.timeline.rounds:
        tasks = [SegmentTask(one, last.get(one.chain)) for one in segments]
        batches = in_batches(tasks, run.film_recipe.run.batch)
        for frame in worker.segments(run.film_recipe, batches, stepped, score_all=score_all):
            last[frame.segment.chain] = frame.picture
    return {"seconds": time.perf_counter() - began, "passes": passes, "seconds_to_begin": began - _BEGAN}


def _project(run: "Run", worker: "LocalWorker") -> dict[str, float | None]:
    from renderer.jobs.projection import project_time  # noqa: PLC0415

    projection = project_time(run, worker)
    return {"film": projection.film, "classes": len(run.targets), "frames": run.timeline.frames}


def _open(config: str, folder: str) -> "Run":
    from renderer.jobs.choosing import chosen_targets  # noqa: PLC0415
    from renderer.jobs.machine import choose  # noqa: PLC0415
    from renderer.jobs.session import describe_run  # noqa: PLC0415
    from renderer.settings.loading import load_settings  # noqa: PLC0415
    from renderer.store.paths import RunPaths  # noqa: PLC0415
    from renderer.store.run import Run  # noqa: PLC0415

    loaded = load_settings(config)
    targets, chosen = chosen_targets(loaded.settings), choose(loaded.settings)
    described = describe_run(loaded.name, loaded.settings, targets, film=True, chosen=chosen)
    return Run(RunPaths(Path(folder) / "run"), described)


def main() -> None:
    """Prints the figures."""
    tuning.prepare()
    from renderer.jobs.local_worker import LocalWorker  # noqa: PLC0415

    config, wanted = sys.argv[1:]
    with TemporaryDirectory() as folder:
        run = _open(config, folder)
        with closing(LocalWorker(run.file.decided)) as worker:
            print(json.dumps({"dream": _dream, "project": _project}[wanted](run, worker)))


if __name__ == "__main__":
    main()
