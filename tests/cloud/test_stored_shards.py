"""Shards of a run in a store: no disk is shared, and together they make the film of one process."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import s3fs

from renderer.common.errors import UserError
from renderer.dream.health import Health
from renderer.film.tasks import Saved
from renderer.jobs.commands import render
from renderer.jobs.plan import segments_of, strands_of
from renderer.store.fetching import fetch_run
from renderer.store.place import StoreUrl
from renderer.store.remote import connect
from renderer.store.run import load_run
from renderer.store.saved_file import write_saved
from tests.cloud.helpers import Machine, Watch, contents
from tests.cloud.test_stored_runs import Stop, of_folder, of_store, stop_at
from tests.fake_crew import FakeCluster
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, results

SIX = ("classes.select=[1,2,3,5,7,8]", "film.chains=5")
"""Three strands: two of two chains, and one of one."""


@pytest.fixture
def machines(tmp_path: Path, patch: pytest.MonkeyPatch, watch: Watch) -> list[Machine]:
    return [Machine(tmp_path / f"machine {number}", patch, *SIX) for number in (1, 2, 3)]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The same film, made by one process in a folder."""
    render(request(tmp_path / "whole", *SIX), Recorder(), FakeWorker)
    return tmp_path / "whole"


def test_shards_on_machines_that_share_no_disk(whole: Path, machines: list[Machine], other: Machine, url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(one.shard, url, number, 3) for number, one in enumerate(machines, start=1)]
    assert [done.result()[0].own for done in running] == [1, 1, 1]
    other.assemble(url)
    assert of_store(url) == of_folder(whole)


def test_a_shard_that_is_stopped_goes_on_elsewhere_with_its_own_files(
    whole: Path, machines: list[Machine], tmp_path: Path, patch: pytest.MonkeyPatch, url: str
) -> None:
    machines[0].shard(url, 1, 3)
    with pytest.raises(Stop):
        machines[1].shard(url, 2, 3, stop_at(17))
    before, elsewhere = contents(url).keys(), Machine(tmp_path / "elsewhere", patch, *SIX)
    outcome, _ = elsewhere.shard(url, 2, 3)
    run = load_run(outcome.paths.root)
    segments = segments_of([strands_of(run)[1]])
    own = {segment.name for segment in segments} | {run.targets[segment.position].key for segment in segments}
    fetched = {name for name in elsewhere.has & before if name.startswith(("segments/", "parts/", "state/"))}
    of_whom = {name.replace("/", ".").replace("still-", "").split(".")[1] for name in fetched}
    assert of_whom & own
    assert of_whom <= own | {"run", "similarity"}
    assert 0 < outcome.missing < len(run.timeline.segments)
    assert machines[2].shard(url, 3, 3)[0].missing == 0
    assert machines[0].shard(url, 1, 3)[1].frames == 0
    machines[2].assemble(url)
    assert of_store(url) == of_folder(whole)


def test_of_what_was_saved_a_shard_fetches_its_own(machines: list[Machine], tmp_path: Path, url: str) -> None:
    outcome, _ = machines[0].shard(url, 1, 3)
    run = load_run(outcome.paths.root)
    store = connect(StoreUrl(url), print)
    for number, strand in enumerate(strands_of(run), start=1):
        names, key = tuple(segment.name for segment in strand[0][:1]), str(number) * 32
        pictures = np.zeros((1, 3, 200, 300), np.float32)
        write_saved(tmp_path / "saved", Saved(key, names, 0, 5, pictures, (Health(),)))
        store.put(f"state/saved-{key}.safetensors", tmp_path / "saved")
    s3fs.S3FileSystem(skip_instance_cache=True).pipe_file(f"{url}/state/saved-{'4' * 32}.safetensors", b"damaged")
    machines[1].shard(url, 2, 3)
    assert {name for name in machines[1].has if "saved" in name} == {f"state/saved-{'2' * 32}.safetensors"}


def test_of_shards_that_begin_at_the_same_moment_one_makes_the_run(
    whole: Path, machines: list[Machine], watch: Watch, url: str
) -> None:
    """The second one has seen an empty store, as the first one has."""

    def second(name: str) -> None:
        if name == "run.yaml":
            watch.before = lambda _name: None
            machines[1].shard(url, 2, 3)

    watch.before = second
    machines[0].shard(url, 1, 3)
    machines[2].shard(url, 3, 3)
    machines[2].assemble(url)
    assert of_store(url) == of_folder(whole)


def test_a_cluster_goes_on_with_a_run_in_a_store(
    tmp_path: Path, patch: pytest.MonkeyPatch, watch: Watch, url: str
) -> None:
    """What its workers need is fetched for them."""
    exact = (*SIX, "run.threads=1", "run.precision=float32")
    one, other = (Machine(tmp_path / name, patch, *exact) for name in ("one", "other"))
    with pytest.raises(Stop):
        one.render(url, on_frame=stop_at(40))
    other.cluster = FakeCluster()
    other.render(url)
    assert other.cluster.hired
    render(request(tmp_path / "alone", *exact), Recorder(), FakeWorker)
    fetch_run(other.place(url), tmp_path / "copy", print)
    assert results(tmp_path / "copy") == results(tmp_path / "alone")


def test_a_shard_with_other_settings_is_refused(machines: list[Machine], other: Machine, url: str) -> None:
    machines[0].shard(url, 1, 3)
    before = contents(url)
    with pytest.raises(UserError, match="begun with other settings"):
        other.shard(url, 2, 3)
    assert contents(url) == before
