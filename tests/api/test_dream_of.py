"""Single pictures from Python: the pictures, the networks that are kept, how they display, what stays as it was."""

import _thread
import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

import renderer
from renderer.api import dreams
from renderer.jobs.worker import Worker, local_worker
from renderer.settings.sections import Settings
from tests.api.conftest import TINY_STILLS


def dream(targets: Any, **settings: Any) -> Any:
    stills = {**TINY_STILLS, **settings.pop("stills", {})}
    return renderer.dream_of(targets, stills=stills, **{"run.threads": 1, **settings})


def test_a_picture_is_the_still_of_the_command_and_nothing_is_written() -> None:
    picture = dream("pizza", stills={"steps": 48})
    assert list(Path().iterdir()) == []
    assert picture.array.shape == (24, 32, 3)
    assert picture.array.dtype == np.uint8
    picture.array[:] = 0
    assert picture.array.any(), "an array is the caller's own"
    assert picture.image.size == (32, 24)
    run = renderer.stills(
        {"classes": {"select": ["pizza"]}}, "run", stills=TINY_STILLS | {"steps": 48}, **{"run.threads": 1}
    )
    still = run.stills["pizza"]
    assert np.array_equal(picture.array, still.array)
    for name in ("title", "index", "activation", "probability", "rank", "top", "seed"):
        assert getattr(picture, name) == getattr(still, name)
    assert (picture.title, picture.index, picture.top[0].title) == ("pizza", 382, "pizza")
    assert 0 < picture.probability <= 1
    assert picture.rank == 1


def test_a_list_gives_pictures_in_its_own_order() -> None:
    mixture = {"title": "dog pizza", "mix": {"dog face": 1, "pizza": 1}}
    gallery = dream([mixture, "rocket", "3-4", "pizza", "rocket"])
    assert gallery.titles[:2] == ["dog pizza", "rocket"]
    assert [picture.index for picture in gallery[2:4]] == [3, 4]
    assert gallery.titles[4:] == ["pizza", "rocket"]
    assert gallery["pizza"] is gallery[4]
    assert gallery[-1] is gallery[1]
    assert "pizza" in gallery
    assert len(gallery[1:3]) == 2
    with pytest.raises(KeyError, match="no picture of 'piza'; did you mean 'pizza'"):
        gallery["piza"]


def test_one_entry_for_many_targets_is_refused_before_anything_is_dreamed() -> None:
    with pytest.raises(renderer.UserError, match="targets: '0-3' stands for 4 of them; put it into a list for all"):
        dream("0-3", progress=Never())
    assert len(dream(["0-3"])) == 4


