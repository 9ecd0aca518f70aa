"""The script that trains on dreams: what it reads, what it paints, and that a network learns from it."""

import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from torchvision.datasets import ImageFolder

from renderer.atlas.dataset import DatasetStyle, export_dataset
from renderer.jobs.commands import render_stills
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from emojinet.augment import Glyphs
from emojinet.choice import Emoji
from train_on_dreams import accuracy, augmented, main, painted, read_classes_of, read_dreams, trained

OPTIONS = Namespace(width=3, steps=40, batch=24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four classes with three stills each."""
    said = ("stills.variants=3", "stills.retries=0")
    render_stills(request(tmp_path / "run", *said), Recorder(), FakeWorker)
    export_dataset(tmp_path / "run", DatasetStyle(split=0.3), tmp_path / "out", Recorder())
    return tmp_path / "out"


@pytest.fixture
def glyphs() -> Glyphs:
    """A red disc and a blue square."""
    across = torch.linspace(-1, 1, 40)
    disc = ((across[:, None] ** 2 + across**2) < 0.8).to(torch.uint8) * 255
    nothing, square = torch.zeros_like(disc), torch.full_like(disc, 255)
    bank = torch.stack([torch.stack([disc, nothing, nothing, disc]), torch.stack([nothing, nothing, square, square])])
    return Glyphs.of([Emoji("a", "disc", "Symbols", "shape"), Emoji("b", "square", "Symbols", "shape")], bank)


def test_dreams_are_read_under_the_labels_of_torchvision(folder: Path) -> None:
    classes = read_classes_of(folder)
    for split in ("train", "val"):
        dreams = read_dreams(folder, split, classes, 32)
        assert dreams.pixels.shape == (len(dreams.labels), 3, 32, 32)
        assert dreams.labels.tolist() == [label for _, label in ImageFolder(str(folder / split)).samples]


def test_real_pictures_are_those_that_are_asked_for_and_others_with_another_seed(glyphs: Glyphs) -> None:
    labels = torch.tensor([0, 1, 1, 1])
    one, again, other = (painted(glyphs, 32, labels, seed) for seed in (1, 1, 2))
    assert one.labels.tolist() == labels.tolist()
    assert torch.equal(one.pixels, again.pixels)
    assert not torch.equal(one.pixels, other.pixels)
    red, blue = one.pixels[0].mean((1, 2)), one.pixels[1:].mean((0, 2, 3))
    assert red[0] - red[2] > blue[0] - blue[2]


def test_a_network_learns_what_it_is_shown_and_nothing_from_wrong_labels(glyphs: Glyphs) -> None:
    shown, real = (painted(glyphs, 32, torch.arange(64) % 2, seed) for seed in (1, 2))
    assert accuracy(trained(shown, 2, OPTIONS, seed=0), real) > 0.9
    swapped = type(shown)(shown.pixels, 1 - shown.labels)
    assert accuracy(trained(swapped, 2, OPTIONS, seed=0), real) < 0.1


def test_augmentation_keeps_range_and_differs_from_picture_to_picture() -> None:
    pictures = torch.rand(1, 3, 32, 32).expand(4, -1, -1, -1)
    changed = augmented(pictures, torch.Generator().manual_seed(0))
    assert changed.shape == pictures.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.allclose(changed[0], changed[1], atol=0.1)


@pytest.mark.parametrize(("given", "message"), [("empty", "classes.json"), ("out", "NotoColorEmoji")])
def test_what_is_missing_is_named(
    given: str, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    font = str(folder / "NotoColorEmoji.ttf")
    monkeypatch.setattr(sys, "argv", ["train_on_dreams.py", str(folder.parent / given), "--font", font])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
