"""Films of what an image classifier dreams about everything it knows.

The rooms, from the ground up; each may import those above it in this list, and none below:

common     what all others rest on: errors, sections of settings, digests, words, progress
sound      what is heard: curves of loudness, onsets and beats, from sound files or tables
targets    what is dreamed toward: class outputs, channels, layers, directions, mixtures; lists, selection, order
networks   frozen networks: where they come from (`sources`), and the activations of their layers
dream      pixels from gradients: objectives, parameterizations, views, optimizers, level; `ascent` joins them
starts     where pictures begin
settings   the YAML file: checked sections, and the layers below it (families of networks, presets)
film       recipes; the film on paper (`timeline`, `motion`); its frames (`sequence`, `warp`)
store      a run's directory: every path, whole-file writes, records, the lock; runs at the URLs of stores
media      frames to files: text, codecs, encoding, joining, chapters, sound
atlas      a run as seen (`seen`), and what is made of that: index, page, sheet, server, recognition,
           comparisons
jobs       one run from start to end: plan, batches, workers, commands, preflight; clips of its film
display    how the commands say things
cli        the commands, with `beginning`, `run_commands` and `command_parts`; the only places that print and exit
api        the same from Python, and single pictures: what `import renderer` gives

From the YAML file to a pixel:

1. settings/loading.py     the file, `--set`, presets and families become checked `Settings`
2. jobs/commands.py        `render` opens the run's directory, plans, dreams, assembles
3. film/film_recipe.py     what makes pixels is taken from the settings: the recipe, whose digest tells runs apart
4. jobs/plan.py            what is missing of the film, as rounds of batches
5. jobs/segments.py        each batch is given to a worker, each segment's frames to an encoder
6. jobs/local_worker.py    a device takes whole batches; a processor in `lanes`, a card in `turns` where it must
7. film/sequence.py        each frame: move, ask the recipe for its values, dream, level
8. dream/view_ascent.py    each step: take views, gradient, change what they show (`ascent` for fresh pictures)

`docs/architecture.md` has the picture.
"""

TYPE_CHECKING = False  # as type checkers know it; the module that has it loads slowly
if TYPE_CHECKING:
    from renderer.api import (
        Atlas,
        DreamPicture,
        Gallery,
        UserError,
        dream_of,
        load,
        open_run,
        render,
        stills,
        unload,
    )

__all__ = [
    "Atlas",
    "DreamPicture",
    "Gallery",
    "UserError",
    "dream_of",
    "load",
    "open_run",
    "render",
    "stills",
    "unload",
]

if not TYPE_CHECKING:  # which are to find what is not there

    def __getattr__(name: str) -> object:
        """What is public, once it is asked for: `import renderer` loads nothing."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415  nor this

        found: object = getattr(import_module("renderer.api"), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
