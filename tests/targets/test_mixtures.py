"""Mixtures of several targets: chosen by name, dreamed by weight, also on the way from one class to the next."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from renderer.common.errors import UserError
from renderer.dream.ascent import ascend_fresh
from renderer.dream.climb import Climb
from renderer.dream.dreaming import Dream
from renderer.film.film_recipe import film_recipe
from renderer.film.timeline import blend_frames
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import render, render_stills
from renderer.jobs.evaluation import evaluate, named_networks
from renderer.jobs.local_worker import LocalWorker
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Film
from renderer.targets.target import OUTPUTS, Aim, Mixture, Neuron
from tests.film_helpers import Recorder, chapters, frame_digests, request, tiny_settings
from tests.networks.tiny import logits, tiny_network

SHORT = ("dream.fresh_steps=4", "film.seconds_per_class=0.5")
CAT_OWL = "{title: cat owl, mix: {cat face: 1, owl: 0.7, 8: -0.3}}"


def select(*entries: str) -> str:
    return f"classes.select=[{', '.join(entries)}]"


def mixture(**weights: float) -> Aim:
    parts = tuple(Neuron(OUTPUTS, int(name.removeprefix("class_"))) for name in weights)
    return Aim("mix", Mixture(parts, tuple(weights.values())))


def test_mixtures_come_behind_the_classes_with_titles_of_their_own() -> None:
    *_, cat_owl = targets = chosen_targets(tiny_settings(select(CAT_OWL, "7", "dog face")))
    assert [target.title for target in targets][-1] == "cat owl"
    assert (cat_owl.index, len(targets)) == (1000, 3)
    assert [weight for _, weight in cat_owl.units] == [1, 0.7, -0.3]
    assert [part.unit for part in cat_owl.parts][2] == 8
    (same,) = chosen_targets(tiny_settings(select(CAT_OWL)))
    assert same.aim == cat_owl.aim


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{title: x, mix: {no such thing: 1}}", r"classes\.select\[0\]\.mix: no class is called 'no such thing'"),
        ("{title: x, mix: {'*cat*': 1}}", r"classes\.select\[0\]\.mix: '\*cat\*' stands for \d+ of them; name one"),
        ("{title: x, mix: {owl: 0}}", "all weights of 'x' are 0"),
        ("{title: ' ', mix: {owl: 1}}", "title of a mixture is empty"),
        ("{title: x, mix: {}}", r"classes\.select\[0\]"),
        ("{title: x, mix: {owl: much}}", r"classes\.select\[0\]"),
        ("{title: x}", r"classes\.select\[0\]"),
        ("{title: owl, mix: {owl: 1, cat face: 1}}", "'owl' is the title of something else too"),
    ],
)
def test_wrong_mixtures_are_answered(entry: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        chosen_targets(tiny_settings(select(entry)))


def test_what_counts_negatively_is_not_seen_and_the_others_are() -> None:
    network, dream = tiny_network(), Dream(fresh_steps=48)
    begun = torch.full((1, 3, 32, 32), 0.5) + 0.05 * torch.randn(1, 3, 32, 32, generator=torch.manual_seed(0))
    both, without = (
        logits(network, ascend_fresh(network, begun, [Climb(aim, 0, lambda _step: dream)], 48).pictures)[0].softmax(0)
        for aim in (mixture(class_1=1, class_2=1), mixture(class_1=1, class_2=-1))
    )
    before = logits(network, begun)[0].softmax(0)
    assert both[1] + both[2] > before[1] + before[2]
    assert without[1] > before[1]
    assert without[2] < before[2]


def test_a_mixture_of_one_is_that_class() -> None:
    network, dream = tiny_network(), Dream(fresh_steps=8)
    begun = torch.rand(1, 3, 32, 32, generator=torch.manual_seed(0))
    alone, mixed = (
        ascend_fresh(network, begun, [Climb(Aim("same", ascends), 0, lambda _step: dream)], 8).pictures
        for ascends in (Neuron(OUTPUTS, 3), Mixture((Neuron(OUTPUTS, 3),), (1.0,)))
    )
    assert torch.equal(alone, mixed)


def test_pictures_of_a_batch_may_have_different_numbers_of_parts() -> None:
    network, dream = tiny_network(), Dream(fresh_steps=4)
    begun = torch.rand(2, 3, 32, 32, generator=torch.manual_seed(0))
    aims = [mixture(class_1=1, class_2=0.5, class_3=-0.2), Aim("one", Neuron(OUTPUTS, 4))]
    climbs = [Climb(aim, 0, lambda _step: dream) for aim in aims]
    together = ascend_fresh(network, begun, climbs, 4).pictures
    rows = [slice(0, 1), slice(1, 2)]
    alone = torch.cat([ascend_fresh(network, begun[row], climbs[row], 4).pictures for row in rows])
    assert torch.allclose(together, alone, atol=1e-4)


def test_film_stills_and_index_have_them(tmp_path: Path) -> None:
    rendered = render(request(tmp_path / "film", select("1", CAT_OWL), *SHORT), Recorder(), LocalWorker)
    assert [title for title, _ in chapters(tmp_path / "film" / "atlas.mp4")][1] == "cat owl"
    plain, mixed = rendered.index.classes
    assert re.fullmatch(r"stills/mix-cat-owl-[0-9a-f]{8}\.png", mixed.still or "")
    assert mixed.probability is not None
    assert plain.rank is not None
    stills = render_stills(request(tmp_path / "stills", select("1", CAT_OWL), *SHORT), Recorder(), LocalWorker)
    assert stills.index.classes[1].rank is not None
    # The key is what the page's addresses end with.
    assert '"key":"mix-' in (tmp_path / "stills" / "index.html").read_text(encoding="utf-8")


def test_judges_are_asked_about_the_classes_alone(tmp_path: Path) -> None:
    render_stills(request(tmp_path, select("1", "2", CAT_OWL), *SHORT), Recorder(), LocalWorker)
    evaluation = evaluate(tmp_path, named_networks(["embedded"], []), Recorder())
    assert [figures.pictures for figures in (evaluation.network.figures[0], evaluation.judges[0].figures[0])] == [2, 2]


def test_an_order_by_likeness_puts_a_mixture_beside_what_it_is_made_of() -> None:
    twin = "{title: nearly an owl, mix: {owl: 1, cat face: 0.01}}"
    given = tiny_settings(select("owl", "pizza", "rocket", "volcano", twin), "classes.order=similarity")
    ordered = chosen_targets(given)
    titles = [target.title for target in ordered]
    assert abs(titles.index("owl") - titles.index("nearly an owl")) == 1


def test_a_film_may_walk_from_one_class_to_the_next(tmp_path: Path) -> None:
    one_chain = ("film.chains=1", "classes.select=[1, 2]", "video.codec=ffv1", "overlay.lines=[]")
    digests = {}
    for name, blend in (("at once", 0), ("walking", 0.25), ("killed", 0.25)):
        wanted = request(tmp_path / name, *SHORT, *one_chain, f"film.blend_seconds={blend}", "run.segment_seconds=0.25")
        render(wanted, Recorder(), LocalWorker)
        if name == "killed":
            _lose_the_second_class(tmp_path / name)
            render(wanted, Recorder(), LocalWorker)
        digests[name] = frame_digests(tmp_path / name / "atlas.mkv")
    assert digests["walking"][:4] == digests["at once"][:4]
    assert digests["walking"][4] != digests["at once"][4]
    assert digests["walking"] == digests["killed"]


def _lose_the_second_class(directory: Path) -> None:
    segments = [path for path in (directory / "segments").iterdir() if path.name.startswith("0001-")]
    assert segments
    for path in segments:
        path.unlink()


def test_on_the_way_both_are_ascended_and_the_picture_keeps_its_own_randomness() -> None:
    before, own = (Aim(name, Neuron(OUTPUTS, unit)) for name, unit in (("a", 1), ("b", 2)))
    middle = own.blended(before, 0.25)
    assert middle.key == "b"
    assert middle.units == ((1, 0.75), (2, 0.25))
    assert own.blended(own, 0.3).units == ((2, 1.0),)


def test_runs_that_do_not_walk_are_what_they_were() -> None:
    targets = chosen_targets(tiny_settings("classes.select=[1, 2]"))
    walking, plain = (
        film_recipe(Chosen().fill_in(tiny_settings(f"film.blend_seconds={blend}")), targets, {}) for blend in (1, 0)
    )
    assert walking.digest != plain.digest
    # Made before there were mixtures and walks.
    assert plain.digest == "d68140c13657c120f0784852d3576934"


def test_a_walk_ends_within_its_class() -> None:
    film = Film(fps=8, seconds_per_class=1.0, blend_seconds=3.0)
    assert blend_frames(film, 8) == 7
    assert blend_frames(film.model_copy(update={"blend_seconds": 0.5}), 8) == 4


def test_a_mixture_that_comes_to_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"classes\.select\[0\]\.mix: its weights come to 0"):
        chosen_targets(tiny_settings(select("{title: nothing, mix: {owl: 1, OWL: -1}}")))
