"""The order in which files reach a store, told by a store that answers when it is let."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.store import carrying
from renderer.store.carrying import Carrier
from renderer.store.ledger import Ledger
from renderer.store.place import Place, StoreUrl
from renderer.store.remote import Entry, StoreError
from renderer.store.working_copy import WorkingCopy


class SlowStore:
    """Carries nothing before it is let.

    Attributes:
        done: What has been done, in order.
        contents: What is there.
    """

    def __init__(self) -> None:
        self.hurry = threading.Event()
        self.done: list[str] = []
        self.contents: dict[str, bytes] = {}
        self.fails: Exception | None = None
        self._let, self._asked, self._changed = set[str](), set[str](), threading.Condition()

    def put(self, name: str, given: Path | bytes) -> Entry:
        self._wait(name)
        self.contents[name] = given if isinstance(given, bytes) else given.read_bytes()
        return Entry(len(self.contents[name]), str(hash(self.contents[name])))

    create = put

    def remove(self, name: str) -> None:
        self._wait(f"-{name}")
        self.contents.pop(name, None)

    def let(self, *names: str) -> None:
        with self._changed:
            self._let |= set(names)
            self._changed.notify_all()

    def asked(self, *names: str) -> None:
        """Wait until it is asked for just these."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._asked == set(names), 5), self._asked

    def _wait(self, what: str) -> None:
        with self._changed:
            self._asked.add(what)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: what in self._let or "all" in self._let, 20)
            self._asked.discard(what)
            self._changed.notify_all()
            if self.fails:
                raise self.fails
            self.done.append(what)


@pytest.fixture
def store() -> Iterator[SlowStore]:
    store = SlowStore()
    yield store
    store.let("all")


@pytest.fixture
def copy(tmp_path: Path, store: SlowStore) -> WorkingCopy:
    place = Place(tmp_path / "held" / "run", StoreUrl("s3://films/run"))
    copy = WorkingCopy(place, store, {"run.yaml": Entry(1, "1")}, Ledger(tmp_path / "known.jsonl"))  # type: ignore[arg-type]
    (copy.root / "state").mkdir(parents=True)
    for folder in ("segments", "parts", "stills", "thumbs"):
        (copy.root / folder).mkdir()
    return copy


def write(copy: WorkingCopy, carrier: Carrier, name: str, text: str = "contents") -> str:
    (copy.root / name).write_text(text)
    carrier.wrote(copy.root / name)
    return name


SEGMENT, OTHER = "0001-000-0123456789", "0002-000-0123456789"


def test_a_record_waits_for_all_files_before_it_and_files_for_nothing(copy: WorkingCopy, store: SlowStore) -> None:
    with Carrier(copy, print) as carrier:
        frames = write(copy, carrier, f"segments/{SEGMENT}.mkv")
        picture = write(copy, carrier, f"state/{SEGMENT}.png")
        record = write(copy, carrier, f"state/{SEGMENT}.json")
        others = write(copy, carrier, f"segments/{OTHER}.mkv")
        store.asked(frames, picture, others)
        store.let(picture, others)
        store.asked(frames)
        store.let(frames)
        store.asked(record)
        store.let("all")
    assert store.done[-1] == record


def test_records_do_not_wait_for_one_another(copy: WorkingCopy, store: SlowStore) -> None:
    with Carrier(copy, print) as carrier:
        records = [write(copy, carrier, f"state/{name}.json") for name in (SEGMENT, OTHER)]
        store.asked(*records)
        store.let("all")


def test_a_record_is_put_as_it_was_when_it_was_written(copy: WorkingCopy, store: SlowStore) -> None:
    """The next one may speak of files that are not there yet."""
    with Carrier(copy, print) as carrier:
        frames = write(copy, carrier, f"segments/{SEGMENT}.mkv")
        record = write(copy, carrier, f"state/{SEGMENT}.json", "first")
        (copy.root / record).write_text("next")
        store.let(frames, record)
    assert store.contents[record] == b"first"


