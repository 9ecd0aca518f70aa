"""Records tell whole files from damaged ones, and know when they are damaged themselves."""

from pathlib import Path

import pytest

from renderer.store.paths import RunPaths
from renderer.store.records import StillRecord, describe, is_intact, read_record, write_record
from renderer.targets.target import Guess, Score

_SCORE = Score(activation=12.3456789012345, probability=1 / 3, rank=1, top=(Guess(7, 1 / 3), Guess(8, 0.1)))


def _record(paths: RunPaths) -> StillRecord:
    path = paths.still("0007-cock.png")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a picture")
    still = describe(paths, path)
    return StillRecord(still=still, score=_SCORE, seed=3, fresh=True, made_from="x", seconds=0.5)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    record = _record(paths)
    write_record(paths.still_record("0007"), record)
    assert read_record(paths.still_record("0007"), StillRecord) == record
    assert record.still.path == "stills/0007-cock.png"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"digest": "", "record": {"still": 1}}', "\0\xff"])
def test_a_broken_record_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text, encoding="latin-1")
    assert read_record(path, StillRecord) is None
    assert read_record(tmp_path / "missing.json", StillRecord) is None


def test_a_record_with_one_changed_digit_counts_as_none(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    write_record(paths.still_record("0007"), _record(paths))
    text = paths.still_record("0007").read_text()
    assert text.count("12.345") == 1
    paths.still_record("0007").write_text(text.replace("12.345", "12.346"))
    assert read_record(paths.still_record("0007"), StillRecord) is None


def test_changed_shortened_and_missing_files_are_found(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path)
    record = _record(paths).still
    path = tmp_path / record.path
    assert is_intact(paths, record)
    path.write_bytes(b"A picture")
    assert not is_intact(paths, record)
    assert is_intact(paths, record, thorough=False)
    path.write_bytes(b"a pic")
    assert not is_intact(paths, record, thorough=False)
    path.unlink()
    assert not is_intact(paths, record)
