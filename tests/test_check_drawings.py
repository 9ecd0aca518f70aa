"""`check --plot`, `--storyboard` and `--curves`: the film on paper, and what is heard as a table."""

import itertools
import os
import subprocess
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.cli import main
from renderer.common.errors import UserError
from renderer.film.scenes import CardText, Scene
from renderer.film.times import even_times
from renderer.jobs.drawing import DrawingWish
from renderer.jobs.sketching import sketch_film, together
from renderer.media.plots import draw_plot, lay_out_plot
from renderer.media.sketch import Block, Card, FilmSketch, Label, Line, write_drawing
from renderer.media.storyboard import draw_storyboard, lay_out_storyboard
from renderer.sound.csv_file import read_curves, write_curves
from renderer.sound.curves import Curves
from renderer.sound.hearing import Hearing, hear
from renderer.targets.class_lists import load_emoji_classes
from tests.film_helpers import tiny_settings

CONFIG = """\
film: {width: 24, height: 16, fps: 8, seconds_per_class: 1.25, chains: 2}
classes: {select: [1, 2, 3, 5]}
motion: {zoom: {0: 1.0, "50%": 1.4, 1.25s: 1.1}, rotate: "10 * sin(t)"}
overlay: {opacity: "min(1, 4 * class_t)"}
"""
ROOT = Path(__file__).parents[1]
MOST = 8000


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(CONFIG, encoding="utf-8")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def heard_curves(seconds: float = 4.0) -> Curves:
    times = np.arange(int(100 * seconds)) / 100
    return Curves(
        100.0, {"audio.level": np.sin(times).astype(np.float32) ** 2, "beats": (2 * times).astype(np.float32)}
    )


def film(classes: int, *, seconds: float = 2.0, heard: bool = True, title: str = "class number {}") -> FilmSketch:
    end = classes * seconds
    times = np.linspace(0, end, 500)
    curves = [Line(name, times, np.sin(times), (0.0, 1.0)) for name in ("motion.zoom", "overlay.size")]
    blocks = [Block(title.format(place), place * seconds, (place + 1) * seconds) for place in range(classes)]
    level = Line("audio.level", times, np.abs(np.cos(times)), (0.0, 1.0))
    beats = tuple(np.arange(0, end, 0.5)) if heard else ()
    return FilmSketch("film", "details", tuple(blocks), tuple(curves), (level,) if heard else (), beats)


def refuse_overlaps(labels: Sequence[Label], size: tuple[float, float]) -> None:
    """Each label is within the picture, and none touches another."""
    for label in labels:
        left, top, right, bottom = label.box
        assert left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1], label
    for one, other in itertools.combinations(labels, 2):
        (left, top, right, bottom), (x, y, end, low) = one.box, other.box
        assert right <= x or end <= left or bottom <= y or low <= top, (one, other)


def test_plot_and_storyboard_are_pictures_where_the_message_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "tiny.yaml", "--quick", "--plot", "--storyboard", "board.png") == 0
    said = capsys.readouterr()
    for name in ("tiny-plot.png", "board.png"):
        with Image.open(name) as picture:
            assert f"{name}: " in said.out and f"{picture.width}x{picture.height}" in said.out
            assert picture.format == "PNG" and 1000 < picture.width <= MOST and 200 < picture.height <= MOST
            assert len(picture.convert("RGB").resize((400, 200)).getcolors(80_000) or ()) > 20
    assert not said.err
    assert {path.name for path in Path().iterdir()} == {"tiny.yaml", "tiny-plot.png", "board.png"}


