import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ceil_jax.evaluation.results import ModeResults, mean_of_splits
from ceil_jax.report import run_page, stored_pictures
from ceil_jax.report.contents import Contents, OtherModel
from tests.ceil_jax.report import generated


class Parts(HTMLParser):
    """Names, links, texts and pictures of a page."""

    VOID = frozenset(("meta", "link", "br", "wbr", "input", "image", "use", "path"))

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.uses, self.tags = [], [], [], []
        self.texts, self.open, self.wrong = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        if tag == "a":
            self.links.append(given["href"])
        if tag == "use":
            self.uses.append(given["href"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data.strip())

    @property
    def says(self):
        return " ".join(filter(None, self.texts))


def page(**changes):
    return Parts(run_page.html(generated.contents(**changes)))


def check(parts):
    assert not parts.wrong
    assert not parts.open
    assert len(parts.ids) == len(set(parts.ids))
    assert parts.tags.count("h1") == 1
    for link in (*parts.links, *parts.uses):
        assert link[0] == "#"
        assert link[1:] in parts.ids


def of(**modes):
    """A run of some modes; pictures and figures are theirs."""
    results = generated.figures(modes)
    return {
        "rankings": modes,
        "results": results,
        "pictures": generated.pictures(modes),
        "others": (),
    }


def test_a_whole_run():
    parts = page()
    check(parts)
    assert "in 40.0 % of searches, and in 50.0 %" in re.sub(" +", " ", parts.says)
    for title in run_page._TITLES.values():
        assert (title in parts.says) == (title != "Sheets of clusters"), title
    assert parts.tags.count("article") == 20


def one_query():
    return of(all=generated.mode(num_queries=1, people=1, trials=1))


def no_match():
    ranked = generated.mode(num_queries=6, people=3)
    alone = ranked.query._replace(identities=np.full(6, 99))
    nothing = {
        kind: each._replace(
            average_precision=np.full_like(each.average_precision, np.nan),
            first=np.zeros_like(each.first),
        )
        for kind, each in ranked.each.items()
    }
    return of(all=ranked._replace(query=alone, each=nothing))


def unlabelled():
    return {
        "results": None,
        "rankings": None,
        "pictures": generated.sheets(),
        "others": (),
    }


CASES = {
    "one camera a side": lambda: of(all=generated.mode(cameras=((1,), (2,)))),
    "one query": one_query,
    "no query with a match": no_match,
    "no R": lambda: of(all=generated.mode(kinds=("plain",))),
    "no labels": unlabelled,
    "one epoch": lambda: {"epochs": generated.epochs((1,))},
    "stage 2 alone": lambda: {"epochs": generated.epochs((2, 2))},
    "no epochs": lambda: {"epochs": (), "num_epochs": None},
    "empty epochs": lambda: {"epochs": [{"epoch": 1}]},
    "no pictures": lambda: {"pictures": None},
    "no rankings": lambda: {"rankings": None, "pictures": None},
    "nothing else": lambda: {
        "rankings": None,
        "pictures": None,
        "epochs": (),
        "others": (),
        "differences": (),
        "people": None,
    },
    "one image on the map": lambda: {
        "pictures": dataclasses.replace(
            generated.sheets(), sheets=(), plane=generated.plane(1)
        )
    },
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_run_has_a_page(case):
    given = CASES[case]()
    whole = generated.contents()
    parts = Parts(run_page.html(dataclasses.replace(whole, **given)))
    check(parts)
    assert "nan" not in parts.says.lower()
    assert "None" not in parts.says
    if given.get("results", 1) is None:
        assert "Sheets of clusters" in parts.says
        assert "Cluster" in parts.says
    if not given.get("epochs", True):
        assert "No epochs are recorded" in parts.says


def test_names_of_any_kind_change_nothing():
    nasty = generated.NASTY
    ranked = generated.mode(stem=nasty)
    given = of(all=ranked)
    results = dataclasses.replace(
        given["results"], checkpoint=nasty, warnings=(f"{nasty}: {nasty}",)
    )
    given |= {"results": results, "run": nasty, "start": nasty}
    given["others"] = (OtherModel(nasty, results.modes, nasty),)
    given["differences"] = ((nasty, nasty, nasty),)
    given["commands"] = ((nasty, nasty),)
    text = run_page.html(generated.contents(**given))
    parts = Parts(text)
    check(parts)
    assert nasty in parts.says
    assert nasty[:5] not in text
    plain = page(**of(all=generated.mode()), commands=(("a", "b"),))
    assert parts.tags.count("script") == plain.tags.count("script")
    assert parts.tags.count("svg") == plain.tags.count("svg")


def test_each_picture_stands_once_and_is_used():
    text = run_page.html(generated.contents())
    files = re.findall(r"data:image/webp;base64,[^\"]+", text)
    names = set(re.findall(r'<image id="(\w+)"', text))
    assert len(files) == len(names) > 10
    uses = {use[1:] for use in Parts(text).uses}
    assert names == {use for use in uses if re.fullmatch(r"t\d+", use)}


def test_several_splits_have_a_row_each():
    rankings = {"all": generated.mode()}
    one = generated.figures(rankings, trials=1, sampling="none", seed=1)
    both = mean_of_splits({1: one, 2: one})
    given = {"results": both, "rankings": None, "pictures": None}
    says = page(**given).says
    assert "split 1" in says
    assert "split 2" in says
    assert "Mean over two splits" in says


def test_published_figures_and_their_differences():
    ranked = {"all": generated.mode(), "indoor": generated.mode(seed=1)}
    results = generated.figures(ranked, dataset="sysu_mm01", comparable=True)
    says = page(results=results, rankings=ranked).says
    assert "Beside the published figures" in says
    assert "86.75" in says
    assert "\N{MINUS SIGN}36.8" in says  # 50.0 after R, beside 86.75
    assert "Generated people" not in says


def test_chance_by_hand():
    from ceil_jax.report.sections.results import chance

    ranked = generated.mode(num_queries=4, num_gallery=4, people=2, kinds=("plain",))
    # No pair of cameras is left out: cameras of the queries are all 6.
    ranked = ranked._replace(query=ranked.query._replace(cameras=np.full(4, 6)))
    rank1, precision = chance(ranked) or (0, 0)
    assert rank1 == pytest.approx(50)
    # The six orders of two right images among four: first and second place of both.
    pairs = [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    by_hand = np.mean([(1 / a + 2 / b) / 2 for a, b in pairs])
    if (ranked.lists["plain"].places[0] > 0).sum() == 4:
        assert precision == pytest.approx(100 * by_hand)


def test_pictures_are_read_back():
    given = generated.pictures({"all": generated.mode()})
    arrays = stored_pictures.to_arrays(given)
    found = stored_pictures.from_arrays(arrays)
    assert found.chosen.keys() == given.chosen.keys()
    for one, other in zip(
        (*given.support, given.plane, given.thumbnails, *given.chosen.values()),
        (*found.support, found.plane, found.thumbnails, *found.chosen.values()),
        strict=True,
    ):
        assert one is not None
        assert other is not None
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    del arrays["plane/at"]
    with pytest.raises(ValueError, match="lacks 'plane/at'"):
        stored_pictures.from_arrays(arrays)
    with pytest.raises(ValueError, match="version 9"):
        stored_pictures.from_arrays({"version": np.array(9)})


def test_modes_of_figures_alone():
    rankings = {"all": generated.mode()}
    mode = ModeResults(generated.spreads(10.0), None)
    results = generated.figures(rankings, modes={"all": mode})
    contents = Contents("run", "1", results=results)
    assert "right person first in 10.0 %" in re.sub(
        " +", " ", Parts(run_page.html(contents)).says
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", generated.SIZES)
def test_a_page_of_real_size_stays_under_5_mb(name):
    """Every query and image of the data set, noisy pictures, maps of 18 x 9 places."""
    contents = generated.of_size(name)
    assert contents.pictures is not None
    assert contents.pictures.thumbnails is not None
    text = run_page.html(contents)
    check(Parts(text))
    assert 1_000_000 < len(text.encode()) < run_page.MOST_BYTES
    assert f"{generated.SIZES[name][-1]:,} images" in text
    lists = text.count("<article")
    assert lists >= 60
    assert len(re.findall(r"<li [^>]*data-x=", text)) == 2 * 5 * lists
