import math
import subprocess
import sys

import pytest

from renderer.common.errors import UserError
from renderer.settings import yaml_limits
from renderer.settings.yaml_source import dump_yaml, parse_yaml, read_dumped


def parse(text):
    return parse_yaml(text, lambda line: f"f.yaml:{line}").plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("-2.5E+3", -2500.0),
        (".5", 0.5),
        ("7.", 7.0),
        ("0123", 123),
        ("0007", 7),
        ("+12", 12),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0-9", "0-9"),
        ("2026-11-20", "2026-11-20"),
        ("0b11", "0b11"),
        ("on", "on"),
        ("Off", "Off"),
        ("yes", "yes"),
        ("n", "n"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("null", None),
        ('"12"', "12"),
        ("!!str 12", "12"),
        ("[a, {b: [1, 2.0]}]", ["a", {"b": [1, 2.0]}]),
        ("-.inf", -math.inf),
    ],
)
def test_values_are_those_of_the_core_schema(text, value):
    parsed = parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_keys_stay_as_they_are_written():
    assert parse("on: 1\n1e3: 2\n0007: 3\n") == {"on": 1, "1e3": 2, "0007": 3}


def test_values_know_their_lines():
    tree = parse_yaml("a: 1\nb:\n  c:\n    - 1\n    - 2\n", lambda line: f"f.yaml:{line}")
    assert tree.value["b"].value["c"].place == "f.yaml:3"
    assert tree.value["b"].value["c"].value[1].place == "f.yaml:5"


def test_anchors_and_merge_keys():
    text = "base: &base {width: 20, height: 30}\nother: {<<: *base, height: 40}\nlist: [&x 1, *x]\n"
    assert parse(text)["other"] == {"width": 20, "height": 40}
    assert parse(text)["list"] == [1, 1]


def test_first_of_several_merged_mappings_wins():
    assert parse("a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc: {<<: [*a, *b]}")["c"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", 4, ["a.b", "twice", "line 2"]),
        ("a:\n\tb: 1\n", 2, ["spaces", "tabs"]),
        ("a: 1\nb: [1, 2\n", 3, ["line 2", "close every bracket"]),
        ("a: *terrier*\n", 1, ["*", "quotes"]),
        ("a: b: c\n", 1, ['": "', "quotes"]),
        ("a: 1\n---\nb: 2\n", 2, ["document", "keep one"]),
        ("a: 1\nb: \x00\n", 2, ["U+0000", "remove"]),
        ("a: &a [*a]\n", 1, ["alias", "write it out"]),
        ("a: !!python/object:os.system ls\n", 1, ["tag", "remove"]),
        ("a: !!int seven\n", 1, ["seven", "tag"]),
        ("? [a]\n: b\n", 1, ["key must be a word"]),
        ("a: {<<: 3}\n", 1, ["<<", "mapping"]),
        ('a: "\\ud800"\n', 1, ["cannot be read"]),
        (f"a: {'9' * 5000}\n", 1, ["a: the number", "5000 characters", "in quotes"]),
        (f"a: 0x{'f' * 10**5}", 1, ["a: the number 0xff", "in quotes"]),
        (f"a: !!float '{'1' * 5000}'", 1, ["a: the number 111"]),
        (f"a: !{'x' * 5000} b", 1, ["tag", "remove"]),
        (f"a: *{'x' * 5000}", 1, ["alias", "quotes"]),
        (f"? {'x' * 5000}\n: 1\n? {'x' * 5000}\n: 2\n", 3, ["twice"]),
        ('"\\ud800": 1\n', 1, ["cannot be read"]),
        ('a:\n  b: "x\\0y"\n', 2, ["a.b: ", "NUL", "remove"]),
        ('a: 1\n"b\\0": 1\n', 2, ["NUL", "remove"]),
        ("[" * 3000, 1, ["nested too deeply"]),
    ],
)
def test_what_is_no_yaml_for_settings_is_refused_with_place_and_remedy(text, line, words):
    with pytest.raises(UserError) as caught:
        parse(text)
    message = str(caught.value)
    assert message.startswith(f"f.yaml:{line}: ")
    assert all(word in message for word in words), message
    assert len(message) < 300


