"""`neuron-atlas dream`: one photograph in, one picture out."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.cli import main
from renderer.common.photographs import CAT

FEW = ("--network", "embedded", "--size", "72")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["dream", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    shutil.copy(CAT, tmp_path / "cat.jpg")
    return "cat.jpg"


def test_a_class_is_seen_more(photo: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(photo, "--class", "tiger", *FEW, "--iterations", "24", "--keep", "0.2") == 0
    told = capsys.readouterr().out
    before, after = (float(part.split("%")[0]) for part in told.split("from ")[1].split(" to "))
    assert told.startswith("cat-dream.png: tiger, from ") and after > before + 10
    with Image.open("cat-dream.png") as dream, Image.open(photo) as was:
        assert dream.size == (72, 48)
        off = np.abs(np.asarray(dream, float) - np.asarray(was.resize(dream.size), float)).mean()
    assert 2 < off < 60


def test_a_layer_sees_more_and_a_guide_is_followed(photo: str, capsys: pytest.CaptureFixture[str]) -> None:
    stripes = (np.arange(96) // 6 % 2 * 255).astype(np.uint8)
    Image.fromarray(np.tile(stripes, (64, 1))).save("stripes.png")
    for more in (("--layer", "features.7"), (), ("--guide", "stripes.png", "--layer", "features.3")):
        assert run(photo, *more, *FEW, "--size", "144", "--force", "--iterations", "24", "--keep", "0.1") == 0
        before, after = capsys.readouterr().out.split("goes from ")[1].split(" to ")
        assert float(after) > float(before)


def test_a_strip(photo: str) -> None:
    assert run(photo, "--class", "tiger", *FEW, "--iterations", "2", "--strip", "strip.png", "-o", "new/dream.jpg") == 0
    with Image.open("strip.png") as strip, Image.open("new/dream.jpg") as dream:
        assert strip.width > 3 * dream.width and strip.height > dream.height


def test_nothing_is_written_over(photo: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("cat-dream.png").write_text("mine")
    assert run(photo, "--class", "tiger", *FEW) == 2
    assert "cat-dream.png is there already" in capsys.readouterr().err
    assert run(photo, *FEW, "-o", "out.png", "--strip", "cat-dream.png") == 2
    assert "--strip: cat-dream.png is there already" in capsys.readouterr().err
    assert Path("cat-dream.png").read_text() == "mine" and not Path("out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("none.jpg",), "PICTURE: there is no file none.jpg"),
        (("text.jpg",), "PICTURE: text.jpg cannot be read as a picture"),
        (("cat.jpg", "--class", "qqq"), "--class: no class is called 'qqq'"),
        (("cat.jpg", "--class", "*cat*"), "--class: '*cat*' stands for"),
        (("cat.jpg", "--class", "tiger", "--layer", "features.3"), "--class does not go with --layer or --guide"),
        (("cat.jpg", "--layer", "featurs.3"), "did you mean"),
        (("cat.jpg", "--guide", "none.png"), "there is no file none.png"),
        (("cat.jpg", "--guide", "."), "--guide: . is a folder"),
        (("cat.jpg", "-o", "dream.txt"), "--output: dream.txt is no picture file"),
        (("cat.jpg", "-o", "cat.jpg", "--force"), "--output: cat.jpg is the same file as cat.jpg"),
        (("cat.jpg", "--strip", "./cat-dream.png"), "--strip: cat-dream.png is the same file as cat-dream.png"),
        (("cat.jpg", "--set", "stills.alpha=true"), "--set: one plain picture"),
        (("cat.jpg", "--set", "start={kind: noise}"), "--set: the picture is what it starts from"),
        (("cat.jpg", "--set", f"start.path={CAT}"), "--set: the picture is what it starts from"),
    ],
)
def test_what_is_wrong_is_told_in_one_message(
    arguments: tuple[str, ...], told: str, photo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.jpg").write_text("hello")
    assert run(*arguments, *FEW) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("Error") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["cat.jpg", "text.jpg"]
