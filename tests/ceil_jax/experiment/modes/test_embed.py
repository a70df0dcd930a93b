"""Images of folders embedded by a command, and scored as they are written."""

import csv
import json
import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from ceil_jax import load, main
from ceil_jax.common import extras
from ceil_jax.evaluation import feature_files
from ceil_jax.experiment import compilation
from ceil_jax.model import Model
from ceil_jax.pretrained import SYNTHETIC

NAMES = ["top.jpg", "a/1.png", "a/2.png", "b/1.png"]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A model folder for images of 32x16."""
    place = tmp_path_factory.mktemp("models") / "small"
    return load(SYNTHETIC, image_size=(32, 16)).save(place)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four images in three folders."""
    draw = np.random.default_rng(0)
    for name in NAMES:
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (40, 20, 3), dtype=np.uint8)).save(path)
    return tmp_path / "images"


@pytest.fixture
def command(monkeypatch, model, folder):
    """The command that embeds the folder as visible images."""
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)

    def run(output, *words: object, images=(folder,), of=("--model", model)) -> int:
        start = ["main", "--mode=embed", *of, f"--output={output}"]
        start += [f"--images={each}" for each in images] + ["--modality=visible"]
        return main.main([*map(str, start), *map(str, words)])

    return run


def test_rows_names_and_the_model(command, model, folder, tmp_path, capsys):
    path = tmp_path / "new" / "rows.npz"
    assert command(path) == 0
    assert capsys.readouterr().out == f"4 rows of 512 numbers written to {path}\n"
    assert [each.name for each in path.parent.iterdir()] == ["rows.npz"]
    loaded = load(model)
    with np.load(path) as columns:
        assert set(columns) == {"features", "name", "modality", "model"}
        assert columns["name"].tolist() == NAMES
        assert columns["modality"].tolist() == ["visible"] * 4
        assert columns["model"].tolist() == [loaded.info.digest] * 4
        rows = columns["features"]
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    for name, row in zip(NAMES, rows, strict=True):
        [want] = loaded.embed(folder / name, "visible")
        np.testing.assert_allclose(row, want, atol=2e-6)


def test_every_kind_of_file_is_read_for_scoring(command, tmp_path):
    """With quality beside them."""
    found = {}
    for suffix in (".npz", ".npy", ".parquet"):
        path = tmp_path / f"rows{suffix}"
        assert command(path, "--quality") == 0
        found[suffix] = feature_files.read(str(path))
        assert found[suffix].names == NAMES
        np.testing.assert_array_equal(found[suffix].features, found[".npz"].features)
        assert found[suffix].lengths is None
    columns = ["name", "modality", "model", "height", "width", "sharpness"]
    columns += ["contrast", "quality"]
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert table.column_names == ["features", *columns]
    with (tmp_path / "rows.csv").open() as file:
        lines = [*csv.DictReader(file)]
    with np.load(tmp_path / "rows.npz") as stored:
        for name in columns:
            assert table[name].to_pylist() == stored[name].tolist()
            assert [line[name] for line in lines] == [*map(str, stored[name].tolist())]
        assert stored["height"].tolist() == [40] * 4
        assert ((stored["quality"] > 0) & (stored["quality"] <= 1)).all()


def test_names_of_several_folders_are_below_what_holds_them(command, folder, tmp_path):
    path = tmp_path / "rows.npz"
    assert command(path, images=(folder / "b", folder / "a")) == 0
    with np.load(path) as columns:
        assert columns["name"].tolist() == ["b/1.png", "a/1.png", "a/2.png"]


def test_an_unreadable_image_stops_the_work_or_is_left_out(
    command, folder, tmp_path, capsys
):
    (folder / "a" / "2.png").write_bytes(b"no image")
    path = tmp_path / "new" / "rows.npz"
    assert command(path) == 2
    warning, error = capsys.readouterr().err.splitlines()
    assert warning.startswith(
        "warning: these weights do not tell whom they were trained"
    )
    unreadable = f"cannot read image {folder / 'a' / '2.png'} (8 bytes): "
    assert error.startswith(f"error: {unreadable}")
    assert error.endswith("; --on-error skip leaves it out")
    assert not path.parent.exists()
    assert command(path, "--on-error=skip") == 0
    told = capsys.readouterr()
    assert f"warning: left out: {unreadable}" in told.err
    assert told.out.startswith("3 rows of 512 numbers (1 images left out) written to ")
    with np.load(path) as columns:
        assert columns["name"].tolist() == [n for n in NAMES if n != "a/2.png"]
        assert columns["features"].shape == (3, 512)


def test_nothing_readable_is_one_line(command, folder, tmp_path, capsys):
    for name in NAMES:
        (folder / name).write_bytes(b"no image")
    path = tmp_path / "rows.npz"
    assert command(path, "--on-error=skip", "--quality") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "error: none of the 4 images can be read"
    assert not path.exists()


