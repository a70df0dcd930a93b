"""The data sets by name, and how each becomes a builder.

Importing this module is cheap: TFDS is imported with the first builder. Other packages
add data sets as entry points of the group `GROUP`; docs/extending.md has an example.
"""

import dataclasses
import difflib
import importlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ceil_jax.common import plugins
from ceil_jax.common.errors import DataError

GROUP = "ceil_jax.datasets"

if TYPE_CHECKING:
    from ceil_jax.datasets.builder import PersonBuilder
    from ceil_jax.datasets.listing import Layout, Listing
    from ceil_jax.datasets.synthetic.parameters import Parameters


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What a builder is asked for.

    Attributes:
        data_dir: The data folder, None for data sets that need none.
        prepared_dir: Home of all prepared data, None for the default one.
        image_size: (height, width) of the stored images.
        options: The data set's own options; `allow_partial` is known to all.
        progress: Whether preparation may show a bar.
    """

    data_dir: Path | None
    prepared_dir: Path | None
    image_size: tuple[int, int]
    options: Mapping[str, Any]
    progress: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A data set.

    Attributes:
        make_builder: From a request to a builder whose data may not be prepared yet.
        protocol: Name of its evaluation protocol.
        num_trials: How many splits into training and test people it comes with.
        needs_data_dir: Whether the user must name a folder.
        visible_cameras: Numbers of the visible cameras; none where the folder decides.
        infrared_cameras: Numbers of the infrared cameras, likewise.
        list_images: From a request to every image's name and labels, and warnings, as
            `listing.open_folder` gives them, without TFDS; None where only a builder
            knows them.
    """

    make_builder: Callable[[Request], "PersonBuilder"]
    protocol: str
    num_trials: int
    needs_data_dir: bool
    visible_cameras: tuple[int, ...]
    infrared_cameras: tuple[int, ...]
    list_images: "Callable[[Request], tuple[Listing, tuple[str, ...]]] | None" = None


def names() -> list[str]:
    """Every data set that `find` knows, those of other packages among them."""
    return sorted({*REGISTRY, *plugins.names(GROUP)})


