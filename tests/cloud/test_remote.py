"""What a run needs of a store, of whatever kind it is."""

from pathlib import Path
from uuid import uuid4

import pytest

from renderer.jobs.commands import render
from renderer.store.place import StoreUrl, read_place
from renderer.store.remote import Store, StoreRefusedError, connect
from tests.cloud.helpers import Machine, contents
from tests.cloud.test_stored_runs import of_folder, of_store
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request


@pytest.fixture(params=["s3", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    url = request.getfixturevalue("url") if request.param == "s3" else f"memory://{uuid4().hex}/my films/übung"
    return connect(StoreUrl(url), print)


NAMES = ("run.yaml", "state/a b.json", "segments/über+100%#1&x=?.mkv")


def test_what_is_put_is_there(store: Store, tmp_path: Path) -> None:
    assert store.listing() == {}
    (tmp_path / "file").write_bytes(b"contents")
    put = {name: store.put(name, tmp_path / "file") for name in NAMES}
    assert store.listing() == put
    for name in NAMES:
        store.get(name, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == store.read(name) == b"contents"
        assert store.read(name, 3) == b"con"


def test_other_contents_have_another_identity(store: Store) -> None:
    first, second = store.put("run.yaml", b"one"), store.put("run.yaml", b"two")
    assert first.identity
    assert not first.is_surely(second)
    assert second.is_surely(store.listing()["run.yaml"])


def test_of_several_who_make_a_file_one_is_first(store: Store) -> None:
    made = store.create("run.yaml", b"mine")
    assert made == store.listing()["run.yaml"]
    assert store.create("run.yaml", b"theirs") is None
    assert store.create("run.yaml", b"mine") == made, "a network may fail after the store has done it"
    assert store.read("run.yaml") == b"mine"


def test_what_is_removed_is_gone(store: Store) -> None:
    store.put("run.yaml", b"")
    store.remove("run.yaml")
    store.remove("run.yaml")
    assert store.listing() == {}


def test_neighbors_are_not_listed(store: Store) -> None:
    beside = connect(StoreUrl(f"{store.url.text}2"), print)
    beside.put("run.yaml", b"of another run")
    assert store.listing() == {}
    beside.remove("run.yaml")


def test_a_file_that_is_not_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreRefusedError):
        store.get("run.yaml", tmp_path / "copy")


def test_a_large_file_is_known_again(url: str, tmp_path: Path) -> None:
    """It is put in parts."""
    store = connect(StoreUrl(url), print)
    with (tmp_path / "film").open("wb") as file:
        file.truncate(101 << 20)
    put = store.put("atlas.mp4", tmp_path / "film")
    assert put == store.listing()["atlas.mp4"]
    assert put.size == 101 << 20


def test_a_run_in_another_kind_of_store(tmp_path: Path, machine: Machine, other: Machine) -> None:
    url = f"memory://{uuid4().hex}/run/"
    machine.render(url)
    render(request(tmp_path / "run"), Recorder(), FakeWorker)
    assert of_store(url) == of_folder(tmp_path / "run")
    _, worker = other.render(url)
    assert worker.frames == 0


def test_a_url_of_the_disk_is_a_directory(tmp_path: Path, machine: Machine) -> None:
    url = (tmp_path / "my run").as_uri()
    outcome, _ = machine.render(url)
    assert outcome.paths.root == tmp_path / "my run"
    assert machine.has == set()
    assert read_place(url).url is None
    assert contents(url).keys() >= {"atlas.mp4"} or (tmp_path / "my run" / "atlas.mp4").is_file()
