"""Previews: what a film or stills will look like, small and fast; and what would make the real ones faster.

What is changed was found by looking (docs/performance.md): with half of many steps a second at the same rate, colors,
things and the way of one class into the next are as in the real film; with half of few, classes hardly come; higher
rates for fewer steps burn. So time is saved by size, frames and classes first. Where in the picture something grows is
another matter: that follows from the size, as it does from the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from renderer.film.timeline import class_borders
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.session import direct
from renderer.settings.loading import check_settings
from renderer.settings.sections import Film, Settings
from renderer.targets.selection import Said, said_of
from renderer.targets.storyboard import Card, Mixed, OwnValues
from renderer.targets.target import Target

Product = Literal["film", "stills"]

_SIDE = 256  # The shorter one; networks see hardly more, and below it things lack their details.
_FPS = 12.5
_STEPS_PER_SECOND = 62.5  # Below that classes come more slowly than in the film, and are not to be judged.
_MOST_STEPS_PER_FRAME = 10_000  # As the settings allow.
_STILL_STEPS = 128
_MICROSECONDS = 1_000_000  # In a second.
_EXCERPT = 3
_FEWEST_EXCERPTS, _MOST_EXCERPTS = 2, 4  # Of a film; together about half of its classes.
_MOST_STILLS = 12
_MOST_VARIANTS = 2
_MOST_DIRECTED = 24  # Classes of a storyboard.
_WORTH_STEPS, _WORTH_PIXELS = 0.8, 0.5  # As shares: more than these are hardly worth a preview.


@dataclass(frozen=True)
class Preview:
    """A preview of a run.

    Attributes:
        settings: Those of the preview; checked as if `--set` had said what is changed.
        told: What to say of it.
        saves: Whether it is much less work than the real thing.
    """

    settings: Settings
    told: str
    saves: bool


def make_preview(settings: Settings, *, film: bool) -> Preview:
    """The preview of a film, or of stills alone.

    Args:
        settings: Those of the real thing.
        film: Whether a film is made.

    Raises:
        UserError: The classes cannot be chosen, or the beats that they are to follow cannot be heard.
    """
    targets = chosen_targets(settings)
    few = _shown(settings, targets) if film else _evenly(targets, min(len(targets), _MOST_STILLS), 1)
    changes: dict[str, object] = _fewer_classes(settings, targets, few, film=film) if len(few) < len(targets) else {}
    if film:
        frames = fewer_frames(settings)
        changes |= smaller_film(settings) | frames | _lasting_fades(settings.film, frames["film.fps"])
    if not film or settings.stills.fresh:
        steps, variants = settings.stills.steps, min(settings.stills.variants, _MOST_VARIANTS)
        fewer = {"stills.steps": max(min(steps, _STILL_STEPS), steps // 4), "stills.variants": variants}
        changes |= smaller_stills(settings) | fewer
    preview = check_settings(settings, changes)
    saves = _saves(_work(settings, targets, film=film), _work(preview, few, film=film))
    return Preview(preview, _told(preview, len(few), len(targets), film=film, saves=saves), saves)


def smaller_film(settings: Settings) -> dict[str, object]:
    """The film's size in a preview, by key; nothing where it is as small already."""
    size = _smaller(settings.film.width, settings.film.height)
    return {"film.width": size[0], "film.height": size[1]} if size else {}


def smaller_stills(settings: Settings) -> dict[str, object]:
    """The size of fresh stills in a preview, by key; nothing where they are as small already."""
    size = _smaller(settings.stills.width, settings.stills.height)
    return {"stills.width": size[0], "stills.height": size[1]} if size else {}


def fewer_frames(settings: Settings) -> dict[str, float]:
    """Frames a second and steps a frame in a preview, by key: half as many steps a second, if those are many."""
    fps, steps = settings.film.fps, settings.dream.steps_per_frame
    slower = fps / max(1, round(fps / _FPS))
    wanted = max(fps * steps / 2, min(fps * steps, _STEPS_PER_SECOND))
    return {"film.fps": slower, "dream.steps_per_frame": min(round(wanted / slower), _MOST_STEPS_PER_FRAME)}


def _lasting_fades(film: Film, fps: float) -> dict[str, object]:
    """What makes the end of a loop fade into its beginning at so many frames a second too: for a frame at least."""
    if not film.loop or film.transition == "reset":
        return {}
    frame = math.ceil(_MICROSECONDS / fps) / _MICROSECONDS
    fades = {"film.lead_in_seconds": film.lead_in_seconds, "film.crossfade_seconds": film.crossfade_seconds}
    return {key: frame for key, seconds in fades.items() if seconds < frame}


