"""The shipped classifier of emoji: its shape, its files, and the way its training pictures are made."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Generator, Tensor

from renderer.dream.randomness import PictureKey, normal
from renderer.networks.emojinet import EmojiNet
from renderer.networks.loaded import load_network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.settings.loading import parse_settings
from tests.dream.climbing import ascend

REPOSITORY = Path(__file__).resolve().parents[1]
WEIGHTS = REPOSITORY / "renderer/networks/data/emojinet.safetensors"
CLASSES = REPOSITORY / "renderer/targets/data/emoji_classes.csv"
sys.path.insert(0, str(REPOSITORY / "scripts"))

from emojinet.attack import l2_attack  # noqa: E402
from emojinet.augment import Glyphs, Painter  # noqa: E402
from emojinet.choice import Emoji, read_emoji_test, unlike  # noqa: E402
from emojinet.train import Recipe, Training  # noqa: E402

KINDS = (Emoji("a", "left", "Activities", "game"), Emoji("b", "ball", "Activities", "sport"))


@pytest.fixture(scope="module")
def metadata() -> dict[str, str]:
    with safe_open(WEIGHTS, "pt") as file:
        return dict(file.metadata())


@pytest.fixture(scope="module")
def shipped(metadata: dict[str, str]) -> EmojiNet:
    network = EmojiNet(int(metadata["classes"]), int(metadata["width"]))
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(WEIGHTS).items()})
    return network.eval()


@pytest.fixture
def glyphs() -> Glyphs:
    """A red disc and a blue square."""
    across = torch.linspace(-1, 1, 40)
    disc = ((across[:, None] ** 2 + across**2) < 0.8).to(torch.uint8) * 255
    square = torch.full_like(disc, 255)
    nothing = torch.zeros_like(disc)
    bank = torch.stack([torch.stack([disc, nothing, nothing, disc]), torch.stack([nothing, nothing, square, square])])
    return Glyphs.of(list(KINDS), bank)


def rows() -> list[dict[str, str]]:
    with CLASSES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# The architecture


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (96, 64), (64, 96), (40, 130)])
def test_looks_at_pictures_of_any_size(height: int, width: int) -> None:
    logits = EmojiNet(7, 4)(torch.randn(2, 3, height, width))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


def test_a_picture_does_not_depend_on_its_company() -> None:
    network, pictures = EmojiNet(7, 4).eval(), torch.randn(3, 3, 48, 40)
    torch.testing.assert_close(network(pictures)[1:2], network(pictures[1:2]))


def test_height_and_width_are_not_swapped() -> None:
    network, picture = EmojiNet(7, 4).eval(), torch.randn(1, 3, 48, 80)
    shifted = picture.clone()
    shifted[:, :, :, 64:] += 1
    assert not torch.allclose(network(picture), network(shifted))
    assert not torch.allclose(network(picture), network(picture.transpose(2, 3)))


def test_every_pixel_has_a_gradient() -> None:
    picture = torch.zeros(1, 3, 64, 80, requires_grad=True)
    EmojiNet(7, 4)(picture)[0, 3].backward()  # type: ignore[no-untyped-call]
    assert picture.grad is not None
    assert (picture.grad != 0).all()


def test_folding_the_normalization_changes_nothing() -> None:
    network, pictures = EmojiNet(7, 4, folded=False), torch.randn(8, 3, 48, 64)
    network.train()(pictures)
    before = network.eval()(pictures)
    folded = EmojiNet(7, 4)
    folded.load_state_dict(network.fold().state_dict())
    torch.testing.assert_close(folded(pictures), before, rtol=1e-4, atol=1e-5)


# What is shipped


def test_the_class_list_has_1000_distinct_emoji() -> None:
    listed = rows()
    assert [int(row["index"]) for row in listed] == list(range(1000))
    for column in ("title", "character"):
        assert len({row[column] for row in listed}) == 1000
    assert all(row["group"] and row["subgroup"] for row in listed)


def test_the_class_list_has_single_code_points_and_no_flags() -> None:
    for row in rows():
        assert len(row["character"].removesuffix("\N{VARIATION SELECTOR-16}")) == 1
        assert row["group"] != "Flags"
        assert row["subgroup"] not in {"arrow", "keycap"}


def test_the_weights_are_small_and_say_how_they_are_used(shipped: EmojiNet, metadata: dict[str, str]) -> None:
    assert WEIGHTS.stat().st_size < 8_000_000
    assert sum(parameter.numel() for parameter in shipped.parameters()) <= 4_000_000
    assert all(tensor.dtype == torch.float16 for tensor in load_file(WEIGHTS).values())
    assert int(metadata["classes"]) == len(rows())
    assert int(metadata["input_size"]) in {96, 128}
    assert len(metadata["mean"].split(",")) == len(metadata["std"].split(",")) == 3
    assert "Open Font License" in metadata["license"]


@pytest.mark.parametrize("size", [(96, 96), (96, 128)])
def test_the_shipped_network_recognizes_what_it_dreams(size: tuple[int, int]) -> None:
    network = load_network(EmbeddedNetwork(), torch.device("cpu"))
    # No two of a kind: of baby chick and front-facing baby chick, it may well dream the other.
    titles = ["grinning face", "tiger face", "strawberry", "sunflower", "rocket", "sailboat"]
    chosen = [target for target in network.classes if target.title in titles]
    keys = [PictureKey(0, target.key) for target in chosen]
    assert len(keys) == len(titles)
    noise = torch.from_numpy(np.concatenate([0.5 + 0.05 * normal(key, (1, 3, *size)) for key in keys]))
    pictures = ascend(network, parse_settings("", "defaults").dream, noise, keys, [0] * len(keys), 32).pictures
    dreamed = (pictures * 255).round().byte().permute(0, 2, 3, 1).numpy()
    scores = network.scores(dreamed, chosen)
    assert [score.rank for score in scores] == [1] * len(keys)


# How it is trained


def test_training_pictures_are_in_range_and_repeatable(glyphs: Glyphs) -> None:
    first, second = (Painter(glyphs, 32, Generator().manual_seed(4)).batch(24) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    pictures, labels = first
    assert pictures.shape == (24, 3, 32, 32)
    assert 0 <= pictures.min() < pictures.max() <= 1
    assert set(labels.tolist()) == {0, 1}


def test_only_undirected_glyphs_are_mirrored(glyphs: Glyphs) -> None:
    assert glyphs.mirrors.tolist() == [False, True]


def test_the_attack_stays_within_its_radius_and_raises_the_loss() -> None:
    pictures, target = torch.rand(4, 3, 20, 24) * 0.4 + 0.3, torch.rand(4, 3, 20, 24)

    def loss(shown: Tensor) -> Tensor:
        return (shown - target).square().sum()

    attacked = l2_attack(pictures, loss, radius=0.5, steps=10, generator=Generator().manual_seed(0))
    assert (attacked - pictures).flatten(1).norm(dim=1).max() <= 0.5 + 1e-5
    assert loss(attacked) > loss(pictures)


def test_an_interrupted_training_continues_exactly(glyphs: Glyphs, tmp_path: Path) -> None:
    recipe = Recipe(width=2, steps=4, batch=8, sizes=((0.0, 32),))
    whole, checkpoint = Training(recipe, list(KINDS), torch.device("cpu")), tmp_path / "whole.pt"
    whole.run(glyphs, checkpoint, threads=2, until=2)
    continued = Training.load(checkpoint, torch.device("cpu"))
    for training in (whole, continued):
        training.run(glyphs, tmp_path / "end.pt", threads=2)
    torch.testing.assert_close(continued.averaged.state_dict(), whole.averaged.state_dict(), rtol=0, atol=0)


def test_similar_pictures_are_passed_over() -> None:
    table = torch.tensor([[0.0, 0.1, 0.9], [0.1, 0.0, 0.8], [0.9, 0.8, 0.0]])
    assert unlike(table, [0.5] * 3) == [0, 2]
    assert unlike(table, [0.05] * 3) == [0, 1, 2]


def test_reads_single_code_points_of_the_unicode_list(tmp_path: Path) -> None:
    listed = tmp_path / "emoji-test.txt"
    listed.write_text(
        "# group: Travel & Places\n# subgroup: sky & weather\n"
        "2600 FE0F ; fully-qualified     # \u2600\ufe0f E0.6 sun\n"
        "2600      ; unqualified         # \u2600 E0.6 sun\n"
        "1F3F3 FE0F 200D 1F308 ; fully-qualified # \U0001f3f3 E4.0 rainbow flag\n",
        encoding="utf-8",
    )
    assert list(read_emoji_test(listed)) == [Emoji("\u2600\ufe0f", "sun", "Travel & Places", "sky & weather")]
