"""`network.companions` on whole runs: settings, films, resumption, what is said of them."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import save_file
from torchvision import models

from renderer.atlas.score_table import score_table
from renderer.common.errors import UserError
from renderer.display import print_evaluation
from renderer.jobs.choosing import said_of_companions
from renderer.jobs.commands import Request, render, render_stills
from renderer.jobs.evaluation import evaluate, named_networks
from renderer.jobs.preflight import preflight
from renderer.networks.loaded import load_network
from renderer.networks.network import Network
from renderer.networks.torchvision_models import original_name
from renderer.settings.loading import parse_settings
from renderer.store.evaluation_file import judge_names
from renderer.store.paths import RunPaths
from renderer.targets.class_lists import load_emoji_classes
from renderer.targets.target import class_target
from tests.film_helpers import Recorder, request, results

TITLES = [target.title for target in load_emoji_classes()]
FEW_STEPS = (
    "dream.fresh_steps=2",
    "dream.steps_per_frame=2",
    "film.seconds_per_class=0.5",
    "film.lead_in_seconds=0.25",
)


def made(folder: Path, name: str, seed: int) -> str:
    """A network with random weights that knows three of the four classes of the tiny film; its settings."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_file(models.squeezenet1_1(weights=None, num_classes=4).state_dict(), folder / f"{name}.safetensors")
    titles = [TITLES[5], "something else", TITLES[1], TITLES[2]]
    (folder / f"{name}.csv").write_text("".join(["index,title\n", *(f"{i},{t}\n" for i, t in enumerate(titles))]))
    return f"{{source: torchvision, weights: {folder}/{name}.safetensors, classes: {folder}/{name}.csv}}"


@pytest.fixture(scope="module")
def companion(tmp_path_factory: pytest.TempPathFactory) -> str:
    return made(tmp_path_factory.mktemp("companion"), "one", 0)


def with_companions(*texts: str) -> tuple[str, ...]:
    return (*FEW_STEPS, f"network.companions=[{', '.join(texts)}]")


def test_a_film_is_dreamed_by_both_and_goes_on_as_it_was_begun(tmp_path: Path, companion: str) -> None:
    asked = with_companions(companion)
    render(request(tmp_path / "whole", *asked), Recorder())
    alone = request(tmp_path / "alone", *FEW_STEPS)
    render(alone, Recorder())
    whole = results(tmp_path / "whole")
    assert whole != results(tmp_path / "alone")

    render(request(tmp_path / "run", *asked), Recorder())
    paths = RunPaths(tmp_path / "run")
    for record in list(paths.segment_records())[1:3]:
        record.unlink()
    render(request(tmp_path / "run", *asked), Recorder())
    assert results(tmp_path / "run") == whole


def test_the_number_of_threads_changes_nothing(tmp_path: Path, companion: str) -> None:
    for threads in (1, 2):
        asked = (*with_companions(companion), f"run.threads={threads}", "run.batch=4", "stills.steps=4")
        render_stills(request(tmp_path / str(threads), *asked), Recorder())
    assert results(tmp_path / "1") == results(tmp_path / "2")


def test_how_they_dream_together_matters_and_belongs_to_the_run(tmp_path: Path, companion: str) -> None:
    asked = (*with_companions(companion), "stills.steps=3", "stills.retries=0")
    render_stills(request(tmp_path / "turns", *asked), Recorder())
    render_stills(request(tmp_path / "all", *asked, "dream.together=all"), Recorder())
    assert results(tmp_path / "turns") != results(tmp_path / "all")
    with pytest.raises(UserError, match=r"dream\.together: was \"turns\", is \"all\""):
        render_stills(request(tmp_path / "turns", *asked, "dream.together=all"), Recorder())


