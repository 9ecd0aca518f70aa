"""`run.yaml` holds all that a run was asked for."""

from pathlib import Path

import pytest
import yaml

from renderer.common.errors import UserError
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.settings.sections import Film, Settings, Video
from renderer.store.run_file import RunFile, current_versions, is_run_file, read_run_file, write_run_file
from renderer.targets.selection import Classes
from renderer.targets.target import class_target

_CLASSES = (
    class_target(7, 'a "cock": #1', "n01514668", ("cock", "rooster; bird"), ("entity", "bird")),
    class_target(8, "no"),
    class_target(10, "two\nlines \u2028 and \x85 more"),
    class_target(9, "ostrich \U0001f426", None, ("1e3",), ()),
)


def _run() -> RunFile:
    settings = Settings(
        network=TorchvisionNetwork(weights="a/b.safetensors", classes=Path("my classes.csv")),
        classes=Classes(select=("under:animal", 5, "0-9")),
        film=Film(width=320, crossfade_seconds=1e-5),
        video=Video(audio=Path("music.ogg"), title="two\u2028lines\x85more", comment="1e-3"),
    )
    return RunFile(
        name="quick",
        film=False,
        fingerprints={"film": "f"},
        network={"source": "torchvision", "weights": "0123"},
        font="4567",
        versions=current_versions(),
        settings=settings,
        targets=_CLASSES,
    )


def test_it_comes_back_as_it_was_and_is_plain_yaml(tmp_path: Path) -> None:
    run = _run()
    write_run_file(tmp_path / "run.yaml", run)
    assert read_run_file(tmp_path / "run.yaml") == run
    plain = yaml.safe_load((tmp_path / "run.yaml").read_text(encoding="utf-8"))
    assert plain["settings"]["film"]["width"] == 320
    assert [row["title"] for row in plain["targets"]] == [record.title for record in _CLASSES]


def test_a_file_without_its_heading_is_still_known(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    assert not is_run_file(path)
    write_run_file(path, _run())
    lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join(line for line in lines if not line.startswith("#")), encoding="utf-8")
    assert is_run_file(path)


def test_versions_name_what_pixels_depend_on() -> None:
    versions = current_versions()
    assert {"python", "torch", "numpy", "neuron-atlas"} <= versions.keys()
    assert versions["numpy"][0].isdigit()


@pytest.mark.parametrize("text", ["", "[", "name: x", "name: x\nsettings: {film: {width: wide}}\ntargets: []", "\xff"])
def test_a_damaged_file_is_the_users_to_mend(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.yaml"
    write_run_file(path, _run())
    heading = path.read_text(encoding="utf-8").splitlines()[0]
    path.write_text(f"{heading}\n{text}", encoding="latin-1")
    assert is_run_file(path)
    with pytest.raises(UserError, match="--restart"):
        read_run_file(path)
    path.write_text(text, encoding="latin-1")
    assert not is_run_file(path)
    with pytest.raises(UserError, match="another program") as caught:
        read_run_file(path)
    assert "--restart" not in str(caught.value)
    with pytest.raises(UserError, match="holds no run"):
        read_run_file(tmp_path / "other" / "run.yaml")
