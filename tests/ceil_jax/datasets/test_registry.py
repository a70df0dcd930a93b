import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.registry import REGISTRY, Request, find, names
from ceil_jax.evaluation import metrics
from tests.ceil_jax.common.packages import install
from tests.ceil_jax.datasets.trees import write_regdb


def request(tmp_path: Path, data_dir: Path | None = None, **options: Any) -> Request:
    return Request(data_dir, tmp_path / "cache", (16, 16), options, False)


def test_entries_agree_with_the_data_sets():
    assert find("synthetic").visible_cameras == (1, 2, 4, 5)
    assert find("synthetic").infrared_cameras == (3, 6)
    assert find("regdb").num_trials == 10
    assert find("synthetic").num_trials == 1
    protocols = {name: entry.protocol for name, entry in REGISTRY.items()}
    assert protocols == {
        "synthetic": "sysu_mm01",
        "sysu_mm01": "sysu_mm01",
        "regdb": "regdb",
        "llcm": "llcm",
        "folder": "standard",
    }
    for entry in REGISTRY.values():
        assert entry.protocol in metrics.PROTOCOLS


def test_registry_is_imported_without_tfds():
    code = (
        "import sys, ceil_jax.datasets.registry; "
        "sys.exit('tensorflow_datasets' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


def test_mistyped_names_are_refused_with_the_nearest():
    with pytest.raises(DataError, match="no data set 'synthetik': did you mean 'synt"):
        find("synthetik")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"roh": 0.5}, "no data option 'roh': did you mean 'rho'"),
        ({"height": 64}, "no data option 'height'"),
        ({"rho": 2.0}, r"rho=2\.0 must be in \[0, 1\]"),
        ({"num_test_identities": 0}, "num_test_identities=0 must be"),
        ({"rho": "much"}, "generated data set: "),
    ],
)
def test_wrong_options_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
):
    with pytest.raises(DataError, match=message):
        find("synthetic").make_builder(request(tmp_path, **options))


def test_a_needed_folder_is_asked_for(tmp_path: Path):
    for name, title in (("regdb", "RegDB"), ("llcm", "LLCM"), ("folder", "folder")):
        with pytest.raises(DataError, match=f"{title} needs data_dir, the folder"):
            find(name).make_builder(request(tmp_path))


def test_wrong_counts_stop_unless_allowed(tmp_path: Path, caplog):
    root = write_regdb(tmp_path / "RegDB")
    message = (
        f"RegDB at {root} is not whole: 4 identities instead of 412; train_visible_1: "
        "2 identities and 4 images instead of 206 and 2060; and 39 more wrong figures"
    )
    with pytest.raises(DataError) as caught:
        find("regdb").make_builder(request(tmp_path, root))
    hint = " (--config.allow_partial=True goes on nevertheless)"
    said = str(caught.value).removesuffix(hint)
    assert said != str(caught.value)
    assert said.startswith(f"{message}; the full list is in ")
    listed = Path(said.rsplit(" ", 1)[1]).read_text().splitlines()
    assert "test_thermal_10: 2 identities and 4 images" in "\n".join(listed)
    builder = find("regdb").make_builder(request(tmp_path, root, allow_partial=True))
    assert builder.warnings == (said,)
    assert not caplog.messages, "the program prints the warning, once"


POINTS = """\
[ceil_jax.datasets]
platforms = platforms_plugin:ENTRY
regdb = platforms_plugin:ENTRY
number = platforms_plugin:NUMBER
lost = platforms_plugin:LOST
"""
PLATFORMS = """\
from ceil_jax.datasets.registry import Entry, listed
ENTRY = Entry(listed("no_such_builder"), "standard", 3, True, (), ())
NUMBER = 5
"""


def test_data_sets_of_other_packages_are_found(tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "platforms", POINTS, {"platforms_plugin.py": PLATFORMS})
    assert set(names()) == {*REGISTRY, "platforms", "number", "lost"}
    assert find("platforms").num_trials == 3
    assert find("regdb") is REGISTRY["regdb"], "ours are never replaced"
    with pytest.raises(DataError, match="'platform': did you mean 'platforms'"):
        find("platform")
    with pytest.raises(
        DataError, match=r"'number' of ceil_jax\.datasets must be a cei"
    ):
        find("number")
    with pytest.raises(DataError, match=r"data set 'lost' of .* cannot be imported"):
        find("lost")
