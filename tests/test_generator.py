"""Pictures that a decoder draws: its code is climbed, and whatever is dreamed is a picture of the decoder."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from renderer.common.errors import UserError
from renderer.dream.ascent import ascend_in_spans
from renderer.dream.canvas import CANVASES
from renderer.dream.decoding import Drawn, load_decoder
from renderer.dream.dreaming import AscentSettings, Level, Regularizers
from renderer.dream.generator import GeneratorParameterization
from renderer.dream.parameterizations import StepTime, build_parameterization
from renderer.dream.randomness import PictureKey
from renderer.jobs.commands import render, render_stills
from renderer.jobs.preflight import preflight
from renderer.settings.loading import parse_settings
from tests.dream.climbing import ascend_fresh, climbs, noise
from tests.film_helpers import Recorder, request, results
from tests.networks.tiny import logits, tiny_network

SIZE = (24, 32)
CPU = torch.device("cpu")
MODULE = """
import torch
from torch import nn

class Tiny(nn.Module):
    def __init__(self, seed=0, numbers=12):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Linear(numbers, 8 * 16)
        self.last = nn.Sequential(nn.Upsample(scale_factor=4), nn.SiLU(), nn.Conv2d(8, 3, 3, padding=1))

    def forward(self, codes):
        return self.last(3 * self.first(codes).unflatten(1, (8, 4, 4))).sigmoid()

