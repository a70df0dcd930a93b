"""Telling queries with their images."""

import numpy as np
import pytest

from ceil_jax.evaluation.protocols import plan
from ceil_jax.evaluation.recording import Recorder
from ceil_jax.evaluation.scoring import score_protocol
from ceil_jax.report import asked
from tests.ceil_jax.evaluation.embedded import RERANK, side


@pytest.fixture(scope="module")
def mode():
    """Rankings of SYSU-MM01's all search."""
    sides = side((1, 2, 4, 5), seed=1), side((3, 6), seed=2)
    recorder = Recorder()
    chosen = plan("sysu_mm01", *sides, num_trials=1)
    score_protocol(*sides, chosen, rerank=RERANK, recorder=recorder, progress=False)
    return recorder.rankings["all"]


def pixels(rows):
    """Images of two values, the first of which tells the row."""
    images = np.zeros((len(rows), 4, 2, 3), np.uint8)
    images[:, :2] = rows[:, None, None, None]
    images[:, 2:] = 200
    return images


def test_queries_and_answers_have_their_own_images_and_words(mode):
    found = asked.telling(mode, pixels, pixels, number=5, top=4)
    assert len(found) == 5
    groups = ["Worst", "Helped by R", "Hurt by R", "Median", "Best"]
    assert [query.title.partition(":")[0] for query in found] == groups
    titles = dict(zip(mode.query.names, range(36), strict=True))
    for query in found:
        row = titles[query.title.rpartition(" ")[2]]
        assert set(np.unique(query.image)) == {0, 255}  # infrared: stretched
        precision = mode.each["gcr"].average_precision[0, row]
        assert f" and {100 * precision:.1f} % R;" in query.title
        person, camera = mode.query.identities[row], mode.query.cameras[row]
        assert f"person {person}, camera {camera}," in query.title
        for kind, name in (("plain", "plain"), ("gcr", "R")):
            answers = query.lists[name]
            assert [answer.place for answer in answers] == [1, 2, 3, 4]
            for answer in answers:
                column = int(answer.image[0, 0, 0])
                assert answer.image[3, 0, 0] == 200  # visible: as it is
                shows = mode.gallery.identities[column]
                assert answer.is_right == (shows == person)
                assert (camera, mode.gallery.cameras[column]) != (3, 2)
                at = list(mode.lists[kind].gallery[row]).index(column)
                score = f"{mode.lists[kind].scores[row, at]:.3g}"
                words = f"{score}  cam {mode.gallery.cameras[column]}"
                assert answer.lines == (words, mode.gallery.names[column])


def test_as_many_as_there_are(mode):
    assert len(asked.telling(mode, pixels, pixels, number=8)) == 8
    alone = mode._replace(
        lists={"plain": mode.lists["plain"]}, each={"plain": mode.each["plain"]}
    )
    found = asked.telling(alone, pixels, pixels, number=8)
    assert len(found) == 8
    assert all(list(query.lists) == ["plain"] for query in found)
