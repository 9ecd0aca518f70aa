import json

import numpy as np
import pytest

from renderer.common.errors import UserError
from renderer.targets import entries
from renderer.targets.class_lists import load_imagenet_classes
from renderer.targets.selection import Classes, select_classes
from renderer.targets.target import class_target

IMAGENET = load_imagenet_classes()
ODD = tuple(
    class_target(index, title, synonyms=synonyms, groups=path)
    for index, (title, synonyms, path) in enumerate(
        [
            ("1", (), ("digit", "odd")),
            ("0-2", ("dash",), ("range",)),
            ("keycap: *", ("*️⃣",), ("Symbols & Signs",)),
            ("all", (), ("word",)),
            ("1984", ("book",), ("word",)),
            ("Polish", (), ("word",)),
            ("polish", ("shine",), ("word",)),
            ("ping-pong", ("0-99",), ("game",)),
        ]
    )
)


def chosen(known=ODD, seed=0, output_weights=None, **settings):
    classes = Classes.model_validate_json(json.dumps(settings))
    return [record.index for record in select_classes(classes, known, seed=seed, output_weights=output_weights)]


def test_listed_classes_come_in_the_order_of_the_entries():
    assert chosen(select=["[1]", 7, "under:word", "under:digit", "all"], order="listed") == [0, 7, 3, 4, 5, 6, 1, 2]
    assert chosen(select=["under:word", 7], exclude=["1984"], order="listed", limit=3) == [3, 5, 6]


@pytest.mark.parametrize(
    ("entry", "indices"),
    [
        (7, [7]),
        ("0007", [7]),
        ("0-9", list(range(10))),
        ("0000 - 0002", [0, 1, 2]),
        ("999-999", [999]),
        ("n02123045", [281]),
        ("N02123045", [281]),
        ("tabby", [281]),
        ("TENCH", [0]),
        ("tinca TINCA", [0]),
        ("cardigan", [474]),
        ("Cardigan", [264]),
        ("CARDIGAN", [264, 474]),
        ("jack-o'-lantern", [607]),
        ("great*shark", [2]),
        ("*man-eat*", [2]),
        ("under:shark", [2, 3, 4]),
        ("Under: Mackerel Shark", [2]),
    ],
)
def test_entry_among_imagenet_classes(entry, indices):
    assert chosen(IMAGENET, select=[entry]) == indices


@pytest.mark.parametrize(
    ("entry", "indices"),
    [
        ("all", list(range(8))),
        ("1", [1]),
        ("[1]", [0]),
        ("0-2", [0, 1, 2]),
        ("dash", [1]),
        ("[0]-2", [1]),
        ("keycap: *", [2]),
        ("*️⃣", [2]),
        ("[a]ll", [3]),
        ("1984", [4]),
        ("Polish", [5]),
        ("POLISH", [5, 6]),
        ("ping-pong", [7]),
        ("0-99", [7]),
        ("under:*&*", [2]),
        ("under:WORD", [3, 4, 5, 6]),
    ],
)
def test_numbers_come_before_titles_and_titles_before_globs(entry, indices):
    assert chosen(select=[entry]) == indices


def test_terriers_by_glob_are_all_whose_title_or_synonym_says_so():
    expected = [r.index for r in IMAGENET if any("terrier" in name.lower() for name in (r.title, *r.synonyms))]
    assert len(expected) > 20
    assert chosen(IMAGENET, select=["*Terrier*"]) == expected


def test_groups():
    animals = chosen(IMAGENET, select="under:animal")
    others = chosen(IMAGENET, select="all", exclude="under:animal")
    assert (len(animals), len(others)) == (398, 602)
    assert sorted(animals + others) == list(range(1000))