class Spatial(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(nn.ConvTranspose2d(7, 6, 4), nn.BatchNorm2d(6), nn.ReLU(),
                                 nn.ConvTranspose2d(6, 1, 4, stride=4), nn.Tanh())

    def forward(self, codes):
        return self.net(codes)

class Bare(nn.Module):
    def forward(self, codes):
        return codes.view(-1, 3, 2, 2).sigmoid()

class Wrong(nn.Module):
    def __init__(self, give):
        super().__init__()
        self.weight = nn.Linear(5, 4)
        self.give = give

    def forward(self, codes):
        return self.give(self.weight(codes))

def tiny(): return Tiny()
def other(): return Tiny(1)
def spatial(): return Spatial()
def bare(): return Bare()
def flat(): return Wrong(lambda features: features)
def several(): return Wrong(lambda features: (features, features))
def deaf(): return Wrong(lambda features: features.detach().view(-1, 1, 2, 2))
def broken(): raise ValueError("no luck")
def nothing(): return 7
"""


@pytest.fixture(autouse=True)
def decoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that make decoders, in the current folder."""
    (tmp_path / "own_decoders.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "own_decoders", raising=False)


def made(name: str) -> nn.Module:
    return GeneratorParameterization(decoder=f"own_decoders:{name}").function.make().eval()  # type: ignore[union-attr]


def program(path: Path, name: str = "tiny", *, batch: int = 2) -> str:
    """Export a decoder; for a batch of one it takes one code alone."""
    shapes = {"codes": {0: torch.export.Dim("batch")}} if batch > 1 else None
    exported = torch.export.export(made(name), (torch.zeros(batch, 12),), dynamic_shapes=shapes)
    torch.export.save(exported, path)
    return str(path)


def script(path: Path, name: str = "tiny") -> str:
    with warnings.catch_warnings(action="ignore"):  # that TorchScript is old
        torch.jit.save(torch.jit.trace(made(name), torch.zeros(2, 12)), path)  # type: ignore[no-untyped-call]
    return str(path)


def kind(decoder: str, **said: object) -> GeneratorParameterization:
    return GeneratorParameterization.model_validate({"decoder": decoder, **said})


def held(settings: GeneratorParameterization, size: tuple[int, int] = SIZE) -> Drawn:
    found = build_parameterization(settings, size, CPU)
    assert isinstance(found, Drawn)
    return found


def stills(directory: Path, decoder: str, *more: str, restart: bool = False) -> Path:
    said = ("stills.steps=6", "stills.retries=0", "stills.smooth=0", "classes.select=[1,2]", "run.threads=1", *more)
    told = f"dream.parameterization={{kind: generator, decoder: '{decoder}'}}"
    render_stills(request(directory, told, *said, restart=restart), Recorder())
    return directory


def nearest(picture: Tensor, drawn: Drawn, code: Tensor) -> float:
    """How near a decoder can come to a picture, by its error in the worst pixel."""
    code = code.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([code], max_iter=200, line_search_fn="strong_wolfe")

    def error() -> Tensor:
        optimizer.zero_grad()
        found = (drawn.decode(code) - picture).square().sum()
        found.backward()
        return found

    optimizer.step(error)  # type: ignore[arg-type]
    return float((drawn.decode(code) - picture).detach().abs().max())


@pytest.mark.parametrize("where", ["function", "program", "one by one", "script"])
def test_decoders_are_found_wherever_they_come_from(where: str, tmp_path: Path) -> None:
    decoders = {
        "function": lambda: "own_decoders:tiny",
        "program": lambda: program(tmp_path / "tiny.pt2"),
        "one by one": lambda: program(tmp_path / "tiny.pt2", batch=1),
        "script": lambda: script(tmp_path / "tiny.ts"),
    }
    drawn, codes = held(kind(decoders[where]()), (16, 16)), torch.randn(5, 12)
    with torch.no_grad():
        assert torch.allclose(drawn.decode(codes), made("tiny")(codes), atol=1e-6)
    assert drawn.decode(codes.requires_grad_()).requires_grad


def test_codes_with_places_gray_pictures_and_a_range_of_their_own_are_understood() -> None:
    drawn, codes = held(kind("own_decoders:spatial", range=(-1.0, 1.0))), torch.randn(2, 7)
    pictures = drawn.decode(codes)
    assert pictures.shape == (2, 3, *SIZE)
    assert torch.equal(pictures[:, 0], pictures[:, 2])
    plain = made("spatial")(codes[:, :, None, None]).detach()
    assert float(pictures.detach().mean()) == pytest.approx(float((plain.mean() + 1) / 2), abs=0.02)


def test_a_code_follows_from_the_start_and_looks_like_dice() -> None:
    drawn = held(kind("own_decoders:bare", code_size=12))
    keys = [PictureKey(seed, "0001") for seed in range(400)]
    codes = drawn.encode(noise(keys, SIZE))
    assert torch.equal(codes[:3], drawn.encode(noise(keys[:3], SIZE)))
    assert float(codes.mean()) == pytest.approx(0, abs=0.05)
    assert float(codes.std()) == pytest.approx(1, abs=0.05)
    assert float(torch.corrcoef(codes.T).fill_diagonal_(0).abs().max()) < 0.3
    assert drawn.encode(torch.full((1, 3, *SIZE), 0.5)).abs().max() == 0


@pytest.mark.parametrize("octaves", [1, 3])
def test_the_objective_rises_and_the_picture_is_the_decoders_own(octaves: int) -> None:
    network, keys = tiny_network(), [PictureKey(0, "0001"), PictureKey(0, "0002")]
    settings = AscentSettings(
        parameterization=kind("own_decoders:tiny"),
        octaves=octaves,
        level=Level(strength=0.9, contrast=0.01),
        regularizers=Regularizers(total_variation=0),
    )
    start = noise(keys, SIZE)
    drawn = held(kind("own_decoders:tiny"))
    first = drawn.decode(drawn.encode(start))
    done = ascend_fresh(network, settings, start, keys, 96, seconds_per_step=0.5).pictures
    for row, key in enumerate(keys):
        before, after = (logits(network, pictures)[row, key.number] for pictures in (first, done))
        assert after > before
    assert nearest(done, drawn, drawn.encode(start)) < 0.02


def test_an_ascent_is_one_span_in_the_full_size() -> None:
    network, keys = tiny_network(), [PictureKey(0, "0001")]
    settings = AscentSettings(parameterization=kind("own_decoders:tiny"), octaves=3)
    spans = list(ascend_in_spans(network, noise(keys, SIZE), climbs(settings, keys, [0]), 70, seconds_per_step=0.5))
    assert [span.steps for span in spans] == [70]
    assert spans[0].ascent.pictures.shape == (1, 3, *SIZE)


def test_the_prior_draws_codes_toward_nothing_and_reach_bounds_them() -> None:
    drawn = held(kind("own_decoders:tiny", prior=0.5, reach=2.0))
    codes = torch.tensor([[6.0, -6.0, 1.0, 0.0]])
    drawn.settle(codes, codes, StepTime(0, 0.0), CANVASES["mirror"])
    assert codes.tolist() == [[2.0, -2.0, 0.5, 0.0]]


def test_the_same_seed_gives_the_same_stills_and_another_seed_others(tmp_path: Path) -> None:
    one, again, other = (
        results(stills(tmp_path / name, "own_decoders:tiny", f"run.seed={seed}"))
        for name, seed in (("one", 0), ("again", 0), ("other", 1))
    )
    assert one == again
    names = [name for name in one if name.endswith(".png")]
    assert len(names) == 2
    assert all(one[name] != other[name] for name in names)


def test_stills_are_what_the_decoder_draws(tmp_path: Path) -> None:
    run = stills(tmp_path / "run", program(tmp_path / "tiny.pt2"))
    drawn = held(kind("own_decoders:tiny"), (16, 20))
    for path in (run / "stills").iterdir():
        picture = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)[None].float() / 255
        assert nearest(picture, drawn, torch.zeros(1, 12)) < 0.03


def test_variants_differ(tmp_path: Path) -> None:
    run = stills(tmp_path / "run", "own_decoders:tiny", "stills.variants=3")
    assert len({path.read_bytes() for path in (run / "stills").iterdir()}) == 6


def test_another_decoder_in_the_same_file_is_another_run(tmp_path: Path) -> None:
    path = program(tmp_path / "tiny.pt2")
    before = results(stills(tmp_path / "run", path))
    moved = tmp_path / "moved.pt2"
    moved.write_bytes(Path(path).read_bytes())
    assert results(stills(tmp_path / "run", str(moved))) == before  # what counts is in the file
    program(moved, "other")
    with pytest.raises(UserError, match=r"dream\.parameterization\.decoder: the file is not the one"):
        stills(tmp_path / "run", str(moved))
    assert results(tmp_path / "run") == before
    assert results(stills(tmp_path / "run", str(moved), restart=True)) != before


def test_another_text_of_the_function_is_another_run(tmp_path: Path) -> None:
    settings = kind("own_decoders:tiny")
    before = settings.identity()
    (tmp_path / "own_decoders.py").write_text(MODULE.replace("scale_factor=4", "scale_factor=3"))
    assert settings.identity() != before
    assert kind("own_decoders:other").identity() != settings.identity()


def test_a_file_that_the_function_reads_counts(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"one")
    settings = kind("own_decoders:tiny", reads=(Path("weights.bin"),))
    before, version = settings.identity(), settings.version
    assert settings.with_absolute_paths().identity() == before
    (tmp_path / "weights.bin").write_bytes(b"other")
    assert settings.identity() != before
    assert settings.version != version
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(UserError, match=r"parameterization\.reads\[0\]: there is no file weights\.bin"):
        settings.identity()


def test_a_run_goes_on_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "tiny.pt2")
    run = stills(tmp_path / "run", "tiny.pt2")
    told = json.loads(json.dumps((run / "run.yaml").read_text()))
    assert str(tmp_path / "tiny.pt2") in told


