"""Pictures of any format, as the dreaming is given them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from renderer.common.errors import UserError
from renderer.common.photographs import CAT, photograph_size, photographs_in, read_photograph

RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    """Red on the left and blue on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff", "ppm"])
def test_any_format(suffix: str, tmp_path: Path) -> None:
    halves().save(tmp_path / f"photo.{suffix}")
    picture, opacity = read_photograph(tmp_path / f"photo.{suffix}", (40, 60))
    assert picture.shape == (3, 40, 60) and picture.dtype == np.float32
    assert np.allclose(picture[:, 20, 10], (1, 0, 0), atol=0.03)
    assert np.allclose(picture[:, 20, 50], (0, 0, 1), atol=0.03)
    assert (opacity == 1).all()


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA", "I;16"])
def test_any_kind_of_colors(mode: str, tmp_path: Path) -> None:
    gray = np.full((10, 20), 51, np.uint8)
    if mode == "I;16":
        image = Image.fromarray(gray.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(np.where(gray, 255, 0).astype(np.uint8) if mode == "1" else gray).convert(mode)
    path = tmp_path / ("photo.tiff" if mode == "CMYK" else "photo.png")
    image.save(path)
    picture = read_photograph(path, (10, 20)).picture
    assert np.allclose(picture, 1.0 if mode == "1" else 0.2, atol=0.03)


def test_a_photograph_that_lies_on_its_side_is_put_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: what is left comes to the top
    halves().save(tmp_path / "photo.jpg", exif=exif)
    assert photograph_size(tmp_path / "photo.jpg") == (60, 40)
    picture = read_photograph(tmp_path / "photo.jpg", (60, 40)).picture
    assert np.allclose(picture[:, 10, 20], (1, 0, 0), atol=0.05)
    assert np.allclose(picture[:, 50, 20], (0, 0, 1), atol=0.05)


def test_what_is_transparent_is_gray(tmp_path: Path) -> None:
    image = halves(mode="RGBA")
    image.putalpha(Image.fromarray(np.repeat([[255] * 20 + [0] * 40], 40, axis=0).astype(np.uint8)))
    image.save(tmp_path / "photo.png")
    picture, opacity = read_photograph(tmp_path / "photo.png", (40, 60))
    assert np.allclose(picture[:, :, 40:], 0.5) and np.allclose(picture[:, 20, 5], (1, 0, 0))
    assert (opacity[:, :15] == 1).all() and (opacity[:, 25:] == 0).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colors_of_another_profile_become_srgb(mode: str, tmp_path: Path) -> None:
    # sRGB with red and blue exchanged.
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    halves(mode=mode).save(tmp_path / "photo.png", icc_profile=bytes(profile))
    picture = read_photograph(tmp_path / "photo.png", (40, 60)).picture
    assert np.allclose(picture[:, 20, 10], (0, 0, 1), atol=0.1)


def test_other_proportions(tmp_path: Path) -> None:
    halves((80, 20)).save(tmp_path / "wide.png")
    covered, contained, stretched = (
        read_photograph(tmp_path / "wide.png", (40, 40), fit) for fit in ("cover", "contain", "stretch")
    )
    for found in (covered, stretched):
        assert np.allclose(found.picture[:, 0, 2], (1, 0, 0), atol=0.02) and (found.opacity == 1).all()
    assert np.allclose(contained.picture[:, :10], 0.5)
    assert np.allclose(contained.picture[:, 20, 2], (1, 0, 0), atol=0.02)
    assert contained.opacity.mean() == 0.25


def test_of_a_moving_picture_the_first(tmp_path: Path) -> None:
    first, second = (Image.new("RGB", (8, 8), color) for color in (RED, BLUE))
    first.save(tmp_path / "moving.gif", save_all=True, append_images=[second])
    assert np.allclose(read_photograph(tmp_path / "moving.gif", (8, 8)).picture[:, 4, 4], (1, 0, 0), atol=0.02)


def test_a_file_that_has_changed_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    halves().save(path)
    before = read_photograph(path, (40, 60)).picture
    Image.new("RGB", (60, 41), BLUE).save(path)
    assert not np.array_equal(before, read_photograph(path, (40, 60)).picture)


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "cut.jpg").write_bytes(CAT.read_bytes()[:9000])
    for name, told in (
        ("none.jpg", "there is no file"),
        ("text.jpg", "of no known format"),
        ("cut.jpg", "truncated"),
        ("", "there is no file|cannot be read"),
    ):
        with pytest.raises(UserError, match=told) as refused:
            photograph_size(tmp_path / name)
            read_photograph(tmp_path / name, (20, 30))
        assert str(tmp_path / name) in str(refused.value) and "\n" not in str(refused.value)


def test_the_pictures_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", ".hidden.png"):
        halves().save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in photographs_in(tmp_path, "key")] == ["a.jpg", "b.png"]
    with pytest.raises(UserError, match=r"^key: there is no picture in the folder"):
        photographs_in(tmp_path / "folder.png", "key")
