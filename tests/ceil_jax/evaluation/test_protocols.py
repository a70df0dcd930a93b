import random

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation.protocols import (
    Mode,
    draws_galleries,
    metric_of,
    modes,
    modes_of,
    plan,
    trials,
)
from tests.ceil_jax.labels import Labels, labels, reversed_order, sysu, tree

SYSU_ALL, SYSU_INDOOR = modes("sysu_mm01")


def drawn_as_released(paths, cameras, seed):
    """The folder walk of the released code, with Python's global generator."""
    random.seed(seed)
    gallery = []
    for identity in sorted({path.split("/")[1] for path in paths}):
        for camera in cameras:
            folder = f"cam{camera}/{identity}/"
            files = sorted(path for path in paths if path.startswith(folder))
            if files:
                gallery.append(random.choice(files))
    return gallery


class TestModes:
    def test_names_and_directions(self):
        found = {
            protocol: [(m.name, m.query_modality) for m in modes(protocol)]
            for protocol in ("sysu_mm01", "regdb", "llcm")
        }
        directions = [
            ("visible_to_infrared", "visible"),
            ("infrared_to_visible", "infrared"),
        ]
        assert found == {
            "sysu_mm01": [("all", "infrared"), ("indoor", "infrared")],
            "regdb": directions,
            "llcm": directions,
        }

    def test_a_mode_searches_the_other_modality(self):
        for protocol in ("sysu_mm01", "regdb", "llcm"):
            for mode in modes(protocol):
                assert {mode.query_modality, mode.gallery_modality} == {
                    "visible",
                    "infrared",
                }

    def test_unknown_protocol(self):
        with pytest.raises(ValueError, match="protocol='standard' has no search modes"):
            modes("standard")

    def test_only_regdb_has_a_fixed_gallery(self):
        drawn = [draws_galleries(p) for p in ("sysu_mm01", "regdb", "llcm")]
        assert drawn == [True, False, True]


class TestSysu:
    @pytest.mark.parametrize(("sampling", "first"), [("ceil", 1), ("agw", 0)])
    @pytest.mark.parametrize(
        ("mode", "cameras"), [(SYSU_ALL, (1, 2, 4, 5)), (SYSU_INDOOR, (1, 2))]
    )
    def test_single_shot_is_the_released_draw(self, sampling, first, mode, cameras):
        visible, infrared = sysu()
        found = trials("sysu_mm01", mode, visible, infrared, sampling=sampling)
        assert len(found) == 10
        paths = visible.names.tolist()
        for seed, trial in enumerate(found, first):
            expected = drawn_as_released(paths, cameras, seed)
            assert visible.names[trial.gallery].tolist() == expected

    def test_one_image_per_identity_and_camera(self):
        visible, infrared = sysu()
        [trial] = trials("sysu_mm01", SYSU_ALL, visible, infrared, num_trials=1)
        pairs = set(
            zip(
                visible.identities[trial.gallery],
                visible.cameras[trial.gallery],
                strict=True,
            )
        )
        assert len(pairs) == len(trial.gallery) == 4 * 4 - 2
        assert trial.gallery.dtype == trial.query.dtype == np.int32

    def test_queries_are_all_infrared_images_of_cameras_3_and_6(self):
        visible, _ = sysu()
        infrared = labels(tree((3, 6, 7)))
        for trial in trials("sysu_mm01", SYSU_ALL, visible, infrared, num_trials=2):
            np.testing.assert_array_equal(
                trial.query, np.flatnonzero(infrared.cameras != 7)
            )

    def test_multi_shot_takes_ten_or_all(self):
        visible = labels([*tree((1, 2, 4, 5), files=12), "cam1/0099/0001.jpg"])
        _, infrared = sysu()
        one, two = trials(
            "sysu_mm01", SYSU_ALL, visible, infrared, num_trials=2, shots=10
        )
        assert len(one.gallery) == len(set(one.gallery.tolist())) == 14 * 10 + 1
        assert not np.array_equal(one.gallery, two.gallery)

    def test_the_global_generator_plays_no_part(self):
        galleries = []
        for seed in (1, 2):
            random.seed(seed)
            found = trials("sysu_mm01", SYSU_ALL, *sysu())
            galleries.append([trial.gallery for trial in found])
        np.testing.assert_array_equal(*galleries)

    def test_the_order_of_the_images_does_not_matter(self):
        visible, infrared = sysu()
        order = np.random.default_rng(0).permutation(len(visible.names))
        permuted = Labels(*(array[order] for array in visible))
        for one, other in zip(
            trials("sysu_mm01", SYSU_ALL, visible, infrared),
            trials("sysu_mm01", SYSU_ALL, permuted, infrared),
            strict=True,
        ):
            np.testing.assert_array_equal(
                visible.names[one.gallery], permuted.names[other.gallery]
            )