def bomb(level):
    """Ten aliases to ten aliases to ten aliases..."""
    rows = [f"a{i}: &a{i} [{', '.join(10 * [f'*a{i - 1}'])}]\n" for i in range(1, level)]
    return "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(rows)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (bomb(6), 5, ["50,000 values", "alias"]),
        (bomb(40), 5, ["50,000 values", "alias"]),
        (bomb(40).replace("[*", "{<<: [*").replace("]\n", "]}\n").replace("[x", "{x: [x", 1), 5, ["50,000 values"]),
        (f"a: &a {'x' * 300_000}\nb: [*a, *a, *a]\n", 2, ["1,000,000 characters", "alias"]),
        (f"a: &a {{? {'x' * 300_000} }}\nb: [*a, *a, *a]\n", 2, ["1,000,000 characters", "alias"]),
        ("a0: &a0 []\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 5000)), 51, ["too deeply", "50 lev"]),
        ("[" * 200_000, 1, ["too deeply"]),
        ("- " * 200_000, 1, ["too deeply"]),
        ("- a\n" * 60_000, 50_000, ["50,000 values", "ranges"]),
        ("#" * 1_000_001, 1, ["too long", "right file"]),
    ],
)
def test_what_would_take_all_memory_is_refused(text, line, words):
    with pytest.raises(UserError) as caught:
        parse(text)
    message = str(caught.value)
    assert message.startswith(f"f.yaml:{line}: ")
    assert all(word in message for word in words), message
    assert len(message) < 300


def test_every_class_of_the_largest_list_may_be_named():
    assert len(parse("select:\n" + "".join(f"  - class number {i}\n" for i in range(21_841)))["select"]) == 21_841


def read_apart(text):
    """What comes of a text in another process, which it may take down."""
    program = (
        "import sys, yaml; from renderer.settings.yaml_source import read_dumped\n"
        "try: read_dumped(sys.stdin.buffer.read())\n"
        "except (yaml.YAMLError, ValueError): print('refused')"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=False, input=text, text=True, capture_output=True, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "{" * 200_000, "- " * 200_000, "? " * 200_000, bomb(20), "a: &a b", "!!set {a}", '"\\0"']
)
def test_what_was_never_dumped_is_refused_before_it_can_do_harm(text):
    assert read_apart(text) == (0, "refused\n")


def test_a_dumped_number_is_not_counted_in_hours():
    assert read_dumped(f"a: 1{':1' * 100_000}".encode())["a"].startswith("1:1:1")


def test_a_dumped_file_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(yaml_limits, "MOST_DUMPED_BYTES", 10)
    with pytest.raises(ValueError, match="bytes"):
        read_dumped(b"a: 123456789")


NASTY = ["1e-3", "on", "0123", "1:30", "0o17", "null", "~", "", " a ", "a: b", "#fff", "*x", "<<", "=", "2026-11-20"]
NASTY += ["😀\u200f", "a\x85b", "\u2028", "line\nbreak", "tab\t", "'", '"', "- x", "{title}", "\x07", ".inf", "x" * 300]


@pytest.mark.parametrize("text", NASTY)
def test_dumped_text_is_read_as_the_same_text(text):
    data = {"a": text, "b": [text, text]}
    assert parse(dump_yaml(data)) == data
    assert read_dumped(dump_yaml(data).encode()) == data


@pytest.mark.parametrize("number", [0, -3, 2**63 - 1, 0.1, 1e-07, 1e300, -2.5, 1.0])
def test_dumped_numbers_are_read_as_the_same_numbers(number):
    (parsed,) = parse(dump_yaml([number]))
    assert parsed == number
    assert type(parsed) is type(number)
