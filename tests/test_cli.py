"""The command line: help, lists, exit codes and messages, interruption."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from safetensors.torch import save_file
from torchvision import models

from renderer.cli import main
from renderer.common.ffmpeg import EncodingError
from renderer.common.interruption import SIGNALS
from renderer.media.encoding import SegmentEncoder
from renderer.settings.sections import Settings
from renderer.targets.class_lists import load_emoji_classes
from tests.fake_worker import FakeWorker
from tests.film_helpers import TINY

COMMANDS = (
    *("render", "stills", "status", "assemble", "page", "clip", "sheet", "evaluate", "compare", "export", "serve"),
    *("fetch", "check", "classes", "networks", "init", "docs", "dream"),
)
ROOT = Path(__file__).parents[1]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A configuration for a tiny film in the current folder, and a worker without a network."""
    tree: dict[str, dict[str, object]] = {}
    for override in TINY:
        key, _, value = override.partition("=")
        section, _, name = key.partition(".")
        tree.setdefault(section, {})[name] = yaml.safe_load(value)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tree))
    monkeypatch.chdir(tmp_path)
    use_worker(monkeypatch, FakeWorker)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield "tiny.yaml"
    for number, handler in handlers.items():
        signal.signal(number, handler)


def use_worker(monkeypatch: pytest.MonkeyPatch, make: Callable[[Settings], FakeWorker]) -> None:
    monkeypatch.setitem(sys.modules, "renderer.jobs.local_worker", SimpleNamespace(LocalWorker=make))


