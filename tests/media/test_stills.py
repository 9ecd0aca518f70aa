import numpy as np
import pytest
from PIL import Image

from renderer.media.pictures import load_picture, save_still
from tests.media.reading import moving_frames


def test_a_picture_comes_back_as_it_was(tmp_path):
    picture = moving_frames(1, width=31, height=17)[0]
    save_still(tmp_path / "new" / "0007-cock.png", picture)
    loaded = load_picture(tmp_path / "new" / "0007-cock.png")
    assert loaded.dtype == np.uint8
    assert (loaded == picture).all()
    assert loaded.flags.writeable
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["0007-cock.png"]


def test_damaged_missing_and_foreign_pictures_are_refused(tmp_path):
    path = tmp_path / "still.png"
    save_still(path, moving_frames(1)[0])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(OSError):
        load_picture(path)
    path.write_bytes(b"no picture")
    with pytest.raises(OSError, match=r"still\.png"):
        load_picture(path)
    Image.new("L", (8, 8)).save(path)
    with pytest.raises(OSError, match=r"still\.png"):
        load_picture(path)
    with pytest.raises(FileNotFoundError):
        load_picture(tmp_path / "missing.png")
