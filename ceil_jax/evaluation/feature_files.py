"""Features of images from files that any program can write; nothing is unpickled."""

import csv
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.evaluation import feature_origins

FEATURES = ("features", "feats", "embeddings")
NAMES = ("name", "names", "path", "paths", "image", "filename")
"""What features and names may be called in a file."""
LENGTH = "length"
"""Of a .npz file: what its unit rows are multiplied by, see `--mode export`."""
SPLIT = "split"
"""Of a .npz file: "train" where the model was trained on an image, see there."""
TORCH = (".pt", ".pth", ".ckpt", ".pkl", ".pickle")
FROM_TORCH = (
    "write it from PyTorch: d = torch.load('{path}', map_location='cpu'); "
    "np.savez('{stem}.npz', features=d['features'].float().numpy(), "
    "name=np.array(d['paths'], str))"
)
PLAIN = {
    "features": "features=np.stack(features).astype(np.float32)",
    "names": "name=np.array(paths, str)",
}
"""How what is an array of Python objects is saved plainly."""
_SHOWN = 8  # names that a message lists


class Given(NamedTuple):
    """Features as a file holds them.

    Attributes:
        features: (n, d) float16, float32 or float64.
        names: The n names of the rows.
        path: The file, for messages.
        lengths: (n,), what unit rows are to be multiplied by; None for 1.
        is_trained_on: (n,) bool, whether the file says that its model was trained on an
            image; None where it says nothing.
        models: (n,) text, the digest of each row's model, "" where it is not told; None
            where the file tells none.
        modalities: (n,) text, "visible" or "infrared", what each image was embedded as,
            likewise.
        files: Each file and how many rows are its, where rows are of several.
    """

    features: np.ndarray
    names: list[str]
    path: Path
    lengths: np.ndarray | None = None
    is_trained_on: np.ndarray | None = None
    models: np.ndarray | None = None
    modalities: np.ndarray | None = None
    files: tuple[tuple[Path, int], ...] = ()


def read(path: str, names: str = "") -> Given:
    """Read features and the names of their rows.

    Args:
        path: A .npz file with two arrays, a .npy file with a list of names beside it,
            or a .parquet file.
        names: The list of names of a .npy file; "" for the .csv file beside it.

    Returns:
        Features and names.

    Raises:
        UserError: The file cannot be read, is of another kind, or holds something else.
    """
    place = user_path(path)
    kind = place.suffix.lower()
    if kind in TORCH:
        how = FROM_TORCH.format(path=place.name, stem=place.stem)
        raise UserError(f"--features={path} is pickled and is not read; {how}")
    if kind not in _READERS:
        raise UserError(f"--features={path} must be a .npz, .npy or .parquet file")
    if not place.is_file():
        what = "is a folder" if place.is_dir() else "no such file"
        raise UserError(f"--features={path}: {what}")
    if names and kind != ".npy":
        raise UserError(
            f"--names={names} is for a .npy file: {place} has its own names"
        )
    try:
        found = _READERS[kind](place, names)
    except UserError:
        raise
    except Exception as error:  # files are damaged in many ways
        raise _unreadable(place, error, "features") from error
    _check(*found[:4])
    return found


def _check(
    features: np.ndarray, names: list[str], path: Path, lengths: np.ndarray | None
) -> None:
    if features.dtype.kind != "f" or features.dtype.itemsize > 8:
        raise UserError(
            f"{path}: its features are {features.dtype}, must be float16, float32 or "
            "float64"
        )
    if features.ndim != 2 or 0 in features.shape:
        hint = ""
        if features.ndim > 2 and 0 not in features.shape:
            hint = ": features.reshape(len(features), -1) makes them so"
        raise UserError(
            f"{path}: its features have shape {features.shape}, must be (images, "
            f"numbers){hint}"
        )
    if len(names) != len(features):
        raise UserError(f"{path}: {len(features)} rows of features, {len(names)} names")
    if lengths is not None and not (
        lengths.shape == (len(features),)
        and lengths.dtype.kind == "f"
        and (lengths > 0).all()
        and np.isfinite(lengths).all()
    ):
        raise UserError(
            f"{path}: {LENGTH} must be a positive number for each row, as --mode "
            "export writes them; without it rows are of length 1"
        )


def _one(path: Path, what: str, known: Collection[str], found: Iterable[str]) -> str:
    """The one name among those found that is one of the known."""
    found = list(found)
    both = [name for name in found if name in known]
    if len(both) == 1:
        return both[0]
    there = ", ".join(map(repr, (both or found)[:_SHOWN])) or "nothing"
    more = len(both or found) - _SHOWN
    there += f" and {more} more" if more > 0 else ""
    if both:
        raise UserError(f"{path} holds {there}: keep only one of them for the {what}")
    raise UserError(
        f"{path} holds {there}, but no {what}, which are called {', '.join(known)}"
    )


