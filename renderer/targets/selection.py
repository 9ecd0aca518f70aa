"""Which classes are dreamed, and in which order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from renderer.common.digests import data_digest
from renderer.common.errors import UserError
from renderer.common.section import Section
from renderer.targets.entries import Names, describe_miss, find, find_all
from renderer.targets.similarity import similarity_order, weights_of
from renderer.targets.slugs import slug
from renderer.targets.storyboard import (
    CARD_EXAMPLE,
    MIXTURE_EXAMPLE,
    SCENE_EXAMPLE,
    Card,
    Entries,
    Mixed,
    OwnValues,
    Selected,
    SelectedEntries,
    Shown,
)
from renderer.targets.target import Mixture, Neuron, Target

OutputWeights = Callable[[], Float[np.ndarray, "classes features"]]


class Classes(Section):
    """Which classes are dreamed, and in which order."""

    select: SelectedEntries = Field(
        ("all",),
        min_length=1,
        description="Entries that add classes: an index (`7` or `0007`), a range (`0-9`, both ends included), a wnid "
        "(`n02123045`), a title (`tabby`) or a glob over titles and synonyms (`*terrier*`, case does not matter), "
        "`under:NAME` for everything below a group, or `all`. Numbers come before titles that are numbers; for those "
        "there is the glob, as in `[7]`. `" + MIXTURE_EXAMPLE + "` adds a "
        "mixture of several, by weight; mixtures come after all classes, in the order in which they are written. "
        "`" + SCENE_EXAMPLE + "` adds classes with values of their own, and with `order: listed` "
        "`" + CARD_EXAMPLE + "` is a title card: `docs/directing.md`.",
    )
    exclude: Entries = Field((), description="Entries of the same kinds that take classes away again.")
    order: Literal["index", "listed", "title", "random", "similarity"] = Field(
        "index",
        description="Order in the film. `listed` is that of the entries of `select`; `random` follows `run.seed`; "
        "`similarity` is a short tour over the cosine distances of the network's output weights, so that neighbors "
        "resemble each other.",
    )
    limit: int | None = Field(None, ge=1, description="Keep only the first so many of the ordered classes.")


def select_classes(
    classes: Classes, known: Sequence[Target], *, seed: int, output_weights: OutputWeights | None
) -> tuple[Target, ...]:
    """Choose classes and put them in order.

    Args:
        classes: What is wanted.
        known: All classes of the network, by index.
        seed: Seed of the random order.
        output_weights: Gives the network's output weights, a row for each known class; called for the order
            `similarity` only. None where there are none.

    Returns:
        The chosen classes, each once: ordered, then limited.

    Raises:
        UserError: An entry matches nothing, nothing is left, or there are no weights for the order `similarity`.
    """
    names = Names(known)
    left = _left(classes, names)
    if not left and all(isinstance(entry, Card) for entry in classes.select):
        raise UserError("classes.select: has title cards alone, and they stand over classes; add some")
    if not left:
        raise UserError("classes.exclude: takes away every class that classes.select gives; remove some of its entries")
    if classes.order == "listed":
        return tuple(_listed(left, classes.select, names)[: classes.limit])
    return tuple(_ordered(left, classes.order, seed, output_weights)[: classes.limit])


@dataclass(frozen=True)
class Said:
    """What a selection says of one target.

    Attributes:
        values: The entries that name it and have values, in their order; the last one that has a value wins.
        before: Title cards over its beginning.
        after: Title cards over its end.
    """

    values: tuple[OwnValues, ...] = ()
    before: tuple[Card, ...] = ()
    after: tuple[Card, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it is shown, without its cards; None if as long as others, or for beats."""
        return self._length.seconds if self._length else None

    @property
    def beats(self) -> int | None:
        """For how many beats it is shown, likewise."""
        return self._length.beats if self._length else None

    @property
    def _length(self) -> OwnValues | None:
        """What says how long it is shown."""
        return next((entry for entry in reversed(self.values) if entry.seconds or entry.beats), None)

    @property
    def card_seconds(self) -> float:
        """For how long it is shown under cards."""
        return sum(card.seconds for card in (*self.before, *self.after))


def said_of(classes: Classes, known: Sequence[Target], targets: Sequence[Target]) -> dict[str, Said]:
    """What a selection says of the targets that were chosen by it, by their keys; nothing of most.

    Args:
        classes: The selection.
        known: All classes of the network, by index.
        targets: Those that `select_classes` has chosen, in their order.
    """
    if all(isinstance(entry, int | str) for entry in classes.select):
        return {}
    names = Names(known)
    named = _named(classes.select, names)
    values: dict[int, tuple[OwnValues, ...]] = {}
    for entry, indices in zip(classes.select, named, strict=True):
        if isinstance(entry, OwnValues):
            values |= {index: (*values.get(index, ()), entry) for index in indices}
    before, after = _cards(classes, named, {target.index for target in _left(classes, names)}, targets)
    found = {
        target.key: Said(values.get(target.index, ()), before if place == 0 else (), after.get(place, ()))
        for place, target in enumerate(targets)
    }
    return {key: said for key, said in found.items() if said != Said()}


