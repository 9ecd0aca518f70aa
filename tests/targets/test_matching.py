"""Classes of two lists are the same by wnid or by name, wherever they stand."""

import random
from dataclasses import replace

import pytest

from renderer.targets.class_lists import load_imagenet_classes
from renderer.targets.matching import match_classes
from renderer.targets.target import class_target


def shuffled(records, **changes):
    """The same classes in another order, numbered anew."""
    order = random.Random(0).sample(records, len(records))
    return [replace(record, index=index, **changes) for index, record in enumerate(order)]


def test_wnids_match_whatever_the_order_and_the_titles():
    own = load_imagenet_classes()
    others = [replace(record, title=f"class {record.index}", synonyms=()) for record in shuffled(own)]
    found = match_classes(own, others)
    assert len(found) == 1000
    assert all(own[index].wnid == others[other].wnid for index, other in found.items())
    assert found != {index: index for index in found}


def test_titles_match_where_one_list_has_no_wnids():
    own = load_imagenet_classes()
    others = shuffled(own, wnid=None)
    found = match_classes(own, others)
    assert len(found) == 1000
    assert all(own[index].title == others[other].title for index, other in found.items())
    shouted = [replace(record, title=record.title.upper().replace(" ", "_"), synonyms=()) for record in others]
    # The Cardigan is a dog, the cardigan a garment.
    assert match_classes(own, shouted) == {index: other for index, other in found.items() if index not in {264, 474}}


@pytest.mark.parametrize("title", ["crane", "maillot"])
def test_a_name_that_two_imagenet_classes_go_by_is_matched_by_wnid(title):
    own = load_imagenet_classes()
    same_names = [record for record in own if title in (record.title, *record.synonyms)]
    assert len(same_names) == 2
    first, second = same_names
    others = [replace(second, index=0, title=title), replace(first, index=1, title=title)]
    assert match_classes(same_names, others) == {first.index: 1, second.index: 0}
    assert match_classes([first], others[:1]) == {}


def test_a_name_that_several_classes_go_by_decides_nothing():
    mouse = class_target(0, "mouse")
    assert match_classes([mouse], [class_target(0, "Mouse"), class_target(1, "MOUSE")]) == {}
    assert match_classes([mouse], [class_target(4, "rodent", synonyms=("mouse",))]) == {0: 4}
    two = [class_target(4, "rodent", synonyms=("mouse",)), class_target(5, "pointer", synonyms=("mouse",))]
    assert match_classes([mouse], two) == {}
    assert match_classes(two, [mouse]) == {}


def test_case_decides_where_it_tells_two_classes_apart():
    own = [class_target(0, "Cardigan"), class_target(1, "cardigan")]
    assert match_classes(own, [class_target(0, "cardigan"), class_target(1, "Cardigan")]) == {0: 1, 1: 0}
    assert match_classes(own, [class_target(0, "CARDIGAN")]) == {}


def test_a_title_goes_before_a_synonym():
    own = [class_target(0, "tiger"), class_target(1, "tiger cat", synonyms=("tiger",))]
    others = [class_target(0, "cat", synonyms=("tiger cat", "tiger")), class_target(1, "Tiger")]
    assert match_classes(own, others) == {0: 1, 1: 0}


def test_what_is_in_one_list_alone_is_left_out():
    own = [class_target(3, "zebra"), class_target(4, "unicorn")]
    assert match_classes(own, [class_target(7, "zebra"), class_target(8, "horse")]) == {3: 7}
    assert match_classes(own, [class_target(0, "horse")]) == {}
