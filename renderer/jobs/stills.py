"""One picture a target, dreamed for itself."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from renderer.atlas.seen import SeenRun
from renderer.common.exhaustion import hits_all
from renderer.common.progress import Amount, Progress
from renderer.common.wording import listed
from renderer.film.tasks import NOT_SAVING, Saved, Saving, Still, StillTask
from renderer.jobs.amounts import fresh_stills
from renderer.jobs.fresh import fresh_digest, text_digest
from renderer.jobs.plan import still_batches
from renderer.jobs.worker import SAVED_SHARE, Worker, closed, note_health
from renderer.jobs.written_stills import MadeStills, StillPicture, is_better_in_film, write_stills
from renderer.store.files import remove
from renderer.store.records import StillRecord, write_record
from renderer.store.run import Run
from renderer.store.saved_file import read_saved, write_saved
from renderer.targets.target import Target

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A target that could not be rendered, and why."""

    target: Target
    reason: str


def pending_batches(seen: SeenRun, *, with_text: bool = True) -> list[list[int]]:
    """Places of the targets whose fresh stills are to be dreamed, in the batches that are dreamed together.

    A batch is dreamed again whole if any of its stills is missing or damaged.

    Args:
        seen: The run.
        with_text: Whether those count as missing on which another text is to be written.
    """
    batches = still_batches(seen.run.still_recipe)
    return [batch for batch in batches if not all(_is_there(seen, place, with_text=with_text) for place in batch)]


def finished_stills(seen: SeenRun) -> list[StillRecord]:
    """Records of the fresh stills that are there."""
    places = [place for place in range(len(seen.run.targets)) if _is_there(seen, place)]
    return [seen.stills[seen.run.targets[place].key] for place in places]


def dream_stills(
    run: Run, batches: Sequence[Sequence[int]], worker: Worker, progress: Progress, total: int | None = None
) -> list[Failure]:
    """Dream the fresh stills of the given batches; one that fails does not stop the others.

    Args:
        run: The run.
        batches: Places of the targets whose stills are dreamed together.
        worker: Dreams.
        progress: Is told how far it is.
        total: How many targets there are, with those that are there already; all of the run's, unless given.

    Raises:
        RuntimeError: Memory ran out, the device failed, or no batch can be dreamed: that is not about the targets.
    """
    whole, left = len(run.targets) if total is None else total, sum(len(batch) for batch in batches)
    progress.begin("stills", total=fresh_stills(run, whole), done=fresh_stills(run, whole - left))
    failures: list[Failure] = []
    errors: list[RuntimeError] = []
    for together in _side_by_side(batches, worker):
        places = [place for batch in together for place in batch]
        titles = [run.targets[place].title for place in places]
        _LOG.info("stills begin: %s", ", ".join(titles))
        shown = _Shown(run, progress, titles, fresh_stills(run, len(places)))
        try:
            _dream_batches(run, together, worker, shown)
        except RuntimeError as error:
            if hits_all(error):
                raise
            _LOG.exception("stills failed: %s", ", ".join(titles))
            # torch's errors; what is wrong with one batch need not be with the next.
            errors.append(error)
            failures += [Failure(run.targets[place], str(error)) for place in places]
        shown.finished()
    if len(failures) == left and errors:
        raise errors[0]
    progress.end()
    return failures


def dream_unwritten(run: Run, worker: Worker, progress: Progress) -> dict[str, list[Still]]:
    """Dream the fresh stills of all targets of a run, and write nothing; the run needs no directory.

    Returns:
        The stills of each target by its key, as many as the settings say, best first.

    Raises:
        RuntimeError: A batch cannot be dreamed.
    """
    progress.begin("stills", total=fresh_stills(run, len(run.targets)), done=Amount(0, 0))
    dreamed: dict[str, tuple[Still, ...]] = {}
    batches = still_batches(run.still_recipe)
    for together in _side_by_side(batches, worker):
        places = [place for batch in together for place in batch]
        titles = [run.targets[place].title for place in places]
        shown = _Shown(run, progress, titles, fresh_stills(run, len(places)), is_saved=False)
        dreamed |= _dream_variants(run, together, worker, shown)
        shown.finished()
    progress.end()
    return {key: sorted(stills, key=_quality) for key, stills in dreamed.items()}


