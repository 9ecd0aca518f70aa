"""`evaluate` on whole runs: which pictures are scored, what is written, and what later calls leave of it."""

import json
import os
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import av
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from renderer.atlas.exhibits import exhibits
from renderer.atlas.figures import measure
from renderer.atlas.seen import look_at
from renderer.common.errors import UserError
from renderer.jobs.commands import render, render_stills
from renderer.jobs.evaluation import NamedNetwork, evaluate, named_networks
from renderer.media.pictures import load_picture
from renderer.networks.loaded import load_network
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.store.evaluation_file import Evaluation, judge_names, read_evaluation
from renderer.store.lock import locked
from renderer.store.paths import RunPaths
from renderer.targets.class_lists import load_emoji_classes
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, located, request
from tests.networks.tiny import aims

TITLES = [record.title for record in load_emoji_classes()]
CHOSEN = [1, 2, 3, 5]
"""The classes of the tiny film; 2 and 5 are the last of their chains."""


def rendered(directory: Path, *overrides: str) -> Path:
    render(request(directory, *overrides), Recorder(), FakeWorker)
    return directory


@pytest.fixture(scope="module")
def small_judge(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network with random weights, as `--judge` names it: it knows three of the four classes, in another order."""
    folder = tmp_path_factory.mktemp("judge")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(models.squeezenet1_1(weights=None, num_classes=4).state_dict(), folder / "judge.safetensors")
    titles = [TITLES[5].upper(), "something else", TITLES[1], TITLES[2]]
    (folder / "judge.csv").write_text("".join(["index,title\n", *(f"{i},{t}\n" for i, t in enumerate(titles))]))
    return f"{{source: torchvision, weights: {folder}/judge.safetensors, classes: {folder}/judge.csv}}"


def judges(*texts: str) -> list[NamedNetwork]:
    return named_networks(texts, [])


def stored(directory: Path) -> Evaluation:
    found = read_evaluation(directory / "evaluation.json")
    assert found
    return found


def page_contents(directory: Path) -> dict[str, object]:
    html = (directory / "index.html").read_text(encoding="utf-8")
    found: dict[str, object] = json.loads(html.split('id="contents">')[1].split("</script>")[0])
    return found


def test_what_is_scored_is_what_a_viewer_sees(tmp_path: Path) -> None:
    directory = rendered(tmp_path / "run", "video.codec=ffv1", "overlay.lines=[]", "film.clean_frames=lossless")
    with av.open(str(directory / "atlas.mkv")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    found = list(exhibits(look_at(directory)))
    in_film = [exhibit for exhibit in found if "film" in exhibit.shown]
    assert [exhibit.target.index for exhibit in in_film] == CHOSEN
    for place, exhibit in enumerate(in_film):
        assert np.array_equal(exhibit.picture(), frames[10 * place + 9])
    # At the seam the film shows the end of the next chain's lead-in, the still does not.
    assert [exhibit.shown for exhibit in found] == [
        ("still", "film"), ("still",), ("film",), ("still", "film"), ("still", "film")
    ]  # fmt: skip
    assert not np.array_equal(found[1].picture(), found[2].picture())


def test_a_still_with_text_is_another_picture_than_the_frame_without(tmp_path: Path) -> None:
    directory = rendered(tmp_path / "run", "film.width=200", "film.height=120", "stills.overlay=true")
    shown = [exhibit.shown for exhibit in exhibits(look_at(directory))]
    assert shown == [("still",), ("film",)] * 4


def test_the_scores_are_those_of_the_networks(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run", "film.chains=1")
    evaluation = evaluate(directory, judges(small_judge), Recorder())
    assert evaluation == stored(directory)
    network = load_network(EmbeddedNetwork(), torch.device("cpu"))
    for path, score in zip(sorted((directory / "stills").iterdir()), evaluation.network.pictures, strict=True):
        (expected,) = network.scores(load_picture(path)[None], aims(score.index))
        assert path.name.startswith(f"{score.index:04d}-")
        assert (score.rank, score.shown) == (expected.rank, ("still", "film"))
        assert score.probability == pytest.approx(expected.probability, rel=1e-4)
        assert [seen.index for seen in score.top] == [guess.index for guess in expected.top]
    judge = load_network(judges(small_judge)[0].settings, torch.device("cpu"))
    outputs = {1: 2, 2: 3, 5: 0}
    (recognition,) = evaluation.judges
    assert [score.index for score in recognition.pictures] == list(outputs)
    for score in recognition.pictures:
        (still,) = (directory / "stills").glob(f"{score.index:04d}-*.png")
        (expected,) = judge.scores(load_picture(still)[None], aims(outputs[score.index]))
        assert (score.rank, score.probability) == (expected.rank, pytest.approx(expected.probability, rel=1e-4))
        assert {seen.dreamed for seen in score.top} == {1, 2, 5, None}
    assert [(one.index, one.title) for one in recognition.unknown] == [(3, TITLES[3])]
    assert [(one.shown, one.pictures) for one in recognition.figures] == [(("still", "film"), 3)]
    assert evaluation.network.unknown == ()


def test_the_file_and_the_page_tell_of_it(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run", "film.chains=1")
    evaluate(directory, judges(small_judge), Recorder())
    data = json.loads((directory / "evaluation.json").read_text())
    assert list(data) == ["version", "network", "judges"]
    assert data["version"] == 1
    assert data["network"]["network"] == {"source": "embedded", "name": "emojinet", "weights": None}
    assert list(data["judges"][0]) == ["network", "contents", "companion", "relative", "unknown", "figures", "pictures"]
    contents = page_contents(directory)
    assert contents["judges"] == ["squeezenet1_1"]
    classes = contents["classes"]
    assert isinstance(classes, list)
    assert [len(one.get("judged", [])) for one in classes] == [1, 1, 0, 1]
    place, rank, _, top = classes[3]["judged"][0]
    score = data["judges"][0]["pictures"][2]
    assert (place, rank) == (0, score["rank"])
    assert {name for name, _ in top} == {1, 2, 5, "something else"}


def test_another_judge_is_added_and_the_same_replaced(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run")
    evaluate(directory, [], Recorder())
    assert stored(directory).judges == ()
    evaluate(directory, judges(small_judge, "embedded"), Recorder())
    first = stored(directory)
    assert judge_names(first) == ["squeezenet1_1", "emojinet (took part)"]
    assert first.judges[1].pictures == first.network.pictures
    other = small_judge.replace("{", "{name: squeezenet1_1, ")
    still = next((directory / "stills").glob("0001-*.png"))
    still.unlink()
    evaluate(directory, judges(other), Recorder())
    second = stored(directory)
    assert judge_names(second) == ["squeezenet1_1", "emojinet (took part)"]
    kept = tuple(one for one in first.judges[1].pictures if one.index != 1)
    assert second.judges[1] == first.judges[1].model_copy(update={"pictures": kept, "figures": measure(kept)})
    assert [score.shown for score in second.judges[0].pictures if score.index == 1] == [("film",)]


def test_a_file_of_weights_alone_is_no_judge() -> None:
    with pytest.raises(UserError, match=r"torchvision:NAME, and the file with --weights some/net\.safetensors"):
        judges("some/net.safetensors")


def test_what_judges_said_of_pictures_that_are_gone_counts_no_more(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run", "film.chains=1")
    before = evaluate(directory, judges(small_judge), Recorder()).judges
    recorder = Recorder()
    assert evaluate(directory, [], recorder).judges == before
    rendered(directory, "film.chains=1", "classes.select=[1,2]")
    (fewer,) = evaluate(directory, [], recorder).judges
    assert [score.index for score in fewer.pictures] == [1, 2]
    assert [one.pictures for one in fewer.figures] == [2]
    assert before[0].unknown
    assert not fewer.unknown, "the run no longer has that class"
    other = request(directory, "film.chains=1", "classes.select=[1,2]", "run.seed=5")
    render(replace(other, agree=lambda _text: True), Recorder(), FakeWorker)
    assert evaluate(directory, [], recorder).judges == ()
    assert stored(directory).judges == ()
    notes = [note for note in recorder.notes if "asked about" in note]
    assert len(notes) == 2
    assert "1 of 3 pictures that are no longer there" in notes[0]
    assert "ask it again with --judge" in notes[1]


def test_of_an_interrupted_change_nothing_counts_that_is_gone(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run")
    evaluate(directory, judges(small_judge), Recorder())

    def interrupt(frame: int) -> None:
        if frame == 30:
            raise KeyboardInterrupt

    other = replace(request(directory, "run.seed=5"), agree=lambda _text: True)
    with pytest.raises(KeyboardInterrupt):
        render(other, Recorder(), lambda settings: FakeWorker(settings, interrupt))
    evaluation = evaluate(directory, [], Recorder())
    in_film = {score.index for score in evaluation.network.pictures if "film" in score.shown}
    assert 0 < len(in_film) < 4
    assert not [score for judge in evaluation.judges for score in judge.pictures if "film" in score.shown]


def test_judgements_of_earlier_versions_count_where_their_still_is_there(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run")
    (judge,) = evaluate(directory, judges(small_judge), Recorder()).judges
    path = directory / "evaluation.json"
    data = json.loads(path.read_text())
    for score in data["judges"][0]["pictures"]:
        del score["picture_digest"]
    path.write_text(json.dumps(data))
    (older,) = evaluate(directory, [], Recorder()).judges
    assert {(score.index, score.shown) for score in judge.pictures if score.still_digest} == {
        (score.index, score.shown) for score in older.pictures
    }
    assert len(older.pictures) < len(judge.pictures), "of a frame it cannot be told"


def test_judges_of_one_name_are_told_apart_by_their_weights(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        weights = tmp_path / "other.safetensors"
        save_file(models.squeezenet1_1(weights=None, num_classes=4).state_dict(), weights)
    csv = small_judge.partition("classes: ")[2].removesuffix("}")
    other = f"{{source: torchvision, weights: {weights}, classes: {csv}}}"
    evaluation = evaluate(directory, judges(small_judge, other), Recorder())
    assert judge_names(evaluation) == ["squeezenet1_1 (judge.safetensors)", "squeezenet1_1 (other.safetensors)"]


def test_of_an_unfinished_run_what_is_done_is_scored(tmp_path: Path, small_judge: str) -> None:
    def interrupt(frame: int) -> None:
        if frame == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path / "run"), Recorder(), lambda settings: FakeWorker(settings, interrupt))
    recorder = Recorder()
    evaluate(tmp_path / "run", judges(small_judge), recorder)
    assert {score.index for score in stored(tmp_path / "run").network.pictures} == {1, 3}
    assert [score.index for score in stored(tmp_path / "run").judges[0].pictures] == [1]
    assert (recorder.units, recorder.total.classes) == (["pictures"], 2)
    rendered(tmp_path / "run")
    evaluate(tmp_path / "run", judges(small_judge), Recorder())
    assert [score.index for score in stored(tmp_path / "run").judges[0].pictures] == [1, 2, 2, 5]


def test_a_run_can_be_evaluated_while_it_is_rendered(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run")
    page = directory / "index.html"
    before = page.read_bytes()
    recorder = Recorder()
    with locked(RunPaths(directory).lock):
        evaluate(directory, judges(small_judge), recorder)
    assert len(stored(directory).judges) == 1
    assert page.read_bytes() == before
    assert [note.partition(" is rendering here")[0] for note in recorder.notes] == [f"process {os.getpid()}"]


def test_stills_alone_have_no_frames(tmp_path: Path) -> None:
    render_stills(request(tmp_path / "run"), Recorder(), FakeWorker)
    evaluation = evaluate(tmp_path / "run", [], Recorder())
    assert [(one.shown, one.pictures) for one in evaluation.network.figures] == [(("still",), 4)]


def test_a_damaged_picture_is_left_out(tmp_path: Path) -> None:
    directory = rendered(tmp_path / "run", "film.chains=1")
    still = next((directory / "stills").glob("0002-*.png"))
    frame = located(directory, "state/0003-001.png")
    for path in (still, frame):
        path.write_bytes(path.read_bytes()[:-9] + b"something")
    evaluation = evaluate(directory, [], Recorder())
    shown = {one.index: one.shown for one in evaluation.network.pictures}
    assert shown == {1: ("still", "film"), 2: ("film",), 3: ("still", "film"), 5: ("still",)}


def test_the_page_shows_no_judge_of_a_still_that_has_changed(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run", "film.chains=1")
    evaluate(directory, judges(small_judge), Recorder())
    render_stills(request(directory, "film.chains=1"), Recorder(), FakeWorker)
    contents = page_contents(directory)
    assert isinstance(contents["classes"], list)
    assert not any("judged" in one for one in contents["classes"])
    evaluate(directory, judges(small_judge), Recorder())
    contents = page_contents(directory)
    assert isinstance(contents["classes"], list)
    assert sum("judged" in one for one in contents["classes"]) == 3


def test_a_damaged_evaluation_is_written_anew(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run")
    (directory / "evaluation.json").write_text('{"version": 99}')
    recorder = Recorder()
    evaluate(directory, judges(small_judge), recorder)
    assert len(stored(directory).judges) == 1
    assert ["was damaged" in note for note in recorder.notes] == [True]


def test_restart_removes_what_judges_said(tmp_path: Path) -> None:
    directory = rendered(tmp_path / "run")
    evaluate(directory, [], Recorder())
    render(request(directory, "classes.select=[7]", restart=True), Recorder(), FakeWorker)
    assert not (directory / "evaluation.json").exists()


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        ("torchvision:resnt18", r"--judge torchvision:resnt18: network\.name: .*no classification model 'resnt18'"),
        ("{source: torchvision, weights: gone.pth}", r"gone\.pth}: network\.weights: there is no file gone\.pth"),
    ],
)
def test_what_is_wrong_with_a_judge_is_said_with_its_name(tmp_path: Path, judge: str, message: str) -> None:
    directory = rendered(tmp_path / "run")
    with pytest.raises(UserError, match=message):
        evaluate(directory, judges(judge), Recorder())
    assert not (directory / "evaluation.json").exists()


@pytest.mark.parametrize("judge", ["torchvision:squeezenet1_1", "caffe:vgg_cnn_s"])
def test_weights_that_cannot_be_had_are_asked_for_by_the_option_of_this_command(
    tmp_path: Path, judge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    directory = rendered(tmp_path / "run")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    asked = named_networks([judge], ["gone.caffemodel"] if judge.startswith("caffe") else [])
    with pytest.raises(UserError, match=r"or say where the file is: --weights /path/to/\w") as caught:
        evaluate(directory, asked, Recorder())
    assert "--set" not in str(caught.value)


def test_a_judge_without_a_class_of_the_run_is_refused(tmp_path: Path, small_judge: str) -> None:
    directory = rendered(tmp_path / "run", "classes.select=[3]")
    with pytest.raises(UserError, match=f"none of the run's 1 classes .{TITLES[3]}"):
        evaluate(directory, judges(small_judge), Recorder())


def test_a_directory_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        evaluate(tmp_path, [], Recorder())

    def fail(frame: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(request(tmp_path / "run"), Recorder(), lambda settings: FakeWorker(settings, fail))
    with pytest.raises(UserError, match="no finished class yet"):
        evaluate(tmp_path / "run", [], Recorder())


def test_weights_go_with_judges_in_their_order() -> None:
    found = named_networks(["torchvision:alexnet", "torchvision:vgg16"], ["a.pth", "b.pth"])
    assert [(one.settings.name, one.settings.weights) for one in found if one.settings.source == "torchvision"] == [
        ("alexnet", "a.pth"), ("vgg16", "b.pth")
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"--weights is given 1 times and --judge 2 times"):
        named_networks(["torchvision:alexnet", "embedded"], ["a.pth"])
    with pytest.raises(UserError, match="--weights"):
        named_networks([], ["a.pth"])


def test_weights_of_a_network_that_has_none_are_refused() -> None:
    with pytest.raises(UserError, match=r"--judge embedded: network\.weights: goes with network\.source"):
        named_networks(["embedded"], ["a.pth"])


def test_a_real_network_judges_what_another_dreamed(
    tmp_path: Path, squeezenet_weights: Path, mobilenet_weights: Path
) -> None:
    sizes = ("stills.width=160", "stills.height=128", "stills.steps=24", "stills.retries=0", "run.device=cpu")
    sizes = (*sizes, "run.precision=float32")  # as judges compute
    overrides = (f"network={{source: torchvision, weights: {squeezenet_weights}}}", "classes.select=[130,281]", *sizes)
    index = render_stills(request(tmp_path / "run", *overrides), Recorder()).index
    asked = named_networks(["torchvision:mobilenet_v2"], [str(mobilenet_weights)])
    evaluation = evaluate(tmp_path / "run", asked, Recorder())
    for entry, score in zip(index.classes, evaluation.network.pictures, strict=True):
        assert score.rank == entry.rank
        assert score.probability == pytest.approx(entry.probability, rel=1e-3)
    (judge,) = evaluation.judges
    assert (judge.network["name"], judge.unknown) == ("mobilenet_v2", ())
    for score in judge.pictures:
        assert [seen.dreamed for seen in score.top] == [
            seen.index if seen.index in {130, 281} else None for seen in score.top
        ]
