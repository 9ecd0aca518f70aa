"""What is not about a class ends the command as an error; what is leaves the other classes alone."""

from pathlib import Path

import pytest
import torch

from renderer.endings import describe_error
from renderer.jobs.commands import render, render_stills
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request

_ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "123456789012 bytes. Error code 12 (Cannot allocate memory)"
)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError(_ALLOCATOR),
        MemoryError(),
    ],
)
@pytest.mark.parametrize("moment", [0, 2])
def test_out_of_memory_ends_the_run_with_what_helps(tmp_path: Path, error: Exception, moment: int) -> None:
    def fail(number: int) -> None:
        if number == moment:
            raise error

    with pytest.raises(type(error)) as caught:
        render_stills(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, fail))
    assert "Lower run.batch" in describe_error(caught.value, ["stills", "quickstart"])
    worker = FakeWorker(request(tmp_path).settings)
    outcome = render_stills(request(tmp_path), Recorder(), lambda settings: worker)
    # The first group was finished, and is not dreamed again.
    assert len({group[0][0] for group in worker.groups}) == 2 - moment // 2
    assert len(outcome.index.classes) == 4


def test_fresh_stills_of_a_film_that_run_out_of_memory_keep_the_film(tmp_path: Path) -> None:
    worker = FakeWorker(request(tmp_path).settings)

    def fail(number: int) -> None:
        if worker.groups:
            raise RuntimeError(_ALLOCATOR)

    worker.on_frame = fail
    with pytest.raises(RuntimeError, match="allocate"):
        render(request(tmp_path, "stills.fresh=true"), Recorder(), lambda settings: worker)
    assert (tmp_path / "atlas.mp4").exists()
    again = FakeWorker(request(tmp_path).settings)
    render(request(tmp_path, "stills.fresh=true"), Recorder(), lambda settings: again)
    assert again.rounds == []


@pytest.mark.parametrize("message", ["CUDA error: device-side assert triggered", "cuDNN error: CUDNN_STATUS"])
def test_a_device_that_has_failed_ends_the_run(tmp_path: Path, message: str) -> None:
    def fail(number: int) -> None:
        if number == 2:
            raise RuntimeError(message)

    with pytest.raises(RuntimeError, match=message):
        render_stills(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, fail))


def test_what_hits_every_group_is_not_about_the_classes(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        raise RuntimeError("not implemented for 'Half'")

    with pytest.raises(RuntimeError, match="not implemented"):
        render_stills(request(tmp_path), Recorder(), lambda settings: FakeWorker(settings, fail))
