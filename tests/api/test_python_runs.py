"""Whole runs from Python: the same as the commands', interrupted and continued, looked at and displayed."""

import _thread
import base64
import logging
import threading
from pathlib import Path
from typing import Any

import av
import pytest
from IPython.core.interactiveshell import InteractiveShell

import renderer
from renderer.common.progress import Amount
from renderer.jobs.commands import Request, render
from renderer.jobs.evaluation import evaluate
from renderer.settings.loading import load_settings
from renderer.store.lock import holder
from renderer.store.paths import RunPaths
from tests.api.conftest import TINY_FILM, TINY_STILLS
from tests.film_helpers import Recorder, results

CLASSES = {"classes": {"select": ["dog face", "pizza"]}}


def film(output: str | None = "run", **settings: Any) -> renderer.Atlas:
    return renderer.render("quickstart", output, **{**TINY_FILM, **CLASSES, **settings})


def files(directory: Path) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def test_a_film_from_python_is_that_of_the_command(tmp_path: Path) -> None:
    run = film()
    settings = renderer.load("quickstart", {**TINY_FILM, **CLASSES})
    render(Request("quickstart", settings, tmp_path / "command"), Recorder())
    assert results(tmp_path / "run") == results(tmp_path / "command")
    assert run.film == Path("run/atlas.mp4")
    assert run.page == Path("run/index.html")
    assert (run.name, run.settings.film.width) == ("quickstart", 32)
    assert [target.title for target in run.targets] == run.stills.titles == ["dog face", "pizza"]
    assert run.status.is_finished
    assert "render of quickstart, from Python" in (tmp_path / "run" / "state" / "log.txt").read_text()


class Pressed:
    """Progress: somebody presses Ctrl-C once so many steps are done."""

    def __init__(self, steps: int) -> None:
        self.left, self.told = steps, 0

    def begin(self, unit: str, *, total: Amount, done: Amount) -> None: ...

    def advance(self, amount: Amount, showing: object) -> None:
        self.told += 1
        self.left -= amount.steps
        if self.left <= 0:
            _thread.interrupt_main()
            self.left = 10**9

    def end(self) -> None: ...

    def note(self, text: str) -> None: ...


@pytest.mark.parametrize("steps", [1, 9])
def test_an_interrupted_film_goes_on_with_the_same_call(steps: int, tmp_path: Path) -> None:
    film("whole")
    pressed = Pressed(steps)
    with pytest.raises(KeyboardInterrupt):
        film(progress=pressed)
    told = pressed.told
    assert holder(RunPaths(tmp_path / "run").lock) is None
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("neuron", "encode"))]
    unfinished = renderer.open_run("run")
    assert not unfinished.status.is_finished
    assert unfinished.film is None
    film()
    assert pressed.told == told, "nothing goes on behind"
    assert results(tmp_path / "run") == results(tmp_path / "whole")


def test_stills_make_no_film() -> None:
    run = renderer.stills({}, "run", stills=TINY_STILLS, **CLASSES)
    assert run.film is None
    assert run.stills["pizza"].array.shape == (24, 32, 3)
    assert run.name == "run"


def test_the_directory_follows_from_the_name_or_has_to_be_said() -> None:
    assert film(None).directory == Path("runs/quickstart")
    with pytest.raises(renderer.UserError, match="output: say in which directory"):
        renderer.render(renderer.load("quickstart"))


def test_what_would_be_dreamed_anew_is_refused_until_that_is_agreed_to() -> None:
    film()
    with pytest.raises(renderer.UserError, match=r"was begun with other settings.*\n.*motion\.zoom"):
        film(motion={"zoom": 1.5})
    assert film(motion={"zoom": 1.5}, yes=True).settings.motion.zoom == 1.5
    assert film(motion={"zoom": 2.0}, restart=True).settings.motion.zoom == 2.0


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(renderer.UserError, match=r"holds no run: there is no run\.yaml in it"):
        renderer.open_run(tmp_path)


def test_a_look_changes_nothing(displayed: InteractiveShell, tmp_path: Path) -> None:
    film()
    before = files(tmp_path)
    run = renderer.open_run("run")
    displayed.display_formatter.format(run)
    assert run.scores
    assert run.stills[0].image
    assert run.status
    assert files(tmp_path) == before


def test_scores_are_rows_of_the_dreaming_network_and_then_of_judges_too(tmp_path: Path) -> None:
    run = film()
    keys = {
        "network", "picture", "index", "wnid", "title", "rank", "probability", "log_probability", "activation", "seen"
    }  # fmt: skip
    assert [(row["network"], row["picture"], row["title"]) for row in run.scores] == [
        ("emojinet", "still", "dog face"),
        ("emojinet", "still", "pizza"),
    ]
    assert run.scores[0]["probability"] == run.stills[0].probability
    evaluate(tmp_path / "run", [], Recorder())
    rows = renderer.open_run("run").scores
    assert {row["picture"] for row in rows} == {"still", "film"}
    assert all(row.keys() == keys for row in [*run.scores, *rows])
    (tmp_path / "run" / "evaluation.json").write_text("{")
    with pytest.raises(renderer.UserError, match=r"evaluation\.json is damaged"):
        _ = renderer.open_run("run").scores


def test_a_run_displays_its_film_and_its_stills(displayed: InteractiveShell, tmp_path: Path) -> None:
    run = film()
    bundle, _ = displayed.display_formatter.format(run)
    page = bundle["text/html"]
    _, _, rest = page.partition('<video controls loop muted style="max-width:100%" src="data:video/mp4;base64,')
    (tmp_path / "shown.mp4").write_bytes(base64.b64decode(rest.partition('"')[0]))
    with av.open(str(tmp_path / "shown.mp4")) as shown:
        assert len(list(shown.decode(video=0))) == 8
    assert page.count("data:image/webp") == 2
    assert bundle["text/plain"] == "<quickstart in run: 2 of 2 stills, film run/atlas.mp4>"


@pytest.mark.parametrize(("codec", "said"), [("webp", 'alt="the film" src="data:image/webp'), ("ffv1", None)])
def test_a_film_of_another_kind_is_displayed_where_a_browser_can(codec: str, said: str | None) -> None:
    page = film(video={"codec": codec})._repr_html_()
    assert "<video" not in page
    assert (said in page) if said else ('alt="the film"' not in page)


def test_a_large_film_is_not_copied_into_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renderer.api.runs._MOST_EMBEDDED", 10)
    assert 'src="a%20run/atlas.mp4"' in film("a run")._repr_html_()


def test_the_callers_logging_gets_no_more_than_it_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    film()
    assert caplog.records == []
    assert logging.getLogger("renderer").handlers == []
    (tmp_path / "run" / "stills" / "0382-pizza.png").unlink()
    film()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "damaged or missing: stills 0382-pizza.png" in caplog.text
    log = (tmp_path / "run" / "state" / "log.txt").read_text()
    assert log.count("damaged or missing: stills 0382-pizza.png") == 1


def test_the_settings_are_those_of_the_file() -> None:
    assert film().settings == load_settings("quickstart", {**TINY_FILM, **CLASSES}).settings


@pytest.mark.parametrize("url", ["s3://films/run", "gs://films/run"])
def test_runs_in_stores_are_for_the_command(url: str) -> None:
    with pytest.raises(renderer.UserError, match="from Python a run lies in a directory"):
        renderer.open_run(url)
    with pytest.raises(renderer.UserError, match="from Python a run lies in a directory"):
        renderer.render("quickstart", url)
