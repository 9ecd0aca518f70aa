"""Measures how much a film flickers that was dreamed from another one.

What moves in the source is taken out: each frame is moved along the source's optical flow and compared with the next
one, where the source hides nothing. A film of text, cuts and noise differs by itself, so the source's own figure stands
beside it. The text over the frames is measured with them: render with --set 'overlay.lines=[]'.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from renderer.common.errors import UserError
from renderer.common.source_film import FilmReader, Picture, film_facts
from renderer.starts.flow import find_by_dis, find_flow, flicker


class Change(NamedTuple):
    """What changes from one frame to the next, besides motion: mean absolute differences, where white is 1.

    Attributes:
        film: In the film.
        source: In its source.
        visible: Share of the picture that was compared.
    """

    film: float
    source: float
    visible: float


def frames_of(path: Path, size: tuple[int, int], fps: float) -> Iterator[Picture]:
    """All frames of a film in a size (height, width) and at a rate."""
    with FilmReader(path, size, fps) as reader:
        for number in range(film_facts(path).frames(fps)):
            yield reader.frame(number)


def changes(film: Iterator[Picture], source: Iterator[Picture]) -> Iterator[Change]:
    """Compare neighboring frames of a film, and of its source; the shorter one ends it."""
    before: tuple[Picture, Picture] | None = None
    for dreamed, seen in zip(film, source, strict=False):
        if before is not None:
            flow = find_flow(before[1], seen, find_by_dis)
            own, others = flicker(before[0], dreamed, flow), flicker(before[1], seen, flow)
            yield Change(own, others, float(flow.visible.mean()))
        before = dreamed, seen


def measure(film: Path, source: Path) -> dict[str, object]:
    """All figures, as JSON-like data; raises UserError for files that are no films."""
    facts = film_facts(film)
    size = facts.height, facts.width
    found = list(changes(frames_of(film, size, facts.fps), frames_of(source, size, facts.fps)))
    told: dict[str, object] = {"frames": len(found) + 1}
    for name in Change._fields:
        values = np.array([getattr(change, name) for change in found])
        told[name] = {"mean": float(np.nanmean(values)), "p95": float(np.nanpercentile(values, 95))}
    return told | {"each": [change._asdict() for change in found]}


def main() -> None:
    """Does what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path, help="the film that was dreamed")
    parser.add_argument("--source", type=Path, required=True, metavar="FILM", help="the film that it was dreamed from")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures, also those of each frame")
    options = parser.parse_args()
    try:
        found = measure(options.film, options.source)
    except UserError as error:
        sys.exit(f"Error: {error}")
    print(f"{options.film}: {found['frames']} frames")
    for name in Change._fields:
        mean, high = found[name]["mean"], found[name]["p95"]  # type: ignore[index]
        print(f"{name:<8} mean {mean:.4f}, 95th percentile {high:.4f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
