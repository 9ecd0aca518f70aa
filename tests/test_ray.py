"""A run on a real Ray cluster, which is begun here, with processes that are killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file
from torchvision import models

from renderer.cli import main
from renderer.command_parts import Shared
from renderer.common.errors import UserError
from renderer.common.interruption import SIGNALS
from renderer.jobs import cluster, ray_cluster
from renderer.jobs.cluster import ClusterComputer
from renderer.jobs.commands import Request, render, render_stills
from renderer.jobs.messages import Event, Wrote
from renderer.jobs.ray_cluster import RayCluster
from renderer.jobs.staff import Member
from renderer.media import fonts
from tests.film_helpers import TINY, Recorder, request, results

ROOT = Path(__file__).parents[1]
SMALL = (*TINY, "run.threads=1", "run.precision=float32", "run.device=cpu", "dream.steps_per_frame=1",
         "dream.fresh_steps=2", "film.chains=3")  # fmt: skip
"""Two strands, of the network that comes along."""
_WAIT_SECONDS = 120


class Head:
    """A Ray cluster of this machine with two cores, in processes of its own."""

    def __init__(self, folder: Path) -> None:
        port, client_port = free_ports(2)
        self.address = f"127.0.0.1:{port}"
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2",
                   f"--port={port}", f"--ray-client-server-port={client_port}", "--include-dashboard=false",
                   "--min-worker-port=0", "--max-worker-port=0", f"--temp-dir={folder}"]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "TMPDIR": str(folder)}
        self._log = folder / "head.txt"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        until = time.monotonic() + _WAIT_SECONDS
        while "Ray runtime started" not in self._log.read_text(errors="replace"):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until
            time.sleep(0.2)

    def kill(self) -> None:
        """All of it at once: its head, its object store and what else there is."""
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One with a short name, for Ray makes sockets in it."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def head(folder: Path) -> Iterator[Head]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        head = Head(folder)
        yield head
    head.kill()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Results of one process."""
    directory = tmp_path_factory.mktemp("alone")
    render(small(directory), Recorder())
    return results(directory)


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """What the command line answers to signals is forgotten."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def small(directory: Path, *overrides: str) -> Request:
    return request(directory, *SMALL, *overrides)


def on_ray(asked: Request, address: str, workers: int | None = None) -> Recorder:
    recorder = Recorder()
    with ray_cluster.ray_cluster(address, workers) as means:
        render(replace(asked, means=means), recorder)
    return recorder


def watch_deliveries(monkeypatch: pytest.MonkeyPatch, see: Callable[[Member, str], None]) -> None:
    """Call a function with each file that comes, before it is written."""
    take = cluster._Sharing._take

    def taken(sharing: cluster._Sharing, member: Member, event: Event) -> None:
        if isinstance(event, Wrote):
            see(member, event.path)
        take(sharing, member, event)

    monkeypatch.setattr(cluster._Sharing, "_take", taken)


def process_of(member: Member) -> int:
    found = re.search(r"process (\d+)", member.name)
    assert found
    return int(found[1])


def test_inputs_travel_and_a_killed_worker_loses_nothing(
    tmp_path: Path, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, photograph and font are not there any more while workers compute, one of which is killed."""
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    weights, photo, font = (inputs / name for name in ("weights.safetensors", "photo.png", "font.ttf"))
    save_file(models.squeezenet1_1(weights=None).state_dict(), weights)
    noise = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photo)
    font.write_bytes(next(Path(fonts.__file__).parent.rglob("*.ttf")).read_bytes())
    own = ("network.source=torchvision", "network.name=squeezenet1_1", f"network.weights={weights}",
           "start.kind=picture", f"start.path={photo}", f"overlay.font={font}")  # fmt: skip
    render(small(tmp_path / "one", *own), Recorder())
    film, killed, workers = ClusterComputer.film, list[int](), set[int]()

    def hidden(*given: object) -> None:
        inputs.rename(tmp_path / "gone")
        try:
            film(*given)  # type: ignore[arg-type]
        finally:
            (tmp_path / "gone").rename(inputs)

    def kill_one(member: Member, path: str) -> None:
        workers.add(member.number)
        if not killed and path.startswith("parts/"):
            killed.append(process_of(member))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(ClusterComputer, "film", hidden)
    watch_deliveries(monkeypatch, kill_one)
    recorder = on_ray(small(tmp_path / "two", *own), head.address)
    assert results(tmp_path / "two") == results(tmp_path / "one")
    assert killed
    assert len(workers) >= 2
    assert any("a worker was lost" in note for note in recorder.notes)


