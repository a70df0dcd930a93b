import json
from dataclasses import replace

import numpy as np
import pytest

from ceil_jax.evaluation.metrics import Metrics
from ceil_jax.evaluation.results import (
    FIGURES,
    ModeResults,
    RerankParams,
    Results,
    Spread,
    mean_of_splits,
    summarise,
)
from ceil_jax.report import table

NAN = float("nan")


def metrics(rank1, mean_ap):
    return Metrics(np.linspace(rank1, 1, 20), mean_ap, mean_ap / 2, 10)


class TestSummarise:
    def test_mean_and_population_deviation_in_percent(self):
        figures = summarise([metrics(0.2, 0.5), metrics(0.6, 0.7)])
        assert list(figures) == list(FIGURES)
        assert figures["rank1"] == pytest.approx((40, 20))
        assert figures["rank20"] == pytest.approx((100, 0))
        assert figures["mAP"] == pytest.approx((60, 10))
        assert figures["mINP"] == pytest.approx((30, 5))

    def test_ranks_are_places_from_one(self):
        cmc = np.arange(1, 21) / 20
        figures = summarise([Metrics(cmc, 0.0, 0.0, 1)])
        assert [figures[f"rank{r}"].mean for r in (1, 5, 10, 20)] == pytest.approx(
            [5, 25, 50, 100]
        )

    def test_nothing_to_summarise(self):
        with pytest.raises(ValueError, match="metrics is empty"):
            summarise([])

    def test_too_short_a_cmc(self):
        with pytest.raises(ValueError, match="a cmc has 5 places, must have 20"):
            summarise([Metrics(np.ones(5), 1.0, 1.0, 1)])


class TestEngine:
    def test_it_is_kept_where_it_is_known(self):
        assert "embedded_by" not in TestFile.results.to_json()
        one = replace(TestFile.results, embedded_by="openvino")
        assert one.to_json()["embedded_by"] == "openvino"
        assert Results.from_json(one.to_json()).embedded_by == "openvino"
        assert Results.from_json(TestFile.results.to_json()).embedded_by == ""

    def test_splits_may_be_embedded_by_several(self):
        jax = replace(TestFile.results, embedded_by="jax")
        other = replace(jax, embedded_by="openvino")
        assert mean_of_splits({1: jax, 2: jax}).embedded_by == "jax"
        assert mean_of_splits({1: jax, 2: other}).embedded_by == "jax, openvino"


class TestFile:
    figures = {name: Spread(50.25, 1.5) for name in FIGURES}  # noqa: RUF012
    results = Results(
        protocol="regdb",
        sampling="none",
        trials=1,
        modes={
            "visible_to_infrared": ModeResults(figures, figures, 5, 5),
            "infrared_to_visible": ModeResults(figures, None),
        },
        checkpoint="checkpoints/90",
        rerank=RerankParams(),
    )

    def test_there_and_back(self):
        again = Results.from_json(json.loads(json.dumps(self.results.to_json())))
        assert again.to_json() == self.results.to_json()
        assert again.modes["infrared_to_visible"].gcr is None
        assert again.modes["visible_to_infrared"].plain["mAP"] == Spread(50.25, 1.5)

    def test_all_that_is_kept_comes_back(self):
        results = replace(
            self.results,
            galleries="seeds 1-10",
            dataset="llcm",
            split=3,
            seed=7,
            selection="best_on_test",
            shots=10,
            sampling="agw",
            trials=9,
            comparable=True,
            warnings=("one", "two"),
            by_split={3: {"visible_to_infrared": ModeResults(self.figures, None)}},
            rerank=None,
            modes={
                "all": replace(
                    self.results.modes["visible_to_infrared"],
                    num_queries=None,
                    num_gallery=None,
                    rerank=RerankParams(20, 5, 0.4),
                )
            },
        )
        record = json.loads(json.dumps(results.to_json()))
        again = Results.from_json(record)
        assert again.by_split == results.by_split
        assert again.modes == results.modes
        assert again.to_json() == results.to_json() == record
        for name in (
            *("galleries", "split", "seed", "selection", "comparable", "shots"),
            *("dataset", "warnings", "sampling", "trials", "checkpoint", "protocol"),
        ):
            assert getattr(again, name) == getattr(results, name)

    def test_figures_stand_under_their_own_names(self):
        plain = {name: Spread(i + 0.5, i / 10) for i, name in enumerate(FIGURES)}
        gcr = {name: Spread(i + 60.5, i / 20) for i, name in enumerate(FIGURES)}
        results = replace(self.results, modes={"all": ModeResults(plain, gcr)})
        record = json.loads(json.dumps(results.to_json()))["modes"]["all"]
        assert record["plain"]["rank1"] == {"mean": 0.5, "std": 0.0}
        assert record["plain"]["mINP"] == {"mean": 5.5, "std": 0.5}
        assert record["gcr"]["rank5"] == {"mean": 61.5, "std": 0.05}
        assert Results.from_json(results.to_json()).modes == results.modes

    def test_files_of_before_can_be_read(self):
        old = {"protocol", "sampling", "checkpoint", "trials", "modes"}
        record = {k: v for k, v in self.results.to_json().items() if k in old}
        again = Results.from_json(record)
        assert (again.seed, again.split, again.selection) == (None, None, "last")
        assert not again.comparable

    def test_save_leaves_only_the_file(self, tmp_path):
        self.results.save(tmp_path / "results.json")
        assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
        record = json.loads((tmp_path / "results.json").read_text())
        assert record == self.results.to_json()

    def test_a_key_that_is_missing_is_named(self):
        record = self.results.to_json()
        del record["modes"]["visible_to_infrared"]["plain"]["mAP"]
        with pytest.raises(ValueError, match="these results have no 'mAP'"):
            Results.from_json(record)