class TestPlan:
    @pytest.mark.parametrize(
        ("options", "galleries"),
        [
            ({"sampling": "ceil"}, "seeds 1-10"),
            ({"sampling": "agw", "num_trials": 3}, "seeds 0-2"),
            ({"sampling": "ceil", "num_trials": 1}, "seed 1"),
        ],
    )
    def test_what_decided_the_galleries_is_named(self, options, galleries):
        made = plan("sysu_mm01", *sysu(), **options)
        assert [mode.name for mode in made.trials] == ["all", "indoor"]
        assert (made.sampling, made.galleries) == (options["sampling"], galleries)
        assert made.num_trials == options.get("num_trials", 10)

    def test_rows_of_a_file_are_named(self):
        sizes = [[5] * 30 for _ in range(6)]
        sizes[1][1] = sizes[3][9] = 0
        made = plan(
            "sysu_mm01",
            *sysu(),
            sampling="official",
            permutations=reversed_order(sizes),
        )
        assert made.galleries == "rows 1-10 of rand_perm_cam.mat"

    def test_what_is_not_drawn_has_no_sampling(self):
        visible, infrared = labels(tree((1,))), labels(tree((2,), missing=()))
        made = plan("regdb", visible, infrared, sampling="agw")
        assert (made.sampling, made.galleries, made.num_trials) == ("none", "", 1)

    def test_nothing_to_test(self):
        none = Labels(np.zeros(0, int), np.zeros(0, int), np.zeros(0, str))
        assert plan("standard", none, none).num_trials == 0


class TestRegdbReleased:
    def test_every_split_has_its_queries_and_gallery(self):
        visible = labels(tree((1,), missing=()))
        infrared = labels(tree((2,), files=3, missing=()))
        halves = ((1, 2), (10, 30), (1, 30))
        splits = {
            name: np.stack([np.isin(side.identities, half) for half in halves], axis=1)
            for name, side in (("visible", visible), ("infrared", infrared))
        }
        for mode in modes("regdb_released"):
            found = trials("regdb_released", mode, visible, infrared, splits=splits)
            assert len(found) == 3
            sides = {"visible": visible, "infrared": infrared}
            for trial, half in zip(found, halves, strict=True):
                for rows, modality in (
                    (trial.query, mode.query_modality),
                    (trial.gallery, mode.gallery_modality),
                ):
                    shown = sides[modality].names[rows]
                    assert {int(name.split("/")[1]) for name in shown} == set(half)
                    assert len(rows) == {"visible": 10, "infrared": 6}[modality]

    def test_it_is_counted_as_regdb(self):
        assert metric_of("regdb_released") == "regdb"
        assert metric_of("llcm") == "llcm"
        assert not draws_galleries("regdb_released")

    def test_a_split_without_a_match(self):
        visible, infrared = labels(tree((1,))), labels(tree((2,), missing=()))
        splits = {
            "visible": np.isin(visible.identities, (1, 2))[:, None],
            "infrared": np.isin(infrared.identities, (10, 30))[:, None],
        }
        mode = modes("regdb_released")[0]
        with pytest.raises(UserError, match="none of the 2 identities"):
            trials("regdb_released", mode, visible, infrared, splits=splits)

    def test_the_splits_are_needed(self):
        visible, infrared = labels(tree((1,))), labels(tree((2,), missing=()))
        with pytest.raises(ValueError, match="needs splits"):
            plan("regdb_released", visible, infrared)


class TestRegdb:
    def test_everything_queries_everything_once(self):
        visible, infrared = labels(tree((1,))), labels(tree((2,), files=3, missing=()))
        for mode in modes("regdb"):
            [trial] = trials("regdb", mode, visible, infrared, num_trials=10)
            sizes = {"visible": 20, "infrared": 12}
            assert trial.query.tolist() == list(range(sizes[mode.query_modality]))
            assert trial.gallery.tolist() == list(range(sizes[mode.gallery_modality]))


