"""What a user reads where a folder cannot be used: docs/troubleshooting.md has it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.listing import full_list_of, open_folder
from ceil_jax.datasets.registry import Request, find
from ceil_jax.datasets.sysu_mm01.layout import LAYOUT
from tests.ceil_jax.datasets.sysu_mm01.test_layout import whole_listing
from tests.ceil_jax.datasets.trees import TREES, keep

DOCS = (Path(__file__).parents[3] / "docs" / "troubleshooting.md").read_text(
    encoding="utf-8"
)
PARTIAL = (
    "; the full list is in LIST (--config.allow_partial=True goes on nevertheless)"
)


def append(path: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / path).write_text((root / path).read_text() + text)


def write(path: str, text: str) -> Callable[[Path], object]:
    def spoil(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return spoil


def remove(path: str) -> Callable[[Path], object]:
    return lambda root: (
        shutil.rmtree(root / path) if (root / path).is_dir() else (root / path).unlink()
    )


def rename(path: str, name: str) -> Callable[[Path], object]:
    return lambda root: (root / path).rename((root / path).with_name(name))


# What is done to a small folder, and what is then said of it, ROOT being its path.
CASES = [
    ("sysu_mm01", remove("."), "no such data folder: ROOT"),
    (
        "sysu_mm01",
        remove("exp"),
        "ROOT has no folder exp: SYSU-MM01 as distributed holds cam1 to cam6 and exp",
    ),
    (
        "sysu_mm01",
        remove("exp/val_id.txt"),
        "missing list of identities: ROOT/exp/val_id.txt",
    ),
    (
        "sysu_mm01",
        write("exp/train_id.txt", ""),
        "list of identities is empty: ROOT/exp/train_id.txt",
    ),
    (
        "sysu_mm01",
        write("exp/train_id.txt", "1,2,see cam3\n"),
        "ROOT/exp/train_id.txt, line 1: expected identities with commas between them, "
        "found 'see cam3'",
    ),
    (
        "sysu_mm01",
        append("exp/test_id.txt", "3"),
        "ROOT/exp: the lists name 1 identity for training and for testing, the first "
        "one 3",
    ),
    (
        "sysu_mm01",
        write("cam2/4/0001.jpg", ""),
        "ROOT/cam2 holds identity 4 twice: 0004 and 4",
    ),
    (
        "sysu_mm01",
        remove("cam4"),
        "SYSU-MM01 at ROOT is not whole: no folder ROOT/cam4; 3 training identities "
        f"instead of 395; and 14 more wrong figures{PARTIAL}",
    ),
    (
        "regdb",
        remove("idx/test_thermal_10.txt"),
        "missing list of images: ROOT/idx/test_thermal_10.txt",
    ),
    (
        "regdb",
        write("idx/train_visible_3.txt", "\n"),
        "list of images is empty: ROOT/idx/train_visible_3.txt",
    ),
    (
        "regdb",
        write("idx/train_visible_3.txt", "Visible/male_back_v_05528_285.bmp 0\n"),
        "ROOT/idx/train_visible_3.txt, line 1: expected 'Visible/<identity>/<image> "
        "<label>', found 'Visible/male_back_v_05528_285.bmp 0'",
    ),
    (
        "regdb",
        append("idx/test_visible_1.txt", "Visible/4/male_back_v_00000_4.bmp 0\n"),
        "ROOT/idx: trial 1 lists 1 identity for training and for testing, the first "
        "one 4",
    ),
    (
        "regdb",
        remove("Visible/1/male_back_v_00000_1.bmp"),
        "RegDB at ROOT is not whole: 1 listed image is missing, the first "
        "ROOT/Visible/1/male_back_v_00000_1.bmp; 4 identities instead of 412; and 40 "
        f"more wrong figures{PARTIAL}",
    ),
    (
        "llcm",
        rename("vis/0001/0001_c01_s000003_f0_vis.jpg", "0001_c01_s000003_f0_vis.JPG"),
        "LLCM at ROOT is not whole: 1 listed image is missing, the first "
        "ROOT/vis/0001/0001_c01_s000003_f0_vis.jpg (there is 0001_c01_s000003_f0_vis."
        "JPG: upper and lower case differ); 2 training identities instead of 713; and "
        f"5 more wrong figures{PARTIAL}",
    ),
    (
        "llcm",
        append("idx/test_id.txt", "612\n"),
        "LLCM at ROOT is not whole: no image of 1 of the 3 identities in "
        "ROOT/idx/test_id.txt, the first 612; 2 training identities instead of 713; "
        f"and 5 more wrong figures{PARTIAL}",
    ),
    (
        "llcm",
        write("test_nir/cam9/0011/0011_c09_s000003_f1_nir.jpg", ""),
        "image ROOT/test_nir/cam9/0011/0011_c09_s000003_f1_nir.jpg is empty (0 bytes)",
    ),
    (
        "folder",
        rename("infrared", "infared"),
        "ROOT/infared would not be read: did you mean infrared? images lie in visible, "
        "infrared, query, gallery (lower case); rename it or move it away",
    ),
    (
        "folder",
        write("visible/1.jpg", ""),
        "ROOT/visible/1.jpg lies in no camera's folder: expected "
        "visible/<camera>/<image>",
    ),
    (
        "folder",
        write("query/visible/door/1.jpg", ""),
        "ROOT/query/visible/door/1.jpg: expected query/<visible or infrared>/<camera>/"
        "<identity>/<image>",
    ),
    (
        "folder",
        remove("gallery"),
        "ROOT: query holds 8 images and gallery 0; evaluation needs both, training "
        "needs neither",
    ),
]


def shown(message: str, name: str) -> str:
    return message.replace("ROOT", f"/data/{TREES[name].title}").replace("LIST", "...")


@pytest.mark.parametrize(("name", "spoil", "message"), CASES)
def test_message(
    name: str, spoil: Callable[[Path], object], message: str, tmp_path: Path
):
    root = TREES[name].write(tmp_path / "set")
    spoil(root)
    request = Request(
        root, tmp_path / "cache", (12, 6), {"allow_partial": "empty" in message}, False
    )
    with pytest.raises(DataError) as caught:
        find(name).make_builder(request)
    want = message.replace("LIST", str(full_list_of(root))).replace("ROOT", str(root))
    assert str(caught.value) == want
    assert f"`{shown(message, name)}`" in DOCS


def test_the_classic_message():
    """367 identities instead of 395 cost someone six points."""
    whole = whole_listing()
    kept = (whole.identities <= 367) | whole.test[:, 0]
    missing = (
        "no image of 28 of the 395 identities in ROOT/exp/train_id.txt and val_id.txt, "
        "the first 368",
    )
    partial = keep(whole, np.asarray(kept))._replace(missing=missing)
    with pytest.raises(DataError) as caught:
        open_folder(
            LAYOUT.__class__("SYSU-MM01", 1, lambda root: partial, LAYOUT.deviations),
            Path("ROOT"),
            allow_partial=False,
        )
    message = str(caught.value).replace(str(full_list_of(Path("ROOT"))), "LIST")
    assert message.startswith(f"SYSU-MM01 at ROOT is not whole: {missing[0]}; 367 trai")
    assert f"`{shown(message, 'sysu_mm01')}`" in DOCS
