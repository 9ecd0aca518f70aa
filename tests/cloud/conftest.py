"""A server for all tests of a process, and a bucket for each."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from renderer.store import remote
from tests.cloud.helpers import LOG_IN, ONE_TRY, Machine, Network, Watch, s3_server


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """The port of an S3 server that takes whoever comes."""
    with s3_server() as port:
        yield port


@pytest.fixture
def network(server: int) -> Iterator[Network]:
    network = Network(server)
    yield network
    network.close()


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of who has an account, and little patience."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**LOG_IN, **ONE_TRY}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.02))
    return monkeypatch


@pytest.fixture
def url(network: Network, patch: pytest.MonkeyPatch) -> str:
    """Where a run may lie, in a bucket of its own."""
    import s3fs  # noqa: PLC0415

    patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{network.port}")
    bucket = f"films-{uuid4().hex[:12]}"
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(bucket)
    return f"s3://{bucket}/my films/übung"


@pytest.fixture
def watch(patch: pytest.MonkeyPatch) -> Watch:
    """Sees that no record is put before what it speaks of."""
    return Watch(patch)


@pytest.fixture
def machine(tmp_path: Path, patch: pytest.MonkeyPatch, watch: Watch) -> Machine:
    return Machine(tmp_path / "one machine", patch)


@pytest.fixture
def other(tmp_path: Path, patch: pytest.MonkeyPatch) -> Machine:
    """Another machine, whose cache is empty."""
    return Machine(tmp_path / "other machine", patch)
