"""Whatever a title, a path or a file says, it moves no cursor and colors no terminal."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from renderer.cli import main
from renderer.common.printable import printable
from renderer.common.progress import Amount
from renderer.display import print_finding, print_table, progress_on
from renderer.jobs.preflight import Finding

EVIL = "a\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202eb\u2028"
HARMFUL = set("\x07\r\x9b\u202e\u2028")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [red] \\x1b", "plain [red] \\x1b"),
        (EVIL, "a\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\r\\u202eb\\u2028"),
        ("\ud800\udcff", "\\ud800\\udcff"),
        ("two\nlines\tor so", "two\\nlines\\tor so"),
        ("é 😀 👩\u200d🚀 ❤\ufe0f", "é 😀 👩\u200d🚀 ❤\ufe0f"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_may_be_kept() -> None:
    assert printable("a\nb\x1b\n", lines=True) == "a\nb\\x1b\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_that_is_displayed_reaches_the_terminal_raw(terminal: bool) -> None:
    def show(title: str) -> str:
        console = Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)
        print_table(console, [{"title": title, "group": [title], "a\tb": f"{title}\n"}])
        print_finding(console, Finding("text", "failed", title))
        with progress_on(console) as progress:
            progress.begin("frames", total=Amount(50, 2), done=Amount(10, 0))
            progress.advance(Amount(20, 1), [title])
            progress.note(title)
            progress.end()
        return console.file.getvalue()

    evil, tame = show(EVIL), show("tame")
    assert evil.count("owned") >= 5 - (not terminal)
    assert not HARMFUL & set(evil) - set(tame)
    assert evil.count("\x1b") == tame.count("\x1b")
    if not terminal:
        assert len(evil.splitlines()) == len(tame.splitlines())


@pytest.fixture
def evil_config(tmp_path: Path) -> Path:
    rows = "".join(f"{index},class {index},s\n" for index in range(1, 1000))
    (tmp_path / "classes.csv").write_text(f'index,title,hypernyms\n0,"{EVIL}","{EVIL}"\n{rows}', newline="")
    network = {"source": "torchvision", "name": "resnet18", "classes": str(tmp_path / "classes.csv")}
    config = tmp_path / "evil.yaml"
    config.write_text(json.dumps({"network": network, "overlay": {"lines": []}}))
    return config


def test_hostile_titles_are_listed_harmlessly(evil_config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("classes", str(evil_config), "--set", "classes.select=[0, 1]") == 0
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 4
    assert not (HARMFUL | {"\x1b"}) & set("".join(lines))
    assert "\\x1b]0;owned" in lines[1]


@pytest.mark.parametrize(
    "override",
    [
        f"classes.select=under:{json.dumps(EVIL)[1:-2]}",
        f"classes.select={json.dumps('ow' + EVIL)}",
        f"{EVIL}=1",
        f"film={{{json.dumps(EVIL)}: 1}}",
        f"film.width={EVIL}",
        f"network.weights={json.dumps(f'/{EVIL}.pth')}",
    ],
)
def test_hostile_settings_are_refused_harmlessly(
    evil_config: Path, override: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = run("check", str(evil_config), "--quick", "-o", str(tmp_path / "out"), "--set", override)
    shown = "".join(capsys.readouterr())
    assert code == 2
    assert "\\x" in shown
    assert not (HARMFUL | {"\x1b"}) & set(shown)


def test_a_hostile_path_is_named_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", f"/nowhere/{EVIL}") == 2
    shown = capsys.readouterr().err
    assert "\\x1b]0;owned" in shown
    assert not (HARMFUL | {"\x1b"}) & set(shown)