def _smaller(width: int, height: int) -> tuple[int, int] | None:
    shorter = min(width, height)
    if shorter <= _SIDE:
        return None
    # Even numbers, which all codecs take.
    return round(width * _SIDE / shorter / 2) * 2, round(height * _SIDE / shorter / 2) * 2


def _shown(settings: Settings, targets: Sequence[Target]) -> list[Target]:
    """What a preview shows of a film: all of one that is directed, for what is cut to music has to stay together."""
    plain = all(isinstance(entry, int | str | Mixed) for entry in settings.classes.select)
    is_directed = not plain or settings.film.beats_per_class is not None
    return list(targets) if is_directed and len(targets) <= _MOST_DIRECTED else _excerpts(targets)


def _excerpts(targets: Sequence[Target]) -> list[Target]:
    """Some of many targets of a film: groups of neighbors."""
    count = min(max(len(targets) // (2 * _EXCERPT), _FEWEST_EXCERPTS), _MOST_EXCERPTS)
    return _evenly(targets, count, _EXCERPT) if len(targets) > count * _EXCERPT else list(targets)


def _evenly(targets: Sequence[Target], count: int, neighbors: int) -> list[Target]:
    """So many groups of neighbors, evenly from the first target to the last."""
    firsts = [round(number * (len(targets) - neighbors) / max(1, count - 1)) for number in range(count)]
    return [targets[first + place] for first in firsts for place in range(neighbors)]


def _work(settings: Settings, targets: Sequence[Target], *, film: bool) -> tuple[float, float]:
    """Ascent steps and pixels, about; neither tells by itself how long it takes, for that depends on the network."""
    shown, stills = settings.film, settings.stills
    frames = _frames(settings, targets) if film else 0
    pictures = len(targets) * stills.variants if stills.fresh or not film else 0
    steps = frames * settings.dream.steps_per_frame + pictures * stills.steps
    return steps, frames * shown.width * shown.height + pictures * stills.steps * stills.width * stills.height


def _frames(settings: Settings, targets: Sequence[Target]) -> int:
    times = direct(settings, targets, film=False).times
    return class_borders(settings.film, len(targets), times)[-1]


def _saves(real: tuple[float, float], preview: tuple[float, float]) -> bool:
    shares = [small / max(large, 1.0) for small, large in zip(preview, real, strict=True)]
    return shares[0] <= _WORTH_STEPS or shares[1] <= _WORTH_PIXELS


def _fewer_classes(
    settings: Settings, targets: Sequence[Target], few: Sequence[Target], *, film: bool
) -> dict[str, object]:
    """Each excerpt is a chain of its own, so that one class grows out of the other only where it will in the film."""
    mixtures = {entry.title.strip(): entry for entry in settings.classes.select if isinstance(entry, Mixed)}
    said = said_of(settings.classes, settings.network.known_targets(), targets)
    entries: list[object] = []
    for one in few:  # the title of a mixture is no other target's
        about = said.get(one.key, Said())
        entries += map(_plain, about.before)
        entries += [_plain(mixtures[one.title])] if one.title in mixtures else [one.index]
        entries += [_plain(own) | {"select": one.index} for own in about.values if not isinstance(own, Mixed)]
        entries += map(_plain, about.after)
    return {"classes.select": entries} | ({"film.chains": len(few) // _EXCERPT} if film else {})


def _plain(entry: Card | OwnValues) -> dict[str, object]:
    return entry.model_dump(mode="json")


def _told(preview: Settings, few: int, classes: int, *, film: bool, saves: bool) -> str:
    shown, stills = preview.film, preview.stills
    said = []
    if film:
        steps = preview.dream.steps_per_frame
        said.append(f"{shown.width}x{shown.height}, {shown.fps:g} frames a second with {steps} steps each")
    if not film or stills.fresh:
        variants = f", {stills.variants} a class" if stills.variants > 1 else ""
        said.append(f"stills of {stills.width}x{stills.height} with {stills.steps} steps{variants}")
    if few < classes:
        how = f"{few // _EXCERPT} excerpts of {_EXCERPT} neighbors each" if film else "evenly chosen"
        said.append(f"{few} of {classes} classes ({how})")
    if not saves:
        said.append("the real one is about as small and short, so you can as well make it without --preview")
    return f"preview: {'; '.join(said)}"
