"""Makes a small film from photographs: a flight over one, and another one that drifts by in front of it.

The film that `start: {kind: film}` begins with, where none is named, was made so from two photographs of scikit-image
that are in the public domain (coffee.png, by Rachel Michetti; chelsea.png, by Stefan van der Walt; both CC0):

    scripts/make_film.py coffee.png --over chelsea.png renderer/common/data/film.mp4
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from renderer.common import ffmpeg

CHORD = (110.0, 164.8, 220.0, 277.2)  # hertz
OVAL = 0.4  # of the film's height
FINER = 4  # times, for the oval's place


def frames(photograph: Image.Image, over: Image.Image | None, size: tuple[int, int], count: int) -> Iterator[bytes]:
    """The flight, frame by frame."""
    oval = _oval(over, round(OVAL * size[1])) if over else None
    for number in range(count):
        share = number / max(1, count - 1)
        frame = _seen(photograph, size, share)
        if oval:
            _put(frame, oval, share)
        yield frame.tobytes()


def _seen(photograph: Image.Image, size: tuple[int, int], share: float) -> Image.Image:
    """What the camera sees: it comes nearer, turns, and goes from one side to the other."""
    width, height = size
    largest = min(photograph.width / width, photograph.height / height)
    scale = largest * (0.8 - 0.3 * share)
    angle = math.radians(12 * (share - 0.5))
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    middle = photograph.width * (0.45 + 0.1 * share), photograph.height * (0.52 - 0.04 * math.sin(2 * math.pi * share))
    corner = middle[0] - a * width / 2 - b * height / 2, middle[1] + b * width / 2 - a * height / 2
    return photograph.transform(size, Image.Transform.AFFINE, (a, b, corner[0], -b, a, corner[1]), Image.BICUBIC)


def _oval(over: Image.Image, height: int) -> Image.Image:
    """The middle of a photograph, several times too large, opaque within an oval."""
    side = min(over.size)
    left, top = (over.width - side) // 2, (over.height - side) // 2
    cut = over.crop((left, top, left + side, top + side)).resize((height * FINER, height * FINER), Image.LANCZOS)
    opaque = Image.new("L", cut.size, 0)
    edge = cut.height // 16
    ImageDraw.Draw(opaque).ellipse((edge, edge, cut.width - edge, cut.height - edge), fill=255)
    cut.putalpha(opaque.filter(ImageFilter.GaussianBlur(FINER)))
    return cut


def _put(frame: Image.Image, oval: Image.Image, share: float) -> None:
    side = oval.width / FINER
    left = -side + share * (frame.width + side)
    top = frame.height * (0.45 - 0.25 * math.sin(math.pi * share))
    shift = (FINER, 0, (math.floor(left) - left) * FINER, 0, FINER, (math.floor(top) - top) * FINER)
    smaller = oval.filter(ImageFilter.BoxBlur(FINER / 2)).transform(
        (math.ceil(side) + 1, math.ceil(side) + 1), Image.Transform.AFFINE, shift, Image.BICUBIC
    )
    frame.paste(smaller, (math.floor(left), math.floor(top)), smaller)


def write_film(path: Path, pictures: Iterator[bytes], size: tuple[int, int], fps: int, seconds: float) -> None:
    """Encode the frames, with a soft chord."""
    tones = "+".join(f"sin(2*PI*{tone}*t)" for tone in CHORD)
    chord = f"aevalsrc=0.05*({tones})*sin(PI*t/{seconds}):s=22050:d={seconds}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", str(fps), "-i", "pipe:"]
    video = ["-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-color_primaries", "bt709"]
    video += ["-color_trc", "bt709", "-c:v", "libx264", "-preset", "veryslow", "-crf", "27", "-pix_fmt", "yuv420p"]
    sound = ["-f", "lavfi", "-i", chord, "-map", "0:v", "-map", "1:a", "-c:a", "aac", "-b:a", "24k"]
    output = [*video, "-movflags", "+faststart", f"file:{path.absolute()}"]
    with ffmpeg.fed([*raw, *sound, *output], f"encoding {path.name}") as (_, pipe):
        for picture in pictures:
            pipe.write(picture)


def main() -> None:
    """Does what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photograph", type=Path, help="what the camera flies over")
    parser.add_argument("film", type=Path, help="the film, an MP4")
    parser.add_argument("--over", type=Path, help="a photograph of which an oval drifts by")
    parser.add_argument("--size", default="384x256", help="width and height (%(default)s)")
    parser.add_argument("--fps", type=int, default=20, help="frames per second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long it lasts (%(default)s)")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    photograph = Image.open(options.photograph).convert("RGB")
    over = Image.open(options.over).convert("RGB") if options.over else None
    count = round(options.fps * options.seconds)
    pictures = frames(photograph, over, (width, height), count)
    write_film(options.film, pictures, (width, height), options.fps, options.seconds)
    print(f"{options.film}: {count} frames, {options.film.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