@pytest.mark.parametrize("option", ["--plot", "--storyboard"])
def test_it_is_said_where_classes_are_drawn_in_another_order(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    for order, differs in (("similarity", True), ("index", False)):
        assert run("check", "tiny.yaml", "--quick", option, "a.png", "--set", f"classes.order={order}") == 0
        said = capsys.readouterr().out
        assert ("drawn in the order of their indices; leave --quick out" in said.replace("\n", " ")) == differs


@pytest.mark.parametrize("order", [("tiny.yaml", "--plot"), ("--plot", "tiny.yaml"), ("--plot=", "tiny.yaml")])
def test_a_configuration_is_not_taken_for_the_drawing(order: tuple[str, ...]) -> None:
    assert run("check", *order, "--quick") == 0
    assert Path("tiny-plot.png").exists() and Path("tiny.yaml").read_text(encoding="utf-8") == CONFIG


def test_drawings_are_drawn_again_and_nothing_else_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "tiny.yaml", "--quick", "--plot") == 0
    assert run("check", "tiny.yaml", "--quick", "--plot") == 0
    Image.new("RGB", (9, 9)).save("photo.png")
    for name, content in (("photo.png", Path("photo.png").read_bytes()), ("text.png", b"words")):
        Path(name).write_bytes(content)
        capsys.readouterr()
        assert run("check", "tiny.yaml", "--quick", "--storyboard", name) == 2
        said = capsys.readouterr()
        assert f"--storyboard: {name} is there, and is no drawing" in said.err and not said.out
        assert Path(name).read_bytes() == content


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (("--plot", "a.jpg"), "--plot: a.jpg must end in .png"),
        (("--storyboard", "a.pdf"), "--storyboard: a.pdf must end in .png"),
        (("--curves", "a.txt"), "--curves: a.txt must end in .csv"),
        (("--curves", "there.csv"), "--curves: there.csv is there; name another file"),
        (("--plot", "runs/tiny/a.png"), "lies in the run's directory"),
        (("--plot", "a.png", "--storyboard", "./a.png"), "both name a.png"),
        (("--plot", "a.csv", "--curves", "a.csv"), "--plot: a.csv must end in .png"),
        (("--storyboard", "a.csv", "--curves", "./a.csv"), "--storyboard: a.csv must end in .png"),
    ],
)
def test_wrong_files_are_refused_before_anything(
    given: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("there.csv").write_text("t,beats\n", encoding="utf-8")
    assert run("check", "tiny.yaml", "--quick", *given) == 2
    said = capsys.readouterr()
    assert problem in said.err and not said.out
    assert {path.name for path in Path().iterdir()} == {"tiny.yaml", "there.csv"}


def test_what_does_not_change_is_said_and_not_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    constant = ("--set", "motion.zoom=1", "--set", "motion.rotate=0", "--set", "overlay.opacity=1")
    assert run("check", "tiny.yaml", "--quick", "--plot", *constant) == 0
    assert "nothing of the settings changes over time, and there is no sound" in capsys.readouterr().out
    assert not Path("tiny-plot.png").exists()
    write_curves(Path("own.csv"), heard_curves())
    assert run("check", "tiny.yaml", "--quick", "--plot", *constant, "--set", "film.curves=own.csv") == 0
    assert "what is heard" in capsys.readouterr().out and Path("tiny-plot.png").exists()


def test_what_is_heard_is_written_and_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("librosa")
    times = np.arange(22050 * 3) / 22050
    with wave.open("sound.wav", "wb") as file:
        file.setparams((1, 2, 22050, 0, "NONE", ""))
        file.writeframes((8000 * np.sin(440 * 2 * np.pi * times) * (times % 0.5 < 0.1)).astype("<i2").tobytes())
    assert run("check", "tiny.yaml", "--quick", "--curves", "h.csv", "--set", "video.audio=sound.wav") == 0
    assert "h.csv: audio.level, " in capsys.readouterr().out
    assert read_curves(Path("h.csv")).digest == hear(Path("sound.wav"), None).parts[0].digest
    assert run("check", "tiny.yaml", "--quick", "--curves", "silent.csv") == 2
    assert "--curves: nothing is heard" in capsys.readouterr().err


def test_curves_of_the_user_and_of_the_sound_are_written_together() -> None:
    sound = heard_curves()
    own = Curves(10.0, {"audio.level": np.full(60, 0.25, np.float32), "curves.light": np.arange(60, dtype=np.float32)})
    both = together(Hearing([own, sound]))
    assert set(both.values) == {"audio.level", "curves.light", "beats"}
    assert both.at("audio.level", 3.3) == pytest.approx(0.25)
    assert both.at("curves.light", 2.0) == pytest.approx(20.0)
    assert both.at("beats", 5.0) == pytest.approx(sound.at("beats", 5.0), abs=0.01)


def test_a_sketch_has_the_values_that_the_film_will_have() -> None:
    settings = tiny_settings(
        'motion.zoom={0: 1.0, "100%": 2.0}', 'motion.pan=["0.1 * t", 0.0]', 'overlay.opacity="3 * film_share"'
    )
    targets = load_emoji_classes()[:4]
    sketch = sketch_film("tiny", settings, targets, [Scene()] * 4, None, None)
    lines = {line.name: line for line in sketch.curves}
    assert set(lines) == {"motion.zoom", "motion.pan[0]", "overlay.opacity"}
    assert sketch.seconds == 5.0 and [block.title for block in sketch.blocks] == [one.title for one in targets]
    zoom, opacity = lines["motion.zoom"], lines["overlay.opacity"]
    assert np.interp(1.25 + 0.625, zoom.times, zoom.values) == pytest.approx(1.5, abs=0.01)
    assert np.interp(4, lines["motion.pan[0]"].times, lines["motion.pan[0]"].values) == pytest.approx(0.4)
    assert opacity.values.max() == 1.0 and opacity.held is not None and 0.6 < opacity.held.mean() < 0.7
    assert len(sketch.chains) == 1 and [fade.kind for fade in sketch.fades] == ["chain"]
    assert (sketch.fades[0].begin, sketch.fades[0].end) == (2.5 - 0.375, 2.5)


def test_classes_with_settings_of_their_own_are_seen() -> None:
    settings, targets = tiny_settings(), load_emoji_classes()[:4]
    card = CardText(lines=("PART ONE",), seconds=0.5)
    scenes = [Scene(), Scene(motion={"zoom": 2.5}, after=(card,)), Scene(overlay={"lines": ["THE END"]}), Scene()]
    sketch = sketch_film("tiny", settings, targets, scenes, even_times(settings.film, 4), None)
    (line,) = sketch.curves
    (shown,) = sketch.blocks[1].cards
    assert (shown.text, shown.begin, shown.end, sketch.blocks[2].note) == ("PART ONE", 2.0, 2.5, "THE END")
    assert line.name == "motion.zoom"
    assert [np.interp(time, line.times, line.values) for time in (0.5, 2.0, 3.0)] == [1.15, 2.5, 1.15]


def test_where_an_expression_is_nothing_there_is_a_gap_and_a_reason() -> None:
    settings = tiny_settings('motion.zoom="1 + 0.5 * audio.low"')
    (line,) = sketch_film("tiny", settings, load_emoji_classes()[:4], [Scene()] * 4, None, None).curves
    assert line.span is None and line.trouble and "audio.low" in line.trouble
    assert draw_plot(sketch_film("tiny", settings, load_emoji_classes()[:4], [Scene()] * 4, None, None))


@pytest.mark.parametrize("classes", [1, 3, 30, 200, 1000])
@pytest.mark.parametrize("heard", [True, False])
def test_storyboards_hold_all_classes_and_no_titles_overlap(classes: int, heard: bool) -> None:
    sketch = film(classes, heard=heard)
    board = lay_out_storyboard(sketch)
    assert board.width <= MOST and board.height <= MOST
    assert {part.place for part in board.parts} == set(range(classes))
    shown = sum(part.width for part in board.parts) / board.scale
    assert shown == pytest.approx(sketch.seconds)
    refuse_overlaps([*board.titles, *board.notes][:300], (board.width, board.height))
    assert len(board.titles) == classes
    assert all(one.top + board.blocks < other.top for one, other in itertools.pairwise(board.strips))


def test_titles_are_left_out_where_there_is_no_room() -> None:
    sketch = film(20_000)
    board = lay_out_storyboard(sketch)
    assert not board.titles and max(board.width, board.height) <= MOST
    plot = lay_out_plot(film(1000))
    assert not plot.titles and max(plot.width, plot.height) <= MOST


def test_long_and_strange_titles_stay_in_their_places(capfd: pytest.CaptureFixture[str]) -> None:
    strange = ("x" * 300, "日本語の題名 {}", "a $b$ c_{1} \\frac", "العربية", "two\nlines\x07", "🦊🦊🦊", " ")
    blocks = tuple(Block(title, 2.0 * place, 2.0 * place + 2) for place, title in enumerate(strange))
    sketch = FilmSketch("$x$ 日本" * 60, "details", blocks)
    board, plot = lay_out_storyboard(sketch), lay_out_plot(sketch)
    for labels, size in ((board.titles, (board.width, board.height)), (plot.titles, (plot.width, plot.height))):
        refuse_overlaps(labels, size)
    for figure in (draw_storyboard(sketch), draw_plot(sketch)):
        write_drawing(Path("strange.png"), figure)
    said = capfd.readouterr()
    assert not said.out and not said.err


def test_cards_stand_over_their_classes_and_titles_beside_them() -> None:
    cards = (Card("The beginning", 0.0, 1.5), Card("The end", 4.0, 5.0))
    sketch = FilmSketch("film", "details", (Block("melting face", 0.0, 5.0, cards=cards), Block("leg", 5.0, 9.0)))
    board = lay_out_storyboard(sketch)
    assert [label.text for label in board.written] == ["The beginning", "The end"]
    refuse_overlaps([*board.titles, *board.written], (board.width, board.height))
    title = next(label for label in board.titles if label.text == "melting face")
    assert board.cards[0].box[2] <= title.box[0] and title.box[2] <= board.cards[1].box[0]


@pytest.mark.parametrize("classes", [3, 30, 1000])
def test_every_row_of_a_plot_has_something_drawn_in_it(classes: int) -> None:
    sketch = film(classes)
    layout, figure = lay_out_plot(sketch), draw_plot(sketch)
    assert [row.name.split()[0] for row in layout.rows] == ["motion.zoom", "overlay.size", "audio.level", "beats"]
    assert all(one.top + one.height < other.top for one, other in itertools.pairwise(layout.rows))
    assert layout.rows[-1].top + layout.rows[-1].height < layout.height
    refuse_overlaps(layout.titles[:200], (layout.width, layout.height))
    axes = {one.get_label(): one for one in figure.axes}
    for row in layout.rows:
        assert axes[row.name].lines or axes[row.name].collections, row


def test_many_rows_still_make_a_sensible_picture() -> None:
    times = np.linspace(0, 6, 50)
    lines = tuple(Line(f"motion.number[{place}]", times, times) for place in range(60))
    layout = lay_out_plot(FilmSketch("film", "", (Block("leg", 0.0, 6.0),), lines))
    assert len(layout.rows) == 60 and layout.height <= MOST


def test_drawings_are_made_without_torch_and_matplotlib_only_for_them() -> None:
    script = (
        "import sys\nfrom renderer.cli import main\ntry:\n    main(['check', 'tiny.yaml', '--quick', '--set', "
        "'run.device=cpu', *sys.argv[1:]])\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "print('loaded', {'torch', 'matplotlib', 'matplotlib.pyplot'} & set(sys.modules))"
    )
    for given, loaded in ((["--storyboard", "--plot"], "loaded {'matplotlib'}"), ([], "loaded set()")):
        command = [sys.executable, "-c", script, *given]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == loaded


def test_drawings_need_a_place_where_something_can_be_written() -> None:
    Path("file").touch()
    with pytest.raises(UserError, match="cannot be made, since"):
        DrawingWish(plot=Path("file/plot.png")).check(Path("runs/tiny"))
