import numpy as np
import pytest

from ceil_jax.evaluation import pair_sampling
from ceil_jax.evaluation.image_pairs import by_cameras, pair_name, pair_scores
from tests.ceil_jax.evaluation import labelled_people as made

NAMES = ("visible-visible", "visible-infrared", "infrared-infrared")
PLACES = [(kind, name) for kind in ("genuine", "impostor") for name in NAMES]


def as_mapping(pairs):
    rows = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    keys = [frozenset(pair) for pair in rows]
    assert len({*keys}) == len(keys), "a pair twice"
    return dict(zip(keys, pairs.similarities.tolist(), strict=True))


@pytest.fixture(params=["at once", "by ranks"])
def way(request, monkeypatch):
    """Both ways of listing pairs: of small sets, and of large ones."""
    if request.param == "by ranks":
        monkeypatch.setattr(pair_sampling, "BLOCK", 20)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("same_camera", [False, True])
def test_pairs_are_those_of_two_loops(same_camera):
    given = made.shuffled(made.people(5, shots=3))
    found = pair_scores(*given, same_camera=same_camera)
    assert tuple(found) == NAMES
    for name, scores in found.items():
        expected = made.naive_pairs(given, *name.split("-"), same_camera=same_camera)
        for pairs, naive in zip(scores[:2], expected, strict=True):
            got = as_mapping(pairs)
            assert got.keys() == naive.keys()
            assert pairs.total == len(naive)
            assert not pairs.is_sample
            for key, similarity in naive.items():
                assert got[key] == pytest.approx(similarity, abs=1e-6)


@pytest.mark.usefixtures("way")
def test_a_sample_holds_different_pairs_each_as_often():
    given = made.people(4, shots=3)
    _, naive = made.naive_pairs(given, "visible", "visible", same_camera=False)
    seen = dict.fromkeys(naive, 0)
    num, draws = len(naive) // 10, 400
    for seed in range(draws):
        pairs = pair_scores(*given, max_pairs=num, seed=seed)[NAMES[0]].impostor
        assert (len(pairs.similarities), pairs.total) == (num, len(naive))
        assert pairs.is_sample
        for key, similarity in as_mapping(pairs).items():
            assert similarity == pytest.approx(naive[key], abs=1e-6)
            seen[key] += 1
    expected = draws * num / len(naive)
    counts = np.array(list(seen.values()))
    chi_square = ((counts - expected) ** 2 / expected).sum() / (1 - num / len(naive))
    # Of so many degrees of freedom the mean, and four standard deviations.
    freedom = len(naive) - 1
    assert abs(chi_square - freedom) < 4 * np.sqrt(2 * freedom)


def test_the_seed_decides_the_sample():
    given = made.people(6)
    first, again, other = (
        pair_scores(*given, max_pairs=20, seed=seed)[NAMES[1]].impostor
        for seed in (1, 1, 2)
    )
    assert as_mapping(first) == as_mapping(again)
    assert as_mapping(first) != as_mapping(other)


@pytest.mark.parametrize("num", [1, 7, 40, 100])
def test_ranks_are_different_and_below_the_total(num):
    ranks = pair_sampling.ranks(41, num, np.random.default_rng(0))
    assert len({*ranks.tolist()}) == len(ranks) == min(num, 41)
    assert (np.diff(ranks) > 0).all()
    assert 0 <= ranks.min() <= ranks.max() < 41


def test_products_of_few_and_of_many_pairs(monkeypatch):
    monkeypatch.setattr(pair_sampling, "BLOCK", 300)
    monkeypatch.setattr(pair_sampling, "_PART", 40)
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 90, 4)).astype(np.float32)
    for num in (1, 30, 4000):
        i, j = np.sort(rng.integers(90, size=num)), rng.integers(90, size=num)
        found = pair_sampling.products(first, second, i, j)
        np.testing.assert_allclose(
            found, (first[i] * second[j]).sum(axis=1), rtol=1e-4, atol=1e-6
        )