def find(name: str) -> Entry:
    """The data set of a name.

    Args:
        name: One of `names()`. A data set of `REGISTRY` is never replaced by one of
            another package.

    Returns:
        Its entry.

    Raises:
        DataError: There is no such data set, or it cannot be imported.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    if name not in plugins.names(GROUP):
        raise DataError(f"no data set {name!r}: {_nearest(name, names())}")
    try:
        entry = plugins.load(GROUP, name)
    except ValueError as error:
        raise DataError(f"data set {error}") from error
    if not isinstance(entry, Entry):
        raise DataError(
            f"data set {name!r} of {GROUP} must be a ceil_jax.datasets.registry.Entry, "
            f"not {type(entry).__name__}"
        )
    return entry


def _nearest(word: str, words: Collection[str]) -> str:
    close = difflib.get_close_matches(word.lower(), words, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known are {', '.join(sorted(words))}"


def _check_options(request: Request, own: Collection[str]) -> None:
    known = {"allow_partial", *own}
    for option in request.options:
        if option not in known:
            raise DataError(f"no data option {option!r}: {_nearest(option, known)}")


def _parameters(request: Request) -> "Parameters":
    """The parameters of the generated data set that is asked for."""
    from ceil_jax.datasets.synthetic.parameters import Parameters

    height, width = request.image_size
    names = {field.name for field in dataclasses.fields(Parameters)}
    _check_options(request, names - {"height", "width"})
    chosen = {key: request.options[key] for key in request.options if key in names}
    try:
        return Parameters(height=height, width=width, **chosen)
    except (TypeError, ValueError) as error:
        raise DataError(f"generated data set: {error}") from error


def _synthetic(request: Request) -> "PersonBuilder":
    from ceil_jax.datasets.preparation import default_prepared_dir
    from ceil_jax.datasets.synthetic.synthetic_dataset_builder import (
        Builder,
        synthetic_config,
    )

    parameters = _parameters(request)
    home = request.prepared_dir or default_prepared_dir()
    config = synthetic_config(parameters, progress=request.progress)
    return Builder(data_dir=str(home.expanduser()), config=config)


def _list_synthetic(request: Request) -> "tuple[Listing, tuple[str, ...]]":
    from ceil_jax.datasets.synthetic.names import listing

    return listing(_parameters(request)), ()


def listed(module_name: str) -> "Callable[[Request], PersonBuilder]":
    """What makes builders of a data set that is a folder of images.

    Args:
        module_name: Module whose `Builder` is a subclass of `listed.ListedBuilder`; it
            is imported with the first request.

    Returns:
        `make_builder` of an `Entry`.
    """

    def make_builder(request: Request) -> "PersonBuilder":
        from ceil_jax.datasets.listed import ListedConfig
        from ceil_jax.datasets.preparation import folder_of

        module = importlib.import_module(module_name)
        root, listing, warnings = _opened(module.Builder.LAYOUT, request)
        home = folder_of(request.prepared_dir, root, listing)
        height, width = request.image_size
        config = ListedConfig(
            name=f"{height}x{width}",
            image_size=request.image_size,
            progress=request.progress,
            allow_partial=bool(request.options.get("allow_partial", False)),
            root=root,
            listing=listing,
            warnings=warnings,
        )
        return module.Builder(data_dir=str(home), config=config)

    return make_builder


def _opened(
    layout: "Layout", request: Request
) -> "tuple[Path, Listing, tuple[str, ...]]":
    """The folder that a request names, its images, and what was said of them."""
    from ceil_jax.datasets.listing import open_folder

    _check_options(request, ())
    if request.data_dir is None:
        raise DataError(
            f"{layout.title} needs data_dir, the folder that holds its images"
        )
    root = request.data_dir.expanduser()
    allow_partial = bool(request.options.get("allow_partial", False))
    return root, *open_folder(layout, root, allow_partial=allow_partial)


def _own(name: str) -> "Callable[[Request], PersonBuilder]":
    return listed(f"ceil_jax.datasets.{name}.{name}_dataset_builder")


def _list_own(name: str) -> "Callable[[Request], tuple[Listing, tuple[str, ...]]]":
    """What lists the images of a data set of ours by its layout."""

    def list_images(request: Request) -> "tuple[Listing, tuple[str, ...]]":
        module = importlib.import_module(f"ceil_jax.datasets.{name}.layout")
        _, listing, warnings = _opened(module.LAYOUT, request)
        return listing, warnings

    return list_images


REGISTRY: Mapping[str, Entry] = {
    "synthetic": Entry(
        make_builder=_synthetic,
        protocol="sysu_mm01",
        num_trials=1,
        needs_data_dir=False,
        visible_cameras=(1, 2, 4, 5),
        infrared_cameras=(3, 6),
        list_images=_list_synthetic,
    ),
    "regdb": Entry(
        make_builder=_own("regdb"),
        protocol="regdb",
        num_trials=10,
        needs_data_dir=True,
        visible_cameras=(1,),
        infrared_cameras=(2,),
        list_images=_list_own("regdb"),
    ),
    "sysu_mm01": Entry(
        make_builder=_own("sysu_mm01"),
        protocol="sysu_mm01",
        num_trials=1,
        needs_data_dir=True,
        visible_cameras=(1, 2, 4, 5),
        infrared_cameras=(3, 6),
        list_images=_list_own("sysu_mm01"),
    ),
    "llcm": Entry(
        make_builder=_own("llcm"),
        protocol="llcm",
        num_trials=1,
        needs_data_dir=True,
        visible_cameras=(1, 2, 3, 4, 5, 6, 7, 8, 9),
        infrared_cameras=(1, 2, 4, 5, 6, 7, 8, 9),
        list_images=_list_own("llcm"),
    ),
    "folder": Entry(
        make_builder=_own("folder"),
        protocol="standard",
        num_trials=1,
        needs_data_dir=True,
        visible_cameras=(),
        infrared_cameras=(),
        list_images=_list_own("folder"),
    ),
}