def test_folders_apart_with_one_range(command, tmp_path, capsys):
    folders = []
    for name, low in (("one", 0), ("two", 400)):
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        values = np.arange(low, low + 128, dtype=np.int32).reshape(16, 8)
        Image.fromarray(values).convert("I;16").save(folders[-1] / f"{name}.png")
    assert command(tmp_path / "both.npz", images=folders) == 0
    said = re.findall(r"--value-range=([\d.]+,[\d.]+)$", capsys.readouterr().err, re.M)
    rows = []
    for folder in folders:
        path = tmp_path / f"{folder.name}.npz"
        assert command(path, f"--value-range={said[0]}", images=[folder]) == 0
        rows.append(np.load(path)["features"][0])
    assert "8 bits" not in capsys.readouterr().err
    both = np.load(tmp_path / "both.npz")["features"]
    np.testing.assert_allclose(both, rows, atol=2e-6)


def test_another_engine(command, tmp_path, monkeypatch):
    assert command(tmp_path / "jax.npz") == 0
    assert command(tmp_path / "other.npz", "--engine=onnxruntime") == 0
    with np.load(tmp_path / "jax.npz") as one, np.load(tmp_path / "other.npz") as other:
        np.testing.assert_allclose(one["features"], other["features"], atol=1e-5)
    missing = {**extras.EXTRAS, "openvino": ("no_such",), "parquet": ("no_such",)}
    monkeypatch.setattr(extras, "EXTRAS", missing)
    assert command(tmp_path / "none.npz", "--engine=openvino") == 2
    assert command(tmp_path / "none.parquet") == 2
    assert not [*tmp_path.glob("none*")]


def test_a_full_disk_is_told_before_the_work(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Model, "embed", lambda *_, **__: pytest.fail("too late"))
    path = tmp_path / "new" / "rows.npz"
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limit[1]))
    try:
        assert command(path) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    error = capsys.readouterr().err
    assert f"error: {path} cannot be written: " in error
    assert "MiB are needed" in error
    assert not path.parent.exists()


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".parquet"])
def test_an_interruption_leaves_what_was_there(command, tmp_path, monkeypatch, suffix):
    path = tmp_path / "out" / f"rows{suffix}"
    path.parent.mkdir()
    path.write_text("of before")
    where = {".npz": (np, "savez"), ".npy": (np, "save")}
    place = where.get(suffix, (parquet, "write_table"))

    def half(*args, **_):
        file: Any = args[1] if suffix == ".parquet" else args[0]
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(*place, half)
    with pytest.raises(KeyboardInterrupt):
        command(path)
    assert path.read_text() == "of before"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--model=m", "--workdir=w"], "--mode embed takes one model: --model M, "),
        ([], "--mode embed takes one model: --model M, "),
        (["--model=m", "--value-range=9,x"], "--value-range=9,x must be LOW,HIGH"),
        (["--model=m", "--value-range=9,8"], "--value-range=9,8 must be LOW,HIGH"),
        (["--model=m", "--engine=tpu"], "--engine=tpu must be one of jax, onnxru"),
        (["--model=m", "--on-error=stop"], "--on-error=stop must be one of raise, sk"),
        (["--model=m", "--on_error=skip"], "the flag is --on-error"),
        (["--model=m", "--modality=rgb"], "--modality=rgb must be one of visible, in"),
        (["--model=m", "--output=a.txt"], "--output=a.txt must end in .npz, .npy, .p"),
        (["--model=m", "--images=none"], "--images=none: no such folder"),
        (["--model=m", "--target=raw"], "--target is not used by --mode embed"),
        (["--model=none", "--images=."], "none: no such file"),
    ],
)
def test_mistakes_are_one_line(words, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)
    (tmp_path / "1.png").touch()
    start = ["main", "--mode=embed", "--modality=visible", "--output=a.npz"]
    images = [] if any("--images" in word for word in words) else ["--images=."]
    assert main.main([*start, *images, *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert text in error


def test_a_file_is_to_be_written(capsys):
    words = ["--mode=embed", "--model=m", "--images=i", "--modality=visible"]
    assert main.main(["main", *words]) == 2
    told = "--output is missing with --mode embed: give a file, e.g. rows.npz"
    assert capsys.readouterr().err == f"error: {told}\n"


def test_an_image_below_two_folders_is_refused(command, folder, tmp_path, capsys):
    assert command(tmp_path / "rows.npz", images=(folder, folder / "a")) == 2
    assert "is below two of the folders of --images" in capsys.readouterr().err


@pytest.mark.usefixtures("own_cache")
def test_what_is_embedded_is_scored(command, small_regdb, model, tmp_path):
    files = []
    for modality, place in (("visible", "Visible"), ("infrared", "Thermal")):
        files.append(tmp_path / f"{modality}.npz")
        words = [f"--modality={modality}"]
        assert command(files[-1], *words, images=[small_regdb / place]) == 0
    config = ["--config=regdb", f"--config.data_dir={small_regdb}"]
    config += ["--config.allow_partial=True", "--config.evaluation.num_trials=1"]
    rows = [f"--features={path}" for path in files]
    start = ["main", "--mode=score", *config, f"--workdir={tmp_path / 'scored'}"]
    assert main.main([*start, *rows]) == 0
    record = json.loads((tmp_path / "scored" / "results.json").read_text())
    assert record["features"]["rows"] == 64
    assert record["features"]["dimension"] == 512
    assert not record["features"]["normalised"]
    # The images of a person are of one colour: everybody is found within a modality.
    assert all(0 < m["plain"]["mAP"]["mean"] <= 100 for m in record["modes"].values())
