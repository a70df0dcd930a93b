"""Published figures: the paper's, beside ours only where they compare."""

import pytest

from ceil_jax.evaluation.results import FIGURES, ModeResults, Results, Spread
from ceil_jax.report import published


def results(dataset="regdb", comparable=True, sampling="none"):
    side = {name: Spread(90.0, 0.0) for name in FIGURES}
    names = published.figures(dataset) if dataset in published.DATA_SETS else ("all",)
    modes = {name: ModeResults(side, side) for name in names}
    return Results("regdb", sampling, 1, modes, dataset=dataset, comparable=comparable)


# The paper's comparison, typed from it row by row: Rank-1, mAP, mINP.
@pytest.mark.parametrize(
    ("dataset", "mode", "kind", "wanted"),
    [
        ("regdb", "visible_to_infrared", "plain", "91.97 89.13 82.75"),
        ("regdb", "visible_to_infrared", "gcr", "94.3 95.29 95.49"),
        ("regdb", "infrared_to_visible", "plain", "92.59 89.09 81.76"),
        ("regdb", "infrared_to_visible", "gcr", "94.97 95.57 95.44"),
        ("sysu_mm01", "all", "plain", "68.19 63.68 48.65"),
        ("sysu_mm01", "all", "gcr", "86.75 83.97 75.24"),
        ("sysu_mm01", "indoor", "plain", "73.28 76.98 72.91"),
        ("sysu_mm01", "indoor", "gcr", "91.25 92.21 90.6"),
        ("llcm", "visible_to_infrared", "plain", "51.55 55.14 49.3"),
        ("llcm", "visible_to_infrared", "gcr", "65.96 68.19 63.79"),
        ("llcm", "infrared_to_visible", "plain", "44.39 49.95 49.95"),
        ("llcm", "infrared_to_visible", "gcr", "57.65 62.49 59.36"),
    ],
)
def test_the_papers_figures(dataset, mode, kind, wanted):
    found = published.figures(dataset)[mode][kind]
    assert list(found) == ["rank1", "mAP", "mINP"]
    assert " ".join(map(str, found.values())) == wanted


def test_what_does_not_compare_stands_alone():
    assert published.beside(results()) is not None
    assert published.beside(results(comparable=False)) is None
    assert published.beside(results("synthetic")) is None
    with pytest.raises(ValueError, match="dataset='synthetic' must be one of regdb"):
        published.figures("synthetic")


def test_what_must_be_known_to_compare():
    regdb, llcm, sysu = (
        "\n".join(published.notes(results(name, sampling=sampling)))
        for name, sampling in (
            ("regdb", "none"),
            ("llcm", "ceil"),
            ("sysu_mm01", "official"),
        )
    )
    for text in (regdb, llcm, sysu):
        assert "IEEE TCSVT 2025, doi:10.1109/TCSVT.2025.3548939" in text
        assert "best on the test set" in text
    assert "one model on all ten splits, which leaks training identities" in regdb
    assert "sic" in llcm
    assert "sic" not in regdb
    assert 'sampling "ceil", not "official"' in sysu
    assert "galleries" not in regdb + llcm
