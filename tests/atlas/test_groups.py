"""The way from wide groups to narrow ones."""

from renderer.atlas.groups import Groups, find_groups
from renderer.networks.sources.torchvision import TorchvisionNetwork

DOG = ("thing", "animal", "mammal", "canine", "pet")
CAT = ("thing", "animal", "mammal", "feline", "pet")
COW = ("thing", "animal", "mammal")
HEN = ("thing", "animal", "bird", "fowl")
COCK = ("thing", "animal", "bird", "fowl")
CUP = ("thing", "vessel")


def names(groups: Groups, places: tuple[int, ...]) -> list[str]:
    return [groups.groups[place].name for place in places]


def test_choices_are_the_widest_groups_that_still_narrow() -> None:
    groups = find_groups([DOG, CAT, COW, HEN, COCK, CUP])
    # All things are things, and nearly all are animals; a group of one is no choice.
    assert names(groups, groups.widest) == ["mammal", "fowl"]
    assert names(groups, groups.groups[groups.names["mammal"]].narrower) == ["pet"]
    assert groups.groups[groups.names["pet"]].narrower == ()


def test_groups_of_the_same_classes_are_one_with_the_narrowest_name() -> None:
    groups = find_groups([DOG, CAT, HEN, COCK])
    assert groups.names["bird"] == groups.names["fowl"]
    assert groups.groups[groups.names["bird"]].name == "fowl"
    assert groups.groups[groups.names["bird"]].count == 2


def test_a_group_that_is_nearly_all_and_has_no_parts_stays_a_choice() -> None:
    groups = find_groups([("animal",)] * 9 + [("vessel",)])
    assert names(groups, groups.widest) == ["animal"]


def test_the_way_up_leads_through_what_contains_it() -> None:
    groups = find_groups([DOG, CAT, COW, HEN, COCK, CUP, CUP])
    pet = groups.groups[groups.names["pet"]]
    assert pet.wider == groups.names["mammal"]
    assert groups.groups[groups.names["mammal"]].wider == groups.names["animal"]
    assert groups.groups[groups.names["animal"]].wider is None


def test_classes_without_groups() -> None:
    groups = find_groups([(), ()])
    assert groups.groups == ()
    assert groups.widest == ()


def test_every_group_of_imagenet_can_be_reached_and_counts_what_it_holds() -> None:
    paths = [target.groups for target in TorchvisionNetwork().class_list()]
    groups = find_groups(paths)
    for name in ("animal", "dog", "artifact", "musical instrument"):
        group = groups.groups[groups.names[name]]
        assert group.count == sum(name in path for path in paths)
    reached, waiting = set(), list(groups.widest)
    while waiting:
        place = waiting.pop()
        if place not in reached:
            reached.add(place)
            waiting += groups.groups[place].narrower
    assert groups.names["hunting dog"] in reached
    assert groups.names["keyboard instrument"] in reached
