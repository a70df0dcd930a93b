"""A checkpoint on disk: the same to the last bit, or told to be damaged."""

import collections
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from ceil_jax.checkpoints import stored
from ceil_jax.common.errors import UserError

PLACE = [12, None]
RECORD = {"seed": 3, "rate": 0.1, "names": ["a", None], "epoch": {"loss": 1e-300}}
HANG_SECONDS = 60
"""Reading takes a fiftieth of a second; much more counts as a hang."""


def make_arrays(seed: int = 0) -> dict[str, Any]:
    """Leaves of every kind: several dtypes, no axis, no entry in a mapping."""
    rng = np.random.default_rng(seed)
    return {
        "state": {
            "params": {"kernel": rng.normal(size=(40, 30)).astype(np.float32)},
            "batch_stats": {},
            "step": np.asarray(7 + seed, np.int32),
        },
        "within": {
            "kept": rng.permutation(50),
            "mask": rng.integers(0, 2, 9).astype(bool),
            "half": rng.normal(size=3).astype(np.float16),
        },
    }


def assert_same(got: stored.Stored, arrays: Any, record: Any = RECORD) -> None:
    assert got.record == record
    assert jax.tree.structure(got.arrays) == jax.tree.structure(arrays)
    for x, y in zip(jax.tree.leaves(got.arrays), jax.tree.leaves(arrays), strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        assert x.tobytes() == y.tobytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A checkpoint that nothing has happened to."""
    folder = tmp_path_factory.mktemp("stored") / "12"
    stored.write(folder, make_arrays(), RECORD, PLACE)
    return folder


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "12"))


def files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def outcome(folder: Path) -> str:
    """Whether a folder reads as it was written, or is told to be damaged."""
    before, begin = contents(folder) if folder.is_dir() else None, time.monotonic()
    try:
        got = stored.read(folder, PLACE)
    except stored.DamagedError as error:
        found, reason = "damaged", str(error)
    else:
        assert_same(got, make_arrays())
        found, reason = "the same", "-"
    assert len(reason.splitlines()) == 1
    assert time.monotonic() - begin < HANG_SECONDS
    assert before == (contents(folder) if folder.is_dir() else None)
    return found


Damage = Callable[[bytes, np.random.Generator], bytes | None]


def flip(share: float) -> Damage:
    """One bit turned over, so far into the file."""

    def damage(content: bytes, rng: np.random.Generator) -> bytes:
        changed = bytearray(content)
        changed[min(int(share * len(changed)), len(changed) - 1)] ^= 1 << rng.integers(
            8
        )
        return bytes(changed)

    return damage


DAMAGES: dict[str, Damage] = {
    **{f"a bit at {share:.0%}": flip(share) for share in (0, 0.2, 0.4, 0.6, 0.8, 1)},
    "cut to half": lambda content, rng: content[: len(content) // 2],
    "one byte less": lambda content, rng: content[:-1],
    "one byte more": lambda content, rng: content + rng.bytes(1),
    "empty": lambda content, rng: b"",
    "random": lambda content, rng: rng.bytes(len(content)),
    "zeros": lambda content, rng: bytes(len(content)),
    "removed": lambda content, rng: None,
}


def test_there_are_damages_of_many_kinds(whole):
    names = files(whole)
    assert {name.split("/")[0] for name in names} >= {
        *("state", "record", "digest", "_CHECKPOINT_METADATA")
    }
    assert len(DAMAGES) * len(names) >= 141


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_gives_the_same_values_or_is_told(whole, copy, kind):
    tally: collections.Counter[str] = collections.Counter()
    for name, content in contents(whole).items():
        rng = np.random.default_rng(zlib.crc32(f"{kind} {name}".encode()))
        damaged = DAMAGES[kind](content, rng)
        if damaged is None:
            (copy / name).unlink()
        else:
            (copy / name).write_bytes(damaged)
        found = outcome(copy)
        tally[found] += 1
        if name in ("record/metadata", "digest/metadata"):
            assert found == "damaged", name
        (copy / name).write_bytes(content)
    assert sum(tally.values()) == len(files(whole))
    # The list of arrays, their index, their data, and what is in JSON.
    assert tally["damaged"] >= 5 or kind == "one byte more", tally
    assert outcome(copy) == "the same"


def other_epoch(folder: Path) -> Path:
    """Another checkpoint, that of epoch 13."""
    made = folder.parent / "other"
    stored.write(made, make_arrays(1), RECORD | {"seed": 4}, [13, None])
    return made


def within_renamed(folder: Path) -> None:
    """The state within epoch 13 under the name of that after epoch 12."""
    shutil.rmtree(folder)
    stored.write(folder, make_arrays(), RECORD, [12, 2])


def swapped(*names: str) -> Callable[[Path], None]:
    """Items of another epoch in the place of this one's."""

    def damage(folder: Path) -> None:
        made = other_epoch(folder)
        for name in names or tuple(each.name for each in made.iterdir()):
            target = folder / name
            shutil.rmtree(target) if target.is_dir() else target.unlink()
            (made / name).rename(target)

    return damage


def replaced_by_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder")


def replaced_by_folder(folder: Path) -> None:
    (folder / "record" / "metadata").unlink()
    (folder / "record" / "metadata").mkdir()


def empty_one_renamed(folder: Path) -> None:
    path = folder / "state" / "_METADATA"
    assert "batch_stats" in path.read_text()
    path.write_text(path.read_text().replace("batch_stats", "catch_stats"))


def deep_json(folder: Path) -> None:
    (folder / "record" / "metadata").write_text("[" * 100_000)


def list_of_json(folder: Path) -> None:
    (folder / "digest" / "metadata").write_text("[1, 2]")


def other_record(folder: Path) -> None:
    changed = RECORD | {"seed": 4}
    (folder / "record" / "metadata").write_text(json.dumps(changed))


def other_record_proven(folder: Path) -> None:
    """A record with the proof of another checkpoint that has the same one."""
    proof = json.loads((folder / "digest" / "metadata").read_text())
    made = folder.parent / "other"
    stored.write(made, make_arrays(1), RECORD, PLACE)
    other = json.loads((made / "digest" / "metadata").read_text())
    assert proof["record"] == other["record"]
    assert proof["state"] != other["state"]
    (folder / "digest" / "metadata").write_text(json.dumps(other))


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: shutil.rmtree(folder / name)


@pytest.mark.parametrize(
    "damage",
    [
        *(without(name) for name in ("state", "record", "digest")),
        *(swapped(name) for name in ("state", "record", "digest")),
        swapped("record", "digest"),
        swapped("state", "digest"),
        swapped("state", "record"),
        swapped(),
        within_renamed,
        replaced_by_file,
        replaced_by_folder,
        shutil.rmtree,
        emptied,
        empty_one_renamed,
        deep_json,
        list_of_json,
        other_record,
        other_record_proven,
    ],
)
def test_a_folder_that_is_another_is_told(copy, damage):
    damage(copy)
    assert outcome(copy) == "damaged"


def test_what_was_written_comes_back(whole, copy):
    assert_same(stored.read(whole, PLACE), make_arrays())
    os.utime(copy / "record" / "metadata", (0, 0))
    (copy / "left by somebody.txt").write_text("no part of it")
    shutil.copytree(copy / "state", copy / "more")
    assert outcome(copy) == "the same"


@pytest.mark.parametrize("place", [[12, 0], [13, None], [12, 2], None, "12"])
def test_another_place_is_refused(whole, place):
    with pytest.raises(stored.DamagedError, match="not the one that was written here"):
        stored.read(whole, place)


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot save .*12") as caught:
        stored.write(tmp_path / "file" / "12", make_arrays(), RECORD, PLACE)
    assert len(str(caught.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