def test_of_what_waits_only_the_newest_is_put(copy: WorkingCopy, store: SlowStore) -> None:
    with Carrier(copy, print) as carrier:
        frames = write(copy, carrier, f"segments/{SEGMENT}.mkv")
        for text in ("first", "second", "third"):
            record = write(copy, carrier, f"state/{SEGMENT}.json", text)
        store.asked(frames)
        store.let("all")
    assert store.done == [frames, record]
    assert store.contents[record] == b"third"


def test_a_file_is_removed_after_the_record_that_speaks_of_it_no_more(copy: WorkingCopy, store: SlowStore) -> None:
    frames, record = f"segments/{SEGMENT}.mkv", f"state/{SEGMENT}.json"
    copy.there |= {frames: Entry(1, "a"), record: Entry(1, "b")}
    with Carrier(copy, print) as carrier:
        carrier.removed(copy.root / frames)
        assert copy.size(copy.root / frames) is None, "it is offered no more"
        write(copy, carrier, record)
        store.asked(record)
        store.let("all")
    assert store.done == [record, f"-{frames}"]
    assert copy.ledger.obsolete == {}


def test_a_file_that_is_written_again_is_not_removed(copy: WorkingCopy, store: SlowStore) -> None:
    copy.there["stills/0001-cock.png"] = Entry(1, "a")
    store.let("all")
    with Carrier(copy, print) as carrier:
        carrier.removed(copy.root / "stills/0001-cock.png")
        write(copy, carrier, "stills/0001-cock.png")
        write(copy, carrier, "state/still-0001.json")
    assert store.contents.keys() == {"stills/0001-cock.png", "state/still-0001.json"}


def test_a_picture_that_is_written_again_is_there_before_its_record(copy: WorkingCopy, store: SlowStore) -> None:
    with Carrier(copy, print) as carrier:
        slow = write(copy, carrier, f"segments/{SEGMENT}.mkv")
        names = [write(copy, carrier, f"segments/{place}-000-0123456789.mkv") for place in ("0003", "0004")]
        last = write(copy, carrier, f"parts/{SEGMENT}.ts")
        store.asked(slow, *names, last)  # all hands are full
        still = write(copy, carrier, "stills/0001-cock.png", "one")
        record = write(copy, carrier, "state/still-0001.json")
        write(copy, carrier, still, "two")
        store.let(slow, *names, last)
        store.asked(still)
        store.let("all")
    assert store.done.index(still) < store.done.index(record)
    assert store.contents[still] == b"two"


def test_what_is_spoken_of_is_not_removed_while_anything_is_on_its_way(copy: WorkingCopy, store: SlowStore) -> None:
    copy.there |= {"stills/0001-cock_2.png": Entry(1, "a"), "state/still-0001.json": Entry(1, "b")}
    with Carrier(copy, print) as carrier:
        carrier.removed(copy.root / "stills/0001-cock_2.png")
        other = write(copy, carrier, f"state/{OTHER}.json")  # of something else
        store.let(other)
        best = write(copy, carrier, "stills/0001-cock.png")
        record = write(copy, carrier, "state/still-0001.json")
        store.asked(best)
        store.let("all")
    assert store.done == [other, best, record, "-stills/0001-cock_2.png"]


def test_saved_states_come_through_a_slow_line(copy: WorkingCopy, store: SlowStore) -> None:
    saved = f"state/saved-{'0' * 32}.safetensors"
    with Carrier(copy, print) as carrier:
        first = write(copy, carrier, f"segments/{SEGMENT}.mkv")
        write(copy, carrier, saved, "first")
        store.asked(first)
        second = write(copy, carrier, f"segments/{SEGMENT}.00048.mkv")
        write(copy, carrier, saved, "second")
        store.let(first)
        store.asked(second, saved)
        store.let(saved, second)
    assert store.done.count(saved) == 2
    assert store.contents[saved] == b"second"


