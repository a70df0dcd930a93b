import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.listing import Listing
from ceil_jax.datasets.regdb.layout import deviations, identity_of, read_listing
from tests.ceil_jax.datasets.trees import write_regdb


def test_listing_holds_every_image_once(tmp_path: Path):
    listing = read_listing(write_regdb(tmp_path / "campus" / "7" / "Visible"))
    assert len(listing.names) == 4 * 2 * 2
    assert listing.names == sorted(set(listing.names))
    assert listing.names[0] == "Thermal/1/male_back_t_00000_1.bmp"
    folders = [name.split("/") for name in listing.names]
    assert listing.identities.tolist() == [int(parts[1]) for parts in folders]
    assert listing.modalities.tolist() == [int(p[0] == "Thermal") for p in folders]
    assert (listing.train ^ listing.test).all()
    assert (listing.train.sum(axis=0) == 8).all()
    order = np.random.RandomState(3).permutation([1, 2, 3, 4])
    trained = np.unique(listing.identities[listing.train[:, 2]])
    assert trained.tolist() == sorted(order[:2].tolist())


def test_lists_of_other_systems_are_read(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    want = read_listing(root)
    path = root / "idx" / "train_visible_1.txt"
    text = path.read_text().replace("/", "\\").replace("\n", "\r\n")
    path.write_bytes((text + "\r\n").encode())
    got = read_listing(root)
    assert got.names == want.names
    np.testing.assert_array_equal(got.train, want.train)


def test_files_that_no_list_names_are_ignored(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    want = read_listing(root).names
    (root / "Visible" / "1" / "._male_back_v_00000_1.bmp").write_text("junk")
    (root / "Visible" / "Thumbs.db").write_text("junk")
    assert read_listing(root).names == want


def test_listed_images_that_are_missing_are_left_out_and_counted(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    gone = "Visible/1/male_back_v_00000_1.bmp"
    (root / gone).unlink()
    listing = read_listing(root)
    assert len(listing.names) == 4 * 2 * 2 - 1
    assert gone not in listing.names
    assert listing.missing == (f"1 listed image is missing, the first {root / gone}",)
    shutil.rmtree(root / "Visible")
    listing = read_listing(root)
    assert (listing.modalities == 1).all()
    assert listing.missing[0].startswith("8 listed images are missing, the first ")


def test_an_extension_in_upper_case_is_told(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    place = root / "Thermal" / "1"
    (place / "male_back_t_00000_1.bmp").rename(place / "male_back_t_00000_1.BMP")
    (missing,) = read_listing(root).missing or ("",)
    hint = "(there is male_back_t_00000_1.BMP: upper and lower case differ)"
    assert missing.endswith(hint) or sys.platform in ("darwin", "win32")


def test_identity_comes_from_the_last_folder_only():
    assert identity_of("Visible/285/male_back_v_05528_285.bmp") == 285


def test_missing_parts_are_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"no such data folder: .*nowhere"):
        read_listing(tmp_path / "nowhere")
    with pytest.raises(DataError, match="has no folder idx: RegDB as distributed"):
        read_listing(tmp_path)
    root = write_regdb(tmp_path / "RegDB")
    (root / "idx" / "test_thermal_4.txt").unlink()
    with pytest.raises(DataError, match=r"missing list .*test_thermal_4\.txt"):
        read_listing(root)


@pytest.mark.parametrize(
    "line",
    [
        "Thermal/1/male_back_t_00000_1.bmp 0",
        "Visible/1/male.bmp",
        "Visible/one/male.bmp 0",
        "Visible/../1/male.bmp 0",
        "\x00\x01",
    ],
)
def test_a_wrong_line_is_shown(tmp_path: Path, line: str):
    root = write_regdb(tmp_path / "RegDB")
    path = root / "idx" / "train_visible_2.txt"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError, match=r"train_visible_2\.txt, line 5: expected"):
        read_listing(root)


def test_an_empty_or_binary_list_is_named(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    path = root / "idx" / "train_visible_2.txt"
    path.write_text("\n")
    with pytest.raises(DataError, match=r"empty: .*train_visible_2\.txt"):
        read_listing(root)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"cannot read list .*train_visible_2\.txt"):
        read_listing(root)


def test_a_person_in_both_halves_of_a_trial_is_refused(tmp_path: Path):
    root = write_regdb(tmp_path / "RegDB")
    train = (root / "idx" / "train_visible_5.txt").read_text()
    path = root / "idx" / "test_visible_5.txt"
    path.write_text(path.read_text() + train.splitlines()[0] + "\n")
    identity = identity_of(train.split(" ")[0])
    with pytest.raises(DataError, match=f"trial 5 lists 1 ident.* one {identity}$"):
        read_listing(root)


def whole_listing() -> Listing:
    """412 people, ten images of either kind, even numbers trained on."""
    identities = np.repeat(np.arange(1, 413), 20)
    train = np.repeat((identities % 2 == 0)[:, None], 10, axis=1)
    return Listing(
        names=[str(n) for n in range(len(identities))],
        identities=identities,
        cameras=np.tile(np.repeat([1, 2], 10), 412),
        modalities=np.tile(np.repeat([0, 1], 10), 412),
        train=train,
        test=~train,
    )


def test_figures_are_compared_with_those_of_regdb():
    whole = whole_listing()
    assert deviations(whole) == []
    train = whole.train.copy()
    train[np.flatnonzero(whole.identities == 2)[0], 6] = False
    assert deviations(whole._replace(train=train)) == [
        "train_visible_7: 206 identities and 2059 images instead of 206 and 2060"
    ]
    fewer = whole.identities.copy()
    fewer[fewer == 412] = 410
    found = deviations(whole._replace(identities=fewer))
    assert found[0] == "411 identities instead of 412"
    assert len(found) == 21


@pytest.mark.skipif("CEIL_JAX_PEOPLE" not in os.environ, reason="no such images here")
def test_real_pedestrians():
    listing = read_listing(Path(os.environ["CEIL_JAX_PEOPLE"]) / "RegDB")
    assert len(listing.names) == 200
    assert len(np.unique(listing.identities)) == 10
    assert (listing.train.sum(axis=0) == 100).all()
    assert (listing.test.sum(axis=0) == 100).all()
