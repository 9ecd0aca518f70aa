"""What networks recognize in a run's pictures: the one that dreamed, and others as judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from renderer.atlas.exhibits import Exhibit, exhibits
from renderer.atlas.figures import measure
from renderer.atlas.recognition import (
    Judge,
    knows,
    make_judge,
    own_judge,
    refuse_other_targets,
    score_picture,
)
from renderer.atlas.seen import SeenRun
from renderer.common.digests import data_digest
from renderer.common.errors import UserError
from renderer.common.progress import Amount, Progress
from renderer.jobs.commands import make_page
from renderer.networks.devices import find_devices
from renderer.networks.loaded import load_network
from renderer.networks.source import FILE_ADVICE, NetworkSource
from renderer.networks.torchvision_models import original_name
from renderer.settings.loading import parse_network
from renderer.store.evaluation_file import (
    Evaluation,
    PictureScore,
    Recognition,
    UnknownClass,
    read_evaluation,
    write_evaluation,
)
from renderer.store.lock import holder
from renderer.store.run import Run, load_run

_COMPANIONS = "companions"
_JUDGE_ADVICE = r"\1 say where the file is: --weights \3"
_DREAMER_ADVICE = "or evaluate on the computer that rendered the run"


@dataclass(frozen=True)
class NamedNetwork:
    """A network, and what begins a message about it."""

    place: str
    settings: NetworkSource


@dataclass(frozen=True)
class _Asked:
    """A network that has been loaded, who it is whatever its weights are called, and the digest of these."""

    named: NamedNetwork
    who: str
    contents: str
    judge: Judge


def named_networks(networks: Sequence[str], weights: Sequence[str]) -> list[NamedNetwork]:
    """The judges that the command line names, each with its weights where they are given apart.

    Raises:
        UserError: One is not a network, or it cannot be told whose some weights are.
    """
    if weights and len(weights) != len(networks):
        raise UserError(
            f"--weights is given {len(weights)} times and --judge {len(networks)} times; give weights for each judge, "
            "or write judges as --judge '{source: torchvision, name: NAME, weights: PATH}'"
        )
    places = [f"--judge {text}" for text in networks]
    given = zip_longest(networks, places, weights)
    return [NamedNetwork(place, parse_network(text, place, path)) for text, place, path in given]


def evaluate(directory: Path, judges: Sequence[NamedNetwork], progress: Progress) -> Evaluation:
    """Score what is there of a run, write `evaluation.json` and make the page anew.

    The run may be unfinished, and another process may be rendering it. What judges said in earlier calls is kept.

    Args:
        directory: The run's directory.
        judges: Networks to ask besides the one that dreamed.
        progress: Is told how far it is.

    Returns:
        The contents of `evaluation.json`.

    Raises:
        UserError: The directory holds no run, or none of its classes is finished; a network cannot be loaded, or
            knows none of the run's classes.
    """
    run = load_run(directory)
    found = list(exhibits(SeenRun(run, thorough=True)))
    if not found:
        raise UserError(f"{directory} holds no finished class yet; render some with `render` or `stills`")
    if judges:
        refuse_other_targets(run.targets)
    dreamer = NamedNetwork(str(run.paths.settings), run.settings.network)
    asked = [_ask(run, dreamer, own=True), *(_ask(run, judge, own=False) for judge in judges)]
    scores = _score_all(asked, found, progress)
    dreaming, *judging = [_recognition(run, *one) for one in zip(asked, scores, strict=True)]
    evaluation = Evaluation(network=dreaming, judges=_with_earlier(run, judging, found, progress))
    write_evaluation(run.paths.evaluation, evaluation)
    _renew_page(run, progress)
    return evaluation


def _ask(run: Run, named: NamedNetwork, *, own: bool) -> _Asked:
    named = named if own else replace(named, settings=named.settings.alone)  # Nobody judges together.
    with _named_in_errors(named, _DREAMER_ADVICE if own else _JUDGE_ADVICE):
        identity = named.settings.alone.identity()
        if own and identity != _without(run.file.network, _COMPANIONS):
            raise UserError(
                "the network is not the one that dreamed these pictures: one of its files has changed, or another "
                "Python module of its name is found from here; go to the folder of the right one, or put it back"
            )
        network = load_network(named.settings.alone, find_devices(_device(run))[0])
        judge = (own_judge if own else make_judge)(network, run.targets)
        return _Asked(named, _who(identity), data_digest(identity), judge)


def _device(run: Run) -> str | tuple[str, ...]:
    """The device that the run was rendered on, or what there is if that was another computer's."""
    try:
        find_devices(run.settings.run.device)
    except UserError:
        return "auto"
    return run.settings.run.device