def test_never_a_matrix_of_all_rows_by_all_rows():
    """40,000 rows would make 6 GB of them."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40_000, 4)).astype(np.float32)
    (scores,) = pair_scores(
        rows, np.arange(40_000) // 4, max_pairs=1000, normalise=True
    ).values()
    assert scores.genuine.total == 10_000 * 6
    assert scores.impostor.total == 40_000 * 39_999 // 2 - 60_000
    assert len(scores.impostor.similarities) == 1000


def test_without_cameras_every_pair_counts():
    given = made.people(3)
    found = pair_scores(given.features, given.identities)
    assert list(found) == ["any-any"]
    assert found["any-any"].skips_same_camera is None
    assert found["any-any"].camera is None
    num = len(given.identities)
    scores = found["any-any"]
    assert scores.genuine.total + scores.impostor.total == num * (num - 1) // 2


def test_unknown_people_are_in_no_pair():
    given = made.people(4)
    ids = np.where(given.identities == 2, -1, given.identities)
    found = pair_scores(given.features, ids, given.cameras, given.modalities)
    for scores in found.values():
        for pairs in scores[:2]:
            shown = given.identities[np.concatenate([pairs.first, pairs.second])]
            assert {*shown.tolist()} == {1, 3, 4}


def test_names_may_be_text_and_keep_their_codes():
    given = made.people(3)
    people, cameras = (np.char.add("x", part.astype(str)) for part in given[1:3])
    named = pair_scores(given.features, people, cameras, given.modalities)
    numbered = pair_scores(*given)
    for name, scores in named.items():
        assert as_mapping(scores.impostor) == as_mapping(numbered[name].impostor)
        assert scores.camera is not None
        assert scores.camera_names[scores.camera].tolist() == cameras.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_pairs_of_two_cameras(name):
    given = made.shuffled(made.people(4, shots=2))
    # Cameras of both modalities have the same numbers, as LLCM's have.
    cameras = np.where(given.cameras > 2, given.cameras - 2, given.cameras)
    given = given._replace(cameras=cameras)
    scores = pair_scores(*given, same_camera=True)[name]
    naive = made.naive_pairs(given, *name.split("-"), same_camera=True)
    is_within = len({*name.split("-")}) == 1
    found = by_cameras(scores)
    names = {(1, 1), (1, 2), (2, 2)} | (set() if is_within else {(2, 1)})
    assert {*found} == names
    for seen, part in found.items():
        for pairs, all_pairs in zip(part[:2], naive, strict=True):
            expected = set()
            for pair in all_pairs:
                visible_first = sorted(
                    pair, key=lambda row: (given.modalities[row] != "visible", row)
                )
                cameras = [int(given.cameras[row]) for row in visible_first]
                if tuple(sorted(cameras) if is_within else cameras) == seen:
                    expected.add(pair)
            assert as_mapping(pairs).keys() == expected
            assert pairs.total == len(expected)


def test_pairs_of_two_cameras_need_cameras():
    given = made.people(3)
    (scores,) = pair_scores(given.features, given.identities).values()
    with pytest.raises(ValueError, match="no cameras were given"):
        by_cameras(scores)


def test_pair_names_have_one_order():
    assert pair_name("infrared", "visible") == pair_name("visible", "infrared")
    assert pair_name("infrared", "visible") == "visible-infrared"
    assert pair_name("b", "a") == "a-b"
    assert pair_name("a", "infrared") == "infrared-a"


def test_what_is_refused():
    given = made.people(3)
    rows, ids, cameras, kinds = given
    with pytest.raises(ValueError, match=r"identities are all unknown \(-1\)"):
        pair_scores(rows, np.full(len(ids), -1))
    with pytest.raises(ValueError, match=r"identities.shape=\(3,\) must be \(24,\)"):
        pair_scores(rows, ids[:3])
    with pytest.raises(ValueError, match=r"cameras.shape=\(3,\) must be \(24,\)"):
        pair_scores(rows, ids, cameras[:3])
    with pytest.raises(ValueError, match="modalities must be text"):
        pair_scores(rows, ids, cameras, (kinds == "visible").astype(int))
    with pytest.raises(ValueError, match="max_pairs=0 must be at least 1"):
        pair_scores(*given, max_pairs=0)
    with pytest.raises(ValueError, match="seed=-1 must be at least 0"):
        pair_scores(*given, seed=-1)
    with pytest.raises(ValueError, match=r"features\[0\] has length 2"):
        pair_scores(2 * rows, ids)
    rows = rows.copy()
    rows[5, 0] = np.nan
    with pytest.raises(ValueError, match=r"features\[5\] must be finite"):
        pair_scores(rows, ids)
