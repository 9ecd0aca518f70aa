"""The networks of timm (PyTorch Image Models, Ross Wightman), with weights from the Hub or from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from renderer.common.errors import UserError
from renderer.common.wording import did_you_mean, nearest, shortened
from renderer.networks.architectures import without_values
from renderer.networks.checkpoints import parts, take
from renderer.networks.memory_formats import suitable_memory_format
from renderer.networks.network import Loaded, Preprocessing
from renderer.networks.state_dicts import fault, first_line, misfit, not_state_dict, read_checkpoint, shown_path
from renderer.targets.class_files import targets_of
from renderer.targets.class_lists import IMAGENET_CLASSES, load_imagenet_classes, numbered_classes
from renderer.targets.target import Target

# Blocks that name the last layer of their branch; in all others that is what drops whole branches in training.
_LAST_LAYERS = {"BasicBlock": "bn2", "Bottleneck": "bn3"}


def load_timm(name: str, path: Path | None, *, pretrained: bool = True) -> Loaded:
    """Build a model and load its weights.

    Args:
        name: Name of the model, with or without that of its weights.
        path: The file of the weights; None for those that the name stands for.
        pretrained: Fetch these; else they are random.

    Raises:
        UserError: timm is not installed, the name or the file is unknown, or they do not fit each other.
    """
    configuration = _configuration(name)
    if path:
        module = _from_file(name, path, configuration)
    else:
        module = _from_hub(name, configuration) if pretrained else _timm().create_model(name, pretrained=False)
    data = _timm().data.resolve_model_data_config(module)
    preprocessing = Preprocessing(data["input_size"][-1], tuple(data["mean"]), tuple(data["std"]))
    memory_format = suitable_memory_format(module, preprocessing)
    return Loaded(module, preprocessing, tuple(_branches(module)), memory_format)


def resolved(name: str) -> dict[str, Any]:
    """What a name stands for in the installed version: which weights, and what they expect of pictures."""
    known = _configuration(name)
    return {"tag": known.tag, "size": known.input_size[-1], "mean": list(known.mean), "std": list(known.std)}


def known_classes(name: str) -> tuple[Target, ...]:
    """What timm knows of the classes of a model's weights; raises UserError."""
    configuration = _configuration(name)
    if configuration.num_classes == IMAGENET_CLASSES:
        return load_imagenet_classes()
    subset = _timm().data.infer_imagenet_subset(configuration.to_dict())
    if subset is None:
        return numbered_classes(configuration.num_classes)
    known = _timm().data.ImageNetInfo(subset)
    return targets_of([_row(known, index) for index in range(known.num_classes())], f"timm's list of {subset}")


def _row(known: Any, index: int) -> dict[str, str]:
    title, *synonyms = known.index_to_description(index).split(", ")
    return {"wnid": known.index_to_label_name(index), "title": title, "synonyms": "; ".join(synonyms)}


def _timm() -> Any:
    try:
        import_module("timm.data")
        return import_module("timm")
    except ImportError as error:
        raise UserError(
            f"network.source: timm cannot be imported ({first_line(error)}); install it with\n"
            'pip install "neuron-atlas[timm]"'
        ) from error


def _configuration(name: str) -> Any:
    """What timm knows of a model's weights."""
    timm = _timm()
    if timm.is_model(name) and (found := timm.get_pretrained_cfg(name)):
        return found
    known = [*timm.list_models(), *timm.list_pretrained()]
    remedy = did_you_mean(nearest(name, known)) or "; timm.list_models() lists them"
    raise UserError(f"network.name: timm has no model '{name}'{remedy}")


def _from_hub(name: str, configuration: Any) -> nn.Module:
    try:
        module: nn.Module = _timm().create_model(name, pretrained=True)
    except Exception as error:  # Of the network, of the disk, and of whatever downloads.
        page = configuration.hf_hub_id
        where = f"https://huggingface.co/{page}/resolve/main/model.safetensors" if page else configuration.url
        raise UserError(
            f"network.weights: the weights of {name} could not be downloaded or read ({first_line(error)}).\n"
            f"Fetch {where or 'them'}\n"
            "and say where the file is: --set network.weights=/path/to/model.safetensors"
        ) from error
    return module


def _from_file(name: str, path: Path, configuration: Any) -> nn.Module:
    checkpoint = read_checkpoint(path)
    found = parts(checkpoint)
    if not found:
        raise not_state_dict(path, checkpoint)
    taken = take(found, _shapes(name))
    state: dict[str, Any] = taken.state if taken else dict(found[0].entries)
    problem = fault(state)
    options = {} if problem else _options(state, configuration)
    if problem := problem or misfit(state, _shapes(name, **options)):
        raise UserError(
            f"network.weights: {shown_path(path)} does not fit network.name {name}:\n{shortened(problem, 300)}.\n"
            "Set network.name to the model that these weights are of, or name a file of this one's weights."
        )
    module: nn.Module = _timm().create_model(name, pretrained=False, **options)
    module.load_state_dict(state, strict=False)  # but for counters of training, nothing is missing
    return module


def _shapes(name: str, **options: Any) -> dict[str, Tensor]:
    """The model's state dict without values, which takes no memory."""
    with without_values():
        return dict(_timm().create_model(name, pretrained=False, **options).state_dict())


def _options(state: Mapping[str, Tensor], configuration: Any) -> dict[str, Any]:
    """How to build the model for as many classes as the weights are for."""
    layers = configuration.classifier
    last = state.get(f"{layers}.weight") if isinstance(layers, str) else None
    return {} if last is None or last.ndim == 0 else {"num_classes": last.shape[0]}


def _branches(module: nn.Module) -> Iterator[nn.Module]:
    """The modules whose output is added to a shortcut."""
    for name, part in module.named_modules():
        if name.rpartition(".")[2].startswith("drop_path"):
            yield part
        last = _LAST_LAYERS.get(type(part).__name__)
        if last and type(part).__module__ == "timm.models.resnet":
            yield part.get_submodule(last)