def _side_by_side(batches: Sequence[Sequence[int]], worker: Worker) -> Iterator[Sequence[Sequence[int]]]:
    """The batches that are dreamed at the same time: one a device."""
    for first in range(0, len(batches), worker.devices):
        yield batches[first : first + worker.devices]


def announced(seen: SeenRun, batches: Sequence[Sequence[int]]) -> list[str]:
    """What is to be said before stills are dreamed, a line each."""
    run, stills = seen.run, seen.run.still_recipe.stills
    places = [place for batch in batches for place in batch]
    count, size = len(places) * stills.variants, f"{stills.width}x{stills.height} pixels"
    lines = [f"{count} {'still' if count == 1 else 'stills'} of {size} in {stills.steps} steps"]
    found = [seen.still(run.targets[place]) for place in places]
    taken = sum(1 for record in found if record and not record.fresh)
    if taken and not run.settings.stills.fresh:
        lines.append(
            f"{taken} of them take the place of stills from the film, unless the network is less sure of them; to have "
            f"those back, remove {run.paths.stills} and use `render`"
        )
    return lines


def attempt_seed(seed: int, variant: int, attempt: int) -> int:
    """Seed of an attempt at a variant of a still: the run's own for the very first, for each other another one."""
    if variant == attempt == 0:
        return seed
    text = f"{seed}:{variant}:{attempt}" if variant else f"{seed}:{attempt}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def unused_in_film_stills(run: Run) -> list[str]:
    """What is to be said of settings of fresh stills in a run that takes its stills from the film, a line each."""
    stills = run.settings.stills
    asked = [name for name, is_asked in (("variants", stills.variants > 1), ("alpha", stills.alpha)) if is_asked]
    if run.dreams_stills or not asked:
        return []
    return [f"stills.{' and stills.'.join(asked)}: only for fresh stills; set stills.fresh: true, or use `stills`"]


class _Shown:
    """Tells the progress of the stills that are dreamed side by side, one variant of each after another."""

    def __init__(
        self, run: Run, progress: Progress, titles: Sequence[str], whole: Amount, *, is_saved: bool = True
    ) -> None:
        variants = run.still_recipe.stills.variants
        self.progress, self._titles, self._left = progress, titles, whole
        self._steps, self._variants = whole.steps // variants, variants
        self._run, self._is_saved, self.saved = run, is_saved, set[str]()
        self._counting = Lock()

    @property
    def saving(self) -> Saving:
        """How often groups save, and what they saved."""
        if not self._is_saved:
            return NOT_SAVING
        return Saving(SAVED_SHARE * self._run.settings.run.lose_at_most, find=self._find)

    def save(self, saved: Saved) -> None:
        """Write down where a group stands."""
        self.saved.add(saved.key)
        write_saved(self._run.paths.saved(saved.key), saved)

    def _find(self, key: str) -> Saved | None:
        self.saved.add(key)
        found = read_saved(self._run.paths.saved(key), key)
        return found[0] if found else None

    def stepped(self, pictures: int) -> None:
        """Tell of a step; those of further tries are no more work, but make the time longer for all that is left."""
        with self._counting:
            after = self._steps * (self._variants - 1)  # of the variants that come later
            amount = Amount(0, 0, min(pictures, self._left.steps - after))
            self._left -= amount
        self.progress.advance(amount, self._titles)

    def next_variant(self) -> None:
        """All tries at this variant have been made."""
        self._variants -= 1
        ahead = Amount(0, 0, self._left.steps - self._steps * self._variants)
        self._left -= ahead
        if ahead.steps:
            self.progress.advance(ahead, self._titles)

    def finished(self) -> None:
        """All are there, or have failed."""
        self.progress.advance(self._left, self._titles)


