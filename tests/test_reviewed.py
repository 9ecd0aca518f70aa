"""What a review of the whole found: each a way in which a run could go wrong unseen."""

import json
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.film.film_recipe import film_recipe
from renderer.film.recipe import flatten
from renderer.film.still_recipe import still_recipe
from renderer.jobs.choosing import chosen_targets
from renderer.jobs.commands import make_page, render, render_stills
from renderer.jobs.evaluation import evaluate, named_networks
from renderer.jobs.preflight import preflight
from renderer.networks.loaded import load_network
from renderer.networks.network_input import NetworkInput
from renderer.networks.source import NetworkSource
from renderer.networks.sources.python import PythonNetwork
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.settings.chosen import Chosen
from renderer.settings.loading import parse_settings
from renderer.settings.sections import Settings
from renderer.store.run import load_run
from renderer.store.run_file import keep_run_file, read_run_file
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, request, tiny_settings
from tests.networks.tiny import aims

CHANNELS = "network.targets={kind: channels, layer: features.3}"
NO_PIXELS = (
    "network.",  # the recipe holds what tells the network from others, not where it lies
    "classes.",  # the targets themselves are in it
    "dream.preset",  # what it stands for is in it
    "overlay.",
    "video.",
    "page.",
    "film.clean_frames",
    "film.beats_per_class",  # the times that follow from it are in it
    "film.curves",  # as are the digests of those that are followed
    "stills.fresh",
    "stills.logits",
    "stills.overlay",
    "run.lose_at_most",
    "run.device",
)


def test_every_setting_is_in_a_recipe_or_known_to_make_no_pixel() -> None:
    settings = Chosen().fill_in(Settings())
    recipes = [make(settings, aims(1), {}) for make in (film_recipe, still_recipe)]
    held = {key for recipe in recipes for key in flatten(recipe)}
    left_out = {key for key in flatten(settings) if key not in held}
    assert {key for key in left_out if not key.startswith(NO_PIXELS)} == set()
    assert not [key for key in held if key.startswith(NO_PIXELS[1:])]


@pytest.mark.parametrize("key", ["../../victim", "a/b", "..", "", "/victim", "a\\b"])
def test_the_key_of_a_target_leads_nowhere_else(tmp_path: Path, key: str) -> None:
    directory = tmp_path / "a" / "run"
    render_stills(request(directory), Recorder(), FakeWorker)
    victim = tmp_path / "victim.png"
    victim.write_bytes(b"mine")
    run = load_run(directory)
    forged = run.file.targets[0].__class__(**{**vars(run.file.targets[0]), "key": key})
    keep_run_file(run.paths, run.file.model_copy(update={"targets": (forged, *run.file.targets[1:])}))
    with pytest.raises(UserError):
        read_run_file(run.paths.settings)
    with pytest.raises(UserError):
        make_page(directory)
    assert victim.read_bytes() == b"mine"


def test_channels_have_no_order_of_similarity() -> None:
    with pytest.raises(UserError, match=r"classes\.order: similarity is an order of classes"):
        chosen_targets(tiny_settings(CHANNELS, "classes.order=similarity"))


def test_stills_do_not_care_how_long_a_film_would_be(tmp_path: Path) -> None:
    endless = ("film.seconds_per_class=3600", "film.fps=240", "run.segment_seconds=0.1", "classes.select=['0-99']")
    outcome = render_stills(request(tmp_path, *endless), Recorder(), FakeWorker)
    assert len(outcome.index.classes) == 100
    make_page(tmp_path)
    assert evaluate(tmp_path, [], Recorder()).network.figures


def network_files(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    forward = f"class odd(nn.Module):\n    def forward(self, x):\n        return {answer}\n"
    (folder / "odd_net.py").write_text(f"from torch import nn\n\n\n{forward}")
    (folder / "c.csv").write_text("index,title\n0,dog face\n1,tiger face\n2,owl\n")
    monkeypatch.chdir(folder)
    monkeypatch.delitem(__import__("sys").modules, "odd_net", raising=False)


@pytest.mark.parametrize("answer", ["(x, x)", "x", "x.mean()"])
def test_an_answer_of_another_kind_is_said_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    network_files(tmp_path, monkeypatch, answer)
    with pytest.raises(UserError, match=r"^network: the network answers with .*batch x classes"):
        load_network(PythonNetwork(name="odd_net:odd", input=NetworkInput(size=32), classes=Path("c.csv")))


def test_judges_of_one_name_that_look_at_other_sizes_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render_stills(request(tmp_path / "run", "classes.select=['dog face', 'owl']"), Recorder(), FakeWorker)
    network_files(tmp_path, monkeypatch, "x.mean(dim=(2, 3))")
    odd = {"source": "python", "name": "odd_net:odd", "classes": "c.csv"}
    said = [odd | {"input": {"size": size}} for size in (32, 48)]
    for judge in said:
        evaluation = evaluate(tmp_path / "run", named_networks([json.dumps(judge)], []), Recorder())
    assert len(evaluation.judges) == 2


def test_names_in_the_text_count_where_the_text_says_them(tmp_path: Path) -> None:
    def wanted(synonym: str, line: str) -> list[str]:
        (tmp_path / "c.csv").write_text(
            "index,title,synonyms\n" + "".join(f"{n},thing {n},{synonym} {n}\n" for n in range(1000))
        )
        (tmp_path / "w.safetensors").touch()
        network = f"network={{source: torchvision, weights: {tmp_path}/w.safetensors, classes: {tmp_path}/c.csv}}"
        return [network, f"overlay.lines=['{line}']"]

    for line in ("{title}", "{next.synonyms}"):
        render(request(tmp_path / line, *wanted("old", line)), Recorder(), FakeWorker)
        parts = sorted((tmp_path / line / "parts").iterdir())
        before = [part.stat().st_mtime_ns for part in parts]
        render(request(tmp_path / line, *wanted("new", line)), Recorder(), lambda _: pytest.fail("nothing to dream"))
        assert ([part.stat().st_mtime_ns for part in parts] == before) == (line == "{title}")


def test_a_published_name_counts_since_it_says_the_size(tmp_path: Path) -> None:
    names = ("mine.pth", "other.pth", "regnet_y_16gf_swag-43afe44d.pth")
    for name in names:
        (tmp_path / name).write_bytes(b"the same")
    mine, other, published = (TorchvisionNetwork(weights=str(tmp_path / name)).identity() for name in names)
    assert mine == other != published


def test_a_quick_check_loads_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NetworkSource, "channels", lambda *_: pytest.fail("loaded"))
    wanted = request(tmp_path, CHANNELS)
    found = {finding.name: finding for finding in preflight(wanted, film=True, quick=True)}
    assert found["classes"].state == "warning" and "--quick" in found["classes"].text


@pytest.mark.parametrize("name", ["resnet_mine:build", "embedded_x:build", "m:build"])
def test_a_function_has_no_family_by_its_name(name: str) -> None:
    network = f"network={{source: python, name: '{name}', classes: c.csv}}"
    assert (
        parse_settings("", "test", [network]).dream
        == parse_settings("", "test", ["network={source: torchvision, name: vgg16}"]).dream
    )
