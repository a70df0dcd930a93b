"""Words that several parts of a page share."""

from collections.abc import Mapping, Sequence

from ceil_jax.evaluation.rankings import ModeRankings
from ceil_jax.evaluation.results import Results

PROTOCOLS = {
    "sysu_mm01": "SYSU-MM01",
    "regdb": "RegDB",
    "regdb_released": "RegDB, one model on all splits",
    "llcm": "LLCM",
    "standard": "standard",
}
DATASETS = {
    "sysu_mm01": "SYSU-MM01",
    "regdb": "RegDB",
    "llcm": "LLCM",
    "folder": "own images",
    "synthetic": "synthetic, generated people",
}
_NUMBERS = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten"),
)


def search(mode: str) -> str:
    """A search mode as a heading.

    Args:
        mode: Its name.

    Returns:
        For example "All search", "Visible to infrared".
    """
    words = mode.replace("_", " ")
    words = words[:1].upper() + words[1:]
    return words if " to " in words else f"{words} search"


def number(count: int) -> str:
    """A small number as a word.

    Args:
        count: Not negative.

    Returns:
        "ten", but "11".
    """
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count:,}"


def plural(word: str, count: int) -> str:
    """A count with its noun.

    Args:
        word: The noun's singular.
        count: How many.

    Returns:
        For example "1 gallery", "640 queries".
    """
    if count != 1:
        word = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{count:,} {word}"


def listed(items: Sequence[object]) -> str:
    """A list in words.

    Args:
        items: What is listed.

    Returns:
        For example "1, 2 and 5".
    """
    texts = [str(item) for item in items]
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def num_queries(ranked: ModeRankings | None) -> int | None:
    """Queries that count in the first gallery.

    Args:
        ranked: A mode; None where it is unknown.

    Returns:
        How many have a true match.
    """
    if ranked is None:
        return None
    return int((ranked.each["plain"].first[0] > 0).sum())


def counted_by(results: Results) -> str:
    """What figures are a mean over.

    Args:
        results: The figures.

    Returns:
        For example "ten galleries"; "" for one.
    """
    if results.trials < 2:
        return ""
    what = "split" if results.by_split else "gallery"
    return f"{number(results.trials)} {plural(what, results.trials).split()[-1]}"


def cameras(names: Mapping[str, object] | Sequence[object]) -> str:
    """Cameras in words.

    Args:
        names: Their numbers.

    Returns:
        For example "camera 3", "cameras 3 and 6".
    """
    noun = "camera" if len(names) == 1 else "cameras"
    return f"{noun} {listed(list(names))}"
