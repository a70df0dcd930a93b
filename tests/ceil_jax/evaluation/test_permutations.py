"""The galleries of a MATLAB file: read as distributed, refused where wrong."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import permutations

# SYSU-MM01's test identities, and the images that each camera has of them.
TEST_IDS = [
    *(6, 10, 17, 21, 24, 25, 27, 28, 31, 34, 36, 37, 40, 41, 42, 43, 44, 45, 49, 50),
    *(51, 54, 63, 69, 75, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 93, 102, 104),
    *(105, 106, 108, 112, 116, 117, 122, 125, 129, 130, 134, 138, 139, 150, 152, 162),
    *(166, 167, 170, 172, 176, 185, 190, 192, 202, 204, 207, 210, 215, 223, 229, 232),
    *(237, 252, 253, 257, 259, 263, 266, 269, 272, 273, 274, 275, 282, 285, 291, 300),
    *(301, 302, 303, 307, 312, 315, 318, 331, 333),
]
TEST_IMAGES = [1374, 1565, 1883, 1918, 1918, 1920]


def cell(values):
    """A MATLAB cell of one column."""
    made = np.empty((len(values), 1), object)
    for i, value in enumerate(values):
        made[i, 0] = value
    return made


def orders(sizes, *, trials=10, seed=0):
    """A permutation per trial of each identity's images."""
    rng = np.random.default_rng(seed)
    return cell(
        [np.stack([rng.permutation(n) + 1 for _ in range(trials)]) for n in sizes]
    )


def write(path, cameras=None, name="rand_perm_cam"):
    """A file of six cameras; each has identities 1 to 3 with 4, 0 and 12 images."""
    made = (
        [orders((4, 0, 12), seed=c) for c in range(6)] if cameras is None else cameras
    )
    scipy.io.savemat(path, {name: cell(made)})
    return path


def test_the_first_ranks_of_a_row_are_the_gallery(tmp_path):
    wanted = np.array([[3, 1, 2], [2, 3, 1]])
    cameras = [orders((4,)) for _ in range(6)]
    cameras[4] = cell([wanted, np.array([[2, 1], [1, 2]])])
    read = permutations.read(write(tmp_path / "a.mat", cameras))
    one = read.first(1, 5, num_files=3, num_trials=2, shots=1)
    assert one.tolist() == [[2], [1]]
    ten = read.first(1, 5, num_files=3, num_trials=2, shots=10)
    assert ten.tolist() == [[2, 0, 1], [1, 2, 0]]
    assert read.first(2, 5, num_files=2, num_trials=1, shots=1).tolist() == [[1]]


@pytest.mark.parametrize(
    ("identity", "camera", "options", "message"),
    [
        (1, 7, {}, r"a\.mat: has cameras 1 to 6, .* of camera 7"),
        (4, 2, {}, r"a\.mat: has identities 1 to 3 of camera 2, .* identity 4"),
        (0, 2, {}, "identity 0"),
        (1, 2, {"num_files": 5}, "permutes 4 images of identity 1 of camera 2, but 5"),
        (3, 2, {"num_files": 9}, "permutes 12 images of identity 3 of camera 2, but 9"),
        (1, 2, {"num_trials": 11}, r"10 trials of .*num_trials=11 asks for more"),
    ],
)
def test_what_the_file_does_not_hold(tmp_path, identity, camera, options, message):
    read = permutations.read(write(tmp_path / "a.mat"))
    options = {"num_files": 4, "num_trials": 10, "shots": 1} | options
    with pytest.raises(UserError, match=message):
        read.first(identity, camera, **options)


def test_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "a.mat")
    assert permutations.read("~/a.mat").path == tmp_path / "a.mat"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"none\.mat: no such file; .*exp/rand_perm"):
        permutations.read(tmp_path / "none.mat")


@pytest.mark.parametrize("keep", [0, 100, 600])
def test_a_file_that_is_cut_short(tmp_path, keep):
    path = write(tmp_path / "a.mat")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"a\.mat: (no readable MATLAB file|has no)"):
        permutations.read(path)


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "a.mat"
    path.write_text("1 2 3 " * 100)
    with pytest.raises(UserError, match="no readable MATLAB file"):
        permutations.read(path)


@pytest.mark.parametrize(
    ("cameras", "message"),
    [
        ([orders((4,))] * 5, "has 5 cameras, must have 6"),
        ([np.ones((2, 2))] * 6, r"rand_perm_cam\{1\} is no cell"),
        ([orders((4,))] * 5 + [cell([np.array(["x"])])], r"\{6\}\{1\} is no matrix"),
        (
            [orders((4,))] * 5 + [cell([np.array([[1, 2, 4]])])],
            r"a row of rand_perm_cam\{6\}\{1\} is no permutation of 1 to 3",
        ),
        *(
            (
                [orders((4,))] * 5 + [cell([np.array([[1, 2], row])])],
                r"a row of rand_perm_cam\{6\}\{1\} is no permutation of 1 to 2",
            )
            for row in ([1, 1], [1.5, 2], [0, 1], [np.nan, 1], [1, np.inf], [-1, 2])
        ),
    ],
)
def test_other_structures(tmp_path, cameras, message):
    with pytest.raises(UserError, match=message):
        permutations.read(write(tmp_path / "a.mat", cameras))


def test_another_variable(tmp_path):
    with pytest.raises(UserError, match=r"no variable rand_perm_cam \(found: other\)"):
        permutations.read(write(tmp_path / "a.mat", name="other"))


SPLITS = Path(os.environ.get("CEIL_JAX_SPLITS", ""))
FILE = SPLITS / "sysu_mm01_rand_perm_cam.mat"


@pytest.mark.skipif(not FILE.is_file(), reason="CEIL_JAX_SPLITS names no such folder")
def test_the_file_as_distributed_permutes_the_test_images():
    read = permutations.read(FILE)
    counts = [
        sum(read.cameras[camera][identity - 1].shape[1] for identity in TEST_IDS)
        for camera in range(6)
    ]
    assert counts == TEST_IMAGES
    pairs = [
        (identity, camera)
        for identity in TEST_IDS
        for camera in (1, 2, 4, 5)
        if read.cameras[camera - 1][identity - 1].size
    ]
    # The single-shot gallery of all search.
    assert len(pairs) == 301