def test_without_companions_it_is_of_no_matter(tmp_path: Path) -> None:
    asked = (*FEW_STEPS, "stills.steps=2", "stills.retries=0")
    render_stills(request(tmp_path, *asked), Recorder())
    before = results(tmp_path)
    render_stills(request(tmp_path, *asked, "dream.together=all"), Recorder())
    assert results(tmp_path) == before


def test_another_companion_is_another_run(tmp_path: Path, companion: str) -> None:
    render_stills(request(tmp_path / "run", *with_companions(companion), "stills.steps=2"), Recorder())
    other = made(tmp_path, "other", 1)
    with pytest.raises(UserError, match=r"network\.companions"):
        render_stills(request(tmp_path / "run", *with_companions(other), "stills.steps=2"), Recorder())
    with pytest.raises(UserError, match=r"network\.companions"):
        render_stills(request(tmp_path / "run", *FEW_STEPS, "stills.steps=2"), Recorder())


def test_other_numbers_of_the_classes_are_another_run(tmp_path: Path) -> None:
    own = made(tmp_path, "own", 0)
    asked = (*with_companions(own), "stills.steps=2")
    render_stills(request(tmp_path / "run", *asked), Recorder())
    next((tmp_path / "run" / "stills").glob("*.png")).unlink()
    titles = ["something else", TITLES[5], TITLES[2], TITLES[1]]
    (tmp_path / "own.csv").write_text("".join(["index,title\n", *(f"{i},{t}\n" for i, t in enumerate(titles))]))
    with pytest.raises(UserError, match=r"network\.companions\[0\]\.classes: matches other classes"):
        render_stills(request(tmp_path / "run", *asked), Recorder())


def test_judges_are_asked_alone(tmp_path: Path, companion: str) -> None:
    render_stills(request(tmp_path / "run", *with_companions(companion), "stills.steps=2"), Recorder())
    with_another = f"{companion[:-1]}, companions: [{{source: embedded}}]}}"
    found = evaluate(tmp_path / "run", named_networks([with_another], []), Recorder())
    assert [(judge.companion, "companions" in judge.network) for judge in found.judges] == [(True, False)]


def test_the_first_network_is_asked_though_a_companion_has_gone(tmp_path: Path) -> None:
    own = made(tmp_path, "own", 0)
    render_stills(request(tmp_path / "run", *with_companions(own), "stills.steps=2"), Recorder())
    (tmp_path / "own.safetensors").unlink()
    assert evaluate(tmp_path / "run", [], Recorder()).network.pictures


def test_film_page_and_evaluation_say_who_dreamed(tmp_path: Path, companion: str) -> None:
    render(request(tmp_path, *with_companions(companion)), Recorder())
    with av.open(str(tmp_path / "atlas.mp4")) as film:
        assert "Dreams of emojinet and squeezenet1_1" in film.metadata["comment"]
    index = json.loads((tmp_path / "atlas.json").read_text())
    assert [one["name"] for one in index["network"]["companions"]] == ["squeezenet1_1"]
    contents = (tmp_path / "index.html").read_text(encoding="utf-8").split('id="contents">')[1].split("</script>")[0]
    assert json.loads(contents)["dreamers"] == "emojinet and squeezenet1_1"
    outsider = made(tmp_path, "outsider", 5)
    found = evaluate(tmp_path, named_networks([companion, outsider], []), Recorder())
    assert [judge.companion for judge in found.judges] == [True, False]
    names = ["(one.safetensors) (companion)", "(outsider.safetensors) (same architecture)"]
    assert judge_names(found) == [f"squeezenet1_1 {name}" for name in names]
    roles = {(row["network"], row["role"]) for row in csv.DictReader(io.StringIO(score_table(found, "run")))}
    assert {role for _, role in roles} == {"dreamer", "companion", "relative"}
    tables, remarks = io.StringIO(), io.StringIO()
    print_evaluation(Console(file=tables), Console(file=remarks), found, 0)
    assert "Dreamed by emojinet and squeezenet1_1" in remarks.getvalue()


