"""The plan computes what is missing or damaged, with its round, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from renderer.atlas.seen import SeenRun
from renderer.common.errors import UserError
from renderer.film.timeline import Segment, build_timeline, crossfade_frames
from renderer.jobs.plan import Plan, make_plan
from renderer.media.pictures import save_still
from renderer.settings.sections import Film, Settings
from renderer.settings.sections import Run as RunSettings
from renderer.store.files import write_whole
from renderer.store.paths import RunPaths
from renderer.store.records import SegmentRecord, describe, describe_clean, write_record
from renderer.store.run import Run
from renderer.store.run_file import RunFile
from renderer.targets.target import class_target
from tests.film_helpers import place_of

_FILM = Film(fps=4, seconds_per_class=1.5, crossfade_seconds=0.5, lead_in_seconds=1, chains=2, width=24, height=16)
_FILE = RunFile(
    name="test",
    film=True,
    settings=Settings(film=_FILM, run=RunSettings(segment_seconds=1)),
    targets=tuple(class_target(index, f"class {index}") for index in range(10, 15)),
)
_TIMELINE = Run(RunPaths(Path()), _FILE).timeline
_NAMES = {place_of(segment): segment.name for chain in _TIMELINE.chains for segment in chain}
_FADE = crossfade_frames(_FILM)
_PICTURE = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)


def _finish(paths: RunPaths, segment: Segment) -> None:
    write_whole(paths.clean(segment.name), segment.name.encode())
    save_still(paths.picture(segment.name), _PICTURE)
    record = SegmentRecord(
        frames=segment.frames,
        clean=(describe_clean(paths, paths.clean(segment.name), segment.frames),),
        picture=describe(paths, paths.picture(segment.name)),
        score=None,
        seconds=1.0,
    )
    write_record(paths.segment_record(segment.name), record)


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    """A run's directory in which everything is finished."""
    paths = RunPaths(tmp_path)
    for chain in _TIMELINE.chains:
        for segment in chain:
            _finish(paths, segment)
    return paths


def _file(batch: int) -> RunFile:
    run = _FILE.settings.run.model_copy(update={"batch": batch})
    return _FILE.model_copy(update={"settings": _FILE.settings.model_copy(update={"run": run})})


def _plan(paths: RunPaths, *, thorough: bool = True) -> Plan:
    return make_plan(SeenRun(Run(paths, _FILE), thorough=thorough))


def _names(plan: Plan) -> list[list[str]]:
    return [[item.segment.name for batch in batches for item in batch] for batches in plan.rounds]


def _missing(plan: Plan) -> list[str]:
    return [item.segment.name for item in plan.items if item.is_missing]


def test_everything_is_planned_at_first(tmp_path: Path) -> None:
    plan = _plan(RunPaths(tmp_path))
    assert _names(plan) == [[segment.name for segment in segments] for segments in _TIMELINE.rounds]
    assert _missing(plan) == [name for names in _names(plan) for name in names]
    assert plan.damaged == ()


def test_a_finished_film_needs_nothing(paths: RunPaths) -> None:
    plan = _plan(paths)
    assert plan.rounds == ()
    assert len(plan.records) == sum(len(chain) for chain in _TIMELINE.chains)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [_flip, _cut, Path.unlink])
@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("segments/0002-000.mkv", "frames"),
        ("state/0002-000.png", "picture"),
        ("segments/lead-in-0001.mkv", "frames"),
        ("state/lead-in-0001.png", "picture"),
    ],
)
def test_damage_brings_back_its_round_and_only_what_is_damaged(
    paths: RunPaths, damage: Callable[[Path], None], file: str, part: str
) -> None:
    path = Path(file)
    name = _NAMES[path.stem]
    damage(paths.root / path.with_name(f"{name}{path.suffix}"))
    plan = _plan(paths)
    ((items,),) = plan.rounds
    whole_round = next(items for items in _TIMELINE.rounds if name in [segment.name for segment in items])
    assert tuple(item.segment for item in items) == whole_round
    (item,) = (item for item in items if item.is_missing)
    assert item.segment.name == name
    assert [key for key, lacking in item.lacks._asdict().items() if lacking] == [part]
    assert plan.damaged == (name,)
    assert name not in plan.records


