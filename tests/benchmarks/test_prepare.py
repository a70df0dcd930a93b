import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.prepare import FORMS, compare_forms, picture, write_tree
from ceil_jax.datasets.sysu_mm01.layout import read_listing

ROOT = Path(__file__).parents[2]


def test_the_folder_is_like_sysu_mm01(tmp_path: Path):
    paths = write_tree(tmp_path / "set", 6000)
    assert len(set(paths)) == 6000
    listing = read_listing(tmp_path / "set")
    assert len(listing.names) == 6000
    assert listing.missing == ()
    assert np.unique(listing.identities[listing.train[:, 0]]).size == 395
    assert np.unique(listing.identities[listing.test[:, 0]]).size == 96
    assert np.bincount(listing.cameras).tolist() == [0, *[1000] * 6]


def test_pictures_have_the_usual_size(rng: np.random.Generator):
    files = [picture(rng) for _ in range(20)]
    sizes = np.array([Image.open(io.BytesIO(file)).size for file in files])
    np.testing.assert_allclose(sizes.mean(axis=0), (100, 250), rtol=0.1)
    assert all(3_000 < len(file) < 30_000 for file in files)


@pytest.mark.parametrize("name", FORMS)
def test_forms_keep_what_they_claim(name: str, rng: np.random.Generator):
    image = rng.integers(0, 256, (12, 6, 3), dtype=np.uint8)
    image[:] = image[:1, :1]  # flat, so that even JPEG keeps it
    got = FORMS[name].decode(FORMS[name].encode(image), (12, 6))
    atol = 3 if "loses" in name else 0
    np.testing.assert_allclose(got.astype(int), image.astype(int), atol=atol)


def test_forms_are_compared(tmp_path: Path):
    paths = write_tree(tmp_path / "set", 60)
    rows = {row[0]: row[1:] for row in compare_forms(paths, (64, 32), tmp_path)}
    assert list(rows) == list(FORMS)
    assert all(figure >= 0 for row in rows.values() for figure in row)
    # KiB of 64 x 32 x 3 bytes; a file grows by blocks of 64 KiB.
    assert rows["bytes"][2] >= 6 > rows["JPEG 95 (loses)"][2]


def test_the_command(tmp_path: Path):
    command = [sys.executable, "-m", "benchmarks.prepare", "--images=60", "--part=20"]
    done = subprocess.run(
        [*command, f"--folder={tmp_path}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for words in ("one thread", "WebP, lossless", "prepared 60 images in ", "peak mem"):
        assert words in done.stdout
    assert not list(tmp_path.iterdir()), "it removes what it made"
