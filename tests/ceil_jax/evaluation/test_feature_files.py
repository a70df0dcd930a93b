"""Features and names from every kind of file, and every mistake in one line."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from ceil_jax.common import extras
from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import feature_files

NAMES = ["cam1/0001/0001.jpg", "cam3/0002/é,1.jpg", "C:\\x\\1.jpg"]
NO_NAMES = np.array(["a"])[:0]
ROWS = np.array([[1, 2], [3, -4], [0.5, 0.25]])
MISSING = "name, names, path, paths, image, filename"


def is_read(path, dtype, names: str = "") -> None:
    found = feature_files.read(str(path), str(names))
    assert found.features.dtype == dtype
    np.testing.assert_array_equal(found.features, ROWS)
    assert found.names == NAMES
    assert found.path == Path(path)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
@pytest.mark.parametrize("of_features", ["features", "feats", "embeddings"])
@pytest.mark.parametrize("of_names", ["name", "names", "path", "paths"])
def test_npz(dtype, of_features, of_names, tmp_path):
    columns = {of_features: ROWS.astype(dtype), of_names: np.array(NAMES), "other": 3}
    np.savez(tmp_path / "f.npz", **columns)
    is_read(tmp_path / "f.npz", dtype)
    np.savez_compressed(tmp_path / "g.NPZ.npz", **columns)
    is_read(tmp_path / "g.NPZ.npz", dtype)


def test_names_of_bytes(tmp_path):
    names = np.array([name.encode() for name in NAMES])
    np.savez(tmp_path / "f.npz", features=ROWS, name=names)
    is_read(tmp_path / "f.npz", "f8")


@pytest.mark.parametrize(
    "text",
    [
        "{0}\n{1}\n{2}\n",
        "{0}\r\n{1}\r\n{2}",
        "\ufeffname\n{0}\n{1}\n\n{2}\n",
        "id,Path,camera\n7,{0},1\n7,{1},3\n8,{2},1\n",
        "image\n{0}\n{1}\n{2}\n",
        "filename,n\n{0},1\n{1},2\n{2},3\n",
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_npy_with_a_list_of_names(text, beside, tmp_path):
    np.save(tmp_path / "f.npy", ROWS.astype(np.float32))
    path = tmp_path / ("f.csv" if beside else "other.txt")
    first, second, third = NAMES
    path.write_text(text.format(first, f'"{second}"', third), encoding="utf-8")
    is_read(tmp_path / "f.npy", "f4", "" if beside else str(path))


LISTS = {
    "variable": pa.list_(pa.float32()),
    "large": pa.large_list(pa.float64()),
    "fixed": pa.list_(pa.float32(), 2),
    "half": pa.list_(pa.float16(), 2),
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("rows_in_a_group", [2, 100])
def test_parquet_of_lists(kind, rows_in_a_group, tmp_path):
    dtype = LISTS[kind].value_type.to_pandas_dtype()
    lists = pa.array([*ROWS.astype(dtype)], LISTS[kind])
    table = pa.table({"id": [1, 2, 3], "path": NAMES, "feats": lists})
    path = tmp_path / "f.parquet"
    parquet.write_table(table, path, row_group_size=rows_in_a_group)
    is_read(path, dtype)


@pytest.mark.parametrize("names", [["0", "1"], ["f_1", "f_2"], ["x01", "x00"]])
def test_parquet_of_numbered_columns(names, tmp_path):
    rows = dict(zip(sorted(names), ROWS.astype(np.float32).T, strict=True))
    columns = {name: rows[name] for name in names}
    texts = pa.array(NAMES).dictionary_encode()
    table = pa.table({**columns, "image": texts, "camera": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "f.parquet")
    is_read(tmp_path / "f.parquet", "f4")


def test_parquet_needs_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "EXTRAS", {"parquet": ("no_such_arrow",)})
    (tmp_path / "f.parquet").touch()
    with pytest.raises(extras.MissingExtraError, match=r"no_such_arrow, .*\[parquet\]"):
        feature_files.read(str(tmp_path / "f.parquet"))


def objects(*values) -> np.ndarray:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def npz(path: Path, **columns) -> None:
    columns = {"features": ROWS, "name": np.array(NAMES)} | columns
    np.savez(path, allow_pickle=True, **columns)


def npy(path: Path, rows=ROWS, names: str | bytes | None = "a\nb\nc\n") -> None:
    np.save(path, rows)
    if names is not None:
        path.with_suffix(".csv").write_bytes(
            names if isinstance(names, bytes) else names.encode()
        )


def table(path: Path, **columns) -> None:
    parquet.write_table(pa.table({"name": NAMES} | columns), path)


def cut(path: Path, keep: float) -> None:
    npz(path, features=np.tile(ROWS, (50, 50)), name=np.array(NAMES * 50))
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])


MALFORMED = {
    # Kinds of files.
    "nothing": ("f.npz", lambda p: None, "no such file"),
    "a folder": ("f.npz", lambda p: p.mkdir(), "is a folder"),
    "no bytes": ("f.npz", lambda p: p.touch(), "not readable"),
    "text": ("f.npz", lambda p: p.write_text("name,f0"), "pickled Python objects"),
    "text as parquet": ("f.parquet", lambda p: p.write_text("a"), "not readable"),
    "another ending": ("f.txt", lambda p: p.write_text("a"), "must be a .npz, .npy or"),
    "no ending": ("f", lambda p: p.write_text("a"), "must be a .npz, .npy or"),
    "matlab": ("f.mat", lambda p: p.touch(), "must be a .npz, .npy or .parquet file"),
    "torch": (
        "f.pth",
        lambda p: torch.save({"features": torch.ones(2, 2)}, p),
        "np.savez('f.npz', features=d['features'].float().numpy(), name=np.array(",
    ),
    "pickle": ("f.pkl", lambda p: p.write_bytes(pickle.dumps(1)), "pickled and is not"),
    "torch as npz": (
        "f.npz",
        lambda p: torch.save({"features": torch.ones(2, 2)}, p),
        "no features, which are called features, feats, embeddings",
    ),
    "an empty zip": ("f.npz", lambda p: zipfile.ZipFile(p, "w").close(), "nothing"),
    "npy as npz": (
        "f.npz",
        lambda p: (npy(p.with_suffix(".npy")), p.with_suffix(".npy").rename(p)),
        "holds one array, as .npy files do",
    ),
    "npz as npy": (
        "f.npy",
        lambda p: (
            npz(p.with_suffix(".npz")),
            p.with_suffix(".npz").rename(p),
            p.with_suffix(".csv").write_text("a"),
        ),
        "holds several arrays, as .npz files do",
    ),
    "cut short": ("f.npz", lambda p: cut(p, 0.9), "not readable: BadZipFile"),
    "hardly begun": ("f.npz", lambda p: cut(p, 0.1), "not readable"),
    # Arrays of .npz files.
    "no features": (
        "f.npz",
        lambda p: np.savez(p, vectors=ROWS, name=NAMES),
        "holds 'vectors', 'name', but no features",
    ),
    "lengths of other rows": (
        "f.npz",
        lambda p: npz(p, length=np.ones(2)),
        "length must be a positive number for each row, as --mode export writes them",
    ),
    "no lengths": ("f.npz", lambda p: npz(p, length=[1, 0.0, 1]), "a positive number"),
    "NaN for lengths": ("f.npz", lambda p: npz(p, length=[1, np.nan, 1]), "a positive"),
    "lengths of text": ("f.npz", lambda p: npz(p, length=["a"] * 3), "a positive num"),
    "no names": (
        "f.npz",
        lambda p: np.savez(p, features=ROWS, pids=[1, 2, 3]),
        f"holds 'features', 'pids', but no names, which are called {MISSING}",
    ),
    "features twice": (
        "f.npz",
        lambda p: npz(p, feats=ROWS),
        "holds 'features', 'feats': keep only one of them for the features",
    ),
    "names twice": ("f.npz", lambda p: npz(p, paths=NAMES), "'name', 'paths': keep"),
    "features as objects": (
        "f.npz",
        lambda p: npz(p, features=objects(*ROWS)),
        "features is pickled Python objects, which are not read: save arrays of "
        "numbers and text, features=np.stack(features).astype(np.float32)",
    ),
    "names as objects": (
        "f.npz",
        lambda p: npz(p, name=objects(*NAMES)),
        "name is pickled Python objects, which are not read: save arrays of numbers "
        "and text, name=np.array(paths, str)",
    ),
    "names as numbers": (
        "f.npz",
        lambda p: npz(p, name=np.arange(3)),
        "its names are int64 of shape (3,), must be one text for each row",
    ),
    "a table of names": (
        "f.npz",
        lambda p: npz(p, name=np.array([NAMES])),
        "of shape (1, 3), must be one text for each row",
    ),
    "names in Latin-1": (
        "f.npz",
        lambda p: npz(p, name=np.array([b"\xe9", b"b", b"c"])),
        "its names are not UTF-8",
    ),
    "a name too few": (
        "f.npz",
        lambda p: npz(p, name=np.array(NAMES[1:])),
        "3 rows of features, 2 names",
    ),
    "whole numbers": (
        "f.npz",
        lambda p: npz(p, features=ROWS.astype(int)),
        "its features are int64, must be float16, float32 or float64",
    ),
    "complex numbers": ("f.npz", lambda p: npz(p, features=ROWS + 1j), "complex128"),
    "long numbers": (
        "f.npz",
        lambda p: npz(p, features=ROWS.astype(np.longdouble)),
        "must be float16, float32 or float64",
    ),
    "bfloat16": (
        "f.npz",
        lambda p: npz(p, features=np.zeros((3, 2), "V2")),
        "its features are |V2, must be float16",
    ),
    "text for features": ("f.npz", lambda p: npz(p, features=NAMES), "must be float16"),
    "one row": (
        "f.npz",
        lambda p: npz(p, features=ROWS[0]),
        "its features have shape (2,), must be (images, numbers)",
    ),
    "maps": (
        "f.npz",
        lambda p: npz(p, features=ROWS[:, :, None, None]),
        "shape (3, 2, 1, 1), must be (images, numbers): features.reshape(len(features)",
    ),
    "no rows": ("f.npz", lambda p: npz(p, features=ROWS[:0], name=NO_NAMES), "(0, 2)"),
    "no columns": ("f.npz", lambda p: npz(p, features=ROWS[:, :0]), "shape (3, 0)"),
    # .npy files and lists of names.
    "a dictionary": (
        "f.npy",
        lambda p: npy(p, objects({"features": ROWS})),
        "it holds pickled Python objects, which are not read",
    ),
    "no list": (
        "f.npy",
        lambda p: npy(p, names=None),
        "needs {folder}/f.csv or --names: no such file, with a line for each row",
    ),
    "an empty list": ("f.npy", lambda p: npy(p, names="\n"), "f.csv holds no names"),
    "two columns": (
        "f.npy",
        lambda p: npy(p, names="a,1\nb,2\nc,3\n"),
        f"holds 'a', '1', but no names, which are called {MISSING}",
    ),
    "two columns of names": (
        "f.npy",
        lambda p: npy(p, names="path,name\na,b\nc,d\ne,f\n"),
        "holds 'path', 'name': keep only one",
    ),
    "a comma": (
        "f.npy",
        lambda p: npy(p, names="name\na\nb,1\nc\n"),
        "row 2 has 2 columns, the first line 1; a name with a comma stands in quotes",
    ),
    "a list in Latin-1": ("f.npy", lambda p: npy(p, names=b"\xe9\nb\nc"), "not read"),
    "a line too many": (
        "f.npy",
        lambda p: npy(p, names="img\na\nb\nc\n"),
        "3 rows of features, 4 names",
    ),
    "another list": ("f.npz", npz, "--names={folder}/n.csv is for a .npy file"),
    # Columns of .parquet files.
    "no column of names": (
        "f.parquet",
        lambda p: parquet.write_table(pa.table({"pid": [1.0]}), p),
        "holds 'pid', but no names",
    ),
    "no column of features": (
        "f.parquet",
        lambda p: table(p, camera=[1, 2, 3]),
        "needs a column features of lists of floats, or columns of floats numbered "
        "from 0 (0, 1, ... or f0, f1, ...); it holds camera",
    ),
    "other columns of floats": (
        "f.parquet",
        lambda p: table(p, f0=[1.0] * 3, f1=[1.0] * 3, score=[0.5] * 3),
        "it holds f0, f1, score",
    ),
    "a gap": ("f.parquet", lambda p: table(p, f0=[1.0] * 3, f2=[1.0] * 3), "f0, f2"),
    "two kinds": ("f.parquet", lambda p: table(p, f0=[1.0] * 3, g1=[1.0] * 3), "f0, g"),
    "a late start": ("f.parquet", lambda p: table(p, f2=[1.0] * 3), "it holds f2"),
    "two columns of features": (
        "f.parquet",
        lambda p: table(p, features=ROWS.tolist(), feats=ROWS.tolist()),
        "holds 'features', 'feats': keep only one",
    ),
    "lists of two lengths": (
        "f.parquet",
        lambda p: table(p, features=[[1.0, 2.0], [1.0], [2.0, 1.0]]),
        "row 2 of column features holds 1 numbers, row 1 2: all must hold as many",
    ),
    "an empty cell": (
        "f.parquet",
        lambda p: table(p, features=[[1.0, 2.0], None, [2.0, 1.0]]),
        "row 2 of column features holds 0 numbers, row 1 2",
    ),
    "an empty number": (
        "f.parquet",
        lambda p: table(p, features=[[1.0, 2.0], [1.0, None], [2.0, 1.0]]),
        "column features has 1 empty cells",
    ),
    "an empty number in a column": (
        "f.parquet",
        lambda p: table(p, f0=[1.0, None, 2.0], f1=[1.0] * 3),
        "column f0 has 1 empty cells",
    ),
    "lists of whole numbers": (
        "f.parquet",
        lambda p: table(p, features=[[1], [2], [3]]),
        "column features is of lists of int64, must be of floats",
    ),
    "a column of floats": (
        "f.parquet",
        lambda p: table(p, features=[1.0, 2.0, 3.0]),
        "column features is double, must be lists of floats",
    ),
    "a number for a name": (
        "f.parquet",
        lambda p: parquet.write_table(pa.table({"name": [1], "f0": [1.0]}), p),
        "row 1 of column name is 1, must be a path",
    ),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_what_cannot_be_read_is_one_line(kind, tmp_path):
    file, make, message = MALFORMED[kind]
    path, names = tmp_path / file, ""
    make(path)
    if kind == "another list":
        names = str(tmp_path / "n.csv")
    with pytest.raises(UserError) as caught:
        feature_files.read(str(path), names)
    text = str(caught.value)
    assert message.replace("{folder}", str(tmp_path)) in text
    assert str(tmp_path) in text
    assert len(text) - len(str(tmp_path)) < 400
    assert text.isprintable()
