import pathlib
import re
import subprocess
import sys
import typing
from typing import Any

import jax
import numpy as np
import pytest

from ceil_jax.neighbours import search
from ceil_jax.rerank import device, device_programs
from tests.ceil_jax import naive
from tests.pallas_kernels import cuda
from tests.repo import source

FORMS = typing.get_args(device.Form)
GOLDEN = pathlib.Path(__file__).parents[2] / "data" / "golden"
SETTINGS = {"k1": 6, "k2": 3, "camera_weight": 0.4}


def example(rng, num_rows=23):
    rows = naive.unit_rows(rng, num_rows)
    rank, products = naive.ranks(rows, 6)
    lists = np.array(rank), np.take_along_axis(products, np.array(rank), 1)
    return rows, lists, rng.integers(1, 4, num_rows)


def by_loops(rows, cameras, q, num_rounds):
    sides = None if cameras is None else (cameras[:q], cameras[q:])
    return naive.gcr(rows[:q], rows[q:], sides, 6, 3, 0.4, num_rounds)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("num_rounds", [0, 1, 2, 3])
@pytest.mark.parametrize("shortened", [True, False])
def test_equals_loops(rng, monkeypatch, form, num_rounds, shortened):
    monkeypatch.setattr(device_programs, "shortens", lambda q, g: shortened)
    monkeypatch.setattr(device, "QUERY_BLOCK", 4)
    rows, lists, cameras = example(rng)
    jax.clear_caches()
    # Every number of rounds with cameras, and the last for one query without.
    for q, known in ((9, cameras), (1, None))[: 2 if num_rounds == 3 else 1]:
        got = device.gcr_on_device(
            lists, known, num_queries=q, num_rounds=num_rounds, form=form, **SETTINGS
        )
        assert (got.shape, got.dtype) == ((q, 23 - q), np.float32)
        want = by_loops(rows, known, q, num_rounds)
        np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_kernels_equal_loops(rng, form):
    rows, lists, cameras = example(rng)
    got = device.gcr_on_device(
        lists,
        cameras,
        num_queries=5,
        num_rounds=2,
        form=form,
        implementation="triton",
        **SETTINGS,
    )
    np.testing.assert_allclose(got, by_loops(rows, cameras, 5, 2), atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", sorted(GOLDEN.glob("a_gcr_*")), ids=lambda p: p.stem)
def test_equals_the_reference_vectors(form, path):
    with np.load(path) as arrays:
        arrays = dict(arrays)
    k1 = int(arrays["k1"])
    query, gallery = arrays["query"], arrays["gallery"]
    has_cameras = int(arrays.get("has_cams", "query_cam" in arrays))
    cameras = None
    if has_cameras:
        cameras = np.concatenate([arrays["query_cam"], arrays["gallery_cam"]])
    got = device.gcr_on_device(
        search.nearest(np.concatenate([query, gallery]), k=k1, normalise=False),
        cameras,
        num_queries=len(query),
        k1=k1,
        k2=int(arrays["k2"]),
        camera_weight=float(arrays["la"]),
        num_rounds=int(arrays["flag"]),
        form=form,
    )
    np.testing.assert_allclose(got, arrays["similarity"], rtol=0, atol=1e-5)


@cuda.accept_triton
@pytest.mark.parametrize("form", FORMS)
def test_a_gpu_runs_the_kernels(form):
    n, k1, k2 = 46_341, 28, 7
    shapes: list[tuple[tuple[int, ...], Any]]
    shapes = [((n, k1), np.int32), ((n, k1), np.float32), ((n, k2), np.float32)]
    if form == "sparse":
        entries = (2 * k1 * n,)
        shapes += [((n + 1,), np.int32), (entries, np.int32), (entries, np.float32)]
    options = {"num_queries": 1000, "num_rounds": 3, "implementation": None}

    def program(*arrays):
        lists = device_programs.Lists(*arrays[:3])
        if form == "dense":
            return device_programs.dense(lists, **options)
        first = device_programs.Rows(*arrays[3:])
        return device_programs.by_rows(lists, first, block=128, **options)

    with cuda.as_on_a_gpu():
        text = cuda.lowered(program, *(jax.ShapeDtypeStruct(*x) for x in shapes))
    names = ["propagate", "symmetrise" if form == "dense" else "csr_product"]
    for name in names:
        assert re.search(rf'{cuda.KERNEL}.*name = "{name}', text)
    # No graph but the dense form's, and nothing of the definitions in its place.
    assert (f"{n}x{n}" in text or "46352x46352" in text) == (form == "dense")


@cuda.accept_triton
def test_a_gpu_searches_neighbours_by_the_kernel(monkeypatch):
    seen = []

    def topk(*arguments, **options):
        with cuda.as_on_a_gpu():
            seen.append(cuda.lowered(lambda *a: camera_topk(*a, **options), *arguments))
        return camera_topk(*arguments, **options)

    camera_topk = search.camera_topk
    monkeypatch.setattr(search, "camera_topk", topk)
    search.nearest(np.eye(70, dtype=np.float32), k=3, search="device")
    assert cuda.KERNEL in seen[0]


def test_the_form_goes_by_size_and_memory(monkeypatch):
    need = {"dense": 100, "sparse": 10}
    free = np.inf
    monkeypatch.setattr(device, "_free_bytes", lambda: free)
    assert device._choose(None, need, 100) == "dense"
    assert device._choose(None, need, device.DENSE_ROWS + 1) == "sparse"
    free = 50
    assert device._choose(None, need, 100) == "sparse"
    with pytest.raises(ValueError, match=r"form='dense' needs .* GiB for 100 rows"):
        device._choose("dense", need, 100)
    with pytest.raises(ValueError, match="form='mine' must be one of dense, sparse"):
        device._choose("mine", need, 100)


def test_the_product_is_shortened_where_queries_are_few():
    assert device_programs.shortens(1000, 100_000)
    assert not device_programs.shortens(2060, 2060)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k1": 0}, "k1=0"),
        ({"k2": 0}, "k2=0"),
        ({"num_rounds": -1}, "num_rounds=-1"),
        ({"num_queries": 23}, "num_queries=23"),
        ({"camera_weight": 0.0}, "camera_weight=0.0"),
        ({"cameras": np.ones(22)}, r"cameras \(22,\)"),
    ],
)
def test_bad_arguments_are_named(rng, change, message):
    _, lists, cameras = example(rng)
    given = {"num_queries": 9, "num_rounds": 1, "cameras": cameras} | SETTINGS | change
    with pytest.raises(ValueError, match=message):
        device.gcr_on_device(lists, **given)


