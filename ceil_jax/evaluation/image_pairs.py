"""Genuine and impostor pairs of labelled images, and how similar they are.

A genuine pair shows one person twice, an impostor pair two people. Pairs are kept apart
by their two modalities: similarities within a modality and across are on other scales.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import checks
from ceil_jax.common import features as features_lib
from ceil_jax.common.features import Normalise
from ceil_jax.evaluation import pair_sampling
from ceil_jax.evaluation.labels import is_unknown
from ceil_jax.evaluation.pair_sampling import Side

MAX_PAIRS = 1_000_000
"""Pairs of a kind that are looked at; of more, as many are drawn at random."""
ANY = "any"
"""The modality of images of which none is given."""
_FIRST = ("visible", "infrared")


class Pairs(NamedTuple):
    """Pairs of images of one kind.

    Attributes:
        similarities: (n,) float32.
        first: (n,) int32, row of the features that is the first image.
        second: (n,) int32, row of the second image.
        total: Pairs that there are; more than n where some were drawn at random.
    """

    similarities: np.ndarray
    first: np.ndarray
    second: np.ndarray
    total: int

    @property
    def is_sample(self) -> bool:
        """Whether only some of the pairs are here."""
        return len(self.similarities) < self.total

    def take(self, chosen: np.ndarray) -> "Pairs":
        """Some of the pairs, as if there were no others.

        Args:
            chosen: (n,) bool.

        Returns:
            They.
        """
        return Pairs(
            self.similarities[chosen],
            self.first[chosen],
            self.second[chosen],
            int(chosen.sum()),
        )


class PairScores(NamedTuple):
    """How similar the images of two modalities are.

    Attributes:
        genuine: Pairs of one person.
        impostor: Pairs of two people.
        person: (N,) int32 code of each row's identity, from 0.
        camera: (N,) int32 code of each row's camera, from 0; None where no cameras are
            given.
        camera_names: The cameras as given, by their codes.
        skips_same_camera: Whether pairs of one camera are left out; None where no
            cameras are given.
        is_within: Whether both images are of one modality.
    """

    genuine: Pairs
    impostor: Pairs
    person: np.ndarray
    camera: np.ndarray | None
    camera_names: np.ndarray
    skips_same_camera: bool | None
    is_within: bool


def pair_name(first: str, second: str) -> str:
    """How two modalities are called together, in either order.

    Args:
        first: A modality.
        second: The same or another one.

    Returns:
        Such as "visible-infrared": visible first, infrared next, then by alphabet.
    """
    return "-".join(sorted((first, second), key=_place))


def pair_scores(
    features: Any,
    identities: Any,
    cameras: Any = None,
    modalities: Any = None,
    *,
    same_camera: bool = False,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    normalise: Normalise = None,
) -> dict[str, PairScores]:
    """Similarities of genuine and of impostor pairs, by their two modalities.

    Every two images are one pair, an image and itself none. Pairs of one camera are
    left out, of either kind: two images of a person by one camera are mostly
    neighbouring frames, whose similarity says little about meeting the person again,
    and two people before one background are more similar than two that are met in two
    places. A threshold is to tell apart pairs of one population.

    Never holds a matrix of all rows by all rows: small sets are multiplied at once,
    of large ones only the pairs that are looked at, some at a time.

    Args:
        features: (N, d) rows; the similarity of two is their inner product.
        identities: (N,) whole numbers or text; rows of -1, unknown, are left out.
        cameras: (N,) whole numbers or text; None if they are not known, and no pair is
            left out for them.
        modalities: (N,) text, such as "visible" and "infrared"; None for `ANY`.
        same_camera: Whether pairs of one camera count, too.
        max_pairs: Most pairs of a kind and of two modalities; if there are more, as
            many are drawn without replacement, each with the same chance.
        seed: Of that draw.
        normalise: None refuses rows that are off length 1 by more than 0.01, True
            normalises them, False takes them as they are.

    Returns:
        By `pair_name`, for every two modalities; either kind can be empty.

    Raises:
        ValueError: An argument that does not fit, or no row has a known identity.
    """
    (max_pairs,) = checks.at_least(1, max_pairs=max_pairs)
    (seed,) = checks.at_least(0, seed=seed)
    rows = features_lib.rows("features", features, normalise=normalise)
    known = np.flatnonzero(~is_unknown(checks.array("identities", identities)))
    _, person = _coded("identities", identities, len(rows))
    names, camera = _coded("cameras", cameras, len(rows))
    kinds, kind = _coded("modalities", modalities, len(rows))
    if not known.size:
        raise ValueError("identities are all unknown (-1): there is no pair to look at")
    kinds = kinds if modalities is not None else np.array([ANY])
    skips = None if cameras is None else not same_camera
    about = person, None if cameras is None else camera, names, skips
    sides = {
        str(name): Side.of(rows, person, camera, known[kind[known] == code])
        for code, name in enumerate(kinds)
    }
    sides = {name: side for name, side in sides.items() if len(side.rows)}
    found = {}
    for place, (first, second) in enumerate(_couples(sorted(sides, key=_place))):
        couple = sides[first], None if first == second else sides[second]
        rng = np.random.default_rng((seed, place))
        kept = _of_couple(*couple, bool(skips), max_pairs, rng)
        found[pair_name(first, second)] = PairScores(*kept, *about, first == second)
    return found


def by_cameras(scores: PairScores) -> dict[tuple[Any, Any], PairScores]:
    """The pairs of every two cameras, whose similarities differ as well.

    Args:
        scores: Pairs of two modalities.

    Returns:
        By the cameras' names; within a modality in their order, else the camera of the
        first modality first. Of drawn pairs, `total` is how many were drawn.

    Raises:
        ValueError: The scores know no cameras.
    """
    if scores.camera is None:
        raise ValueError("scores.camera=None: no cameras were given")
    sides = scores.genuine, scores.impostor
    codes = [_camera_codes(scores, pairs) for pairs in sides]
    names = scores.camera_names.tolist()
    found = {}
    for code in np.unique(np.concatenate(codes)).tolist():
        genuine, impostor = (
            pairs.take(of_pair == code)
            for pairs, of_pair in zip(sides, codes, strict=True)
        )
        first, second = divmod(code, len(names))
        key = names[first], names[second]
        found[key] = scores._replace(genuine=genuine, impostor=impostor)
    return found


def _camera_codes(scores: PairScores, pairs: Pairs) -> np.ndarray:
    """One number for each pair's two cameras."""
    assert scores.camera is not None
    seen = np.stack([scores.camera[pairs.first], scores.camera[pairs.second]])
    if scores.is_within:
        seen.sort(axis=0)
    return seen[0].astype(np.int64) * len(scores.camera_names) + seen[1]


