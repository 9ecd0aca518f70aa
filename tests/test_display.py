"""Progress for people: a bar on a terminal, lines elsewhere."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from renderer.common import progress as progress_module
from renderer.common.progress import Amount, Course, project_seconds
from renderer.common.wording import format_bytes, format_duration
from renderer.display import BarProgress, LineProgress, describe_shortcomings, print_evaluation, progress_on, shorten
from renderer.jobs.commands import Outcome
from renderer.store.evaluation_file import Evaluation, Figures, Recognition
from renderer.store.index_file import Index, IndexClass, IndexGuess
from renderer.store.paths import RunPaths


class Clock:
    """A time that goes on when it is told to."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress_module.time, "monotonic", clock.monotonic)
    return clock


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 kB"), (1200, "2 kB"), (960_000, "1.0 MB"), (4.24e9, "4.2 GB"), (731e9, "731 GB"), (2e12, "2.0 TB")],
)
def test_amounts_on_the_disk_have_a_fitting_unit(count: float, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.46, "0.5 s"),
        (0.96, "1 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7325, "2 h 2 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_figure_next_to_nothing_has_no_sign() -> None:
    figures = Figures(shown=("still",), pictures=1, top_1=1.0, mean_log_probability=-0.001, mean_activation=-0.002)
    recognition = Recognition(network={"name": "a"}, contents="", unknown=(), figures=(figures,), pictures=())
    table = io.StringIO()
    print_evaluation(Console(file=table), Console(file=table), Evaluation(network=recognition, judges=()), worst=0)
    assert table.getvalue().count("0.00") == 2 and "-0.00" not in table.getvalue()


def test_titles_are_shortened_to_a_line() -> None:
    assert shorten([]) == ""
    assert shorten(["tench", "goldfish"]) == "tench, goldfish"
    titles = [f"terrier number {number}" for number in range(16)]
    assert shorten(titles) == "terrier number 0, terrier number 1 and 14 more"
    assert shorten(["a" * 99, "b"]) == "a" * 99 + " and 1 more"


def test_lines_tell_how_far_it_is() -> None:
    console = Console(file=io.StringIO(), width=20)
    with progress_on(console) as progress:
        assert isinstance(progress, LineProgress)
    progress = LineProgress(console, seconds_between=0)
    progress.begin("frames", total=Amount(50, 2), done=Amount(10, 0))
    progress.advance(Amount(20, 1), ["tench [fish]"])
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "40 of 50 frames to go"
    assert lines[1].startswith("30/50 frames (60.0 % of the work), 1/2 classes, ")
    assert lines[1].endswith(", time left not known yet: tench [fish]")


def test_time_left_follows_from_what_was_made_lately(clock: Clock) -> None:
    course = Course("frames", Amount(50, 2), Amount(10, 0))
    assert (course.pace, course.seconds_left) == (None, None)
    clock.now += 500.0  # until the first one all is made ready
    course.advance(Amount(1, 0))
    assert (course.pace, course.seconds_left) == (None, None)
    for seconds, made in ((20.0, 1), (20.0, 9), (20.0, 9)):
        clock.now += seconds
        course.advance(Amount(made, 0))
    # Of the minute since then only the second half counts, and so what was made since 20 s.
    assert (course.pace, course.seconds_left) == (18 / 40, 20 * 40 / 18)
    course.advance(Amount(20, 2))
    assert (course.done, course.seconds_left) == (Amount(50, 2), 0.0)


def test_nothing_is_foretold_of_a_film_before_its_first_frame(clock: Clock) -> None:
    course = Course("frames", Amount(20, 2, 180), Amount(0, 0))
    for _ in range(50):
        clock.now += 3.0  # steps of fresh pictures are dear
        course.advance(Amount(0, 0, 1))
    assert (course.share, course.seconds_left, course.pace) == (0.25, None, None)
    for _ in range(15):
        clock.now += 10.0
        course.advance(Amount(1, 0, 9))
    assert course.share == 1.0 and course.seconds_left == 0.0


def test_dear_beginnings_are_forgotten(clock: Clock) -> None:
    course = Course("frames", Amount(1000, 2, 9000), Amount(0, 0))
    for _ in range(100):
        clock.now += 5.0
        course.advance(Amount(0, 0, 1))
    for _ in range(100):
        clock.now += 10.0
        course.advance(Amount(1, 0, 9))
    assert course.seconds_left == pytest.approx(8900)


def test_steps_that_nobody_sees_are_work_too(clock: Clock) -> None:
    course = Course("stills", Amount(20, 2, 180), Amount(0, 0))
    course.advance(Amount(0, 0, 10))
    clock.now += 10.0
    course.advance(Amount(0, 0, 40))
    # A fifth of all the work took 10 s.
    assert (course.share, course.seconds_left, course.pace) == (0.25, 37.5, 0.4)


def test_a_night_is_remembered_in_few_moments(clock: Clock) -> None:
    course = Course("stills", Amount(10, 2, 200_000), Amount(0, 0))
    for _ in range(100_000):
        clock.now += 0.3
        course.advance(Amount(0, 0, 1))
    assert course.seconds_left == pytest.approx(0.3 * 100_010, rel=0.01)
    assert len(course._timed) < 500


def test_the_first_line_comes_soon_and_others_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now)
    console = Console(file=io.StringIO())
    progress = LineProgress(console)
    progress.begin("stills", total=Amount(50, 2, 250), done=Amount(0, 0))
    for _ in range(8):
        now += 1.0
        progress.advance(Amount(0, 0, 3), ["tench"])
    _, *lines = console.file.getvalue().splitlines()
    assert lines == [
        "0/50 stills (1.0 % of the work), 0/2 classes, time left not known yet: tench",
        "0/50 stills (6.0 % of the work), 0/2 classes, 2.0 s/still, 1 min 34 s left: tench",
    ]