def _cards(
    classes: Classes, named: Sequence[set[int]], left: set[int], targets: Sequence[Target]
) -> tuple[tuple[Card, ...], dict[int, tuple[Card, ...]]]:
    """The title cards before all targets, and those after the targets of some places.

    With a limit, those of targets that are not shown are not shown either.
    """
    begun: set[int] = set()
    after: dict[int, tuple[Card, ...]] = {}
    for entry, indices in zip(classes.select, named, strict=True):
        begun |= indices & left
        if isinstance(entry, Card):
            place = len(begun) - 1
            after[place] = (*after.get(place, ()), entry)
    return after.pop(-1, ()), {place: cards for place, cards in after.items() if place < len(targets)}


def _left(classes: Classes, names: Names) -> list[Target]:
    """All that is selected and not excluded, by index; mixtures come last."""
    plain = {number: entry for number, entry in enumerate(classes.select) if isinstance(entry, int | str)}
    wanted = find_all("classes.select", plain, names)
    for number, entry in enumerate(classes.select):
        if isinstance(entry, Shown):
            wanted |= _of_scene(number, entry, names)
    wanted -= find_all("classes.exclude", dict(enumerate(classes.exclude)), names)
    return [target for target in names.targets if target.index in wanted] + _mixtures(classes.select, names)


def _of_scene(number: int, entry: Shown, names: Names) -> set[int]:
    return find_all(f"classes.select[{number}].select", dict(enumerate(entry.select)), names)


def _named(select: Sequence[Selected], names: Names) -> list[set[int]]:
    """Indices of the targets that each entry names; none for a title card."""
    mixtures, found = iter(_mixtures(select, names)), list[set[int]]()
    for number, entry in enumerate(select):
        match entry:
            case Mixed():
                found.append({next(mixtures).index})
            case Shown():
                found.append(_of_scene(number, entry, names))
            case Card():
                found.append(set())
            case _:
                found.append(find_all("classes.select", {number: entry}, names))
    return found


def _listed(targets: Sequence[Target], select: Sequence[Selected], names: Names) -> list[Target]:
    """In the order of the entries; what several entries name stands where the first of them is."""
    by_index = {target.index: target for target in targets}
    found: dict[int, Target] = {}
    for named in _named(select, names):
        found |= {index: by_index[index] for index in sorted(named) if index in by_index and index not in found}
    return list(found.values())


def _ordered(targets: Sequence[Target], order: str, seed: int, output_weights: OutputWeights | None) -> list[Target]:
    match order:
        case "title":
            return sorted(targets, key=lambda target: (target.title.casefold(), target.index))
        case "random":
            return sorted(targets, key=lambda target: hashlib.sha256(f"{seed}:{target.index}".encode()).digest())
        case "similarity":
            return [targets[place] for place in similarity_order(weights_of(targets, _weights(output_weights)))]
        case _:
            return list(targets)


def _weights(output_weights: OutputWeights | None) -> Float[np.ndarray, "classes features"]:
    try:
        if output_weights is not None:
            return output_weights()
    except LookupError as error:
        raise UserError(f"classes.order: similarity is not to be had: {error}; use index, title or random") from error
    raise UserError(
        "classes.order: similarity is an order of classes, by the network's output weights; use index, title or random"
    )


def _mixtures(entries: Sequence[Selected], names: Names) -> list[Target]:
    """The mixtures among the entries; their numbers begin behind those of all known targets."""
    found: list[Target] = []
    for number, entry in enumerate(entries):
        if isinstance(entry, Mixed):
            found.append(_mixture(f"classes.select[{number}]", entry, len(names.targets) + len(found), names))
    taken = Counter(target.title for target in (*names.targets, *found))
    if twice := next((target.title for target in found if taken[target.title] > 1), None):
        raise UserError(f"classes.select: {twice!r:.60} is the title of something else too; give the mixture another")
    return found


def _mixture(place: str, entry: Mixed, index: int, names: Names) -> Target:
    weights: dict[Neuron, float] = {}
    for name, weight in entry.mix.items():
        matches = find(name.strip(), names)
        if len(matches) != 1:
            what = f"{name!r:.60} stands for {len(matches)} of them; name one" if matches else None
            raise UserError(f"{place}.mix: {what or describe_miss(name.strip(), names.targets)}")
        (part,) = names.targets[next(iter(matches))].parts
        weights[part] = weights.get(part, 0.0) + weight
    weights = {part: weight for part, weight in weights.items() if weight}
    if not weights:
        raise UserError(f"{place}.mix: its weights come to 0; name other parts, or other weights")
    ascends = Mixture(tuple(weights), tuple(weights.values()))
    parts = [[part.layer, part.unit, weight] for part, weight in weights.items()]
    key = f"mix-{slug(entry.title)}-{data_digest([entry.title, parts])[:8]}"
    return Target(key, ascends, index, entry.title.strip())
