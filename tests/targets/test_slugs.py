import re

import pytest

from renderer.targets.class_lists import load_emoji_classes, load_imagenet_classes
from renderer.targets.slugs import slug, still_name
from renderer.targets.target import class_target


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("great white shark", "great-white-shark"),
        ("jack-o'-lantern", "jack-o-lantern"),
        ("Café Zürich", "cafe-zurich"),
        ("../x", "x"),
        ("..", "class"),
        ("a/b\\c:d\0", "a-b-c-d"),
        ("😀", "class"),
        ("\u202e\u05e9\u05dc\u05d5\u05dd", "class"),
        ("", "class"),
        ("flag: Côte d\u2019Ivoire", "flag-cote-divoire"),
        ("x" * 100, "x" * 60),
    ],
)
def test_slug(title, expected):
    assert slug(title) == expected


def test_long_slug_ends_with_a_whole_word():
    title = " ".join(f"word{number}" for number in range(40))
    assert 50 < len(slug(title)) <= 60
    assert title.replace(" ", "-").startswith(f"{slug(title)}-")


def test_slugs_of_all_known_titles_are_safe():
    for record in (*load_imagenet_classes(), *load_emoji_classes()):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug(record.title)), record.title


def test_still_names_sort_by_index():
    assert still_name(class_target(7, "cock")) == "0007-cock.png"
    names = [still_name(class_target(index, "b" if index % 2 else "a")) for index in (2, 11, 102, 999)]
    assert names == sorted(names)