def _dream_batches(run: Run, batches: Sequence[Sequence[int]], worker: Worker, shown: _Shown) -> None:
    began = time.monotonic()
    dreamed = _dream_variants(run, batches, worker, shown)
    seconds = (time.monotonic() - began) / len(dreamed)
    seen, kept = SeenRun(run, thorough=True), list[str]()
    for place in (place for batch in batches for place in batch):
        if not _is_there(seen, place):
            stills = sorted(dreamed[run.targets[place].key], key=_quality)
            found = seen.still(run.targets[place])
            if found and _is_worse(run, stills[0], found):
                kept.append(run.targets[place].title)
                told = found.model_copy(update={"tried": fresh_digest(run, place)})
                write_record(run.paths.still_record(run.targets[place].key), told)
                continue
            pictures = [StillPicture(still.picture, still.score, still.task.seed, still.opacity) for still in stills]
            write_stills(
                run, place, MadeStills(pictures, fresh=True, made_from=fresh_digest(run, place), seconds=seconds)
            )
    for key in shown.saved:
        remove(run.paths.saved(key))
    if kept:
        shown.progress.note(f"the still of the film stays, of which the network is surer: {listed(kept)}")


def _dream_variants(
    run: Run, batches: Sequence[Sequence[int]], worker: Worker, shown: _Shown
) -> dict[str, tuple[Still, ...]]:
    """The variants of each target by its key: one after another, for each is to differ from those before it."""
    made = {run.targets[place].key: tuple[Still, ...]() for batch in batches for place in batch}
    for _ in range(run.still_recipe.stills.variants):
        best = _best_stills(run, batches, made, worker, shown)
        made = {key: (*stills, best[key]) for key, stills in made.items()}
        shown.next_variant()
    return made


def _best_stills(
    run: Run, batches: Sequence[Sequence[int]], made: Mapping[str, tuple[Still, ...]], worker: Worker, shown: _Shown
) -> dict[str, Still]:
    """The best of all attempts by the target's key; only targets that are not recognized are tried again.

    So a batch shrinks from attempt to attempt, by what the network says, which is the same wherever it is computed.
    """
    recipe, best = run.still_recipe, dict[str, Still]()
    left = [[run.targets[place] for place in batch] for batch in batches]
    targets = {target.key: target for batch in left for target in batch}

    def task(target: Target, attempt: int) -> StillTask:
        others = tuple(still.picture for still in made[target.key])
        return StillTask(target.aim, attempt_seed(recipe.run.seed, len(others), attempt), others)

    for attempt in range(recipe.stills.retries + 1):
        tasks = [[task(target, attempt) for target in batch] for batch in left]
        again = ", and tried again with another seed" if attempt < recipe.stills.retries else ""
        with closed(worker.stills(recipe, tasks, shown.stepped, shown.saving)) as stills:
            for still in stills:
                if isinstance(still, Saved):
                    shown.save(still)
                    continue
                key = still.task.aim.key
                best[key] = min(best.get(key, still), still, key=_quality)
                note_health(shown.progress, targets[key], still.health, then=again if still.health.is_dead else "")
        unfinished = ([target for target in batch if not best[target.key].is_recognized] for batch in left)
        left = [batch for batch in unfinished if batch]
        if not left:
            break
    return best


def _is_worse(run: Run, still: Still, film: StillRecord) -> bool:
    """Whether a fresh still is not recognized, and that from the film stands better with the network."""
    return not film.fresh and is_better_in_film(run, film.score, still.score)


def _quality(still: Still) -> tuple[bool, int, float]:
    """Orders stills, better ones first: by the network's rank, and then by all that dreamed, companions too."""
    score = still.score
    if score.rank is None or still.agreement is None:
        return still.health.is_dead, 0, -score.activation
    return still.health.is_dead, score.rank, -still.agreement


def _is_there(seen: SeenRun, place: int, *, with_text: bool = True) -> bool:
    """Whether the fresh stills of a target are there, as they are asked for, or but for the text on them."""
    run, found = seen.run, seen.still(seen.run.targets[place])
    if found is None:
        return False
    wanted, variants = fresh_digest(run, place), run.still_recipe.stills.variants
    made = found.made_from == wanted and (not with_text or found.text == text_digest(run, place))
    return found.tried == wanted or (made and len(found.files) == variants)