def _of_couple(
    first: Side,
    second: Side | None,
    skips: bool,
    max_pairs: int,
    rng: np.random.Generator,
) -> tuple[Pairs, Pairs]:
    """Genuine and impostor pairs of two modalities; `second` is None for one."""
    if len(first.rows) * len((second or first).rows) <= pair_sampling.BLOCK:
        return _all_at_once(first, second, skips, max_pairs, rng)
    genuine, impostor = (
        _sampled(first, second, pair_sampling.Kind(is_genuine, skips), max_pairs, rng)
        for is_genuine in (True, False)
    )
    return genuine, impostor


def _all_at_once(
    first: Side,
    second: Side | None,
    skips: bool,
    max_pairs: int,
    rng: np.random.Generator,
) -> tuple[Pairs, Pairs]:
    """Both kinds of a small set, from the whole matrix."""
    other = second or first
    products = first.rows @ other.rows.T
    is_genuine = first.people[:, None] == other.people
    is_impostor = ~is_genuine
    if skips:
        is_other = first.cameras[:, None] != other.cameras
        is_genuine, is_impostor = is_genuine & is_other, is_impostor & is_other
    if second is None:
        is_genuine, is_impostor = np.triu(is_genuine, 1), np.triu(is_impostor, 1)
    genuine, impostor = (
        _at_places(first, other, products, np.flatnonzero(chosen), max_pairs, rng)
        for chosen in (is_genuine, is_impostor)
    )
    return genuine, impostor


def _at_places(
    first: Side,
    second: Side,
    products: np.ndarray,
    places: np.ndarray,
    max_pairs: int,
    rng: np.random.Generator,
) -> Pairs:
    """Pairs at places of the flat matrix."""
    total = len(places)
    if total > max_pairs:
        places = places[rng.choice(total, max_pairs, replace=False, shuffle=False)]
    i = places // products.shape[1]
    j = places - i * products.shape[1]
    return Pairs(
        products.reshape(-1)[places],
        first.positions[i],
        second.positions[j],
        total,
    )


def _sampled(
    first: Side,
    second: Side | None,
    kind: pair_sampling.Kind,
    max_pairs: int,
    rng: np.random.Generator,
) -> Pairs:
    other = second or first
    i, j, total = pair_sampling.draw(first, second, kind, max_pairs, rng)
    products = pair_sampling.products(first.rows, other.rows, i, j)
    return Pairs(products, first.positions[i], other.positions[j], total)


def _coded(name: str, value: Any, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The different names, and each row's position among them, (length,) int32."""
    if value is None:
        return np.zeros(0, np.str_), np.zeros(length, np.int32)
    if name == "modalities" and checks.array(name, value).dtype.kind not in "UTO":
        raise ValueError("modalities must be text, such as 'visible' and 'infrared'")
    checks.codes(**{name: (value, length)})
    names, codes = np.unique(checks.array(name, value), return_inverse=True)
    return names, codes.reshape(-1).astype(np.int32)


def _couples(names: list[str]) -> Iterator[tuple[str, str]]:
    """Every two, each with itself as well."""
    for place, first in enumerate(names):
        for second in names[place:]:
            yield first, second


def _place(modality: str) -> tuple[int, str]:
    known = _FIRST.index(modality) if modality in _FIRST else len(_FIRST)
    return known, modality