@pytest.mark.parametrize(
    ("decoder", "message"),
    [
        ("missing.pt2", r"decoder: there is no file missing\.pt2.*package\.module:function"),
        ("no_such_module:tiny", "decoder: there is no Python module no_such_module"),
        ("own_decoders:none", "decoder: own_decoders has no function none"),
        ("own_decoders:broken", "decoder: own_decoders:broken failed .ValueError: no luck"),
        ("own_decoders:nothing", "decoder: own_decoders:nothing gave a int"),
        ("own_decoders:bare", "do not say how long a code is; set .*code_size"),
        ("own_decoders:flat", "gives 2 x 4 for 2 codes of 5 numbers"),
        ("own_decoders:several", "gives a tuple"),
        ("own_decoders:deaf", "have no gradient"),
        ("own_decoders.py", "decoder: .*own_decoders.py cannot be loaded"),
    ],
)
def test_what_is_no_decoder_is_told_in_one_message_before_anything_is_written(
    decoder: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as raised:
        stills(tmp_path / "run", decoder)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_code_size_that_does_not_fit_is_told() -> None:
    with pytest.raises(UserError, match=r"does not take codes of 5 numbers.*code_size"):
        load_decoder(kind("own_decoders:tiny", code_size=5))


def test_films_are_refused(tmp_path: Path) -> None:
    said = "dream.parameterization={kind: generator, decoder: 'own_decoders:tiny'}"
    with pytest.raises(UserError, match=r"dream\.parameterization: .*neuron-atlas stills"):
        render(request(tmp_path / "run", said), Recorder())
    assert not (tmp_path / "run").exists()
    found = {film: list(preflight(request(tmp_path / "run", said), film=film, quick=True)) for film in (True, False)}
    assert any("neuron-atlas stills" in finding.text for finding in found[True] if finding.state == "failed")
    assert not any(finding.state == "failed" for finding in found[False])


def test_check_names_a_decoder_that_is_missing(tmp_path: Path) -> None:
    said = "dream.parameterization={kind: generator, decoder: missing.pt2}"
    found = list(preflight(request(tmp_path / "run", said), film=False, quick=True))
    assert [finding.name for finding in found if finding.state == "failed"] == ["decoder"]


def test_settings_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(UserError, match="black and white are the same"):
        parse_settings("dream: {parameterization: {kind: generator, decoder: a.pt2, range: [1, 1]}}", "x.yaml", [])
    with pytest.raises(UserError, match="decoder"):
        parse_settings("dream: {parameterization: {kind: generator}}", "x.yaml", [])


def test_the_decoder_that_comes_along_draws_what_the_network_knows(tmp_path: Path) -> None:
    said = ("stills.width=64", "stills.height=64", "stills.steps=48", "classes.select=[red heart, pizza]")
    run = stills(tmp_path / "run", "emoji", *said)
    found = json.loads((run / "atlas.json").read_text())["classes"]
    assert [entry["rank"] for entry in found] == [1, 1]
    drawn = held(kind("emoji"), (64, 64))
    for path in (run / "stills").iterdir():
        picture = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)[None].float() / 255
        assert nearest(picture, drawn, torch.zeros(1, 128)) < 0.1
