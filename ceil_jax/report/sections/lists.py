"""Ranked lists of a few telling queries, plain above R."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.evaluation.chosen import GROUPS
from ceil_jax.evaluation.rankings import ModeRankings
from ceil_jax.report import matches
from ceil_jax.report.contents import Contents, Support
from ceil_jax.report.own_names import OwnNames
from ceil_jax.report.sections import words

_SAYS = {
    "worst": "lowest average precision (AP) after R",
    "helped": "largest gain in AP",
    "hurt": "largest loss in AP",
    "median": "around the median AP after R",
    "best": "highest AP after R",
}
KEPT = (12, 8, 6, 5, 4, 3, 2, 1)
"""Lists in a group of a mode, from which the page takes the most that fit."""
MOST_LISTS = 200
_PLACES = 10
_SKIPPED = 2
_SUPPORTING = 4  # pictures in a row of shares


class Shown(NamedTuple):
    """A query whose lists are on the page.

    Attributes:
        mode: Its search mode.
        group: Its group, a key of `chosen.GROUPS`.
        query: Its position among the mode's queries.
    """

    mode: str
    group: str
    query: int


def shown(contents: Contents, per_group: int) -> list[Shown]:
    """The queries of a page.

    Args:
        contents: Everything on it.
        per_group: Lists in a group of a mode.

    Returns:
        At most `MOST_LISTS`, by mode and group in the order of the page.
    """
    pictures, rankings = contents.pictures, contents.rankings or {}
    found = []
    for mode, chosen in (pictures.chosen if pictures else {}).items():
        if mode not in rankings:
            continue
        for group in dict.fromkeys(chosen.groups.tolist()):
            queries = chosen.queries[chosen.groups == group][:per_group].tolist()
            found += [Shown(mode, group, query) for query in queries]
    return found[:MOST_LISTS]


def names_of(
    rankings: Mapping[str, ModeRankings], queries: Sequence[Shown]
) -> set[str]:
    """Images that some lists show.

    Args:
        rankings: What every query found.
        queries: Those that are shown.

    Returns:
        Their names.
    """
    found: set[str] = set()
    for mode, _, query in queries:
        ranked = rankings[mode]
        found.add(str(ranked.query.names[query]))
        for lists in ranked.lists.values():
            columns = [column for column, _ in _head(lists, query)]
            found.update(map(str, ranked.gallery.names[lists.gallery[query, columns]]))
    return found


def lists(
    contents: Contents,
    queries: Sequence[Shown],
    pictures: Mapping[str, str],
    maps: Mapping[tuple[str, str], int] | None = None,
) -> dict[str, Any]:
    """What the template `sections/lists.html.j2` takes.

    Args:
        contents: Everything on the page, with rankings.
        queries: Those that are shown.
        pictures: The name of the definition of each image's picture.
        maps: The number of the maps of each pair that is explained, by the names of
            query and answer, in their order.

    Returns:
        Values by name.
    """
    rankings = contents.rankings or {}
    numbers = {pair: number for number, pair in enumerate(maps or {})}
    support = {
        (each.mode, each.query): each
        for each in (contents.pictures.support if contents.pictures else ())
    }
    modes = dict.fromkeys(each.mode for each in queries)
    groups = dict.fromkeys(each.group for each in queries)
    cards: dict[tuple[str, str], list[dict[str, Any]]] = {}
    links: dict[str, int] = {}
    for each in queries:
        card = _card(each, rankings[each.mode], pictures, numbers, contents.names)
        why = support.get((each.mode, each.query))
        card["why"] = why and _why(why, rankings[each.mode], pictures, contents.names)
        # Two files can come to one name in a link.
        links[card["id"]] = links.get(card["id"], 0) + 1
        if links[card["id"]] > 1:
            card["id"] += f"--{links[card['id']]}"
        cards.setdefault((each.mode, each.group), []).append(card)
    sides = [rankings[mode] for mode in modes]
    return {
        "lead": _lead(contents, queries),
        "has_matches": bool(maps),
        "num_matches": words.number(matches.NUM_ANSWERS),
        "has_gcr": any("gcr" in side.lists for side in sides),
        "modes": [(mode, words.search(mode)) for mode in modes],
        "groups": [(key, title) for key, title in GROUPS.items() if key in groups],
        "query_cameras": _cameras(contents, (side.query_cameras for side in sides)),
        "gallery_cameras": _cameras(contents, (side.gallery_cameras for side in sides)),
        "parts": [
            {
                "mode": mode,
                "group": group,
                "title": GROUPS[group],
                "says": f"{_SAYS[group]}; {words.search(mode).lower()}",
                "cards": cards[mode, group],
            }
            for mode in modes
            for group in GROUPS
            if (mode, group) in cards
        ],
    }


def _cameras(contents: Contents, sides: Iterator[np.ndarray]) -> list[str]:
    numbers = sorted({int(camera) for side in sides for camera in side})
    return [contents.names.camera(number) for number in numbers]


def link_of(mode: str, name: str) -> str:
    """The name of a list in a link, made of its mode and its query's file.

    Args:
        mode: The search mode.
        name: The query's path.

    Returns:
        Letters, digits and hyphens.
    """
    stem = re.sub(r"\.\w+$", "", name)
    return re.sub(r"\W+", "-", f"{mode}-{stem}").strip("-")[-100:]


def _head(lists: Any, query: int) -> list[tuple[int, int]]:
    """Columns of a list that are shown, with their places: ten, and two uncounted."""
    found, num_skipped = [], 0
    for column, image in enumerate(lists.gallery[query].tolist()):
        if image < 0:
            break
        place = int(lists.places[query, column])
        if place > _PLACES:
            break
        if not place:
            num_skipped += 1
        if place or num_skipped <= _SKIPPED:
            found.append((column, place))
        if place == _PLACES:
            break
    return found


def _card(
    each: Shown,
    ranked: ModeRankings,
    pictures: Mapping[str, str],
    numbers: Mapping[tuple[str, str], int],
    names: OwnNames,
) -> dict[str, Any]:
    query = each.query
    last = "gcr" if "gcr" in ranked.each else "plain"
    kinds = ("plain",) if last == "plain" else ("plain", "gcr")
    precision = [float(ranked.each[k].average_precision[0, query]) for k in kinds]
    first = [int(ranked.each[kind].first[0, query]) for kind in kinds]
    rows = [
        {
            "kind": kind,
            "label": "plain" if kind == "plain" else "R",
            "answers": list(_answers(ranked, kind, query, pictures, numbers, names)),
        }
        for kind in kinds
    ]
    tops = [next((a for a in row["answers"] if a["place"]), None) for row in rows]
    top = tops[-1]
    name = str(ranked.query.names[query])
    outcome = "".join("1" if t is not None and t["right"] else "0" for t in tops)
    return {
        "id": link_of(each.mode, name),
        "name": name,
        "person": names.person(ranked.query.identities[query]),
        "camera": names.camera(ranked.query.cameras[query]),
        "modality": ranked.query_modality,
        "answer_camera": "" if top is None else top["camera"],
        "outcome": outcome if len(outcome) == 2 else outcome * 2,
        "first": first,
        "precision": [100 * value for value in precision],
        "change": 100 * (precision[-1] - precision[0]),
        "picture": pictures.get(name, ""),
        "rows": rows,
    }


def _answers(
    ranked: ModeRankings,
    kind: str,
    query: int,
    pictures: Mapping[str, str],
    numbers: Mapping[tuple[str, str], int],
    names: OwnNames,
) -> Iterator[dict[str, Any]]:
    lists = ranked.lists[kind]
    asked = str(ranked.query.names[query])
    for column, place in _head(lists, query):
        image = int(lists.gallery[query, column])
        name = str(ranked.gallery.names[image])
        score = float(lists.scores[query, column])
        other = int(lists.other_places[query, column])
        is_first = 0 < place <= matches.NUM_ANSWERS
        yield {
            "name": name,
            "place": place,
            "right": bool(lists.right[query, column]),
            "person": names.person(ranked.gallery.identities[image]),
            "camera": names.camera(ranked.gallery.cameras[image]),
            "short_camera": names.short_camera(ranked.gallery.cameras[image]),
            "score": f"{1000 * score:.1f}" if kind == "gcr" else f"{score:.2f}",
            "moved": other - place if kind == "gcr" and other else None,
            "picture": pictures.get(name, ""),
            "maps": numbers.get((asked, name)) if is_first else None,
        }


def _why(
    why: Support, ranked: ModeRankings, pictures: Mapping[str, str], names: OwnNames
) -> dict[str, Any]:
    """The shares of an answer's score, by camera, "directly" last."""
    modalities = {"query": ranked.query_modality, "gallery": ranked.gallery_modality}
    parts = [
        {
            "label": f"through camera {names.camera(camera)} ({modalities[side]})",
            "share": 100 * share,
            "pictures": [
                (pictures.get(str(why.names[i]), ""), 100 * float(why.image_shares[i]))
                for i in np.flatnonzero(why.groups == number)[:_SUPPORTING]
            ],
        }
        for number, (side, camera, share) in enumerate(
            zip(
                why.sides.tolist(),
                why.cameras.tolist(),
                why.shares.tolist(),
                strict=True,
            )
        )
        if share > 0
    ]
    parts.append({"label": "directly", "share": 100 * why.direct, "pictures": []})
    return {"answer": str(ranked.gallery.names[why.answer]), "parts": parts}


def _lead(contents: Contents, queries: Sequence[Shown]) -> str:
    rankings = contents.rankings or {}
    first = queries[0].mode
    ranked = rankings[first]
    counts = [sum(1 for q in queries if q[:2] == each[:2]) for each in queries]
    text = (
        f"{ranked.query_modality.capitalize()} queries of the first gallery with their "
        f"first ten answers, up to {words.number(max(counts))} per group."
    )
    if "gcr" in ranked.each:
        changes = (
            ranked.each["gcr"].average_precision[0]
            - ranked.each["plain"].average_precision[0]
        )
        changes = changes[np.isfinite(changes)]
        up, down = (100 * float(np.mean(c > 0)) for c in (changes, -changes))
        text += (
            f" R raises the average precision (AP: 100 where all right answers come "
            f"first) of {up:.0f} % of the queries and lowers it for {down:.0f} %."
        )
    total = sum(
        int((rankings[m].each["plain"].first[0] > 0).sum())
        for m in dict.fromkeys(q.mode for q in queries)
    )
    if total > len(queries):
        text += f" {total - len(queries):,} more lists are in rankings.npz."
    return text
