"""Which classes are dreamed, and in which order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from jaxtyping import Float
from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from renderer.common.digests import data_digest
from renderer.common.errors import UserError
from renderer.common.section import Section
from renderer.targets.entries import Entry, Names, describe_miss, find, find_all
from renderer.targets.similarity import similarity_order, weights_of
from renderer.targets.slugs import slug
from renderer.targets.target import Mixture, Neuron, Target


def _as_entries(value: Any) -> Any:
    """Let a single value stand for a list of one, as in `select: all`."""
    match value:
        case str() | int() | dict():
            return (value,)
        case list():
            return tuple(value)
        case _:
            return value


Weight = Annotated[float, Field(ge=-100, le=100)]


class Mixed(Section):
    """Several targets at once, each by its weight: `{title: lion fish, mix: {lion: 1, lionfish: 0.7, tabby: -0.3}}`."""

    title: str = Field(min_length=1, max_length=500, description="What it is called.")
    mix: dict[str, Weight] = Field(
        min_length=1,
        max_length=32,
        description="Weights by the entries of single targets. What is below 0 is to be seen as little as can be.",
    )

    @model_validator(mode="after")
    def _say_something(self) -> Self:
        if "\0" in self.title or not self.title.strip():
            raise ValueError("the title of a mixture is empty, or holds the character NUL; write a name")
        if not any(self.mix.values()):
            raise ValueError(f"all weights of {self.title!r:.60} are 0; give what is wanted a weight such as 1")
        return self


_EXAMPLE = "{title: lion fish, mix: {lion: 1, lionfish: 0.7, tabby: -0.3}}"
Mixable = Entry | Annotated[Mixed, WithJsonSchema({"type": "object", "examples": [_EXAMPLE]})]
Entries = Annotated[tuple[Entry, ...], BeforeValidator(_as_entries)]
MixableEntries = Annotated[tuple[Mixable, ...], BeforeValidator(_as_entries)]
OutputWeights = Callable[[], Float[np.ndarray, "classes features"]]


class Classes(Section):
    """Which classes are dreamed, and in which order."""

    select: MixableEntries = Field(
        ("all",),
        min_length=1,
        description="Entries that add classes: an index (`7` or `0007`), a range (`0-9`, both ends included), a wnid "
        "(`n02123045`), a title (`tabby`) or a glob over titles and synonyms (`*terrier*`, case does not matter), "
        "`under:NAME` for everything below a group, or `all`. Numbers come before titles that are numbers; for those "
        "there is the glob, as in `[7]`. `" + _EXAMPLE + "` adds a "
        "mixture of several, by weight; mixtures come after all classes, in the order in which they are written.",
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
    entries = {number: entry for number, entry in enumerate(classes.select) if not isinstance(entry, Mixed)}
    wanted = find_all("classes.select", entries, names) - find_all(
        "classes.exclude", dict(enumerate(classes.exclude)), names
    )
    left = [target for target in known if target.index in wanted] + _mixtures(classes.select, names)
    if not left:
        raise UserError("classes.exclude: takes away every class that classes.select gives; remove some of its entries")
    if classes.order == "listed":
        return tuple(_listed(left, classes.select, names)[: classes.limit])
    return tuple(_ordered(left, classes.order, seed, output_weights)[: classes.limit])


def _listed(targets: Sequence[Target], select: Sequence[Mixable], names: Names) -> list[Target]:
    """In the order of the entries; what several entries name stands where the first of them is."""
    by_index = {target.index: target for target in targets}
    mixtures = iter(_mixtures(select, names))
    found: dict[int, Target] = {}
    for number, entry in enumerate(select):
        if isinstance(entry, Mixed):
            named = {next(mixtures).index}
        else:
            named = find_all("classes.select", {number: entry}, names)
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


def _mixtures(entries: Sequence[Entry | Mixed], names: Names) -> list[Target]:
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
