"""Directions in a layer: vectors from a file, by name or number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from renderer.common.errors import UserError
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import render, render_stills
from renderer.jobs.local_worker import LocalWorker
from renderer.networks.loaded import load_network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.targets.directions import Directions
from tests.film_helpers import Recorder, chapters, request, tiny_settings

LAYER = "features.3"
SHORT = ("classes.select=all", "dream.fresh_steps=2", "film.seconds_per_class=0.25")


@pytest.fixture(scope="module")
def width() -> int:
    """How many channels the layer has."""
    return EmbeddedNetwork().channels(LAYER)


def settings(path: Path) -> str:
    return f"network.targets={{kind: directions, layer: {LAYER}, file: '{path}'}}"


def test_files_of_all_kinds_give_their_titles(width: int, tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((2, width)).astype(np.float32)
    np.save(tmp_path / "v.npy", vectors)
    np.savez(tmp_path / "v.npz", fur=vectors[0], wheels=vectors[1])
    save_file({"fur": vectors[0], "wheels": vectors[1]}, tmp_path / "v.safetensors")
    titles = {path.suffix: [one.title for one in chosen_targets(tiny_settings(settings(path), SHORT[0]))]
              for path in tmp_path.iterdir()}  # fmt: skip
    numbered = [f"{LAYER} · direction 0", f"{LAYER} · direction 1"]
    assert titles == {".npy": numbered, ".npz": ["fur", "wheels"], ".safetensors": ["fur", "wheels"]}


def test_the_direction_of_one_channel_is_that_channel(width: int, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", 7 * np.eye(width))
    network = load_network(EmbeddedNetwork(targets=Directions(layer=LAYER, file=tmp_path / "v.npy")))
    seen = network.activations(torch.rand(2, 3, network.size, network.size), [LAYER])
    share = seen[LAYER][:, 3].mean(dim=(1, 2)) / seen[LAYER].square().mean(dim=(1, 2, 3)).sqrt()
    assert torch.allclose(network.kind.answers(seen, torch.tensor([[3], [3]]))[:, 0], 10 * share, rtol=1e-4)


def test_they_make_a_film_that_follows_the_contents_of_the_file(width: int, tmp_path: Path) -> None:
    rng, file = np.random.default_rng(0), tmp_path / "v.npz"
    np.savez(file, fur=rng.standard_normal(width), wheels=rng.standard_normal(width))
    render(request(tmp_path / "run", settings(file), *SHORT), Recorder(), LocalWorker)
    assert [title for title, _ in chapters(tmp_path / "run" / "atlas.mp4")] == ["fur", "wheels"]
    moved = file.rename(tmp_path / "moved.npz")
    again = request(tmp_path / "run", settings(moved), *SHORT)
    render(again, Recorder(), lambda _settings: pytest.fail("nothing is left to dream"))
    np.savez(moved, fur=rng.standard_normal(width), wheels=rng.standard_normal(width))
    with pytest.raises(UserError, match=r"network\.targets\.file: the file is not the one"):
        render(again, Recorder(), LocalWorker)


def test_a_still_goes_along_its_direction(width: int, tmp_path: Path) -> None:
    vector = np.random.default_rng(0).standard_normal(width)
    np.save(tmp_path / "v.npy", np.stack([vector, -vector]))
    larger = "stills={width: 64, height: 48, steps: 24}"
    wanted = request(tmp_path / "run", settings(tmp_path / "v.npy"), *SHORT, larger)
    one, other = render_stills(wanted, Recorder(), LocalWorker).index.classes
    assert one.logit is not None
    assert other.logit is not None
    assert one.logit > -other.logit


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda path, width: np.save(path, np.ones((2, width + 1))), "have .* numbers, but features.3 has"),
        (lambda path, width: np.save(path, np.zeros((2, width))), "vectors of zeros"),
        (lambda path, width: np.save(path, np.full((2, width), np.nan)), "vectors of zeros or of what is no number"),
        (lambda path, width: np.save(path, np.ones((2, 2, width))), "cannot be read as vectors"),
        (lambda path, width: np.save(path, np.array([{}]), allow_pickle=True), "cannot be read as vectors"),
        (lambda path, width: path.write_bytes(b"x"), "cannot be read as vectors"),
        (lambda path, width: None, "there is no file"),
    ],
)
def test_wrong_files_are_answered_with_the_key(
    write: Callable[[Path, int], Any], told: str, width: int, tmp_path: Path
) -> None:
    write(tmp_path / "v.npy", width)
    with pytest.raises(UserError, match=rf"network\.targets\.file: .*{told}"):
        chosen_targets(tiny_settings(settings(tmp_path / "v.npy")))


def test_a_missing_file_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    source = EmbeddedNetwork(targets=Directions(layer=LAYER, file=tmp_path / "nowhere.npz"))
    with pytest.raises(UserError, match=r"network\.targets\.file: there is no file"):
        source.identity()


def test_a_file_that_claims_more_than_it_can_be_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    np.save(path, np.zeros((1, 512), np.uint8))
    header = path.read_bytes()[:128].replace(b"(1, 512), }      ", b"(8000000, 512), }")
    path.write_bytes(header)
    with path.open("r+b") as file:
        file.truncate(128 + 8_000_000 * 512)
    with pytest.raises(UserError, match="more than 67,108,864 numbers"):
        chosen_targets(tiny_settings(settings(path)))


def test_the_length_of_a_vector_is_of_no_matter(width: int, tmp_path: Path) -> None:
    for scale in (1e-30, 1e30):
        np.save(tmp_path / "v.npy", scale * np.eye(width)[:2])
        assert len(chosen_targets(tiny_settings(settings(tmp_path / "v.npy"), "classes.select=all"))) == 2
        (tmp_path / "v.npy").unlink()
