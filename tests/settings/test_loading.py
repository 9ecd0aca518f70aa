from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.dream.dreaming import NormalizedOptimizer
from renderer.film.recipe import flatten
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.settings.loading import find_config, load_settings, parse_network, parse_settings
from renderer.settings.presets import families
from renderer.settings.sections import Settings
from renderer.settings.shipped import shipped_configs

FILE = """
network: {source: torchvision, name: resnet18, weights: w.pth}
film: {width: 100, fps: 1e1}
dream: {optimizer: {kind: adam, learning_rate: 0.5}}
video: {chapters: off, subtitles: "yes", title: Dreams}
"""


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "film:\n", "network:\ndream: {optimizer: }\n", "{}"])
def test_nothing_said_means_defaults(text):
    assert parse_settings(text, "f.yaml") == parse_settings("dream: {}", "f.yaml")
    changed = {
        key for key, value in flatten(parse_settings(text, "f.yaml")).items() if flatten(Settings())[key] != value
    }
    family = families()["embedded"].tree.plain()["dream"]
    said = {f"dream.{key}.{part}" for key, value in family.items() if isinstance(value, dict) for part in value}
    said |= {f"dream.{key}" for key, value in family.items() if not isinstance(value, dict)}
    assert changed == said - {"dream.optimizer.kind"}


def test_file_is_read(tmp_path):
    path = tmp_path / "my film.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode())
    loaded = load_settings(str(path))
    assert (loaded.name, loaded.path) == ("my film", path)
    assert loaded.settings.network == TorchvisionNetwork(name="resnet18", weights="w.pth")
    assert (loaded.settings.film.width, loaded.settings.film.height, loaded.settings.film.fps) == (100, 512, 10.0)
    assert (loaded.settings.video.chapters, loaded.settings.video.subtitles) == (False, True)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("film.width=320", "film.width", 320),
        (" film.width = 320 ", "film.width", 320),
        ("film={height: 96}", "film.height", 96),
        ("dream.optimizer.learning_rate=1e-3", "dream.optimizer.learning_rate", 1e-3),
        ('classes.select=["0-9", 0012]', "classes.select", ["0-9", 12]),
        ("classes.select=under:animal", "classes.select", ["under:animal"]),
        ("overlay.lines=[]", "overlay.lines", []),
        ("overlay.color=#aabbcc", "overlay.color", "#aabbcc"),
        ("video.title=a=b", "video.title", "a=b"),
        ("video.title=", "video.title", None),
        ("stills.fresh=on", "stills.fresh", True),
        ("network.weights=other.pth", "network.weights", "other.pth"),
    ],
)
def test_override_changes_its_key_alone(override, key, value):
    before = flatten(parse_settings(FILE, "f.yaml"))
    after = flatten(parse_settings(FILE, "f.yaml", [override]))
    assert {name: after[name] for name in after if after[name] != before[name]} == {key: value}


def test_last_override_holds():
    assert parse_settings("", "f.yaml", ["film.width=20", "film.width=30"]).film.width == 30


def test_override_of_the_kind_drops_the_keys_of_the_other_kind():
    overrides = ["dream.optimizer.step=0.5", "dream.optimizer.kind=normalized", "network.source=embedded"]
    settings = parse_settings(FILE, "f.yaml", overrides)
    assert settings.network == EmbeddedNetwork()
    assert settings.dream.optimizer == NormalizedOptimizer(step=0.5)


def test_override_of_the_kind_with_the_same_kind_keeps_the_keys():
    settings = parse_settings(FILE, "f.yaml", ["network.source=torchvision"])
    assert settings.network == TorchvisionNetwork(name="resnet18", weights="w.pth")


def test_section_without_its_kind_is_of_the_default_kind():
    settings = parse_settings("", "f.yaml", ["dream.parameterization.decay=2"])
    assert flatten(settings)["dream.parameterization.kind"] == "fourier"
    assert flatten(settings)["dream.parameterization.decay"] == 2


def test_flatten_names_every_changed_key():
    before, after = (parse_settings(text, "f.yaml") for text in ("", "film: {fps: 12}\nmotion: {pan: [0.1, 0]}"))
    changed = {key for key, value in flatten(after).items() if flatten(before)[key] != value}
    assert changed == {"film.fps", "motion.pan"}


def test_shipped_configuration_is_found_by_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings("quickstart").name == "quickstart"


def test_path_is_no_shipped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").write_text("film: {width: 77}")
    assert load_settings("./quickstart").settings.film.width == 77
    assert load_settings("quickstart").settings.film.width != 77


