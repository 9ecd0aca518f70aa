"""Files are whole or absent, whatever happens while they are written."""

import subprocess
import sys
from pathlib import Path

import pytest

from renderer.store import new_folders
from renderer.store.files import digest, leftovers, remove, size, whole_file, write_whole
from renderer.store.lock import locked


def test_whole_file_keeps_the_suffix_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "atlas.mp4"
    with whole_file(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"film")
        assert not path.exists()
    assert path.read_bytes() == b"film"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file_and_removes_the_new(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    def fail() -> None:
        with whole_file(path) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    path.mkdir()
    (path / "old.png").write_bytes(b"old")
    with whole_file(path) as temporary:
        temporary.mkdir()
        (temporary / "new.png").write_bytes(b"new!")
    assert [file.name for file in path.iterdir()] == ["new.png"]
    assert size(path) == 4


def test_a_killed_process_leaves_what_leftovers_finds(tmp_path: Path) -> None:
    (tmp_path / "mine.tmp-notes.txt").write_text("kept")
    script = (
        "import os, signal, sys; from pathlib import Path; from renderer.store.files import whole_file\n"
        f"with whole_file(Path({str(tmp_path)!r}) / 'a.mkv') as temporary:\n"
        "    temporary.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    found = leftovers(tmp_path)
    assert [path.name for path in found] == [path.name for path in tmp_path.iterdir() if path.suffix == ".mkv"]
    assert len(found) == 1
    assert leftovers(tmp_path / "missing") == []


def test_digest_follows_the_contents_of_files_and_folders(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "a"
    write_whole(file, b"one")
    before = digest(file), digest(file.parent)
    file.write_bytes(b"two")
    assert digest(file) != before[0]
    assert digest(file.parent) != before[1]
    file.write_bytes(b"one")
    assert (digest(file), digest(file.parent)) == before
    file.rename(file.with_name("b"))
    assert digest(file.parent) != before[1]


def test_remove_takes_files_folders_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove(tmp_path / "link")
    assert (tmp_path / "folder" / "file").exists()
    remove(tmp_path / "folder")
    remove(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_new_folders_are_written_down_in_the_folders_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(new_folders, "flush_folder", flushed.append)
    write_whole(tmp_path / "a" / "b" / "c.json", b"new")
    assert flushed == [tmp_path, tmp_path / "a"]
    write_whole(tmp_path / "a" / "b" / "d.json", b"new")
    with locked(tmp_path / "a" / "state" / "lock"):
        assert flushed == [tmp_path, tmp_path / "a", tmp_path / "a"]


def test_a_folder_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a", tmp_path / "file" / "b" / "a"):
        with pytest.raises(OSError, match="file"):
            write_whole(path, b"new")