WRONG = [None, 3, -1.5, "x", "", [], [1], {}, {"a": 1}, True, NAN, 10**400, 10**5000]
CHANGED = replace(
    TestFile.results,
    by_split={3: TestFile.results.modes},
    warnings=("one",),
    seed=3,
    split=1,
)


def places(record, path=()):
    """Every place of a nested record."""
    for key, value in record.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from places(value, (*path, key))


@pytest.mark.parametrize("path", list(places(CHANGED.to_json())), ids=str)
def test_a_value_of_another_kind_is_refused_or_of_no_account(path):
    """What comes through can be shown and written again."""
    for value in WRONG:
        record = json.loads(json.dumps(CHANGED.to_json()))
        part = record
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        try:
            results = Results.from_json(record)
        except ValueError:
            continue
        assert json.dumps(results.to_json(), allow_nan=False)
        assert table.results_table(results)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("protocol", 3), ("sampling", None), ("checkpoint", ["a"]), ("trials", "1")),
        *(("trials", True), ("shots", 1.0), ("split", "1"), ("seed", False)),
        *(("comparable", 1), ("dataset", 0), ("warnings", [1]), ("warnings", 3)),
        *(("rerank", {"k1": 1, "k3": 2}), ("rerank", {"k1": None}), ("modes", {})),
        *(("modes", []), ("splits", {"x": {}}), ("splits", [1]), ("selection", None)),
    ],
)
def test_a_value_of_another_kind_is_refused(name, value):
    with pytest.raises(ValueError, match=r"these|int\(\)") as caught:
        Results.from_json(CHANGED.to_json() | {name: value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("record", WRONG, ids=lambda value: type(value).__name__)
def test_what_is_no_record(record):
    with pytest.raises(ValueError, match="these"):
        Results.from_json(record)


class TestMeanOfSplits:
    def one(self, rank1, *, gcr=True, **changes):
        side = {name: Spread(rank1, 0.0) for name in FIGURES}
        mode = ModeResults(side, side if gcr else None, 10, 20)
        options = {"checkpoint": "epoch 6", "rerank": RerankParams()} | changes
        return Results("regdb", "none", 1, {"visible_to_infrared": mode}, **options)

    def test_mean_and_population_deviation(self):
        mean = mean_of_splits({1: self.one(80.0), 4: self.one(90.0), 5: self.one(91.0)})
        mode = mean.modes["visible_to_infrared"]
        # Deviations from 87 are -7, 3 and 4: (49 + 9 + 16) / 3.
        assert mode.plain["mAP"] == pytest.approx((87, (74 / 3) ** 0.5))
        assert mode.gcr == mode.plain
        assert (mean.trials, mean.split) == (3, None)
        assert mean.by_split is not None
        assert list(mean.by_split) == [1, 4, 5]
        assert mean.by_split[4]["visible_to_infrared"].plain["rank1"].mean == 90.0
        assert (mode.num_queries, mode.num_gallery) == (10, 20)

    def test_plain_and_re_ranked_figures_are_averaged_apart(self):
        def split(number, plain, gcr):
            mode = ModeResults(
                {name: Spread(plain, 0.0) for name in FIGURES},
                {name: Spread(gcr, 0.0) for name in FIGURES},
            )
            return replace(self.one(0.0), modes={"all": mode}, split=number)

        mean = mean_of_splits({2: split(2, 10.0, 50.0), 7: split(7, 20.0, 90.0)})
        mode = mean.modes["all"]
        assert mode.gcr is not None
        assert {tuple(figure) for figure in mode.plain.values()} == {(15.0, 5.0)}
        assert {tuple(figure) for figure in mode.gcr.values()} == {(70.0, 20.0)}
        assert mean.split is None  # of several

    def test_without_re_ranking(self):
        mean = mean_of_splits({1: self.one(80.0, gcr=False)})
        assert mean.modes["visible_to_infrared"].gcr is None

    def test_every_warning_stays_once(self):
        mean = mean_of_splits(
            {
                1: self.one(80.0, warnings=("a", "b"), comparable=True),
                2: self.one(80.0, warnings=("b", "c"), comparable=False),
            }
        )
        assert mean.warnings == ("a", "b", "c")
        assert not mean.comparable

    def test_re_ranking_that_differs_has_no_one_name(self):
        both = {1: self.one(80.0), 2: self.one(80.0, rerank=RerankParams(9, 4, 0.1))}
        assert mean_of_splits(both).rerank is None

    def test_re_ranking_chosen_for_each_split_has_a_name_where_it_is_one(self):
        def chosen(k1):
            results = self.one(80.0, rerank=None)
            modes = {
                name: replace(mode, rerank=RerankParams(k1, 8, 0.4))
                for name, mode in results.modes.items()
            }
            return replace(results, modes=modes)

        [mode] = mean_of_splits({1: chosen(20), 2: chosen(20)}).modes.values()
        assert mode.rerank == RerankParams(20, 8, 0.4)
        [mode] = mean_of_splits({1: chosen(20), 2: chosen(21)}).modes.values()
        assert mode.rerank is None

    def test_mistakes(self):
        with pytest.raises(ValueError, match="results is empty"):
            mean_of_splits({})
        with pytest.raises(ValueError, match="split=2 has 10 trials, must have 1"):
            mean_of_splits({1: self.one(1.0), 2: replace(self.one(1.0), trials=10)})
        other = replace(self.one(1.0), protocol="llcm")
        with pytest.raises(ValueError, match="split=2 has protocol llcm"):
            mean_of_splits({1: self.one(1.0), 2: other})
