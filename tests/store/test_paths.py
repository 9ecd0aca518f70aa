"""Where a run's files lie: each is known again by the pattern of its name."""

from pathlib import Path

import pytest

from renderer.store.paths import SEGMENT_STEM, STATE_FILE, THUMBNAIL, RunPaths
from renderer.targets.slugs import still_name
from renderer.targets.target import Neuron, Target, class_target

_TARGETS = [
    class_target(7, "cock"),
    class_target(12345, "a class of a wide network"),
    Target("features.12-0005", Neuron("features.12", 5), 5, "features.12 · 5"),
]


def test_records_are_found_among_other_files(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    paths.state.mkdir()
    named = ("0001-000-0123456789", "10000-1234-abcdef0123", "lead-in-0001-0123456789")
    segments = [paths.segment_record(name) for name in named]
    stills = {target.key: paths.still_record(target.key) for target in _TARGETS}
    others = [paths.film_record, paths.failures, paths.similarity, paths.progress, paths.lock, paths.log]
    others += [paths.picture("0001-000-0123456789"), paths.part_record("0001-000-0123456789")]
    others.append(paths.state / ".0001-000.tmp-1.json")
    for path in (*segments, *stills.values(), *others):
        path.touch()
    assert paths.segment_records() == segments
    assert paths.still_records() == stills
    known = [path for path in (*segments, *stills.values(), *others) if STATE_FILE.fullmatch(path.name)]
    assert {path.name for path in others if path not in known} == {"lock", "log.txt", ".0001-000.tmp-1.json"}


def test_a_run_without_a_folder_has_no_records(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "none")
    assert (paths.segment_records(), paths.still_records()) == ([], {})


@pytest.mark.parametrize("target", _TARGETS, ids=[target.key for target in _TARGETS])
def test_names_of_pictures_are_known_again(tmp_path: Path, target: Target) -> None:
    paths = RunPaths(tmp_path)
    still = paths.still(still_name(target))
    assert paths.may_be_still(paths.relative(still), target.key)
    assert THUMBNAIL.fullmatch(paths.thumbnail(still).name)
    assert not paths.may_be_still("stills/0008-mine.png", target.key)
    assert not paths.may_be_still(f"stills/../{still.name}", target.key)


@pytest.mark.parametrize("key", ["0001", "features.12-0005", "mix-tiger-snail-01234567"])
def test_names_of_segments_are_known_again(tmp_path: Path, key: str) -> None:
    paths = RunPaths(tmp_path)
    for name in (f"{key}-000-0123456789", f"lead-in-{key}-0123456789"):
        for path in (paths.clean(name), paths.part(name, ".mp4")):
            assert SEGMENT_STEM.fullmatch(path.stem)
    for name in ("0001-000", "2024-001", "my-holiday"):
        assert not SEGMENT_STEM.fullmatch(name)