def test_check_loads_companions_and_says_what_they_lack(tmp_path: Path, companion: str) -> None:
    asked = request(tmp_path, *with_companions(companion))
    findings = {finding.name: finding for finding in preflight(asked, film=False, quick=False)}
    assert "torchvision: squeezenet1_1, one.safetensors" in findings["weights"].text
    assert findings["classes"].state == "ok"
    assert findings["companions"].state == "warning"
    assert findings["companions"].text.startswith("emojinet and squeezenet1_1: take turns, a pass a step; ")
    assert f"squeezenet1_1 does not know {TITLES[3]}: 1 of 4 classes" in findings["companions"].text
    assert findings["dreaming"].state == "ok"


def test_a_render_says_which_classes_a_companion_lacks(tmp_path: Path, companion: str) -> None:
    recorder = Recorder()
    render_stills(request(tmp_path, *with_companions(companion), "stills.steps=2"), recorder)
    said = f"network.companions[0]: squeezenet1_1 does not know {TITLES[3]}: 1 of 4 classes are dreamed without it"
    assert [note for note in recorder.notes if "does not know" in note] == [said]


def test_a_missing_file_is_named_as_in_the_settings(tmp_path: Path, companion: str) -> None:
    missing = companion.replace("one.safetensors", "gone.safetensors")
    with pytest.raises(UserError, match=r"network\.companions\[1\]\.weights: there is no file .*gone\.safetensors"):
        render_stills(request(tmp_path, *with_companions(companion, missing)), Recorder())
    assert not RunPaths(tmp_path).settings.exists()


def test_advice_is_for_the_mapping_of_the_companion(tmp_path: Path, companion: str) -> None:
    wrong = companion.replace("torchvision,", "torchvision, name: squeezenet1_0,")
    with pytest.raises(UserError, match=r"write name: squeezenet1_1 into the companion's mapping") as error:
        load_network(parse_settings(f"network: {{source: embedded, companions: [{wrong}]}}", "x.yaml").network)
    assert "set network" not in str(error.value)