def test_each_class_comes_once_and_by_index_whatever_the_entries():
    assert chosen(select=[5, "0-2", "all", 1, "Polish"], exclude=["3", "under:digit"]) == [1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("tigre", ["'tiger'"]),
        ("animal", ["under:animal"]),
        ("*terier*", ["terrier"]),
        ("under:animl", ["under:animal"]),
        ("under:", ["group"]),
        ("under:qqqq", ["some groups: entity"]),
        ("n99999999", ["wnid", "`classes`"]),
        (1000, ["0-999"]),
        (-1, ["0-999"]),
        ("9-3", ["0-999"]),
        ("990-1000", ["0-999"]),
        ("9" * 5000, ["0-999"]),
        ("qqqqqqqq", ["`classes`"]),
        ("", ["`classes`"]),
    ],
)
@pytest.mark.parametrize("key", ["select", "exclude"])
def test_entry_without_match_is_named_with_what_is_near(key, entry, words):
    with pytest.raises(UserError) as caught:
        chosen(IMAGENET, **({"select": ["all", "all"]} | {key: ["all", entry]}))
    message = str(caught.value)
    assert message.startswith(f"classes.{key}[1]: ")
    assert str(entry)[:50] in message
    assert len(message) < 300
    assert all(word in message for word in words), message


def test_all_entries_without_match_are_told():
    with pytest.raises(UserError) as caught:
        chosen(IMAGENET, select=["qqq", 1, "vvv"])
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["classes.select[0]", "classes.select[2]"]


def test_of_many_entries_without_match_the_first_are_told_and_the_others_counted(monkeypatch):
    looked = []
    monkeypatch.setattr(entries, "nearest", lambda *given, **likeness: looked.append(given) or [])
    with pytest.raises(UserError) as caught:
        chosen(IMAGENET, select=[f"qqq {number}" for number in range(2000)], exclude=["vvv"])
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines[:10]] == [f"classes.select[{number}]" for number in range(10)]
    assert lines[10:] == ["and 1990 more entries of classes.select that match nothing"]
    assert len(looked) <= 20


def test_titles_are_looked_up_and_not_searched_for(monkeypatch):
    folded = []

    class Title(str):
        __slots__ = ()

        def casefold(self):
            folded.append(self)
            return super().casefold()

    known = [class_target(index, Title(f"class {index}")) for index in range(1000)]
    assert len(chosen(known, select=[f"CLASS {index}" for index in range(1000)])) == 1000
    assert len(folded) < 10_000


def test_patterns_are_looked_for_in_every_name_and_so_not_without_end():
    with pytest.raises(UserError, match=r"classes\.select\[1001\]: more than 1,000 entries hold .* write titles"):
        chosen(IMAGENET, select=["all", *(f"*{number}*" for number in range(2000))])


@pytest.mark.parametrize("entry", ["0" * 9000 + "7", f"{'0' * 9000}7 - {'0' * 9000}7"])
def test_zeros_before_an_index_mean_nothing(entry):
    assert chosen(IMAGENET, select=[entry]) == [7]


def test_the_largest_list_is_chosen_from_at_once():
    known = [class_target(index, f"class {index}") for index in range(100_000)]
    assert len(chosen(known, select="all", exclude="0-9")) == 99_990


def test_nothing_left_is_an_error():
    with pytest.raises(UserError, match=r"classes\.exclude"):
        chosen(select=[1, 2], exclude=["0-5"])


def test_order_by_title():
    titles = [ODD[index].title.casefold() for index in chosen(order="title")]
    assert titles == sorted(titles)


def test_random_order_follows_the_seed_and_is_the_same_everywhere():
    orders = [chosen(order="random", seed=seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] == [7, 4, 3, 2, 6, 0, 5, 1]
    assert sorted(orders[2]) == list(range(8))


def test_limit_comes_after_order():
    assert chosen(order="random", limit=3) == chosen(order="random")[:3]
    assert chosen(order="index", limit=100) == list(range(8))


def test_similarity_follows_the_weights_of_the_chosen_targets():
    angles = np.array([0.0, 50, 30, 10, 70, 60, 20, 40]) * np.pi / 180
    weights = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32) * np.arange(1, 9)[:, None]
    asked = []

    def output_weights():
        asked.append(True)
        return weights

    assert chosen(order="similarity", output_weights=output_weights) == [0, 3, 6, 2, 7, 1, 5, 4]
    assert chosen(order="similarity", output_weights=output_weights, exclude=[0, 6]) == [3, 2, 7, 1, 5, 4]
    assert len(asked) == 2
    chosen(order="random", output_weights=output_weights)
    assert len(asked) == 2


def test_similarity_without_weights_is_refused_with_another_order():
    def none():
        raise LookupError("the network has no last layer")

    for output_weights in (None, none):
        with pytest.raises(UserError, match=r"classes\.order.*random"):
            chosen(order="similarity", output_weights=output_weights)