def test_only_the_batch_of_what_is_damaged_is_computed_again(paths: RunPaths) -> None:
    _flip(paths.clean(_NAMES["0002-000"]))
    assert [len(batch) for (batch,) in _plan(paths).rounds] == [2]


def test_batches_of_one_are_computed_again_by_themselves(tmp_path: Path) -> None:
    file = _file(batch=1)
    run = Run(RunPaths(tmp_path), file)
    for segment in (segment for chain in run.timeline.chains for segment in chain):
        _finish(run.paths, segment)
    damaged = next(segment for segment in run.timeline.segments if place_of(segment) == "0002-000")
    _flip(run.paths.clean(damaged.name))
    assert [[item.segment for item in batch] for (batch,) in make_plan(SeenRun(run, thorough=True)).rounds] == [
        [damaged]
    ]


def test_a_damaged_record_means_that_nothing_of_the_segment_is_done(paths: RunPaths) -> None:
    _flip(paths.segment_record(_NAMES["0001-001"]))
    plan = _plan(paths)
    (item,) = (item for item in plan.items if item.is_missing)
    assert (item.segment.name, *item.lacks) == (_NAMES["0001-001"], True, True)


def test_a_quick_look_sees_missing_and_shortened_files(paths: RunPaths) -> None:
    name = _NAMES["0000-000"]
    _flip(paths.clean(name))
    assert _plan(paths, thorough=False).rounds == ()
    _cut(paths.clean(name))
    assert _plan(paths, thorough=False).damaged == (name,)


def test_segments_begin_with_the_one_before_in_their_chain(tmp_path: Path) -> None:
    segments = [item.segment for item in _plan(RunPaths(tmp_path)).items]
    before = {place_of(one): (found := _TIMELINE.before(one)) and place_of(found) for one in segments}
    assert before["0000-000"] is None
    assert before["lead-in-0001"] is None
    assert before["0002-000"] == "lead-in-0001"
    assert before["0002-001"] == "0002-000"
    assert before["0001-000"] == "0000-001"


def test_the_last_frames_before_a_chain_fade_into_its_lead_in() -> None:
    seams = {segment.name: _TIMELINE.seam(segment, _FADE) for segment in _TIMELINE.segments}
    (name,) = (name for name, seam in seams.items() if seam)
    last = _TIMELINE.chains[0][-1]
    seam = seams[name]
    assert name == last.name
    assert seam is not None
    assert (place_of(seam.lead_in), seam.frames) == ("lead-in-0001", _FADE)
    assert seam.first == last.frames - _FADE


def test_a_crossfade_longer_than_the_last_segment_begins_in_the_one_before() -> None:
    film = Film(fps=4, seconds_per_class=2.25, crossfade_seconds=1, lead_in_seconds=1, chains=2)
    timeline = build_timeline(film, 4, segment_seconds=1)
    chain = timeline.chains[0]
    seams = [timeline.seam(segment, 4) for segment in chain[-3:]]
    assert [segment.frames for segment in chain[-3:]] == [4, 4, 1]
    assert seams[0] is None
    assert [seam.first for seam in seams[1:] if seam] == [1, -3]


def test_a_film_of_more_segments_than_can_be_kept_is_refused() -> None:
    endless = Film(fps=240, seconds_per_class=3600)
    with pytest.raises(UserError, match=r"run\.segment_seconds: .* 864,000,000 segments, .*; raise"):
        build_timeline(endless, 1000, segment_seconds=1e-9)


def test_rounds_take_the_segments_of_all_chains_once_and_in_order() -> None:
    film = Film(fps=10, seconds_per_class=2, chains=3)
    timeline = build_timeline(film, 100, segment_seconds=0.1)
    rounds = timeline.rounds
    assert [len(segments) for segments in rounds[:2]] == [2, 3]
    assert sorted(segment.name for segments in rounds for segment in segments) == sorted(
        segment.name for chain in timeline.chains for segment in chain
    )
    assert all([one.chain for one in segments] == sorted({one.chain for one in segments}) for segments in rounds)
    for chain in timeline.chains:
        assert [timeline.before(segment) for segment in chain] == [None, *chain[:-1]]
