"""Galleries that a file lists, and the names of what decided them."""

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import galleries
from ceil_jax.evaluation.protocols import modes, trials
from tests.ceil_jax.labels import labels, reversed_order, tree

SYSU_ALL, _ = modes("sysu_mm01")


class TestOfficial:
    """Galleries that a file lists: here in reverse, so that the last files come."""

    def sides(self):
        # Identities 1 and 3; the second camera has no image of identity 3.
        visible = labels(tree((1, 2, 4, 5), (1, 3), 12, missing=((2, 3),)))
        return visible, labels(tree((3, 6), (1, 3), missing=()))

    @pytest.mark.parametrize(("shots", "first"), [(1, 12), (10, 3)])
    def test_the_listed_ranks_are_of_the_sorted_files(self, shots, first):
        visible, infrared = self.sides()
        given = reversed_order([[12, 7, 12], [12, 7, 0], [], *[[12, 7, 12]] * 2])
        found = trials(
            *("sysu_mm01", SYSU_ALL, visible, infrared),
            num_trials=10,
            sampling="official",
            shots=shots,
            permutations=given,
        )
        assert len(found) == 10
        wanted = {
            f"cam{camera}/{identity:04d}/{number:04d}.jpg"
            for camera in (1, 2, 4, 5)
            for identity in (1, 3)
            for number in range(first, 13)
            if (camera, identity) != (2, 3)
        }
        for trial in found:
            assert set(visible.names[trial.gallery]) == wanted
            assert len(trial.gallery) == len(wanted)

    def test_an_image_that_is_missing_is_noticed(self):
        visible, infrared = self.sides()
        given = reversed_order([[12, 0, 12], [12, 0, 3], [], *[[12, 0, 13]] * 2])
        with pytest.raises(UserError, match="13 images of identity 3 of camera 4, but"):
            trials(
                *("sysu_mm01", SYSU_ALL, visible, infrared),
                sampling="official",
                permutations=given,
            )

    def test_it_is_of_sysu_mm01(self):
        side = labels(tree(range(1, 10)))
        with pytest.raises(
            ValueError, match="must be ceil or agw with protocol='llcm'"
        ):
            trials("llcm", modes("llcm")[0], side, side, sampling="official")


@pytest.mark.parametrize(
    ("sampling", "num_trials", "name"),
    [
        ("ceil", 10, "seeds 1-10"),
        ("agw", 10, "seeds 0-9"),
        ("agw", 1, "seed 0"),
        ("official", 2, "rows 1-2 of rand_perm_cam.mat"),
        ("none", 1, ""),
    ],
)
def test_what_decided_the_galleries(sampling, num_trials, name):
    assert galleries.origin(sampling, num_trials) == name


def test_another_sampling():
    side = labels(tree((1, 2)))
    with pytest.raises(ValueError, match="sampling='x' must be one of ceil, agw, off"):
        galleries.draw(
            side, side.cameras * 0, (1, 2), num_trials=1, sampling="x", shots=1
        )