@pytest.mark.parametrize(
    ("place", "index", "value", "message"),
    [
        (0, (3, 2), 23, r"row numbers in \[0, 22\]"),
        (0, (3, 2), -1, r"row numbers in \[0, 22\]"),
        (0, (3, 0), 4, "the row itself"),
        (1, (3, 2), np.nan, "finite"),
    ],
)
def test_bad_lists_are_named(rng, place, index, value, message):
    _, lists, cameras = example(rng)
    lists[place][index] = value
    with pytest.raises(ValueError, match=message):
        device.gcr_on_device(lists, cameras, num_queries=9, num_rounds=1, **SETTINGS)
    with pytest.raises(ValueError, match="of one shape"):
        device.gcr_on_device(
            (lists[0], lists[1][:, :2]), None, num_queries=9, num_rounds=1, **SETTINGS
        )


def test_it_needs_little():
    allowed = {"jax", "numpy", "scipy", "pallas_kernels", "typing", "functools"}
    for module in (device, device_programs):
        used = source.imports(pathlib.Path(str(module.__file__)))
        inner = {name for name in used if name.startswith("ceil_jax")}
        assert {name.split(".")[0] for name in used - inner} <= allowed
        assert inner <= {"ceil_jax.rerank", "ceil_jax.rerank.device_programs"}
    code = (
        "import sys\n"
        "sys.modules['faiss'] = sys.modules['tqdm'] = sys.modules['sklearn'] = None\n"
        "import ceil_jax.rerank.device, ceil_jax.neighbours\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=source.ROOT)