def test_what_is_called_as_a_key_in_a_path_stays(tmp_path: Path, companion: str) -> None:
    missing = companion.replace("one.safetensors", "network.weights.pth")
    with pytest.raises(UserError, match=r"^network\.companions\[0\]\.weights: there is no .*/network\.weights\.pth"):
        render_stills(request(tmp_path, *with_companions(missing)), Recorder())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("one.csv", "gone.csv"), r"^network\.companions\[0\]\.classes: .*gone\.csv"),
        (("torchvision,", "torchvision, name: resnet18,"), r"^network\.companions\[0\]\.weights: .*network\.companio"),
    ],
)
def test_what_is_wrong_with_a_companion_is_not_said_of_the_first_network(
    tmp_path: Path, companion: str, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(UserError, match=said) as error:
        render_stills(request(tmp_path, *with_companions(companion.replace(*change))), Recorder())
    assert not re.search(r"(?<![\w.])network\.(?!companions)", str(error.value))


def test_weights_that_cannot_be_had_are_asked_for_where_they_are_set(
    tmp_path: Path, companion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no way out")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    fetched = "{source: torchvision, name: mobilenet_v2, weights: IMAGENET1K_V1}"
    with pytest.raises(UserError) as error:
        render_stills(request(tmp_path, *with_companions(companion, fetched)), Recorder())
    assert str(error.value).startswith("network.companions[1].weights: the weights of mobilenet_v2 could not be")
    assert "or write weights: /path/to/mobilenet_v2" in str(error.value)
    assert "of the companion in a configuration of your own" in str(error.value)
    assert "--set" not in str(error.value)


def test_a_companion_that_knows_none_of_the_classes_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    strange = made(folder, "strange", 0)
    (folder / "strange.csv").write_text("index,title\n0,a\n1,b\n2,c\n3,d\n")
    with pytest.raises(UserError, match=r"network\.companions\[0\]\.classes: .*knows none of the classes"):
        render_stills(request(tmp_path / "run", *with_companions(strange)), Recorder())
    assert not (tmp_path / "run").exists()


def test_relative_paths_of_companions_hold_from_other_folders(
    tmp_path: Path, companion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(companion.split("weights: ")[1].split("/one.safetensors", maxsplit=1)[0])
    monkeypatch.chdir(folder)
    relative = companion.replace(f"{folder}/", "./")
    render_stills(request(tmp_path / "run", *with_companions(relative), "stills.steps=2"), Recorder())
    before = results(tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    render_stills(request(tmp_path / "run", *with_companions(companion), "stills.steps=2"), Recorder())
    assert results(tmp_path / "run") == before
    assert not list((tmp_path / "elsewhere").iterdir())


WRONG = {
    "a name alone": ("torchvision", "f.yaml:1: network.companions: must be a list of at most 15, each entry a mapping"),
    "no mapping": ("[3]", "f.yaml:1: network.companions[0]: must be a mapping with keys such as source"),
    "no source": ("[{name: x}]", "f.yaml:1: network.companions[0].source: is missing; set it to 'caffe', '"),
    "no such source": ("[{source: tv}]", "f.yaml:1: network.companions[0].source: must be 'caffe', '"),
    "a wrong key": (
        "[{source: embedded}, {source: torchvision, nam: x}]",
        "f.yaml:1: network.companions[1].nam: unknown key; did you mean network.companions[1].name?",
    ),
    "a key of another source": (
        "[{source: embedded, name: x}]",
        "f.yaml:1: network.companions[0].name: goes with network.companions[0].source ",
    ),
    "an unlikely key": (
        "[{source: embedded, qqq: x}]",
        "f.yaml:1: network.companions[0].qqq: unknown key; known here: source",
    ),
    "a wrong value": ("[{source: torchvision, name: 3}]", "f.yaml:1: network.companions[0].name: must be text, not 3"),
    "companions of companions": (
        "[{source: torchvision, companions: [{source: embedded}]}]",
        "f.yaml:1: network.companions: entry 0 has companions itself; write all of them into one list",
    ),
    "targets": (
        "[{source: torchvision, targets: {kind: channels, layer: a}}]",
        "f.yaml:1: network.companions: entry 0 has targets; the first network's are dreamed by all",
    ),
}


@pytest.mark.parametrize(("value", "said"), WRONG.values(), ids=WRONG)
def test_wrong_companions_are_refused(value: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        parse_settings(f"network: {{companions: {value}}}", "f.yaml")
    assert str(error.value).startswith(said)


def test_channels_have_no_companions(companion: str) -> None:
    with pytest.raises(UserError, match=r"network: companions can dream of classes only, not of channels"):
        parse_settings(f"network: {{targets: {{kind: channels, layer: a}}, companions: [{companion}]}}", "f.yaml")


@pytest.mark.parametrize("make", [render, render_stills])
def test_a_network_that_cannot_be_loaded_takes_nothing_away(
    tmp_path: Path, companion: str, make: Callable[[Request, Recorder], object]
) -> None:
    """Though it was agreed that all is dreamed anew."""
    few = ("stills.steps=2", "stills.variants=2", "stills.retries=0")
    make(request(tmp_path / "run", *with_companions(companion), *few), Recorder())
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.*") if path.suffix in (".png", ".json")}
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    bad = re.sub(r"\S+\.safetensors", f"{tmp_path}/bad.safetensors", companion)
    asked = replace(request(tmp_path / "run", *with_companions(bad), *few), agree=lambda _text: True)
    with pytest.raises(UserError, match=r"bad\.safetensors"):
        make(asked, Recorder())
    assert {path: path.read_bytes() for path in before} == before


def test_other_companions_are_told_in_a_line(tmp_path: Path, companion: str) -> None:
    render_stills(
        request(tmp_path / "run", *with_companions(companion, "{source: embedded}"), "stills.steps=2"), Recorder()
    )
    with pytest.raises(UserError) as error:
        render_stills(request(tmp_path / "run", *with_companions("{source: embedded}"), "stills.steps=2"), Recorder())
    (line,) = [line for line in str(error.value).splitlines() if "network.companions" in line]
    follow = "with them usual values change that were not set, see docs/presets.md"
    assert line == f"  network.companions: was squeezenet1_1 and emojinet, is emojinet; {follow}"


def test_a_network_that_is_there_twice_is_told() -> None:
    settings = parse_settings("network: {source: embedded, companions: [{source: embedded}]}", "x.yaml")
    (said,) = said_of_companions(settings.network, settings.network.known_targets())
    assert said == "network.companions[0]: emojinet is the first network once more, so that it counts twice"


def test_check_says_what_is_wrong_with_a_companions_classes(tmp_path: Path, companion: str) -> None:
    for change, said in (("gone.csv", "gone.csv"), ("strange.csv", "knows none of the classes")):
        (tmp_path / "strange.csv").write_text("index,title\n0,a\n1,b\n2,c\n3,d\n")
        changed = re.sub(r"\S+\.csv", f"{tmp_path}/{change}", companion)
        asked = request(tmp_path / "run", *with_companions(changed))
        findings = {finding.name: finding for finding in preflight(asked, film=False, quick=True)}
        assert findings["companions"].state == "failed"
        assert said in findings["companions"].text
        assert "output" in findings  # and goes on


def test_check_times_each_network_as_often(tmp_path: Path, companion: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, activations = Counter[int](), Network.activations

    def counted(network: Network, *given: Any, **named: Any) -> Any:
        if torch.is_grad_enabled():
            calls[network.classes[0].index, len(network.classes)] += 1
        return activations(network, *given, **named)

    monkeypatch.setattr(Network, "activations", counted)
    asked = request(tmp_path, *with_companions(companion), "stills.steps=64", "classes.select=[1,2]")
    for finding in preflight(asked, film=False, quick=False):
        assert finding.state != "failed"
    assert len(calls) == 2
    assert len(set(calls.values())) == 1


def test_who_dreamed_is_no_outside_judge(tmp_path: Path, companion: str) -> None:
    render_stills(request(tmp_path / "run", *with_companions(companion), "stills.steps=2"), Recorder())
    found = evaluate(tmp_path / "run", named_networks(["embedded"], []), Recorder())
    assert [judge.companion for judge in found.judges] == [True]


def test_weights_have_one_name_among_judges() -> None:
    assert original_name("efficientnet_b0", "DEFAULT") == original_name("efficientnet_b0", "IMAGENET1K_V1")
    assert original_name("resnet50", "DEFAULT") == "IMAGENET1K_V2"
    assert original_name("resnet50", "/a/file.pth") == "/a/file.pth"


def test_variants_are_ordered_by_all_that_dreamed(tmp_path: Path, companion: str) -> None:
    asked = (
        *with_companions(companion),
        "stills.variants=3",
        "stills.steps=4",
        "stills.retries=0",
        "classes.select=[1]",
    )
    settings = request(tmp_path, *asked).settings
    network = load_network(settings.network)
    outcome = render_stills(request(tmp_path / "run", *asked), Recorder())
    (entry,) = outcome.index.classes
    aim = class_target(1, TITLES[1]).aim
    sure = []
    for name in entry.stills:
        picture = np.array(Image.open(tmp_path / "run" / name))[None]
        each = [member.log_probabilities(picture)[0][units[0][0]] for member, units in network.dreamers(aim)]
        sure.append((np.mean(each), each[0]))
    ranks = [one.rank for one in (entry, *entry.facets)]
    by_rank = sorted(zip(ranks, (-mean for mean, _ in sure), strict=True))
    assert [-mean for mean, _ in sure] == [agreed for _, agreed in by_rank]
