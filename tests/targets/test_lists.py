import os
from pathlib import Path

import pytest

from renderer.common.errors import UserError
from renderer.networks.sources.embedded import EmbeddedNetwork
from renderer.networks.sources.torchvision import TorchvisionNetwork
from renderer.targets.class_files import load_class_file
from renderer.targets.class_lists import load_emoji_classes, load_imagenet_classes
from renderer.targets.target import class_target


def write(tmp_path, text):
    path = tmp_path / "classes.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_imagenet_classes():
    classes = load_imagenet_classes()
    assert [record.index for record in classes] == list(range(1000))
    assert len({record.title for record in classes}) == len({record.wnid for record in classes}) == 1000
    assert sum("animal" in record.groups for record in classes) == 398
    assert classes[0].title == "tench"
    assert "Tinca tinca" in classes[0].synonyms
    assert (classes[0].groups[0], classes[0].group) == ("entity", "cyprinid")


def test_emoji_classes(tmp_path):
    path = write(tmp_path, "index,character,title,group,subgroup\n0,🐯,tiger face,Animals & Nature,animal-mammal\n")
    assert load_emoji_classes(path) == (
        class_target(0, "tiger face", synonyms=("🐯",), groups=("Animals & Nature", "animal-mammal")),
    )


def test_embedded_network_knows_1000_emoji_with_titles_of_their_own():
    classes = EmbeddedNetwork().class_list()
    assert len({record.title for record in classes}) == len({record.synonyms for record in classes}) == 1000
    assert all(len(record.groups) == 2 for record in classes)


def test_network_of_torchvision_knows_imagenet_or_its_file(tmp_path):
    path = write(tmp_path, '\ufeffindex,title\r\n0, left \r\n\r\n1,"right, or so"\r\n')
    assert TorchvisionNetwork().class_list() == load_imagenet_classes()
    assert TorchvisionNetwork(classes=path).class_list() == (class_target(0, "left"), class_target(1, "right, or so"))


def test_columns_of_class_file_may_stand_in_any_order(tmp_path):
    path = write(tmp_path, "title,hypernyms,mine,synonyms,wnid,index\na,x > y,?,b; c,n00000001,0\n")
    assert load_class_file(path) == (class_target(0, "a", "n00000001", ("b", "c"), ("x", "y")),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("index,title\n0,a\n1,a\n2,a (1)\n", [":3:", "'a'", "'a (1)'"]),
        ("index,title\n0,a\n1,\n", [":3:", "empty"]),
        ("index,title\n0,a\n2,b\n", [":3:", "index must be 1", "'2'"]),
        ("index,title\n1,a\n", [":2:", "index must be 0"]),
        ("index,title\n0,a\nx,b\n", [":3:", "'x'"]),
        ("index;title\n0;a\n", [":1:", "lacks index, title", "commas"]),
        ("index,name\n0,a\n", [":1:", "lacks title"]),
        ("index,title\n0,a,b\n", [":2:", "fields", "quotes"]),
        ("index,title,wnid\n0,a\n", [":2:", "fields"]),
        ("index,title\n", ["no classes"]),
        ("", ["lacks index, title"]),
        ("index,title\n0,Größe\n".encode("latin-1"), ["UTF-8", "network.classes"]),
        ("index,title\n0,a\n1,b\0c\n", [":3:", "title", "NUL", "remove"]),
        ("index,title,synonyms\n0,a,b; c\0\n", [":2:", "synonyms", "NUL"]),
        (f"index,title\n0,{'a' * 501}\n", [":2:", "title", "501 characters", "500"]),
        (f"index,title,wnid\n0,a,{'n' * 10_001}\n", [":2:", "wnid", "10,001 characters"]),
        ("index,title\n" + "".join(f"{i},{i}\n" for i in range(100_001)), [":100002:", "100,000 classes"]),
        (b"\0" * (2**24 + 1), ["too large", "network.classes"]),
        ('index,title\n0,"a\n', ["CSV", "network.classes"]),
    ],
)
def test_wrong_class_file_is_answered_with_its_line(text, words, tmp_path):
    path = write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        load_class_file(path)
    assert str(caught.value).startswith(str(path))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.tsv", "index\ttitle\n0\tant, the\n1\tbee\n"),
        ("c.txt", "ant, the\n\n  bee \n"),
        ("names", "ant, the\nbee\n"),
        ("c.json", '["ant, the", "bee"]'),
        ("c.json", '[{"title": "ant, the"}, {"title": "bee", "index": 1, "other": null}]'),
        ("c.json", '{"1": "bee", "0": "ant, the"}'),
        ("c.json", '{"bee": 1, "ant, the": 0}'),
    ],
)
def test_all_kinds_of_files_name_the_same_classes(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert load_class_file(tmp_path / name) == (class_target(0, "ant, the"), class_target(1, "bee"))


def test_what_frameworks_ship_is_read(tmp_path):
    caffe, keras = tmp_path / "synset_words.txt", tmp_path / "imagenet_class_index.json"
    caffe.write_text("n01440764 tench, Tinca tinca\nn01443537 goldfish\n")
    keras.write_text('{"0": ["n01440764", "tench"], "1": ["n02123045", "tabby_cat"]}')
    assert load_class_file(caffe)[0] == class_target(0, "tench", "n01440764", ("Tinca tinca",))
    assert load_class_file(keras)[1] == class_target(1, "tabby cat", "n02123045")


def test_classes_of_one_title_are_told_apart_by_their_numbers(tmp_path):
    (tmp_path / "c.txt").write_text("crane\nowl\ncrane\n")
    classes = load_class_file(tmp_path / "c.txt")
    assert [one.title for one in classes] == ["crane (0)", "owl", "crane (2)"]
    assert classes[2].synonyms == ("crane",)


def test_half_a_character_is_refused(tmp_path):
    (tmp_path / "c.json").write_text('["\\ud800", "b"]')
    with pytest.raises(UserError, match="half a character"):
        load_class_file(tmp_path / "c.json")


@pytest.mark.parametrize(
    "text",
    [
        *("{", "7", '"a"', "[1]", "[null]", '[["a"]]', '{"a": "b"}', '{"0": "a", "2": "b"}', '{"0": 1}'),
        *('{"a": true, "b": false}', "[" * 9999),
    ],
)
def test_json_of_another_kind_is_refused_with_what_is_asked_for(text, tmp_path):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(UserError, match=r"c\.json.*(JSON|list of titles).*network\.classes"):
        load_class_file(tmp_path / "c.json")


def test_missing_class_file_names_the_setting(tmp_path):
    with pytest.raises(UserError, match=r"network\.classes"):
        load_class_file(tmp_path / "nowhere.csv")


@pytest.mark.skipif(os.name != "posix", reason="needs /dev/zero")
def test_class_file_that_never_ends_is_not_read():
    with pytest.raises(UserError, match=r"/dev/zero.*must be a file.*network\.classes"):
        load_class_file(Path("/dev/zero"))
