"""Guide pictures: what the network sees in one picture is dreamed into another."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from renderer.common.errors import UserError
from renderer.common.photographs import CAT
from renderer.dream.climb import Beside, Climb, draw_step
from renderer.dream.dreaming import AscentSettings
from renderer.dream.gradients import UsableGradient
from renderer.dream.views import take_views
from renderer.jobs.commands import render, render_stills
from renderer.jobs.local_worker import LocalWorker
from renderer.media.pictures import load_picture
from renderer.networks.loaded import load_network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.targets.guides import Guides
from tests.film_helpers import Recorder, chapters, request

STILLS = ("classes.select=all", "stills={width: 64, height: 48, steps: 24, retries: 0}")


@pytest.fixture
def guides(tmp_path: Path) -> Path:
    """Stripes, and dots."""
    folder = tmp_path / "guides"
    folder.mkdir()
    rows, columns = np.mgrid[:96, :128]
    stripes, dots = (columns // 6 % 2) * 255, ((rows % 16 - 8) ** 2 + (columns % 16 - 8) ** 2 < 20) * 255
    for name, pattern in (("stripes", stripes), ("dots", dots)):
        Image.fromarray(np.repeat(pattern.astype(np.uint8)[..., None], 3, axis=2)).save(folder / f"{name}.png")
    return folder


def test_a_dream_answers_as_its_own_guide_does(guides: Path, tmp_path: Path) -> None:
    targets = f"network.targets={{kind: guide, layer: features.5, picture: {guides}}}"
    outcome = render_stills(request(tmp_path / "run", targets, *STILLS), Recorder(), LocalWorker)
    assert [entry.title for entry in outcome.index.classes] == ["dots", "stripes"]
    network = load_network(EmbeddedNetwork(targets=Guides(layer="features.5", picture=guides)))
    aims = network.kind.known(EmbeddedNetwork(targets=network.kind))
    pictures = [load_picture(tmp_path / "run" / str(entry.still)) for entry in outcome.index.classes]
    gray = np.full_like(pictures[0], 128)
    for picture, aim in zip(pictures, aims, strict=True):
        before, after = (network.scores(one[None], [aim])[0].activation for one in (gray, picture))
        assert after > 1.1 * before
    own, other = (network.scores(picture[None], [aims[1]])[0].activation for picture in reversed(pictures))
    assert own > other


def test_a_film_goes_from_guide_to_guide(guides: Path, tmp_path: Path) -> None:
    targets = f"network.targets={{kind: guide, layer: features.3, picture: {guides}}}"
    few = ("classes.select=all", "film.seconds_per_class=0.5", "film.blend_seconds=0.25", "dream.fresh_steps=2")
    render(request(tmp_path / "run", targets, *few), Recorder(), LocalWorker)
    assert [title for title, _ in chapters(tmp_path / "run" / "atlas.mp4")] == ["dots", "stripes"]


def test_parts_of_other_pictures_of_the_batch_do_not_count(guides: Path) -> None:
    network = load_network(EmbeddedNetwork(targets=Guides(layer="features.5", picture=guides)))
    aims = network.kind.known(EmbeddedNetwork(targets=network.kind))
    blended = aims[1].blended(aims[0], 0.5)
    settings = AscentSettings()
    pictures = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    photos = [torch.from_numpy(network.kind.beside(unit, (48, 64)).picture)[None] for unit in (0, 1)]
    alone, beside = (
        [Climb(aims[0].aim, 0, lambda _: settings, beside=(photos[0],)), *more]
        for more in ([], [Climb(blended, 1, lambda _: settings, beside=tuple(reversed(photos)))])
    )
    found = []
    for climbs in (alone, beside):
        drawn = draw_step(climbs, 0, (48, 64), network.size)
        step = Beside(climbs, (48, 64), climbs[0].canvas).looked_at(drawn, network.size)
        views = take_views(pictures[: len(climbs)], drawn.maps, network.size)
        found.append(UsableGradient(network, climbs)._backward(views[:1], [0], step))
    assert torch.allclose(*found, rtol=1e-4, atol=1e-7)


def test_the_guide_counts_by_what_is_in_it(guides: Path, tmp_path: Path) -> None:
    def identity(path: Path) -> object:
        return EmbeddedNetwork(targets=Guides(layer="features.3", picture=path)).identity()

    (tmp_path / "moved.png").write_bytes((guides / "dots.png").read_bytes())
    assert identity(guides / "dots.png") == identity(tmp_path / "moved.png") != identity(guides / "stripes.png")


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ("{kind: guide, layer: features.3, picture: none.jpg}", "^network.targets.picture: there is no file"),
        ("{kind: guide, layer: featurs.3}", "no layer 'featurs.3'; did you mean"),
        ("{kind: inversion, layers: [features.3], picture: none.jpg}", "^network.targets.picture: there is no file"),
        ("{kind: inversion, layers: [features.3, features.3]}", "names features.3 twice"),
        ("{kind: inversion, layers: [featurs.3]}", "no layer 'featurs.3'; did you mean"),
    ],
)
def test_what_is_wrong_is_told(targets: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        render_stills(request(tmp_path, f"network.targets={targets}", *STILLS), Recorder(), LocalWorker)


def test_the_photograph_that_comes_along_is_small_and_there() -> None:
    assert CAT.stat().st_size < 40_000