def test_nothing_left_takes_no_time_and_nothing_timed_tells_none() -> None:
    assert project_seconds(0, 0, 0.0) == 0.0
    assert project_seconds(3, 0, 0.0) is None
    assert project_seconds(3, 2, 8.0) == 12.0


def test_lines_come_seldom() -> None:
    console = Console(file=io.StringIO())
    progress = LineProgress(console, seconds_between=1000)
    progress.begin("frames", total=Amount(50, 2), done=Amount(0, 0))
    for _ in range(50):
        progress.advance(Amount(1, 0), ["tench"])
    assert len(console.file.getvalue().splitlines()) == 1
    progress.end()
    assert "50/50 frames (100.0 % of the work)" in console.file.getvalue().splitlines()[-1]


def test_a_bar_shows_classes_speed_and_titles(clock: Clock) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress_on(console) as progress:
        assert isinstance(progress, BarProgress)
        progress.begin("frames", total=Amount(50, 2), done=Amount(10, 0))
        progress.advance(Amount(1, 0), ["tench [fish]"])
        clock.now += 4.0
        progress.advance(Amount(19, 1), ["tench [fish]"])
        progress.note("a [note]")
        progress.end()
    shown = console.file.getvalue()
    assert all(part in shown for part in ("60 %", "1/2 classes", "frames/s", "tench [fish]", "a [note]"))


def test_a_bar_moves_with_steps_before_the_first_frame() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress_on(console) as progress:
        progress.begin("frames", total=Amount(20, 2, 180), done=Amount(0, 0))
        progress.advance(Amount(0, 0, 50), ["tench"])
    assert "25 %" in console.file.getvalue() and "starting" not in console.file.getvalue().splitlines()[-1]


@pytest.mark.parametrize("title", [r"q\[/b]", "[/b]", "[b]bold", "{title}"])
def test_a_bar_shows_every_title_as_it_is(title: str) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress_on(console) as progress:
        progress.begin("frames", total=Amount(50, 2), done=Amount(10, 0))
        progress.advance(Amount(20, 1), [title])
    assert title in console.file.getvalue()


def test_a_bar_gives_the_cursor_back_after_an_error() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)

    def fail() -> None:
        with progress_on(console) as progress:
            progress.begin("frames", total=Amount(50, 2), done=Amount(10, 0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert console.file.getvalue().rindex(show) > console.file.getvalue().rindex(hide)


def test_at_most_20_unrecognized_classes_are_listed(tmp_path: Path) -> None:
    def entry(number: int) -> IndexClass:
        given = dict.fromkeys(IndexClass.model_fields)
        other = IndexGuess(index=99, title="eel", probability=0.25)
        own = {"index": number, "title": f"fish {number}", "still": "a.png", "rank": 1 + number, "group": ()}
        own["facets"] = ()
        return IndexClass.model_validate({**given, **own, "top": (other,)})

    def lines(count: int) -> list[str]:
        index = Index(network={}, film=None, classes=tuple(entry(number) for number in range(count)))
        return describe_shortcomings(Outcome(RunPaths(tmp_path), index))

    assert lines(1) == []
    first, *listed, _ = lines(22)
    assert first == "The network does not put the class first in 21 of 22 stills:"
    assert listed[0] == "  fish 1: rank 2, taken for eel (25%)"
    assert listed[19:] == ["  fish 20: rank 21, taken for eel (25%)", "  and 1 more"]
    assert "more" not in "".join(lines(21)[:-1])
