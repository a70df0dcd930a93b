"""The page of one evaluation, from what its run kept."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from ceil_jax.report import matches
from ceil_jax.report.charts import Chart
from ceil_jax.report.contents import Contents, Thumbnails
from ceil_jax.report.pages import page
from ceil_jax.report.sections import (
    cameras,
    embedding_map,
    lists,
    queries,
    results,
    seconds,
    sheets,
    summary,
    training,
)

MOST_BYTES = 5_000_000
"""Of a page."""
_FIXED_BYTES = 700_000  # styles, scripts, charts, tables
_LIST_BYTES = 9_500
_PICTURE_BYTES = 110  # around the bytes of a picture
_TITLES = {
    "summary": "Summary",
    "results": "Results",
    "lists": "Ranked lists",
    "sheets": "Sheets of clusters",
    "queries": "Every query",
    "cameras": "Camera by camera",
    "map": "Map",
    "training": "Training",
    "time": "Time",
    "setup": "Set-up",
}


def html(contents: Contents) -> str:
    """The whole page.

    Args:
        contents: Everything on it.

    Returns:
        The text of an HTML file that needs no network, of at most `MOST_BYTES`: over
        that fewer lists are shown.
    """
    text = ""
    for per_group in lists.KEPT:
        shown = lists.shown(contents, per_group)
        if _estimate(contents, shown) > MOST_BYTES and per_group > lists.KEPT[-1]:
            continue
        text = _html(contents, shown)
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def _estimate(contents: Contents, shown: list[lists.Shown]) -> int:
    pictures = contents.pictures
    total = _FIXED_BYTES + _LIST_BYTES * len(shown)
    if pictures is None:
        return total
    if contents.matches is not None:
        total += len(_maps(contents, shown)) * contents.matches.maps[0].size
    if pictures.plane is not None:
        total += 40 * len(pictures.plane.at)
    if pictures.thumbnails is not None:
        wanted = _wanted(contents, shown)
        total += sum(
            _PICTURE_BYTES + 4 * len(content) // 3
            for name, content in _files(pictures.thumbnails)
            if name in wanted
        )
    return total


def _maps(contents: Contents, shown: list[lists.Shown]) -> dict[tuple[str, str], int]:
    """Which maps belong to the pairs that are shown."""
    if contents.matches is None:
        return {}
    queries = [(each.mode, each.query) for each in shown]
    wanted = matches.pairs(contents.rankings or {}, queries)
    return matches.numbers(contents.matches, wanted)


def _html(contents: Contents, shown: list[lists.Shown]) -> str:
    uses = _Pictures(contents, shown)
    maps = _maps(contents, shown)
    pictures = contents.pictures
    parts: dict[str, Any] = {"summary": summary.summary(contents)}
    if contents.results is not None:
        parts["results"] = results.results(contents)
    if shown:
        parts["lists"] = lists.lists(contents, shown, uses.ids, maps)
    if pictures is not None and pictures.sheets:
        parts["sheets"] = sheets.sheets(pictures, uses.ids)
    parts["queries"] = queries.queries(contents)
    parts["cameras"] = cameras.cameras(contents)
    if pictures is not None and pictures.plane is not None:
        parts["map"] = embedding_map.embedding_map(pictures.plane, pictures.names)
    parts["training"] = training.training(contents)
    parts["time"] = seconds.seconds(contents)
    parts["setup"] = _setup(contents)
    kept = {name: part for name, part in parts.items() if part}
    title = f"Evaluation: {kept['summary']['heading']}"
    data: dict[str, Any] = {"people": kept["map"]["people"]} if "map" in kept else {}
    if contents.matches is not None and maps:
        data["matches"] = matches.data(contents.matches, maps)
    return page(
        "report.html.j2",
        styles=("report.css",),
        scripts=("report.js", "matches.js"),
        data=data,
        charts=list(_charts(kept)),
        title=title,
        subject=_subject(contents),
        version=contents.version,
        contents=[(name, _TITLES[name]) for name in _TITLES if name in kept],
        definitions=uses.definitions,
        stretched=uses.stretched,
        num_lists_left_out=_left_out(contents, shown),
        missing=_missing(contents, kept),
        sections={name: kept.get(name) for name in _TITLES},
    )


def _subject(contents: Contents) -> str:
    found = contents.results
    if found is None:
        return contents.run
    parts = (found.dataset, found.checkpoint, contents.run)
    return ", ".join(part for part in parts if part)


def _setup(contents: Contents) -> dict[str, Any]:
    names = {
        "jax": "JAX",
        "device": "Device",
        "devices": "Devices",
        "dtype": "Precision",
        "model": "Model's digest",
    }
    made = [
        (label, str(contents.engine[key])[: 16 if key == "model" else 80])
        for key, label in names.items()
        if contents.engine.get(key)
    ]
    return {
        "differences": contents.differences,
        "commands": contents.commands,
        "engine": made,
    }


def _left_out(contents: Contents, shown: list[lists.Shown]) -> int:
    return len(lists.shown(contents, lists.KEPT[0])) - len(shown)


def _missing(contents: Contents, kept: Mapping[str, Any]) -> list[str]:
    """What a reader might look for, and why it is not there."""
    found = []
    if "training" not in kept:
        found.append(
            "No epochs are recorded beside this evaluation: the model was trained "
            "elsewhere, or by a version that kept none."
        )
    has_lists = "lists" in kept or "sheets" in kept
    if contents.results is not None and not has_lists and contents.rankings:
        found.append(
            "No pictures were kept (pictures.npz), so no ranked list is drawn: --mode "
            "evaluate makes them."
        )
    return found


def _charts(parts: Mapping[str, Any]) -> Iterator[Chart]:
    yield from parts.get("results", {}).get("cmc", ())
    yield from parts.get("training", {}).get("charts", ())


def _files(thumbnails: Thumbnails) -> Iterator[tuple[str, bytes]]:
    start = 0
    for name, end in zip(
        thumbnails.names.tolist(), thumbnails.ends.tolist(), strict=True
    ):
        yield name, thumbnails.content[start:end].tobytes()
        start = end


def _wanted(contents: Contents, shown: list[lists.Shown]) -> set[str]:
    """Names of images of which the page holds a picture."""
    names = lists.names_of(contents.rankings or {}, shown)
    pictures = contents.pictures
    if pictures is None:
        return names
    there = {(each.mode, each.query) for each in shown}
    for why in pictures.support:
        if (why.mode, why.query) in there:
            names.update(map(str, why.names))
    for sheet in pictures.sheets:
        names.update(map(str, sheet.names))
    return names


class _Pictures:
    """The pictures of a page, each defined once."""

    def __init__(self, contents: Contents, shown: list[lists.Shown]) -> None:
        self.ids: dict[str, str] = {}
        self.definitions: list[tuple[str, str]] = []
        self.stretched = False
        thumbnails = contents.pictures and contents.pictures.thumbnails
        if not thumbnails:
            return
        wanted = _wanted(contents, shown)
        flags = thumbnails.stretched.tolist()
        for (name, content), flag in zip(_files(thumbnails), flags, strict=True):
            if name not in wanted:
                continue
            self.ids[name] = f"t{len(self.ids)}"
            coded = base64.b64encode(content).decode()
            self.definitions.append((self.ids[name], f"data:image/webp;base64,{coded}"))
            self.stretched |= flag
