"""What matched, as the page holds it: the first answers that count, few bytes each."""

import json
import re

import numpy as np
import pytest

from ceil_jax.report import matches, run_page
from ceil_jax.report.contents import Matches
from ceil_jax.report.sections import lists
from tests.ceil_jax.report import generated


def data_of(text):
    [found] = re.findall(r'id="data">(.*?)</script>', text, re.S)
    return json.loads(found)


def test_pairs_are_the_first_answers_that_count_of_every_list():
    ranked = generated.mode()
    found = matches.pairs({"all": ranked}, [("all", 3), ("all", 7)])
    want = set()
    for query in (3, 7):
        for of_kind in ranked.lists.values():
            heads = zip(of_kind.gallery[query], of_kind.places[query], strict=True)
            want |= {
                (str(ranked.query.names[query]), str(ranked.gallery.names[image]))
                for image, place in heads
                if 1 <= place <= 5
            }
    assert found.keys() == want
    assert 10 <= len(want) <= 20
    for (_, answer), pair in found.items():
        assert pair.modalities == ("infrared", "visible")
        query = ranked.query.names.tolist().index(pair.query)
        head = ranked.gallery.names[ranked.lists["plain"].gallery[query]].tolist()
        if answer in head:
            score = ranked.lists["plain"].scores[query, head.index(answer)]
            assert pair.score == pytest.approx(float(score))
        else:
            assert np.isnan(pair.score)


def test_a_place_is_a_digit_of_its_share_of_the_largest():
    maps = np.zeros((2, 2, 2, 2), np.float16)
    maps[0, 0] = [[0.5, 0.25], [-0.25, 0]]
    maps[0, 1] = [[-1, -2], [-3, -4]]  # nothing matched
    maps[1, 0] = [[0, 0], [0, 0.1]]
    maps[1, 1] = [[1, 1], [1, 0.5]]
    names, one = np.array(["q", "a", "b"]), np.ones(2, np.float32)
    found = Matches("m", names, np.array([0, 0]), np.array([1, 2]), one, maps)
    kept = matches.numbers(found, [("q", "b"), ("q", "c"), ("q", "a")])
    assert kept == {("q", "b"): 1, ("q", "a"): 0}
    given = matches.data(found, kept)
    assert given["size"] == [2, 2]
    assert given["maps"] == "000z" + "zzzi" + "zi00" + "0000"
    assert matches.numbers(None, [("q", "a")]) == {}


def test_the_page_holds_the_maps_of_its_pairs_and_a_switch():
    plain = generated.contents()
    text = run_page.html(plain)
    assert "matches-says" not in text.partition("</style>")[2].partition("<script")[0]
    assert "matches" not in data_of(text)
    found = generated.matches(plain, (18, 9))
    text = run_page.html(generated.contents(matches=found))
    data = data_of(text)["matches"]
    used = [int(number) for number in re.findall(r'<li [^>]*data-x="(\d+)"', text)]
    shown = lists.shown(plain, lists.KEPT[0])
    assert len(used) == 2 * 5 * len(shown)  # plain and R, five answers each
    assert {*used} == {*range(len(data["maps"]) // (2 * 18 * 9))}
    assert text.count("Show what matched</button>") == 1
    assert "R's score is not what is divided" in text


def test_maps_of_other_pairs_are_left_out():
    contents = generated.contents()
    found = generated.matches(contents, (2, 1))
    renamed = np.char.add("another/", found.names)
    text = run_page.html(generated.contents(matches=found._replace(names=renamed)))
    assert "data-x=" not in text
    assert "Show what matched" not in text.partition("</style>")[2]