@pytest.mark.parametrize("config", ["quikstart", "quickstart.yaml", "configs/quikstart.yaml"])
def test_unknown_configuration_is_answered_with_the_shipped_ones(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="did you mean quickstart") as caught:
        find_config(config)
    assert all(name in str(caught.value) for name in shipped_configs())


@pytest.mark.parametrize("folder", [".", "films"])
def test_a_missing_file_names_one_beside_it(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(folder).mkdir(exist_ok=True)
    for name in ("my-film.yaml", "other.yaml", "my-fil.txt"):
        Path(folder, name).touch()
    for given in ("my-fil.yaml", "my-fil"):
        with pytest.raises(UserError) as caught:
            find_config(str(Path(folder, given)))
        assert f"did you mean {Path(folder, 'my-film.yaml')}? (" in str(caught.value)


def test_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes("film: {width: 20} # Größe".encode("latin-1"))
    with pytest.raises(UserError, match=r"f\.yaml.*UTF-8"):
        load_settings(str(path))


def test_unreadable_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "f.yaml"
    path.touch()

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"f\.yaml: cannot be read \(Permission denied\)"):
        load_settings(str(path))


@pytest.mark.parametrize(
    ("text", "weights", "network"),
    [
        ("embedded", None, EmbeddedNetwork()),
        ("torchvision", None, TorchvisionNetwork()),
        ("torchvision:vgg16", None, TorchvisionNetwork(name="vgg16")),
        ("torchvision:vgg16", "w.pth", TorchvisionNetwork(name="vgg16", weights="w.pth")),
        ("{source: torchvision, weights: 'a b.pth'}", None, TorchvisionNetwork(weights="a b.pth")),
        ("{source: torchvision, weights: a.pth}", "b.pth", TorchvisionNetwork(weights="b.pth")),
    ],
)  # fmt: skip
def test_a_network_can_be_named_on_the_command_line(text, weights, network):
    assert parse_network(text, "--judge", weights) == network


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vgg16", "--judge: a network is named by source and name, such as torchvision:vgg16"),
        ("torchvison:vgg16", "--judge: network.source: must be .*; did you mean torchvision"),
        ("{source: torchvision, nam: vgg16}", "--judge: network.nam: unknown key; did you mean network.name"),
        ("{source: torchvision, name: 16}", "--judge: network.name: must be text, not 16; put it in quotes"),
        ("embedded:small", "--judge: network.name: goes with network.source [^;]*'python'.* or 'torchvision' only"),
        ("{source: torchvision", "--judge: not valid YAML"),
        ("[torchvision, vgg16]", "--judge: network: must be a mapping"),
        ("7", "--judge: network: must be a mapping"),
    ],
)
def test_what_is_wrong_with_a_named_network_is_said_as_of_the_settings(text, message):
    with pytest.raises(UserError, match=message):
        parse_network(text, "--judge")


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path):
    path = tmp_path / "film.yaml"
    with path.open("wb") as file:
        file.truncate(2**40)  # a terabyte of nothing, which takes no room
    with pytest.raises(UserError, match=r"film\.yaml:1: too long for settings.*right file"):
        load_settings(str(path))


@pytest.mark.parametrize(
    ("overrides", "weights"),
    [
        (["network.name=vit_h_14"], "DEFAULT"),
        (["network={name: regnet_y_128gf}"], "DEFAULT"),
        (["network.source=torchvision", "network.name=vit_h_14"], "DEFAULT"),
        (["network.name=resnet50"], "IMAGENET1K_V1"),
        (["network.name=vit_h_14", "network.weights=IMAGENET1K_V1"], "IMAGENET1K_V1"),
        (["network.name=vit_h_14", "network.weights=own.ckpt"], "own.ckpt"),
        (["network.name=squeezenet1_0"], "IMAGENET1K_V1"),
        (["network.name=no_such_network"], "IMAGENET1K_V1"),
        (['network.name="1"'], "IMAGENET1K_V1"),
    ],
)
def test_weights_of_a_configuration_give_way_to_those_of_a_network_that_has_none_of_that_name(overrides, weights):
    assert load_settings("imagenet", overrides).settings.network.weights == weights


@pytest.mark.parametrize("weights", ["own.pth", "IMAGENET1K_V9", "DEFAULT"])
def test_a_file_and_a_name_that_was_wrong_before_stay(weights):
    text = f"network: {{source: torchvision, name: resnet18, weights: {weights}}}"
    assert parse_settings(text, "f.yaml", ["network.name=vit_h_14"]).network.weights == weights


def test_a_configuration_without_a_network_takes_any_name_of_one():
    assert parse_settings("film: {width: 64}", "f.yaml", ["network={source: torchvision, name: vit_h_14}"])
    assert parse_settings("", "f.yaml", ["network={source: torchvision, name: vit_h_14}"])