@pytest.mark.parametrize(
    ("targets", "settings", "said"),
    [
        ("piza", {}, "no class is called 'piza'; did you mean 'pizza'"),
        (["pizza", 5000], {}, "'5000' is no index or range"),
        ([], {}, "overrides: classes.select: must be a list of at least 1"),
        ("pizza", {"classes": {"limit": 1}}, "classes: what is dreamed is said by the targets here; leave it out"),
        ("pizza", {"classes.order": "title"}, "classes.order: what is dreamed"),
        ("pizza", {"dream.steps": 1}, "overrides: dream.steps: unknown key"),
        ("pizza", {"network": {"source": "exported", "file": "none.pt2"}}, "network.file: there is no file"),
        ("pizza", {"progress": "loud"}, "progress: must be 'auto', 'silent', 'bar' or an object of your own"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_as_the_commands_say_it(targets: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(renderer.UserError, match=said):
        dream(targets, **settings)


class Loads:
    """Counts how often networks are loaded, and which are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workers: list[Worker] = []
        self.closed: list[Worker] = []
        monkeypatch.setattr(dreams, "local_worker", self._load)

    def _load(self, settings: Settings) -> Worker:
        worker = local_worker(settings)
        close = worker.close
        worker.close = lambda: (self.closed.append(worker), close())  # type: ignore[method-assign, assignment, return-value]
        self.workers.append(worker)
        return worker


def own_network(folder: Path, name: str, seed: int = 0) -> dict[str, str]:
    """A network of three classes, exported by torch, and how settings name it."""
    torch.manual_seed(seed)
    layers = [torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(8, 3)).eval()
    program = torch.export.export(model, (torch.zeros(1, 3, 32, 32),))
    torch.export.save(program, folder / f"{name}.pt2")
    (folder / f"{name}.csv").write_text("index,title\n0,one\n1,two\n2,three\n")
    return {"source": "exported", "file": str(folder / f"{name}.pt2"), "classes": str(folder / f"{name}.csv")}


def test_networks_are_loaded_once_and_can_be_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads, other, exact = Loads(monkeypatch), own_network(tmp_path, "own"), {"run.precision": "float32"}
    first = dream("pizza", **exact)
    assert np.array_equal(dream("pizza", **exact).array, first.array)
    assert not np.array_equal(dream("pizza", **{"run.seed": 1}, **exact).array, first.array)
    assert len(loads.workers) == 1
    dream("two", network=other)
    dream("pizza", stills={"width": 40}, **exact)
    dream("one", network=other)
    assert len(loads.workers) == 2
    dream("pizza", **{"run.precision": "bfloat16"})
    assert loads.closed == loads.workers[:1], "of three the one that was used least lately"
    renderer.unload()
    assert len(loads.closed) == 3
    dream("pizza")
    assert len(loads.workers) == 4


def test_another_file_of_the_same_name_is_another_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads, network = Loads(monkeypatch), own_network(tmp_path, "own")
    first = dream("two", network=network)
    own_network(tmp_path, "own", seed=1)
    assert not np.array_equal(dream("two", network=network).array, first.array)
    (tmp_path / "own.csv").write_text("index,title\n0,first\n1,second\n2,third\n")
    assert dream("second", network=network).title == "second"
    assert len(loads.workers) == 2, "other names are no other network"


class Never:
    """Progress that must not be told of any work."""

    def begin(self, unit: str, **_: object) -> None:
        raise AssertionError(unit)

    def advance(self, *_: object) -> None: ...

    def end(self) -> None: ...

    def note(self, text: str) -> None: ...


class Interrupting(Never):
    """Progress at whose first step somebody presses Ctrl-C."""

    def begin(self, unit: str, **_: object) -> None: ...

    def advance(self, *_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            _thread.interrupt_main()


def test_an_interruption_leaves_nothing_at_work_and_the_next_call_dreams(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = Loads(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        dream("pizza", progress=Interrupting(), stills={"steps": 100000})
    assert [thread.name for thread in threading.enumerate() if thread.name == "neuron-atlas"] == []
    assert dream("pizza").title == "pizza"
    assert len(loads.workers) == 2, "what was left in the middle of a step is not used again"


def flushed() -> float:
    """The share of tiny numbers that this thread, and those that share its work, take for 0."""
    return float((torch.ones(2_000_000, dtype=torch.int64).view(torch.float64) * 1.0 == 0).float().mean())


@pytest.fixture
def two_threads() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_torch_computes_afterwards_as_it_did_before() -> None:
    def seen() -> tuple[object, ...]:
        later: list[int] = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        random = torch.get_rng_state().tolist()
        return torch.get_num_threads(), later[0], flushed(), torch.is_grad_enabled(), torch.get_default_dtype(), random

    def compare() -> tuple[object, ...]:
        torch.set_flush_denormal(False)  # whatever tests before this one have set
        before = seen()
        dream("pizza")
        assert seen() == before
        return before[:4]

    # Threads that share the work are those of this thread alone, and take over what it has set.
    with ThreadPoolExecutor(1) as caller:
        assert caller.submit(compare).result() == (2, 2, 0.0, True)


def test_it_dreams_the_same_whatever_the_caller_has_set_in_torch() -> None:
    expected = dream("pizza").array
    renderer.unload()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.device("meta"):
            assert np.array_equal(dream("pizza").array, expected)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_it_works_where_a_loop_is_running() -> None:
    async def cell() -> str:
        return str(dream("pizza").title)

    with ThreadPoolExecutor(1) as caller:  # In this thread a browser of another test may have left a loop.
        assert caller.submit(lambda: asyncio.run(cell())).result() == "pizza"


def test_a_picture_displays_itself(displayed: InteractiveShell) -> None:
    picture = dream("pizza")
    bundle, _ = displayed.display_formatter.format(picture)
    assert np.array_equal(np.array(Image.open(BytesIO(bundle["image/png"]))), picture.array)
    assert bundle["text/plain"] == f"<pizza, probability {picture.probability:.3f}, rank {picture.rank}>"


def test_a_large_picture_is_displayed_smaller(displayed: InteractiveShell) -> None:
    picture = dream("pizza", stills={"width": 1600, "height": 40, "steps": 1})
    bundle, _ = displayed.display_formatter.format(picture)
    assert Image.open(BytesIO(bundle["image/png"])).size == (768, 19)
    assert picture.image.size == (1600, 40)


def test_a_gallery_displays_as_a_grid(displayed: InteractiveShell) -> None:
    gallery = dream(["pizza", {"title": "<b>dog</b>", "mix": {"dog face": 1, "pizza": 1}}])
    bundle, _ = displayed.display_formatter.format(gallery)
    assert bundle["text/html"].count("data:image/webp;base64,") == 2
    assert "&lt;b&gt;dog&lt;/b&gt;" in bundle["text/html"]
    assert bundle["text/plain"] == "<2 pictures: pizza, <b>dog</b>>"
    many = renderer.Gallery([gallery[0]] * 70)
    assert many._repr_html_().count("<figure") == 60
    assert "and 10 more" in many._repr_html_()


def test_variants_and_transparency_are_there() -> None:
    picture = dream("pizza", stills={"variants": 2, "alpha": True})
    assert picture.image.mode == "RGBA"
    assert picture.array.shape == (24, 32, 3)
    assert len(picture.facets) == 1
    assert not np.array_equal(picture.facets[0].array, picture.array)


def test_pictures_are_saved_whole(tmp_path: Path) -> None:
    picture = dream("pizza", stills={"alpha": True})
    for name in ("a.png", "new/a.webp"):
        assert np.array_equal(np.array(Image.open(picture.save(tmp_path / name))), np.array(picture.image))
    saved = Image.open(picture.save(tmp_path / "a.jpg"))
    clear = np.array(picture.image)[..., 3] == 0
    assert saved.mode == "RGB" and clear.any()
    assert abs(np.array(saved)[clear].astype(int) - 128).mean() < 16  # on gray
    with pytest.raises(renderer.UserError, match=r"a\.bmp: must end in \.png, \.webp or \.jpg"):
        picture.save(tmp_path / "a.bmp")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "a.png", "new"]


def test_it_is_silent_and_leaves_logging_as_it_was(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("renderer")
    before = (logger.level, list(logger.handlers), logger.propagate)
    dream("pizza")
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert (logger.level, logger.handlers, logger.propagate) == before


def test_notes_reach_the_callers_own_logging_and_a_bar_shows_lines(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: Callable[..., None] = lambda run, progress: progress.note("something is odd")  # noqa: E731
    monkeypatch.setattr(dreams, "note_machine", noted)
    dream("pizza")
    assert [record.message for record in caplog.records] == ["something is odd"]
    assert capfd.readouterr().err == ""
    renderer.unload()
    caplog.clear()
    dream("pizza", progress="bar")
    assert caplog.records == [], "what is shown is not said twice"
    lines = capfd.readouterr().err.splitlines()
    assert lines[:2] == ["something is odd", "1 of 1 stills to go"]
    assert lines[-1].startswith("1/1 stills (100.0 % of the work)")