def run(*arguments: str) -> int:
    """Run the command line here and give its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def test_help_loads_nothing_that_is_slow() -> None:
    script = "import sys\nfrom renderer.cli import main\ntry: main(['--help'])\nfinally: print('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    told, _, loaded = done.stdout.rpartition("loaded ")
    assert all(command in told for command in COMMANDS)
    slow = {"torch", "torchvision", "safetensors", "numpy", "PIL", "pydantic", "yaml", "jinja2", "rich", "starlette"}
    slow |= {"fsspec", "s3fs"}
    assert not slow & set(loaded.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--help") == 0
    assert f"neuron-atlas {command}" in capsys.readouterr().out.split("Example")[1]


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "classes tiny.yaml",
        "status runs/tiny",
        "check tiny.yaml --quick --set run.device=cpu",  # whether a graphics card computes in bfloat16, torch knows
        "assemble runs/tiny",
        "page runs/tiny",
        "sheet runs/tiny",
        "clip runs/tiny --to 1 --format gif --under 1MB",
        "compare runs/tiny runs/again --film",
        "export runs/tiny --size 8",
    ],
)
def test_what_does_not_dream_does_not_load_torch(config: str, command: str) -> None:
    arguments = command.split()
    if "runs/tiny" in arguments:
        assert run("render", config) == 0
    if "runs/again" in arguments:
        assert run("render", config, "--output", "runs/again") == 0
    script = (
        f"import sys\nfrom renderer.cli import main\ntry:\n    main({arguments!r})\n"
        "except SystemExit as ended:\n    assert not ended.code, ended.code\n"
        "assert not {'torch', 'torchvision', 'safetensors', 'fsspec'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


def test_render_status_and_assemble(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("render", config) == 0
    said = capsys.readouterr()
    assert f"{Path('runs/tiny/atlas.mp4')}: 40 frames, 5 s" in said.out
    assert "4 stills" in said.out
    assert "40/40 frames (100.0 % of the work), 4/4 classes" in said.err
    assert "The network does not put the class first in 2 of 4 stills:\n" in said.err
    assert "  zany face: rank 2, taken for smiling face with open hands (10%)\n" in said.err
    Path(config).unlink()
    assert run("status", "runs/tiny") == 0
    assert "frames: 40 of 40 done (100.0 % of the work), classes: 4 of 4" in capsys.readouterr().out
    assert run("assemble", "runs/tiny") == 0
    assert "40 frames" in capsys.readouterr().out


def test_a_directory_whose_name_is_no_text_can_be_told_of(config: str) -> None:
    script = (
        "import sys\nfrom types import SimpleNamespace\nfrom tests.fake_worker import FakeWorker\n"
        'sys.modules["renderer.jobs.local_worker"] = SimpleNamespace(LocalWorker=FakeWorker)\n'
        'from renderer.cli import main\nmain(["render", "tiny.yaml", "-o", "a\\udcffb"])'
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:strict"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


def test_output_set_and_restart(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("render", config, "-o", "a/b", "--set", "film.seconds_per_class=0.5", "--set", "film.chains=1") == 0
    assert "b/atlas.mp4: 16 frames" in capsys.readouterr().out
    assert run("render", config, "-o", "a/b") == 2
    assert "film.seconds_per_class: was 0.5, is 1.25" in capsys.readouterr().err
    assert run("render", config, "-o", "a/b", "--restart") == 0
    assert "b/atlas.mp4: 40 frames" in capsys.readouterr().out


def test_stills_make_no_film(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stills", config) == 0
    assert "4 stills" in capsys.readouterr().out
    assert run("status", "runs/tiny") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "stills: 4 of 4 done (100.0 % of the work), classes: 4 of 4", "finished"
    ]  # fmt: skip


def test_sheet_makes_one_picture_or_pages(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stills", config) == 0
    capsys.readouterr()
    assert run("sheet", "runs/tiny", "--thumbnail", "20", "--columns", "2", "--per-page", "2", "--no-titles") == 0
    pages = [f"{Path('runs/tiny')}/sheet-0{number}.webp: 48x22" for number in (1, 2)]
    assert capsys.readouterr().out.splitlines() == [*pages, "4 of 4 stills"]
    assert run("sheet", "runs/tiny", "-o", "all.jpg") == 0
    assert Path("all.jpg").stat().st_size > 1000
    assert run("sheet", "runs/tiny", "-o", "all.tiff") == 2
    assert "all.tiff must end in .webp, .png or .jpg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render", "missing.yaml"], "missing.yaml"),
        (["render", "tiny.yaml", "--set", "film.widht=3"], "film.width"),
        (["render", "tiny.yaml", "--set", "classes.select=florble"], "classes.select"),
        (["render", "tiny.yaml", "--set", "network={source: torchvision, weights: a.pth}"], "there is no file a.pth"),
        (["render", "tiny.yaml", "--set", "overlay.lines=['{titel}']"], "overlay.lines[0]"),
        (["render", "tiny.yaml", "--unknown"], "--unknown"),
        (["render"], "CONFIG"),
        (["paint", "tiny.yaml"], "paint"),
        (["status", "nowhere"], "nowhere holds no run"),
        (["evaluate", "nowhere", "--judge", "embedded"], "nowhere holds no run"),
        (["evaluate", "nowhere", "--judge", "vgg16"], "--judge vgg16: a network is named by source and name"),
        (["evaluate", "nowhere", "--judge", "embedded", "--weights", "a", "--weights", "b"], "--weights is given 2"),
        (["assemble", "nowhere"], "nowhere holds no run"),
    ],
)
def test_what_is_wrong_is_said_once(
    config: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert "Traceback" not in said.err
    assert not Path("runs").exists()


def test_a_class_that_cannot_be_rendered_is_exit_code_3(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(number: int) -> None:
        if number == 0:
            raise RuntimeError("a class of its own")

    use_worker(monkeypatch, lambda settings: FakeWorker(settings, fail))
    assert run("stills", config) == 3
    said = capsys.readouterr().err
    assert "2 classes could not be rendered (a class of its own): rolling on the floor laughing, melting face" in said


def test_running_out_of_memory_is_an_error_with_what_helps(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(number: int) -> None:
        if number == 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 123 bytes")

    use_worker(monkeypatch, lambda settings: FakeWorker(settings, fail))
    assert run("stills", config) == 1
    assert "Lower run.batch" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["render", "stills"])
def test_a_class_that_is_not_recognized_is_exit_code_3_where_that_is_asked_for(
    config: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, config) == 0
    assert "  smiling face with halo: rank 2" in capsys.readouterr().err
    assert run(command, config, "--strict") == 3
    assert "  smiling face with halo: rank 2" in capsys.readouterr().err
    assert run(command, config, "--strict", "-o", "good", "--set", "classes.select=[1,2]") == 0
    assert "rank" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "messages"),
    [
        (EncodingError("encoding 0000-000.mp4 failed"), ["encoding 0000-000.mp4", "neuron-atlas render tiny.yaml"]),
        (OSError(errno.ENOSPC, "No space left"), ["the disk is full", "make room", "neuron-atlas render tiny.yaml"]),
        (
            RuntimeError("CUDA out of memory.\nTried"),
            ["CUDA out of memory.", "run.batch", "needs --restart, or another directory with --output"],
        ),
        (ZeroDivisionError("a bug"), ["ZeroDivisionError: a bug", "--debug"]),
    ],
)
def test_other_failures_are_exit_code_1(
    config: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    messages: list[str],
) -> None:
    def fail(self: SegmentEncoder, frame: object) -> None:
        raise error

    monkeypatch.setattr(SegmentEncoder, "write", fail)
    assert run("render", config, "--restart") == 1
    said = capsys.readouterr().err
    assert all(message in said for message in messages)
    assert "Traceback" not in said
    assert "tiny.yaml --restart" not in said
    assert run("render", config, "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


_SLOW = """
import signal, sys, time
from types import SimpleNamespace
from tests.fake_worker import FakeWorker