class TestLlcm:
    def test_both_directions(self):
        cameras = {"visible": range(1, 10), "infrared": (1, 2, 4, 5, 6, 7, 8, 9)}
        sides = {m: labels(tree(numbers)) for m, numbers in cameras.items()}
        for mode in modes("llcm"):
            found = trials("llcm", mode, sides["visible"], sides["infrared"])
            gallery = sides[mode.gallery_modality]
            paths = gallery.names.tolist()
            numbers = list(cameras[mode.gallery_modality])
            assert len(found) == 10
            for seed, trial in enumerate(found, 1):
                expected = drawn_as_released(paths, numbers, seed)
                assert gallery.names[trial.gallery].tolist() == expected
                query = sides[mode.query_modality]
                assert trial.query.tolist() == list(range(len(query.names)))


class TestMistakes:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"num_trials": 0}, "num_trials=0 must be at least 1"),
            ({"sampling": "x"}, "sampling='x' must be ceil or agw or official with"),
            ({"sampling": "official"}, "sampling='official' needs permutations"),
            ({"shots": 3}, "shots=3 must be 1 or 10 with protocol='sysu_mm01'"),
            ({"mode": modes("regdb")[0]}, "must be one of sysu_mm01's: all, indoor"),
        ],
    )
    def test_arguments(self, change, message):
        options = {"mode": SYSU_ALL} | change
        visible, infrared = sysu()
        with pytest.raises(ValueError, match=message):
            trials("sysu_mm01", visible=visible, infrared=infrared, **options)

    def test_multi_shot_is_for_sysu_mm01(self):
        visible = infrared = labels(tree(range(1, 10)))
        with pytest.raises(ValueError, match="shots=10 must be 1 with protocol='llcm'"):
            trials("llcm", modes("llcm")[0], visible, infrared, shots=10)

    def check(self, message, visible=None, infrared=None, mode: Mode = SYSU_ALL):
        sides = dict(zip(("visible", "infrared"), sysu(), strict=True))
        sides |= {"visible": visible} if visible else {}
        sides |= {"infrared": infrared} if infrared else {}
        with pytest.raises(UserError, match=message):
            trials("sysu_mm01", mode, **sides)

    def test_a_camera_without_images(self):
        self.check(
            r"all search needs visible test images of camera 1, 2, 4, 5 as its "
            r"gallery; none is of camera 2, 5 \(cameras found: 1, 4; 35 visible images",
            visible=labels(tree((1, 4))),
        )
        self.check(
            r"infrared test images of camera 3, 6 as its query; none is of camera 6",
            infrared=labels(tree((3,))),
            mode=SYSU_INDOOR,
        )

    def test_no_images_at_all(self):
        empty = Labels(*(np.zeros(0, dtype) for dtype in (np.int32, np.int32, str)))
        self.check(r"cameras found: none; 0 infrared images", infrared=empty)

    def test_one_identity(self):
        self.check(
            "needs at least 2 identities among the visible test images, found 1 in 20",
            visible=labels(tree((1, 2, 4, 5), identities=(1,))),
        )

    def test_no_shared_identity(self):
        self.check(
            "none of the 2 identities of the 20 infrared queries is among the 4",
            infrared=labels(tree((3, 6), identities=(7, 8))),
        )

    def test_unknown_identities(self):
        visible, _ = sysu()
        visible.identities[:3] = -1
        self.check(r"3 of 70 visible test images have no identity", visible=visible)


class TestStandard:
    """Queries and galleries that the images' names give."""

    def sides(self):
        visible = Labels(
            np.array([7, 8, 7]),
            np.array([4, 4, 2]),
            np.array(["gallery/a", "gallery/b", "query/c"]),
        )
        infrared = Labels(np.array([8, 7]), np.array([3, 9]), np.array(["query/d"] * 2))
        return visible, infrared

    def test_modes_and_their_cameras(self):
        across, within = modes_of("standard", *self.sides())
        assert across == Mode(
            "infrared_to_visible", "infrared", "visible", (3, 9), (4,)
        )
        assert within == Mode("visible_to_visible", "visible", "visible", (2,), (4,))

    def test_the_one_trial(self):
        across, within = modes_of("standard", *self.sides())
        [trial] = trials("standard", across, *self.sides())
        assert (trial.query.tolist(), trial.gallery.tolist()) == ([0, 1], [0, 1])
        [trial] = trials("standard", within, *self.sides())
        assert (trial.query.tolist(), trial.gallery.tolist()) == ([2], [0, 1])

    def test_the_gallery_is_not_random(self):
        assert not draws_galleries("standard")

    def test_others_have_the_modes_of_their_protocol(self):
        assert modes_of("regdb", *self.sides()) == modes("regdb")
