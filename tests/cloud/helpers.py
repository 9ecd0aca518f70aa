"""A real S3 server in a process of its own, the network before it, and machines that have nothing but a cache."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from renderer.jobs import commands
from renderer.jobs.commands import Outcome, Request
from renderer.jobs.sharding import Shard, ShardOutcome, own_files, render_shard
from renderer.jobs.status import Status, run_status
from renderer.store.place import CACHE_VARIABLE, Place, read_place
from renderer.store.remote import Entry, Store, StoreRefusedError
from renderer.store.stored_run import kept_in_store, seen_in_store, to_go_on, to_show
from tests.fake_crew import FakeCluster
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, tiny_settings

ROOT = Path(__file__).parents[2]
LOG_IN = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
ONE_TRY = {"AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def s3_server(**environment: str) -> Iterator[int]:
    """An S3 server; gives its port on this machine."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    pipe, out = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, stdout=pipe, stderr=out, text=True, env={**os.environ, **environment}) as process:
        assert process.stdout
        try:
            port = next(match[1] for line in process.stdout if (match := re.search(r"127\.0\.0\.1:(\d+)", line)))
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield int(port)
        finally:
            process.kill()


class Network:
    """What lies between the machines and the server; it may break and be mended.

    Attributes:
        port: Where machines reach the server.
    """

    def __init__(self, server: int) -> None:
        self._server, self._works = server, True
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def fail(self) -> None:
        """Refuse connections, and cut those that are there."""
        self._works = False
        for one in tuple(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._works = True

    def close(self) -> None:
        self.fail()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                if not self._works:
                    here.close()
                    continue
                there = socket.create_connection(("127.0.0.1", self._server))
                self._open |= {here, there}
                for ends in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            self._open.discard(one)


_AT_ONE_MACHINE = threading.Lock()


class Machine:
    """Works on runs in a store, with a cache that no other machine has."""

    def __init__(self, cache: Path, patch: pytest.MonkeyPatch, *overrides: str) -> None:
        self.cache, self._patch, self._overrides = cache, patch, overrides
        self.cluster: FakeCluster | None = None
        self.told = Recorder()

    def place(self, url: str) -> Place:
        with _AT_ONE_MACHINE:
            self._patch.setenv(CACHE_VARIABLE, str(self.cache))
            return read_place(url)

    def request(self, place: Place, *overrides: str, restart: bool = False) -> Request:
        settings = tiny_settings(*self._overrides, *overrides)
        asked = Request("tiny", settings, place.directory, restart, lambda _text: True)
        return replace(asked, means=self.cluster)

    def render(
        self,
        url: str,
        *overrides: str,
        restart: bool = False,
        film: bool = True,
        on_frame: Callable[[int], None] = lambda _number: None,
    ) -> tuple[Outcome, FakeWorker]:
        place = self.place(url)
        request = self.request(place, *overrides, restart=restart)
        worker = FakeWorker(request.settings, on_frame)
        make = commands.render if film else commands.render_stills
        self.told = Recorder()
        with kept_in_store(place, self.told.note, to_go_on):
            return make(request, self.told, lambda _settings: worker), worker

    def shard(
        self, url: str, number: int, count: int, on_frame: Callable[[int], None] = lambda _number: None
    ) -> tuple[ShardOutcome, FakeWorker]:
        shard = Shard(number, count)
        place = self.place(url).of_shard(shard.name)
        request = self.request(place)
        worker = FakeWorker(request.settings, on_frame)
        self.told = Recorder()
        with kept_in_store(place, self.told.note, lambda copy: own_files(copy, shard), gives_way=True):
            return render_shard(request, shard, self.told, lambda _settings: worker), worker

    def assemble(self, url: str) -> Outcome:
        place = self.place(url)
        with kept_in_store(place, self.told.note, to_show, begins=False):
            return commands.assemble(place.directory, Recorder())

    def page(self, url: str) -> Outcome:
        place = self.place(url)
        with kept_in_store(place, self.told.note, to_show, begins=False):
            return commands.make_page(place.directory, Recorder())

    def status(self, url: str) -> Status:
        place = self.place(url)
        with seen_in_store(place, self.told.note):
            return run_status(place.directory)

    @property
    def has(self) -> set[str]:
        """The files that it has, without those that no other machine needs."""
        folders = self.cache.glob("stores/*/run")
        return {name for folder in folders for name in names_of_files(folder)}


def names_of_files(directory: Path) -> Iterator[str]:
    for path in directory.rglob("*"):
        name = path.relative_to(directory).as_posix()
        if path.is_file() and not re.fullmatch(r"state/(lock|log|now).*", name):
            yield name


def contents(url: str) -> dict[str, bytes]:
    """All that a store has of a run, without its logs."""
    files, root = fsspec.core.url_to_fs(url, skip_instance_cache=True)
    names = [name for name in files.find(root) if name.startswith(f"{root.rstrip('/')}/")]
    found = {name.removeprefix(root.rstrip("/")).lstrip("/"): files.cat_file(name) for name in names}
    return {name: data for name, data in found.items() if not name.startswith("state/log")}


class Watch:
    """Sees each file put, that no record comes before what it speaks of, and that none stays without it.

    Attributes:
        names: What was put, in order.
        before: Is called before each put, with the name.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.before: Callable[[str], None] = lambda _name: None
        self._put, self._create, self._remove = Store.put, Store.create, Store.remove
        self._lock = threading.Lock()
        patch.setattr(Store, "put", lambda store, name, given: self._seen(store, name, given, self._put))
        patch.setattr(Store, "create", lambda store, name, given: self._seen(store, name, given, self._create))
        patch.setattr(Store, "remove", lambda store, name: self._see_removed(name, store))

    def _seen(
        self, store: Store, name: str, given: Path | bytes, put: Callable[[Store, str, Path | bytes], Entry]
    ) -> Entry:
        self.before(name)
        data = given if isinstance(given, bytes) else given.read_bytes()
        if spoken := list(spoken_of(name, data)):
            there = store.listing()
            for path, size in spoken:
                found = [entry.size for other, entry in there.items() if other == path or other.startswith(f"{path}/")]
                assert sum(found) == size or (size is None and found), f"{name} speaks of {path}, and was put before it"
        with self._lock:
            self.names.append(name)
        return put(store, name, given)

    def _see_removed(self, name: str, store: Store) -> None:
        there = store.listing()
        for record in there if name in there else ():
            if record.startswith("state/") and record.endswith((".json", ".safetensors")):
                with suppress(StoreRefusedError):  # it was removed itself just now
                    spoken = {path for path, _ in spoken_of(record, store.read(record))}
                    assert name not in spoken, f"{name} was removed, and {record} speaks of it"
        self._remove(store, name)


def spoken_of(name: str, data: bytes) -> Iterator[tuple[str, int | None]]:
    """Which files one of a run's files tells of, with their sizes where it tells them."""
    if name.endswith(".safetensors"):
        length = int.from_bytes(data[:8], "little")
        told = json.loads(json.loads(data[8 : length + 8])["__metadata__"]["told"])
        yield from _files(told)
    elif name.endswith(".json"):
        yield from _files(json.loads(data))


def _files(data: object) -> Iterator[tuple[str, int | None]]:
    match data:
        case {"dropped": True, "picture": picture}:
            yield from _files(picture)
        case {"path": str(path), "digest": str(), "size": int(size)}:
            yield path, size
        case {"still": str(path)} | {"path": str(path), "frames": int()}:
            yield path, None
        case dict():
            for value in data.values():
                yield from _files(value)
        case list():
            for value in data:
                yield from _files(value)