def test_two_films_share_a_small_cluster(tmp_path: Path, head: Head, alone: dict[str, object]) -> None:
    with ThreadPoolExecutor() as threads:
        both = [threads.submit(on_ray, small(tmp_path / name), head.address) for name in ("one", "two")]
        for one in both:
            one.result()
    assert results(tmp_path / "one") == results(tmp_path / "two") == alone


def test_stills_are_shared_too(tmp_path: Path, head: Head) -> None:
    fresh = ("stills.steps=2", "stills.retries=0", "stills.logits=true")
    render_stills(small(tmp_path / "one", *fresh), Recorder())
    with ray_cluster.ray_cluster(head.address, None) as means:
        render_stills(replace(small(tmp_path / "two", *fresh), means=means), Recorder())
    assert results(tmp_path / "two") == results(tmp_path / "one")
    assert (tmp_path / "two/logits.npy").read_bytes() == (tmp_path / "one/logits.npy").read_bytes()


def test_ctrl_c_leaves_a_run_to_go_on_with(tmp_path: Path, head: Head, alone: dict[str, object]) -> None:
    """On a cluster of this command's own, which ends with it."""
    process = program(tmp_path, "--ray", "--ray-workers=2")
    try:
        wait_for(lambda: list(tmp_path.glob("run/state/*.json")))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=_WAIT_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 130
    assert said.count("Interrupted.") == 1
    assert "Traceback" not in said
    assert "raylet" not in said
    wait_for(lambda: not descendants(f"WHOSE={tmp_path}"), seconds=10)  # the last ones may be ending
    on_ray(small(tmp_path / "run"), head.address)
    assert results(tmp_path / "run") == alone


def test_where_the_cluster_is_killed_nothing_is_lost(
    tmp_path: Path, folder: Path, head: Head, alone: dict[str, object]
) -> None:
    other = folder / "other"
    other.mkdir()
    doomed = Head(other)
    process = program(tmp_path, "--ray", doomed.address, RAY_gcs_rpc_server_reconnect_timeout_s="3")
    try:
        wait_for(lambda: list(tmp_path.glob("run/state/*.json")))
        doomed.kill()
        _, said = process.communicate(timeout=_WAIT_SECONDS)
    finally:
        process.kill()
        doomed.kill()
    assert process.returncode == 1
    assert "Error: the Ray cluster is gone" in said
    assert "go on with\n  neuron-atlas render" in said
    assert "Traceback" not in said
    on_ray(small(tmp_path / "run"), head.address)
    assert results(tmp_path / "run") == alone


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_where_nothing_is_gets_one_message(tmp_path: Path, address: str) -> None:
    with pytest.raises(UserError, match=f"--ray {address}: nothing answers there"):
        on_ray(small(tmp_path / "run"), address)
    assert not (tmp_path / "run").exists()


def test_the_environment_names_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UserError, match=r"--ray 127\.0\.0\.1:1: nothing answers there"):
        on_ray(small(tmp_path / "run"), "")


def test_without_ray_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'pip install "neuron-atlas\[ray\]"'):
        RayCluster("auto")


@pytest.mark.parametrize(
    ("text", "is_address"),
    [("auto", True), ("10.0.0.5:6379", True), ("head-1.local:6379", True), ("[::1]:6379", True),
     ("ray://head:10001", True), ("quickstart", False), ("film.yaml", False), ("runs/auto/run.yaml", False),
     ("--output", False), ("", False)],
)  # fmt: skip
def test_a_configuration_is_never_taken_for_an_address(text: str, is_address: bool) -> None:
    assert Shared.options["--ray"](text) == is_address


@pytest.mark.usefixtures("_own_signals")
@pytest.mark.parametrize("arguments", ["--ray missing", "missing --ray", "--ray auto missing", "--ray=auto missing"])
def test_the_configuration_is_found_beside_the_option(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["render", *arguments.split()])
    assert ended.value.code == 2
    assert "missing" in capsys.readouterr().err


@pytest.mark.usefixtures("_own_signals")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [("quickstart --ray-workers 2", "Give --ray too"), ("quickstart --ray --shard 1/2", "leave one of them out")],
)
def test_options_that_do_not_go_together(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["render", *arguments.split()])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def program(folder: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    """The command line in a process of its own."""
    (folder / "tiny.yaml").write_text("# What `small` asks for, so that it can be gone on with.\n")
    settings = [f"--set={override}" for override in SMALL]
    script = "from renderer.program import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, "render", "tiny.yaml", "--output=run", *settings, *options],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "WHOSE": str(folder), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(is_so: Callable[[], object], seconds: float = _WAIT_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def descendants(mark: str) -> Mapping[str, str]:
    """Processes that have something in their environment, with their command lines."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{mark}\0" in (process / "environ").read_text(errors="replace"):
                found[process.name] = (process / "cmdline").read_text()
    return found