def _npz(path: Path, names: str) -> Given:
    del names
    with path.open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise UserError(f"{path} holds one array, as .npy files do: rename it")
        of_features = _one(path, "features", FEATURES, stored.files)
        of_names = _one(path, "names", NAMES, stored.files)
        features = _member(path, stored, of_features, "features")
        texts = _texts(path, _member(path, stored, of_names, "names"))
        has = LENGTH in stored.files
        lengths = _member(path, stored, LENGTH, "features") if has else None
        return Given(
            features,
            texts,
            path,
            lengths,
            _is_trained_on(stored, len(texts)),
            *_origins(stored.__getitem__, len(texts)),
        )


def _origins(
    column: Callable[[str], Any], num_rows: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Models and modalities of rows."""
    return (
        feature_origins.models(column, num_rows),
        feature_origins.modalities(column, num_rows),
    )


def _is_trained_on(stored: Mapping[str, Any], num_rows: int) -> np.ndarray | None:
    """What our own exports say in the array `SPLIT`; others' arrays are left alone."""
    try:
        found = np.asarray(stored[SPLIT])
    except Exception:  # not there, or not to be read
        return None
    is_ours = found.shape == (num_rows,) and found.dtype.kind == "U"
    return found == "train" if is_ours else None


def _npy(path: Path, names: str) -> Given:
    beside = user_path(names) if names else path.with_suffix(".csv")
    if not beside.is_file():
        flag = f"--names={names}" if names else f"{path} needs {beside} or --names"
        raise UserError(
            f"{flag}: no such file, with a line for each row, the image's path"
        )
    with path.open("rb") as file:
        features = np.load(file, allow_pickle=False)
    if not isinstance(features, np.ndarray):
        raise UserError(f"{path} holds several arrays, as .npz files do: rename it")
    texts, columns = read_list(beside)
    origins = _origins(columns.__getitem__, len(texts))
    return Given(features, texts, path, None, None, *origins)


def _member(path: Path, stored: Mapping[str, Any], key: str, what: str) -> np.ndarray:
    try:
        return stored[key]
    except Exception as error:
        raise _unreadable(path, error, what, key) from error


def _unreadable(path: Path, error: Exception, what: str, key: str = "") -> UserError:
    """What to say of a file, or of an array in it."""
    if "pickle" in str(error):
        return UserError(
            f"{path}: {f'{key} is' if key else 'it holds'} pickled Python objects, "
            f"which are not read: save arrays of numbers and text, {PLAIN[what]}"
        )
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return UserError(f"{path}: not readable: {reason[:200]}")


def _texts(path: Path, names: np.ndarray) -> list[str]:
    """One name for each row, from an array of text or of bytes."""
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise UserError(
            f"{path}: its names are {names.dtype} of shape {names.shape}, must be one "
            f"text for each row: {PLAIN['names']}"
        )
    if names.dtype.kind == "U":
        return names.tolist()
    try:
        return [name.decode() for name in names.tolist()]
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: its names are not UTF-8: {error}") from error


def read_list(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Read the names of rows, and what stands beside them, from a list.

    Args:
        path: A .csv file: one column of names, or several, one of them called as
            `NAMES` says in the first line. Empty lines count for nothing.

    Returns:
        The names, in order, and the columns by what the first line calls them, in lower
        case; none of a list without a first line.

    Raises:
        UserError: It cannot be read, or does not say which column holds the names.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not readable: {error}") from error
    if not lines:
        raise UserError(f"{path} holds no names")
    header = [cell.strip().lower() for cell in lines[0]]
    column = 0
    has_header = len(header) > 1 or header[0] in NAMES
    if has_header:
        column = header.index(_one(path, "names", NAMES, header))
        lines = lines[1:]
    for number, line in enumerate(lines, start=1):
        if len(line) != len(header):
            raise UserError(
                f"{path}: row {number} has {len(line)} columns, the first line "
                f"{len(header)}; a name with a comma stands in quotes"
            )
    cells = [[line[i] for line in lines] for i in range(len(header))]
    columns = dict(zip(header, cells, strict=True)) if has_header else {}
    return cells[column], columns


def _parquet(path: Path, names: str) -> Given:
    del names
    from ceil_jax.evaluation import feature_tables

    table = feature_tables.opened(path)
    of_names = _one(path, "names", NAMES, table.column_names)
    of_features = [name for name in table.column_names if name in FEATURES]
    if len(of_features) > 1:
        _one(path, "features", FEATURES, of_features)
    features = (
        feature_tables.of_lists(path, of_features[0], table[of_features[0]])
        if of_features
        else feature_tables.of_columns(path, table, of_names)
    )
    texts = feature_tables.texts(path, of_names, table[of_names])
    origins = _origins(lambda name: table[name].to_pylist(), len(texts))
    return Given(features, texts, path, None, None, *origins)


_READERS = {".npz": _npz, ".npy": _npy, ".parquet": _parquet}
