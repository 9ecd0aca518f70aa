"""The commands for who begins: `init` and `docs`, and what the shell completes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from renderer.cli import main
from renderer.common.documents import documents, templates
from renderer.settings.loading import load_settings
from renderer.settings.shipped import shipped_configs

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_writes_what_check_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init") == 0
    said = capsys.readouterr().out
    assert "neuron-atlas check film.yaml\n" in said and "neuron-atlas render film.yaml" in said
    assert load_settings("film.yaml").name == "film"
    assert run("check", "film.yaml", "--quick") == 0
    schema = Path("film.yaml").read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]
    assert Path(schema).is_file()  # from the configuration's folder, which this is


def test_init_makes_folders_and_names_commands_that_work_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("init", "my films/one") == 0
    assert "neuron-atlas check 'my films/one.yaml'\n" in capsys.readouterr().out
    assert {path.name for path in Path("my films").iterdir()} == {"one.yaml", "neuron-atlas.schema.json"}
    assert "# neuron-atlas render 'my films/one.yaml'\n" in Path("my films/one.yaml").read_text(encoding="utf-8")


def test_init_never_overwrites(capsys: pytest.CaptureFixture[str]) -> None:
    Path("film.yaml").write_text("mine")
    assert run("init") == 2
    assert "film.yaml is there already, and is left as it is; choose another name" in capsys.readouterr().err
    assert [path.read_text() for path in Path().iterdir()] == ["mine"]
    Path("neuron-atlas.schema.json").write_text("[1]")
    assert run("init", "other") == 2
    assert "neuron-atlas.schema.json is there already, and is no schema of this program" in capsys.readouterr().err
    assert not Path("other.yaml").exists()


def test_init_brings_an_older_schema_up_to_date() -> None:
    assert run("init") == 0
    schema = Path("neuron-atlas.schema.json")
    current = schema.read_text(encoding="utf-8")
    schema.write_text(current.replace('"film"', '"movie"'), encoding="utf-8")
    assert run("init", "another") == 0
    assert schema.read_text(encoding="utf-8") == current


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "cannot name a configuration"),
        ("..", "cannot name a configuration"),
        ("folder/", "cannot name a configuration"),
        (".hidden", "cannot name a configuration"),
        ("two\nlines", "cannot name a configuration"),
        ("a" * 200, "cannot name a configuration"),
        ("imagenet", "is the name of a shipped configuration"),
        ("run", "is what runs call their own settings"),
        ("file/film", "is a file; choose another place"),
    ],
)
def test_init_refuses_odd_names(name: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    assert run("init", "--", name) == 2
    assert told in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["file"]


def test_docs_lists_topics_and_prints_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("docs") == 0
    lines = capsys.readouterr().out.splitlines()
    known = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))
    assert [line.split()[0] for line in lines] == [*known, "flamenco.js", "opencue_job.py", "slurm.sh"]
    assert all(len(line.split()) > 1 for line in lines)
    assert run("docs", "stills") == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "stills.md").read_text(encoding="utf-8")


def test_an_unknown_topic_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("docs", "setings") == 2
    assert "setings: no such document; did you mean settings?" in capsys.readouterr().err
    assert run("docs", "set") == 2
    assert "set: no such document; did you mean settings?" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="a terminal is made by pty")
def test_docs_are_formatted_and_paged_on_a_terminal() -> None:
    script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) != 0)"
    docs = [sys.executable, "-c", "from renderer.cli import main; main(['docs', 'stills'])"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PAGER": "sed s/^/paged:/", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-c", script, *docs],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode())
    assert "paged:" in shown  # another test of the process may leave words before it
    assert "# Stills" not in shown and "Stills" in shown


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["render", "ani"], ["animals"]),
        (["stills", "mine"], ["mine.yaml"]),
        (["check", ""], [*shipped_configs(), "mine.yaml"]),
        (["classes", "quick"], ["quickstart"]),
        (["docs", "pre"], ["presets"]),
        (["docs", ""], [*documents(), *templates()]),
        (["docs", "sl"], ["slurm.sh"]),
    ],
)
def test_the_shell_completes_configurations_and_topics(words: list[str], expected: list[str]) -> None:
    Path("mine.yaml").touch()
    environment = {
        "PYTHONPATH": str(ROOT),
        "_NEURON_ATLAS_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["neuron-atlas", *words]),
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, "-c", "from renderer.cli import main; main()"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == expected
