"""What pictures begin with, stay near, and are compared with: files and noise, brought to where they are dreamed."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import torch

from renderer.dream.attention import attention
from renderer.dream.nearness import Reference
from renderer.dream.randomness import PictureKey
from renderer.film.film_recipe import FilmRecipe
from renderer.film.moving import Brought, OnePicture
from renderer.film.recipe import Recipe
from renderer.film.tasks import SegmentTask
from renderer.networks.network import Network
from renderer.starts.start import FLOW, OpenedWith, StartPicture
from renderer.targets.target import Aim


def brought(network: Network, recipe: FilmRecipe, task: SegmentTask, opened: ExitStack) -> Brought | None:
    """What the start brings into the frames of a segment, if it moves; closed with the stack."""
    start, film = recipe.start, recipe.file_of(recipe.aims[task.segment.position])
    files = OpenedWith(film, recipe.files.get(FLOW), str(network.device), recipe.canvas == "sphere")
    moving = start.opened(recipe.size, recipe.film.fps, files)
    if moving is None:
        return None
    opened.callback(moving.close)
    first = task.segment.start_frame + task.begun
    return Brought(moving, first, partial(to_tensor, network=network))


def first_picture(network: Network, recipe: Recipe, aim: Aim, key: PictureKey) -> OnePicture:
    """What the picture of a target is before anything has been dreamed into it."""
    return to_tensor(recipe.start.first(key, recipe.size, recipe.file_of(aim)), network)


def reference_of(network: Network, recipe: Recipe, aim: Aim) -> Reference | None:
    """What the pictures of a target may stay near; how near they do is not said yet."""
    start = recipe.start
    found = start.reference(recipe.size, recipe.file_of(aim))
    if found is None:
        return None
    picture, mask = to_tensor(found.picture, network), None
    if start.masked == "alpha":
        mask = torch.from_numpy(found.opacity)[None, None].to(network.device)
    elif start.masked == "class":
        mask = attention(network, picture, aim)
    return Reference(picture, layer=start.held_by, mask=mask)


def pictures_beside(network: Network, recipe: Recipe, aim: Aim) -> tuple[OnePicture, ...]:
    """The pictures with which those of a target are compared."""
    found = [network.kind.beside(unit, recipe.size) for unit, _ in aim.units]
    return tuple(to_tensor(one.picture, network) for one in found if one)


def to_tensor(picture: StartPicture, network: Network) -> OnePicture:
    """What a start gives; gray where nothing else is dreamed."""
    tensor = torch.from_numpy(picture)[None].to(network.device)
    return network.as_gray(tensor).expand_as(tensor) if network.is_gray else tensor
