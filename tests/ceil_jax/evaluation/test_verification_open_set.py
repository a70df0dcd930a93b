"""Open-set identification against loops."""

import numpy as np
import pytest

from ceil_jax.evaluation import similarities
from ceil_jax.evaluation.open_set import hold_out, open_set
from tests.ceil_jax.evaluation import labelled_people as made


def split(num=14, *, noise=0.6, seed=0):
    """Queries of cameras 1 and 3, a gallery of all, without every third person."""
    given = made.people(num, noise=noise, seed=seed)
    is_query = np.isin(given.cameras, (1, 3))
    stays = given.identities % 3 > 0
    query = made.People(*(part[is_query] for part in given))
    gallery = made.People(*(part[stays] for part in given))
    return query, gallery


def arguments(query, gallery):
    return (
        *(query.features, gallery.features, query.identities, gallery.identities),
        *(query.cameras, gallery.cameras),
    )


def naive(query, gallery, rank):
    """Scores of queries with and without a match, one query at a time."""
    mated, unmated = [], []
    for row, identity, camera in zip(*query[:3], strict=True):
        best = {}
        for other, person, seen in zip(*gallery[:3], strict=True):
            if (person == identity and seen == camera) or -1 in (person, identity):
                continue
            best[person] = max(best.get(person, -2), float(row @ other))
        ranked = sorted(best, key=lambda person: -best[person])
        if identity == -1:
            continue
        if identity in best:
            found = identity in ranked[:rank]
            mated.append(best[identity] if found else -np.inf)
        elif identity not in gallery.identities:
            unmated.append(best[ranked[0]])
    return np.array(mated), np.array(unmated)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("block", [1 << 26, 200])
def test_figures_are_those_of_loops(rank, block, monkeypatch):
    monkeypatch.setattr(similarities, "BLOCK_ENTRIES", block)
    query, gallery = split(45)
    query.identities[:2] = -1
    gallery.identities[-3:] = -1
    found = open_set(*arguments(query, gallery), fpirs=(0.3, 0.1), rank=rank)
    mated, unmated = naive(query, gallery, rank)
    np.testing.assert_allclose(np.sort(found.mated), np.sort(mated), atol=1e-6)
    np.testing.assert_allclose(np.sort(found.unmated), np.sort(unmated), atol=1e-6)
    assert len(mated) > 20
    assert len(unmated) > 10
    assert [point.fpir for point in found.points] == [0.3, 0.1]
    for point in found.points:
        assert point.measured_fpir <= point.fpir
        alarms = np.mean(unmated >= point.threshold - 1e-6)
        assert point.measured_fpir == pytest.approx(alarms)
        assert alarms == int(point.fpir * len(unmated)) / len(unmated)
        detected = np.mean(mated >= point.threshold - 1e-6)
        assert point.detection_rate == pytest.approx(detected)
        assert point.detection_interval is not None
        low, high = point.detection_interval
        assert high is not None
        assert low <= detected <= high
        assert point.fpir_interval is not None
        assert point.fpir_interval.low <= alarms


def test_by_hand():
    query = np.eye(3, dtype=np.float32)
    gallery = np.array([[0.8, 0, 0.6], [0, 0.6, 0.8], [0, 1, 0]], np.float32)
    # Persons 1 and 2 have matches, person 9 has none; 2's own image is 0.6 similar,
    # 3's is 1: found within two places.
    found = open_set(query, gallery, [1, 2, 9], [1, 2, 3], fpirs=(0.5,))
    assert found.mated == pytest.approx([0.8, -np.inf])
    assert found.unmated == pytest.approx([0.8])
    assert found.refused == {
        0.5: "fpir=0.5 needs at least 2 queries without a match, there are 1"
    }
    second = open_set(query, gallery, [1, 2, 9], [1, 2, 3], fpirs=(0.5,), rank=2)
    assert second.mated == pytest.approx([0.8, 0.6])


def test_of_two_equal_people_the_wrong_one_stands_first():
    rows = np.array([[1, 0]], np.float32)
    found = open_set(
        np.concatenate([rows, rows]), np.repeat(rows, 2, axis=0), [1, 7], [1, 2]
    )
    assert found.mated.tolist() == [-np.inf]


def test_few_people_have_no_intervals():
    query, gallery = split(8)
    (point,) = open_set(*arguments(query, gallery), fpirs=(0.5,)).points
    assert point.fpir_interval is point.detection_interval is None


def test_hold_out_takes_people_out():
    ids = np.array([4, 4, 2, -1, 7, 2, 9])
    for seed in range(20):
        stays = hold_out(ids, share=0.5, seed=seed)
        assert stays[3]
        assert len({*ids[stays].tolist()} - {-1}) == 2
        assert not {*ids[stays].tolist()} & {*ids[~stays].tolist()}
    assert len({*ids[hold_out(ids, share=0.99)].tolist()} - {-1}) == 1
    with pytest.raises(ValueError, match="shows 1 people, must be at least 2"):
        hold_out([3, 3])
    with pytest.raises(ValueError, match="share=1 must be greater than 0"):
        hold_out(ids, share=1)


def test_what_is_refused():
    query, gallery = split()
    whole = arguments(query, gallery)
    with pytest.raises(ValueError, match="no query is without a match"):
        open_set(*arguments(query, query))
    with pytest.raises(ValueError, match="no query is with a match"):
        open_set(*whole[:2], query.identities + 50, *whole[3:])
    with pytest.raises(ValueError, match="rank=0 must be at least 1"):
        open_set(*whole, rank=0)
    with pytest.raises(ValueError, match="gallery_cameras=None"):
        open_set(*whole[:5])
    with pytest.raises(ValueError, match=r"gallery_ids are all unknown"):
        open_set(*whole[:3], np.full(len(gallery.identities), -1))
