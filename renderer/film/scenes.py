"""Scenes: what a class of a film has of its own, in place of what the settings say of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate, pairwise
from typing import Any

from pydantic import Field

from renderer.common.section import Section, changed_values, with_values
from renderer.common.value_curves import Moment
from renderer.settings.sections import Film, Overlay, Settings
from renderer.targets.selection import Said, said_of
from renderer.targets.storyboard import Card
from renderer.targets.target import Target

Values = dict[str, Any]

_CARD_LOOKS = {"position": "center", "size": 0.12, "small": 0.6}


class CardText(Section):
    """A title card.

    Attributes:
        lines: Templates, one a line.
        seconds: How long it is shown.
        overlay: What of its looks is not as usual.
    """

    lines: tuple[str, ...]
    seconds: float
    overlay: Values = Field(default_factory=dict)


class Pixels(Section):
    """What of a scene makes pixels: values that are other than in the recipe of all."""

    motion: Values = Field(default_factory=dict)
    dream: Values = Field(default_factory=dict)


class Scene(Pixels):
    """What a class has of its own.

    Attributes:
        seconds: How long it is shown, without its cards; None if as long as others, or for beats.
        beats: For how many beats of the sound it is shown, likewise.
        overlay: How its text is other than that of all.
        before: Title cards over its beginning.
        after: Title cards over its end.
    """

    seconds: float | None = None
    beats: int | None = None
    overlay: Values = Field(default_factory=dict)
    before: tuple[CardText, ...] = ()
    after: tuple[CardText, ...] = ()

    @property
    def card_seconds(self) -> float:
        """For how long it is shown under cards."""
        return sum(card.seconds for card in (*self.before, *self.after))

    @property
    def lines(self) -> tuple[str, ...]:
        """All that is written over it of its own."""
        cards = [line for card in (*self.before, *self.after) for line in card.lines]
        return (*self.overlay.get("lines", ()), *cards)

    @property
    def without_text(self) -> Scene:
        """The same, without what is written."""
        return self.model_copy(update={"overlay": {}, "before": (), "after": ()})


def scenes_of(settings: Settings, targets: Sequence[Target]) -> dict[str, Scene]:
    """What some targets have of their own, by their keys.

    Args:
        settings: All settings.
        targets: The selected targets in the order of the film.
    """
    if all(isinstance(entry, int | str) for entry in settings.classes.select):
        return {}
    said = said_of(settings.classes, settings.network.known_targets(), targets)
    found = {key: _scene(settings, one) for key, one in said.items()}
    return {key: scene for key, scene in found.items() if scene != Scene()}


def own_seconds(film: Film, scenes: Mapping[str, Scene], targets: Sequence[Target]) -> dict[str, float]:
    """How long each target is shown, by key; nothing where none has seconds of its own, or the beats tell them."""
    if (
        film.beats_per_class
        or any(scene.beats for scene in scenes.values())
        or not any(scene.seconds or scene.card_seconds for scene in scenes.values())
    ):
        return {}
    in_order = {target.key: scenes.get(target.key, Scene()) for target in targets}
    return {key: (one.seconds or film.seconds_per_class) + one.card_seconds for key, one in in_order.items()}


def _scene(settings: Settings, said: Said) -> Scene:
    values: dict[str, Values] = {}
    for name in ("motion", "dream", "overlay"):
        section: Section = getattr(settings, name)
        own = reduce(with_values, (entry.sections[name] for entry in said.values), section)
        values[name] = changed_values(section, own)
    before, after = (tuple(map(_card_text, cards)) for cards in (said.before, said.after))
    return Scene(**values, seconds=said.seconds, beats=said.beats, before=before, after=after)


def _card_text(card: Card) -> CardText:
    return CardText(lines=card.card, seconds=card.seconds, overlay=card.overlay)


@dataclass(frozen=True)
class Lettering:
    """Text over some neighboring frames of a class.

    Attributes:
        overlay: What it says and how it looks.
        first: Number of the first frame within the class.
        frames: How many frames.
        is_card: Whether it is a title card, whose values over time go by its own time.
    """

    overlay: Overlay
    first: int
    frames: int
    is_card: bool = False

    def moment(self, moment: Moment, fps: float) -> Moment:
        """A moment of the class as its text knows it."""
        if not self.is_card:
            return moment
        return replace(moment, seconds=max(0.0, moment.seconds - self.first / fps), duration=self.frames / fps)


def letterings(overlay: Overlay, scene: Scene, fps: float, class_frames: int) -> tuple[Lettering, ...]:
    """What is written over a class, one after another: its title cards, and its own lines between them.

    Args:
        overlay: The settings of all.
        scene: What the class has of its own.
        fps: Frames per second.
        class_frames: How many frames the class has.
    """
    own = max(0.0, class_frames / fps - scene.card_seconds)
    shown = [(_card_overlay(overlay, card), card.seconds, True) for card in scene.before]
    shown += [(with_values(overlay, scene.overlay), own, False)]
    shown += [(_card_overlay(overlay, card), card.seconds, True) for card in scene.after]
    ends = [min(class_frames, round(end * fps)) for end in accumulate(seconds for _, seconds, _ in shown)]
    borders = pairwise([0, *ends[:-1], class_frames])
    found = [
        Lettering(one, first, end - first, is_card)
        for (one, _, is_card), (first, end) in zip(shown, borders, strict=True)
    ]
    return tuple(one for one in found if one.frames)


def settings_for(settings: Settings, scene: Scene) -> tuple[Settings, ...]:
    """All settings as they are for a class; then as they are under each of its title cards."""
    names = ("motion", "dream", "overlay")
    own = {name: with_values(getattr(settings, name), getattr(scene, name)) for name in names}
    cards = [_card_overlay(settings.overlay, card) for card in (*scene.before, *scene.after)]
    for_class = settings.model_copy(update=own)
    return (for_class, *(for_class.model_copy(update={"overlay": card}) for card in cards))


def _card_overlay(overlay: Overlay, card: CardText) -> Overlay:
    return with_values(overlay, {**_CARD_LOOKS, **card.overlay, "lines": list(card.lines)})
