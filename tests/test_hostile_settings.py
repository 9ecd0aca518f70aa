"""Settings that nobody means: answered at once, with exit code 2 and a remedy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from renderer.cli import main

LONG = "x" * 5000


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code, and what is said."""
    with pytest.raises(SystemExit) as ended:
        main(("check", *arguments, "--quick", "-o", "out"))
    return int(ended.value.code or 0), "".join(capsys.readouterr())


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"network": {"source": "torchvision", "weights": f"/{LONG}.pth"}}, "network.weights: there is no file"),
        ({"network": {"source": "torchvision", "classes": LONG}}, "check network.classes"),
        ({"overlay": {"font": LONG}}, "overlay.font: "),
        ({"video": {"audio": LONG}}, "video.audio: there is no file"),
        ({"video": {"audio": "a\0b"}}, "video.audio: holds the character NUL"),
        ({"overlay": {"font": "a\0b"}}, "overlay.font: holds the character NUL"),
        ({"page": {"title": "a\0b"}}, "page.title: holds the character NUL"),
        ({"film": {"seconds_per_class": 3600, "fps": 240}, "run": {"segment_seconds": 0.1}}, "run.segment_seconds: "),
        ({"overlay": {"lines": ["{title:>999999999}"]}}, "overlay.lines[0]: "),
        ({"run": {"device": "cuda:" + "9" * 5000}}, "run.device: "),
        ({"run": {"device": "cuda:\u0663"}}, "run.device: "),
        ({"run": {"device": ["cpu"] * 1000}}, "run.device: "),
    ],
)
def test_a_hostile_setting_is_named(settings: dict[str, object], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("evil.yaml").write_text(json.dumps(settings))
    code, said = check(capsys, "evil.yaml")
    assert code == 2
    assert says in said
    assert "Errno" not in said or "cannot be read" in said
    assert not Path("out").exists()


def test_a_configuration_by_a_name_that_no_file_can_have(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = check(capsys, LONG)
    assert code == 2
    assert "no such file or shipped configuration" in said


@pytest.mark.skipif(os.name != "posix", reason="needs pipes with names")
@pytest.mark.parametrize("key", ["overlay.font", "video.audio"])
def test_a_pipe_is_not_waited_for(key: str) -> None:
    os.mkfifo("pipe")
    program = "from renderer.cli import main; main()"
    command = [sys.executable, "-c", program, "check", "quickstart", "--quick", "-o", "out", "--set", f"{key}=pipe"]
    root = Path(__file__).parents[1]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert done.returncode == 2
    assert f"{key}: " in done.stdout


def test_a_render_without_end_is_refused_before_anything_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    endless = ["--set", "film.seconds_per_class=3600", "--set", "run.segment_seconds=0.1"]
    with pytest.raises(SystemExit) as ended:
        main(("render", "quickstart", "-o", "out", *endless))
    assert ended.value.code == 2
    assert "run.segment_seconds: " in capsys.readouterr().err
    assert not Path("out").exists()