if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which is ignored in what was begun with nohup

def wait(number):
    if number >= 30:
        print("dreaming", flush=True)
        time.sleep(600)

sys.modules["renderer.jobs.local_worker"] = SimpleNamespace(LocalWorker=lambda settings: FakeWorker(settings, wait))
from renderer.cli import main
main(["render", "tiny.yaml", "--restart", "--set", "video.title=a film"])
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_interruption_stops_soon_and_says_how_to_go_on(
    config: str, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "dreaming\n"
    process.send_signal(number)
    # Far less than a frame takes: the one that was begun is not waited for, and no other is.
    shown, said = process.communicate(timeout=60)
    assert "dreaming" not in shown
    assert process.returncode == 130
    assert "neuron-atlas render tiny.yaml --set 'video.title=a film'\n" in said
    assert not [path for path in Path("runs").rglob("*") if ".tmp-" in path.name]
    assert run("status", "runs/tiny") == 0
    said = capsys.readouterr().out
    assert "frames: 20 of 40 done (69.1 % of the work), classes: 2 of 4, 2 left, time left: " in said
    assert "finished" not in said
    assert len(json.loads(Path("runs/tiny/atlas.json").read_text())["classes"]) == 2


def test_evaluate_prints_tables(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("render", config, "--set", "film.chains=1") == 0
    capsys.readouterr()
    assert run("evaluate", "runs/tiny", "--judge", "embedded", "--worst", "3") == 0
    said = capsys.readouterr()
    assert "4 of 4 pictures to go" in said.err
    figures, failures = (
        [line.split("\t") for line in table.splitlines()] for table in said.out.split("\n\n")
    )  # fmt: skip
    assert figures[0] == [
        "network", "pictures", "classes", "top-1", "top-5", "mean log-probability", "median rank"
    ]  # fmt: skip
    assert [row[:3] for row in figures[1:]] == [
        ["emojinet (dreamed)", "still = film", "4"], ["emojinet (took part)", "still = film", "4"]
    ]  # fmt: skip
    data = json.loads(Path("runs/tiny/evaluation.json").read_text())
    assert float(figures[1][3]) == data["network"]["figures"][0]["top_1"]
    ranks = sorted((score["rank"] for score in data["judges"][0]["pictures"]), reverse=True)
    assert [row[4] for row in failures[1:] if row[0] == "emojinet (took part)"] == [str(rank) for rank in ranks[:3]]
    assert all(row[6] and row[3] not in row[6] for row in failures[1:])
    assert run("evaluate", "runs/tiny") == 0
    said = capsys.readouterr()
    assert "\n\n" not in said.out
    assert said.out.count("\n") == 3


def test_evaluate_says_what_a_judge_does_not_know(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of these emoji, the judge that knows ImageNet knows the zebra alone."""
    weights = Path("random.safetensors")
    save_file(models.squeezenet1_1(weights=None).state_dict(), weights)
    zebra = next(record for record in load_emoji_classes() if record.title == "zebra")
    chosen = f"classes.select=[1,{zebra.index}]"
    assert run("stills", config, "--set", chosen) == 0
    assert run("evaluate", "runs/tiny", "--judge", "torchvision:squeezenet1_1", "--weights", str(weights)) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].startswith("squeezenet1_1 (judge)\tstill\t1\t")
    unknown = "does not know, and is not measured by, 1 of the classes: rolling on the floor"
    assert f"squeezenet1_1 (judge) {unknown}" in said.err
    assert run("stills", config, "--restart", "--set", "classes.select=[1]") == 0
    assert run("evaluate", "runs/tiny", "--judge", "torchvision:squeezenet1_1", "--weights", str(weights)) == 2
    assert "knows none of the run's 1 classes" in capsys.readouterr().err


def test_classes_are_listed_for_programs_too(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("classes", config, "--set", "classes.order=title", "--set", "classes.limit=2") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["position", "index", "wnid", "title", "group"],
        ["1", "2", "", "melting face", "Smileys & Emotion > face-smiling"],
        ["2", "1", "", "rolling on the floor laughing", "Smileys & Emotion > face-smiling"],
    ]
    assert run("classes", config, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["index"] for row in rows] == [1, 2, 3, 5]
    assert rows[0]["group"] == ["Smileys & Emotion", "face-smiling"]


def test_the_layers_of_a_network_are_listed_with_their_shapes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("networks", "squeezenet1_1", "--layers") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["features.12", "Fire", "512 x 13 x 13"] in rows
    assert rows.index(["features.0", "Conv2d", "64 x 111 x 111"]) < rows.index(["features.12", "Fire", "512 x 13 x 13"])
    assert run("networks", "embedded") == 0
    assert "1000" in capsys.readouterr().out
    (tmp_path / "mine.yaml").write_text("network: {source: embedded}")
    assert run("networks", str(tmp_path / "mine.yaml"), "--layers") == 0
    assert "features.3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--layers"], "say of which network"), (["mobilenet_v4"], "did you mean"), (["nowhere.yaml"], "nowhere.yaml")],
)
def test_a_network_that_cannot_be_looked_at_is_answered(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("networks", *words) == 2
    assert told in capsys.readouterr().err


def test_networks_lists_what_can_dream(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("networks") == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[1][0] == "embedded"
    assert ["torchvision", "squeezenet1_1", "IMAGENET1K_V1, DEFAULT"] in lines


def test_check_tells_what_is_fine(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", config, "--set", "overlay.lines=[]") == 0
    lines = capsys.readouterr().out.splitlines()
    names = ("settings", "weights", "machine", "classes", "text", "encoder", "output", "disk", "dreaming")
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in names]
    assert "4 of 1000 classes, chains: 2; 40 frames of 24x16, 5 s" in lines[3]
    assert "the film about" in lines[-1]
    assert not Path("runs").exists()
    assert run("check", config, "--quick", "--set", "classes.order=similarity") == 0
    assert "dreaming" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "check"),
    [
        ("network={source: torchvision, weights: missing.pth}", "weights"),
        ("classes.select=florble", "classes"),
        ("overlay.font=missing.ttf", "text"),
        ("video.audio=missing.ogg", "encoder"),
    ],
)
def test_check_tells_what_is_not(config: str, override: str, check: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", config, "--quick", "--set", override) == 2
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("failed")]
    assert [line.split()[1] for line in failed] == [check]


def test_check_leaves_open_what_needs_the_network(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    network = "network={source: torchvision, name: resnt18, weights: NONE}"
    assert run("check", config, "--quick", "--set", network) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if " weights " in line]
    assert line.startswith("ok") and "not tried (--quick)" in line


def test_check_says_what_is_the_matter_with_the_directory(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    assert run("check", config, "--quick", "-o", "file") == 2
    assert "file is a file" in capsys.readouterr().out
    assert run("render", config) == 0
    assert run("check", config, "--quick") == 0
    assert "holds a run that can be continued" in capsys.readouterr().out
    assert run("check", config, "--quick", "--set", "film.width=32") == 0
    assert "film.width: was 24, is 32" in capsys.readouterr().out
    assert run("check", config, "--quick", "--set", "classes.order=similarity") == 0
    assert "not checked whether it can be continued" in capsys.readouterr().out


def test_check_for_stills_looks_at_no_film(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", config, "--stills", "--set", "video.audio=missing.ogg") == 0
    said = capsys.readouterr().out
    assert "4 stills of 20x16" in said
    assert "the fresh stills about" in said
    assert not any(word in said for word in ("frames", "encoder", "the film"))
    assert run("stills", config, "--set", "video.audio=missing.ogg") == 0


def test_check_projects_stills_and_finds_a_network_that_fails(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", config, "--set", "stills.fresh=true") == 0
    assert "the fresh stills about" in capsys.readouterr().out

    def fail(number: int) -> None:
        raise RuntimeError("out of memory")

    use_worker(monkeypatch, lambda settings: FakeWorker(settings, fail))
    assert run("check", config) == 2
    assert "failed   dreaming  out of memory" in capsys.readouterr().out
