import pytest

from renderer.settings import shipped
from renderer.settings.loading import load_settings
from renderer.settings.shipped import shipped_configs
from renderer.targets.selection import select_classes
from tests.networks.tiny import aims

COUNTS = {
    "animals": 398,
    "classic": 1000,
    "cluster": 1000,
    "companions": 1000,
    "deepdream": 5,
    "emoji": 1000,
    "facets": 8,
    "generator": 20,
    "guide": 1,
    "imagenet": 1000,
    "inversion": 6,
    "layers": 9,
    "mixtures": 4,
    "music": 8,
    "objects": 602,
    "original-2015": 1000,
    "panorama": 6,
    "photo": 6,
    "quickstart": 12,
    "stills": 1000,
    "video": 3,
}


def test_all_configurations_are_known_here():
    assert set(shipped_configs()) == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_selection_of_shipped_configuration(name):
    settings = load_settings(name).settings
    network = settings.network
    # What a hidden layer is called says enough here: listing layers would load the weights.
    of_layers = getattr(network.targets, "layers", None)
    known = aims(*range(len(of_layers))) if of_layers else network.class_list()
    known = aims(0) if name == "guide" else known
    assert len(select_classes(settings.classes, known, seed=settings.run.seed, output_weights=None)) == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_configuration_opens_with_the_command_that_runs_it(name):
    command = "stills" if name in {"stills", "facets", "generator", "guide", "inversion"} else "render"
    first = shipped_configs()[name].read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# neuron-atlas {command} {name}"


def test_configurations_lie_inside_an_installed_package(tmp_path, monkeypatch):
    installed = tmp_path / "renderer" / "configs" / "mine.yaml"
    installed.parent.mkdir(parents=True)
    installed.touch()
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "renderer" / "config" / "shipped.py"))
    assert shipped_configs() == {"mine": installed}
