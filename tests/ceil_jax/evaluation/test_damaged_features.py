"""Damaged and hostile files of features: one line each, and nothing is run."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import feature_files
from tests.ceil_jax.evaluation.test_feature_files import npy, npz, objects


@pytest.mark.parametrize("file", ["f.npz", "f.npy", "f.csv", "f.parquet"])
def test_damage_ends_in_one_line_or_does_no_harm(file, tmp_path, rng):
    path, names = tmp_path / "f.npy", [f"cam1/{i:04d}/0001.jpg" for i in range(20)]
    rows = np.arange(60.0).reshape(20, 3)
    npy(path, rows, "\n".join(names))
    if file == "f.npz":
        npz(path := tmp_path / file, features=rows, name=np.array(names))
    if file == "f.parquet":
        columns = {"name": names, "features": rows.tolist()}
        parquet.write_table(pa.table(columns), path := tmp_path / file)
    whole, refused = (tmp_path / file).read_bytes(), 0
    for _ in range(150):
        start, size = rng.integers(len(whole)), rng.integers(1, 30)
        damaged = whole[:start] + rng.bytes(rng.integers(30)) + whole[start + size :]
        (tmp_path / file).write_bytes(damaged)
        try:
            found = feature_files.read(str(path))
        except UserError:
            refused += 1
        else:
            assert len(found.names) == len(found.features) > 0
    assert refused > 5


def test_nothing_is_unpickled(tmp_path):
    class Opens:
        def __reduce__(self):
            return open, (str(tmp_path / "mark"), "w")

    trap = objects(Opens(), Opens(), Opens())
    for path, columns in (("a.npz", {"features": trap}), ("b.npz", {"name": trap})):
        npz(tmp_path / path, **columns)
    npy(tmp_path / "c.npy", trap)
    (tmp_path / "d.npy").write_bytes(pickle.dumps(Opens()))
    (tmp_path / "d.csv").write_text("a")
    for path in ("a.npz", "b.npz", "c.npy", "d.npy"):
        with pytest.raises(UserError, match="pickled Python objects"):
            feature_files.read(str(tmp_path / path))
    assert not (tmp_path / "mark").exists()
