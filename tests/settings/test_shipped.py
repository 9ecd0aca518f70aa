import pytest

from renderer.settings import shipped
from renderer.settings.loading import load_settings
from renderer.settings.shipped import shipped_configs
from renderer.targets.selection import select_classes
from tests.networks.tiny import aims

COUNTS = {
    "animals": 398,
    "classic": 1000,
    "companions": 1000,
    "emoji": 1000,
    "facets": 8,
    "imagenet": 1000,
    "layers": 9,
    "mixtures": 4,
    "objects": 602,
    "original-2015": 1000,
    "quickstart": 12,
    "stills": 1000,
}


def test_all_configurations_are_known_here():
    assert set(shipped_configs()) == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_selection_of_shipped_configuration(name):
    settings = load_settings(name).settings
    network = settings.network
    # What a hidden layer is called says enough here: listing layers would load the weights.
    known = aims(*range(len(network.targets.layers))) if name == "layers" else network.class_list()
    assert len(select_classes(settings.classes, known, seed=settings.run.seed, output_weights=None)) == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_configuration_opens_with_the_command_that_runs_it(name):
    command = "stills" if name in {"stills", "facets"} else "render"
    first = shipped_configs()[name].read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# neuron-atlas {command} {name}"


def test_configurations_lie_inside_an_installed_package(tmp_path, monkeypatch):
    installed = tmp_path / "renderer" / "configs" / "mine.yaml"
    installed.parent.mkdir(parents=True)
    installed.touch()
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "renderer" / "config" / "shipped.py"))
    assert shipped_configs() == {"mine": installed}