def _score_all(asked: Sequence[_Asked], found: Sequence[Exhibit], progress: Progress) -> list[tuple[PictureScore, ...]]:
    """The scores by each network; a picture is read once, and shown to one network after the other."""
    keys = [exhibit.target.key for exhibit in found]
    progress.begin("pictures", total=Amount(len(found), len(set(keys))), done=Amount(0, 0))
    scores: list[list[PictureScore]] = [[] for _ in asked]
    for exhibit, following in zip(found, [*keys[1:], None], strict=True):
        picture = exhibit.picture()
        for one, own_scores in zip(asked, scores, strict=True):
            with _named_in_errors(one.named):
                score = score_picture(
                    one.judge, exhibit.target, picture, exhibit.shown, exhibit.still_digest, exhibit.digest
                )
            if score:
                own_scores.append(score)
        progress.advance(Amount(1, int(following != exhibit.target.key)), [exhibit.target.title])
    progress.end()
    return [tuple(own_scores) for own_scores in scores]


def _recognition(run: Run, asked: _Asked, scores: tuple[PictureScore, ...]) -> Recognition:
    unknown = [target for target in run.targets if not knows(asked.judge, target)]
    own = asked.named.settings
    took_part = asked.who in _taking_part(run)
    dreamed = {one.architecture for one in (run.settings.network, *run.settings.network.companions)} - {None}
    return Recognition(
        network=own.describe(),
        contents=asked.contents,
        companion=took_part,
        relative=not took_part and own.architecture in dreamed,
        unknown=tuple(UnknownClass(index=one.index, wnid=one.wnid, title=one.title) for one in unknown),
        figures=measure(scores),
        pictures=scores,
    )


def _taking_part(run: Run) -> set[str]:
    """Who took part in the dreaming."""
    network = run.file.network
    return {_who(one) for one in (network, *network.get(_COMPANIONS, []))}


def _who(identity: Mapping[str, Any]) -> str:
    """What tells a network from others, however its weights are called, and whatever its part was in a run."""
    told = _without(identity, _COMPANIONS, "classes")
    if "name" in told and "weights" in told:
        told["weights"] = original_name(told["name"], told["weights"])
    return data_digest(told)


def _without(identity: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {name: value for name, value in identity.items() if name not in keys}


def _with_earlier(
    run: Run, judging: Sequence[Recognition], found: Sequence[Exhibit], progress: Progress
) -> tuple[Recognition, ...]:
    """The judges of earlier calls in their places, each replaced where it was asked again, then the new ones.

    What earlier ones said of pictures that are others now is left out.
    """
    try:
        earlier = read_evaluation(run.paths.evaluation)
    except UserError:
        progress.note(f"{run.paths.evaluation} was damaged and is written anew, with the judges of this call alone")
        earlier = None
    judges, asked = dict[tuple[str, str, str], Recognition](), {_identity(judge): judge for judge in judging}
    for judge in earlier.judges if earlier else ():
        kept = judge if _identity(judge) in asked else _of_what_is_there(run, judge, found)
        if kept.pictures or not judge.pictures:
            judges[_identity(judge)] = kept
        if gone := len(judge.pictures) - len(kept.pictures):
            of = f"{gone} of {len(judge.pictures)} pictures" if kept.pictures else "pictures"
            progress.note(
                f"{judge.network['name']} was asked about {of} that are no longer there, which count no more; ask it "
                "again with --judge"
            )
    return tuple((judges | asked).values())


def _of_what_is_there(run: Run, judge: Recognition, found: Sequence[Exhibit]) -> Recognition:
    """What was said of the pictures of the run that are there and as they were then."""
    indices = {target.index for target in run.targets}
    now = {(one.target.index, view): one for one in found for view in one.shown}

    def is_there(score: PictureScore) -> bool:
        there = [now.get((score.index, view)) for view in score.shown]
        if score.picture_digest is None:  # of a version that kept digests of stills alone
            return all(one and one.is_still and one.still_digest == score.still_digest for one in there)
        return all(one and one.digest == score.picture_digest for one in there)

    kept = tuple(filter(is_there, judge.pictures))
    unknown = tuple(one for one in judge.unknown if one.index in indices)
    return judge.model_copy(update={"pictures": kept, "figures": measure(kept), "unknown": unknown})


def _identity(judge: Recognition) -> tuple[str, str, str]:
    return judge.network["source"], judge.network["name"], judge.contents


def _renew_page(run: Run, progress: Progress) -> None:
    worker = holder(run.paths.lock)
    if worker is None:
        make_page(run.paths.root, progress)
    else:
        progress.note(f"process {worker} is rendering here; the page shows the judges when that ends, or in `serve`")


@contextmanager
def _named_in_errors(named: NamedNetwork, advice: str = "") -> Iterator[None]:
    """Errors begin with the network's place; where they advise to set a key, `advice` says what this command has."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{named.place}: {FILE_ADVICE.sub(advice, str(error))}") from error
