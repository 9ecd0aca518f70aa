import math

import pytest

from renderer.common.errors import UserError
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
        (f"a: {'9' * 5000}\n", 1, ["cannot be read"]),
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