def test_a_run_that_could_not_be_begun_before_replaces_none(copy: WorkingCopy, store: SlowStore) -> None:
    """A shard's first start failed, and another machine has begun the run in the meantime."""
    copy.there.clear()
    (copy.root / "run.yaml").write_text("ours")
    brought: list[str] = []
    store.create = lambda name, _contents: None  # type: ignore[method-assign, assignment, return-value]
    copy.look_again = lambda: None  # type: ignore[method-assign]
    copy.bring = lambda name, anew=False: brought.append(name)  # type: ignore[method-assign, misc]
    store.let("all")
    with Carrier(copy, print, gives_way=True) as carrier:
        carrier.put(["run.yaml"])
    assert (brought, store.done) == (["run.yaml"], [])
    with pytest.raises(UserError, match="another machine has begun a run there"), Carrier(copy, print) as carrier:
        carrier.put(["run.yaml"])


def test_nothing_is_put_before_old_records_are_removed(copy: WorkingCopy, store: SlowStore) -> None:
    copy.there |= {f"state/{name}.json": Entry(1, "a") for name in (SEGMENT, OTHER)}
    with Carrier(copy, print) as carrier:
        for name in (SEGMENT, OTHER):
            carrier.removed(copy.root / f"state/{name}.json")
        write(copy, carrier, "run.yaml")
        store.asked(f"-state/{SEGMENT}.json", f"-state/{OTHER}.json")
        store.let("all")
    assert store.done[-1] == "run.yaml"


def test_a_whole_run_is_removed_with_what_is_not_here(copy: WorkingCopy, store: SlowStore) -> None:
    copy.there |= {f"segments/{SEGMENT}.mkv": Entry(1, "a"), f"state/{SEGMENT}.json": Entry(1, "a")}
    store.let("all")
    with Carrier(copy, print) as carrier:
        carrier.removed(copy.root / "run.yaml")
        write(copy, carrier, "run.yaml")
    assert store.done[:2] == [f"-state/{SEGMENT}.json", "-run.yaml"]
    assert store.done[2:] == ["run.yaml", f"-segments/{SEGMENT}.mkv"]


def test_what_goes_on_just_now_is_not_carried(copy: WorkingCopy, store: SlowStore) -> None:
    store.let("all")
    with Carrier(copy, print) as carrier:
        for name in ("state/now.json", "state/now.jpg", "state/now-shard-1-of-2.json", "state/lock", "x.txt"):
            write(copy, carrier, name)
    assert store.done == []


def test_who_writes_too_fast_waits(copy: WorkingCopy, store: SlowStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "_MOST_WAITING", 2)
    with Carrier(copy, print) as carrier:
        names = [f"segments/000{number}-000-0123456789.mkv" for number in (1, 2, 3)]
        writing = threading.Thread(target=lambda: [write(copy, carrier, name) for name in names])
        writing.start()
        store.asked(*names[:2])
        assert writing.is_alive()
        store.let(names[0])
        store.asked(*names[1:])
        writing.join(5)
        assert not writing.is_alive()
        store.let("all")


@pytest.mark.parametrize("error", [StoreError("the line is dead"), UserError("refused"), RuntimeError("no idea")])
def test_a_failure_is_told_to_who_writes_next_and_at_the_end(
    copy: WorkingCopy, store: SlowStore, error: Exception
) -> None:
    store.fails = error
    store.let("all")

    def write_on() -> None:
        for number in range(1000):
            write(copy, carrier, f"segments/{number:04d}-000-0123456789.mkv")
            threading.Event().wait(0.005)

    carrier = Carrier(copy, print)
    with pytest.raises(StoreError, match=f"{error}. .* not there yet; all is kept in .*/run, and the same"), carrier:
        write_on()
    with pytest.raises(StoreError, match=str(error)), Carrier(copy, print) as carrier:
        write(copy, carrier, "segments/0001-000-0123456789.mkv")


def test_an_interruption_does_not_wait_forever(
    copy: WorkingCopy, store: SlowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "_INTERRUPTED_SECONDS", 0.1)
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt), Carrier(copy, told.append) as carrier:
        write(copy, carrier, f"segments/{SEGMENT}.mkv")
        raise KeyboardInterrupt
    assert store.hurry.is_set()
    assert [text for text in told if "1 file is not there yet" in text]
