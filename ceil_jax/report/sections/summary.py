"""The head of a page: what was asked, of which model, with which warnings."""

from collections.abc import Iterator
from typing import Any

from ceil_jax.evaluation.results import Results
from ceil_jax.report.contents import Contents
from ceil_jax.report.sections import words

GENERATED = (
    "warn",
    "Generated people.",
    "These figures show that the program learns. They compare with no paper's.",
)
CHOSEN = (
    "warn",
    "Epoch chosen on the test set.",
    "The figures are too good: nobody can choose so in use.",
)
_ONE_SEED = (
    "info",
    "One training seed.",
    "Over seeds the same run moves by several points: train with more of them before "
    "you call a difference real.",
)
_UNLABELLED = (
    "info",
    "No labels here, so nothing is scored.",
    "Look at the sheets of clusters: each should show one person.",
)


def summary(contents: Contents) -> dict[str, Any]:
    """What the template `sections/summary.html.j2` takes.

    Args:
        contents: Everything on the page.

    Returns:
        Values by name.
    """
    return {
        "heading": heading(contents),
        "sentence": _sentence(contents),
        "facts": [fact for fact in _facts(contents) if fact[1]],
        "notices": list(_notices(contents)),
    }


def heading(contents: Contents) -> str:
    """The page's heading.

    Args:
        contents: Everything on the page.

    Returns:
        The model and the data.
    """
    results = contents.results
    if results is None:
        return f"Clusters of {contents.run}"
    this = next((each.name for each in contents.others if each.is_this), "")
    data = results.dataset or "a data set"
    split = f", split {results.split}" if results.split is not None else ""
    model = f"{this[:1].upper()}{this[1:]}" if this else "A model"
    return f"{model} on {data}{split}, {results.checkpoint or 'unnamed'}"


def _sentence(contents: Contents) -> dict[str, Any] | None:
    """The result in one sentence: the figures of its blanks."""
    results = contents.results
    if results is None:
        return None
    name, mode = next(iter(results.modes.items()))
    ranked = (contents.rankings or {}).get(name)
    found = mode.gcr or {}
    return {
        "article": "an" if ranked and ranked.query_modality == "infrared" else "a",
        "query": ranked.query_modality if ranked else "",
        "gallery": ranked.gallery_modality if ranked else "",
        "num_gallery": len(ranked.gallery.names) if ranked else None,
        "rank1": mode.plain["rank1"].mean,
        "map": mode.plain["mAP"].mean,
        "r_rank1": found["rank1"].mean if found else None,
        "r_map": found["mAP"].mean if found else None,
    }


def _facts(contents: Contents) -> Iterator[tuple[str, str]]:
    results = contents.results
    if results is None:
        yield "Run", contents.run
        if contents.num_epochs is not None:
            yield "Model", f"{contents.num_epochs} epochs"
        yield "Start", contents.start
        return
    split = f", split {results.split}" if results.split is not None else ""
    data = words.DATASETS.get(results.dataset, results.dataset or "not recorded")
    yield "Data", f"{data}{split}"
    modes = words.listed([name.replace("_", " ") for name in results.modes])
    protocol = words.PROTOCOLS.get(results.protocol, results.protocol)
    yield "Protocol", f"{protocol}: {modes}"
    yield "Galleries", _galleries(results)
    yield "Queries", _queries(contents)
    yield "Model", _model(contents, results)
    seed = "not recorded" if results.seed is None else str(results.seed)
    yield "Training seed", seed
    yield "Start", contents.start
    yield "Re-ranking", _rerank(contents, results)


def _galleries(results: Results) -> str:
    if results.by_split:
        splits = words.listed(list(results.by_split))
        return f"all test images of splits {splits}, a model for each"
    if results.sampling == "none":
        return "as given" if results.protocol == "standard" else "all test images"
    shots = "single-shot" if results.shots == 1 else f"{results.shots}-shot"
    origin = results.galleries.replace("-", " to ")
    origin = f", {origin}" if origin else ""
    return f"{results.trials}, {shots}, sampling “{results.sampling}”{origin}"


def _queries(contents: Contents) -> str:
    for ranked in (contents.rankings or {}).values():
        count = words.num_queries(ranked)
        names = contents.names
        cameras = words.cameras([names.camera(n) for n in ranked.query_cameras])
        return f"{count:,} {ranked.query_modality}, {cameras}"
    return "not recorded"


def _model(contents: Contents, results: Results) -> str:
    name = results.checkpoint or "not recorded"
    of = f" of {contents.num_epochs}" if contents.num_epochs is not None else ""
    if not name.startswith("epoch") or "," in name:
        return name
    how = {"last": "the last", "best_on_test": "the best on the test set"}
    return f"{name}{of}, chosen as {how.get(results.selection, results.selection)}"


def _rerank(contents: Contents, results: Results) -> str:
    if all(mode.gcr is None for mode in results.modes.values()):
        return "none"
    if contents.rerank_chosen or results.rerank is None:
        return "GCR, parameters chosen without labels"
    return "GCR, parameters given"


def _notices(contents: Contents) -> Iterator[tuple[str, str, str]]:
    results = contents.results
    if results is None:
        yield _UNLABELLED
    else:
        if results.dataset == "synthetic":
            yield GENERATED
        if results.selection == "best_on_test":
            yield CHOSEN
        if results.protocol == "regdb_released":
            yield (
                "warn",
                "One model on all splits.",
                "Nine of ten splits test people that it was trained on.",
            )
    given = () if results is None else results.warnings
    for text in dict.fromkeys((*given, *contents.warnings)):
        cause, _, rest = text.partition(": ")
        yield "warn", f"{cause[:1].upper()}{cause[1:]}{':' if rest else ''}", rest
    if results is None:
        return
    if results.seed is not None and not results.by_split:
        yield _ONE_SEED
    if results.trials == 1:
        yield "info", "One gallery.", "There is no standard deviation to show."
    if contents.rankings is None:
        yield (
            "info",
            "No lists were kept.",
            "This evaluation is older than rankings.npz, or was given features alone: "
            "--mode evaluate makes them.",
        )
