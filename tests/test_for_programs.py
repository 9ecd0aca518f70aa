"""What other programs read: scores as a table, a run's state, and groups with their classes."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderer.atlas.score_table import COLUMNS
from renderer.cli import main
from renderer.jobs.commands import render
from renderer.jobs.status import run_status, status_data
from renderer.store.evaluation_file import read_evaluation
from renderer.targets.grouping import group_rows
from renderer.targets.target import class_target
from tests.fake_worker import FakeWorker
from tests.film_helpers import Recorder, located, request


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose stills of 2 and 5, the last of their chains, are not what the film shows; 2 has another one yet."""
    directory = tmp_path_factory.mktemp("run")
    render(request(directory), Recorder(), FakeWorker)
    return directory


@pytest.fixture(scope="module")
def evaluated(rendered: Path) -> Iterator[tuple[Path, list[dict[str, str]]]]:
    file = rendered.parent / "tables" / "scores.csv"
    assert run("evaluate", str(rendered), "--judge", "embedded", "--csv", str(file)) == 0
    yield rendered, rows_of(file.read_text(encoding="utf-8"))


def test_every_picture_has_a_row_for_each_network_and_view(
    evaluated: tuple[Path, list[dict[str, str]]],
) -> None:
    directory, rows = evaluated
    assert list(rows[0]) == list(COLUMNS)
    counted = Counter((row["network"], row["role"], row["view"]) for row in rows)
    assert counted == {("emojinet", role, view): 4 for role in ("dreamer", "companion") for view in ("still", "film")}
    assert {row["run"] for row in rows} == {str(directory)}


def test_a_table_says_what_the_evaluation_says(evaluated: tuple[Path, list[dict[str, str]]]) -> None:
    directory, rows = evaluated
    found = read_evaluation(directory / "evaluation.json")
    assert found
    for picture in found.network.pictures:
        for view in picture.shown:
            (row,) = [
                row for row in rows
                if (row["role"], row["view"], int(row["index"])) == ("dreamer", view, picture.index)
            ]  # fmt: skip
            assert (int(row["rank"]), float(row["probability"])) == (picture.rank, picture.probability)
            assert (row["title"], row["wnid"], row["activation"]) == (picture.title, "", "")
            seen = [(row[f"top_{place}_title"], int(row[f"top_{place}_index"])) for place in range(1, 6)]
            assert seen == [(one.title, one.index) for one in picture.top]
            assert float(row["top_5_probability"]) == picture.top[4].probability


def test_a_table_on_standard_output_is_alone_there(rendered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", str(rendered), "--csv", "-") == 0
    said = capsys.readouterr()
    assert {len(row) for row in csv.reader(io.StringIO(said.out))} == {len(COLUMNS)}
    assert "mean log-probability" in said.err


@pytest.mark.parametrize("name", ["", "run.yaml/scores.csv", "atlas.json", "scores.csv", "../notes.md"])
def test_a_table_that_cannot_be_written_is_refused_first(
    rendered: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (rendered.parent / "notes.md").write_text("not a table")
    assert run("evaluate", str(rendered), "--csv", str(rendered / name)) == 2
    said = capsys.readouterr().err
    assert "--csv" in said and "pictures" not in said


def test_a_state_tells_all_that_status_does(rendered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", str(rendered), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["film"] == {
        "classes_done": 4, "classes": 4, "pictures_done": 40, "pictures": 40, "share": 1.0, "seconds_left": 0.0
    }  # fmt: skip
    assert (found["name"], found["directory"], found["is_finished"]) == ("tiny", str(rendered), True)
    assert (found["stills"], found["worker"], found["damaged"], found["problem"]) == (None, None, [], None)
    assert Path(found["film_path"]).is_file()


def test_a_state_tells_what_is_left_and_damaged(tmp_path: Path) -> None:
    render(request(tmp_path), Recorder(), FakeWorker)
    segment = located(tmp_path, "segments/0000-000.mkv")
    segment.write_bytes(b"")
    found = status_data(run_status(tmp_path), tmp_path)
    assert found["damaged"] == [segment.stem] and found["is_finished"] is False
    assert found["film"]["pictures_done"] == 32 and found["film"]["seconds_left"] > 0


def test_groups_are_listed_with_their_selected_classes(capsys: pytest.CaptureFixture[str]) -> None:
    selection = ("--set", 'classes.select=["under:food-fruit", "pizza"]')
    assert run("classes", "quickstart", "--groups", "--json", *selection) == 0
    groups = json.loads(capsys.readouterr().out)
    by_name = {row["group"]: row for row in groups}
    assert by_name["food-fruit"]["selected"] == by_name["food-fruit"]["classes"] > 0
    assert by_name["Food & Drink"]["selected"] == by_name["food-fruit"]["classes"] + 1
    assert [row["selected"] for row in groups] == sorted((row["selected"] for row in groups), reverse=True)
    assert any(row["selected"] == 0 for row in groups)
    assert run("classes", "quickstart", "--groups") == 0
    assert capsys.readouterr().out.splitlines()[0].split("\t") == ["group", "selected", "classes"]


def test_each_group_can_be_selected_as_it_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("classes", "imagenet", "--groups", "--json") == 0
    groups = json.loads(capsys.readouterr().out)
    assert len(groups) > 100
    for row in groups[:: len(groups) // 8]:
        name = json.dumps(f"under:{row['group']}")
        assert run("classes", "imagenet", "--json", "--set", f"classes.select=[{name}]") == 0
        assert len(json.loads(capsys.readouterr().out)) == row["classes"] == row["selected"]


def test_groups_of_one_spelling_are_one_and_where_none_are_none_are_listed() -> None:
    known = [
        class_target(0, "a", groups=("Dog", "terrier")),
        class_target(1, "b", groups=("dog",)),
        class_target(2, "c", groups=("dog", "DOG")),
    ]
    assert group_rows(known, known[:2]) == [
        {"group": "Dog", "selected": 2, "classes": 3},
        {"group": "terrier", "selected": 1, "classes": 1},
    ]
    assert group_rows([class_target(0, "a")], []) == []
