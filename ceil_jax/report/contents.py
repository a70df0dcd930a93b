"""What the page of a run is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.evaluation.rankings import Rankings
from ceil_jax.evaluation.results import ModeResults, Results
from ceil_jax.report.own_names import OwnNames


class Thumbnails(NamedTuple):
    """Small pictures, each stored once.

    Attributes:
        names: Paths of the images relative to the data folder, (n,) str.
        ends: Where the bytes of each end in `content`, (n,) int64, ascending.
        content: WebP files one after another, uint8.
        size: Pixels, width and height, (2,) int32.
        stretched: Whether the contrast of each was stretched to be seen, (n,) bool.
    """

    names: np.ndarray
    ends: np.ndarray
    content: np.ndarray
    size: np.ndarray
    stretched: np.ndarray


class Plane(NamedTuple):
    """The embeddings on a plane.

    Attributes:
        method: "t-SNE" or "PCA".
        at: Where each image is, (n, 2) int16; 0 to `WIDTH` and 0 to `HEIGHT` of
            `embedding_map`.
        infrared: Whether it is infrared, (n,) bool.
        identities: (n,) int64; -1 where unknown.
        cameras: (n,) int64.
        clusters: Clusters within each modality, (n,) int64; -1 for noise.
        right: Whether the nearest image of the other modality shows the same person,
            (n,) int8; -1 where nobody can tell.
    """

    method: str
    at: np.ndarray
    infrared: np.ndarray
    identities: np.ndarray
    cameras: np.ndarray
    clusters: np.ndarray
    right: np.ndarray


class Chosen(NamedTuple):
    """Queries of one search mode whose lists are shown.

    Attributes:
        groups: The group of each, a key of `chosen.GROUPS`, (n,) str.
        queries: Their positions among the mode's queries, (n,) int64.
    """

    groups: np.ndarray
    queries: np.ndarray


class Sheet(NamedTuple):
    """A cluster of images without labels.

    Attributes:
        modality: "visible" or "infrared".
        number: Of the cluster, from 0, within its modality.
        size: Images in it.
        cameras: Cameras of its images, ascending, (m,) int64.
        names: Images that are shown, the most typical first, (k,) str.
        image_cameras: Their cameras, (k,) int64.
        borderline: Whether each is nearly as like another cluster, (k,) bool.
        num_borderline: How many of all its images are.
    """

    modality: str
    number: int
    size: int
    cameras: np.ndarray
    names: np.ndarray
    image_cameras: np.ndarray
    borderline: np.ndarray
    num_borderline: int


class Support(NamedTuple):
    """Why re-ranking put an image where it is: exact shares of its score.

    Attributes:
        mode: Of the search.
        query: Position among the mode's queries.
        answer: Position among the gallery's images.
        direct: The share that comes from the two images themselves.
        sides: Groups of images: "query" or "gallery", whose images they are, (n,) str.
        cameras: Their cameras, (n,) int64.
        shares: What comes through each group, (n,) float64; with `direct` they sum to
            1, but for rounding.
        names: The images through which most comes, the largest share first, (k,) str.
        groups: The number of the group of each, (k,) int64.
        image_shares: The share of each, (k,) float64.
    """

    mode: str
    query: int
    answer: int
    direct: float
    sides: np.ndarray
    cameras: np.ndarray
    shares: np.ndarray
    names: np.ndarray
    groups: np.ndarray
    image_shares: np.ndarray


class Matches(NamedTuple):
    """Which parts of two images made them similar; the content of `explained.npz`.

    Attributes:
        model: Digest of the model whose similarities are divided.
        names: Paths of images relative to the data folder, (n,) str.
        query: The query of each pair, positions in `names`, (m,) int32.
        answer: Its answer, likewise.
        similarity: Inner product of the two embeddings, (m,) float32.
        maps: (m, 2, h, w) float16: what every place of the query, and of the answer,
            adds to the similarity or takes from it. Each map sums to `similarity`.
    """

    model: str
    names: np.ndarray
    query: np.ndarray
    answer: np.ndarray
    similarity: np.ndarray
    maps: np.ndarray


@dataclass(frozen=True, slots=True)
class Pictures:
    """What of a page needs images or embeddings; the content of `pictures.npz`.

    Attributes:
        thumbnails: None where there are no images.
        plane: None where it was not made.
        chosen: By search mode.
        support: Of some answers.
        sheets: Of clusters without labels, the most doubtful first.
        sizes: Images of each cluster by modality, of all clusters; noise left out.
        names: What the data set's owner calls its cameras and people.
    """

    thumbnails: Thumbnails | None = None
    plane: Plane | None = None
    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    support: Sequence[Support] = ()
    sheets: Sequence[Sheet] = ()
    sizes: Mapping[str, np.ndarray] = field(default_factory=dict)
    names: OwnNames = field(default_factory=OwnNames)


class OtherModel(NamedTuple):
    """A model to compare with.

    Attributes:
        name: What it is called, such as "stage 1".
        modes: Its figures.
        note: Anything to be said about it.
        is_this: Whether it is the model of the page.
    """

    name: str
    modes: Mapping[str, ModeResults]
    note: str = ""
    is_this: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything on the page of one evaluation.

    Attributes:
        run: What the run is called.
        version: Of the program.
        results: Its figures; None where there was nothing to score.
        rankings: What every query found; None where it was not kept.
        pictures: None where they were not kept.
        epochs: The objects of `metrics.jsonl`, in order; none where it is unknown.
        others: Models to compare with.
        engine: What made the embeddings, as in `results.json`.
        start: Where training started, in words; "" where it is unknown.
        num_epochs: Epochs of the whole training; None where it is unknown.
        rerank_chosen: Whether the parameters of the re-ranking were chosen without
            labels.
        differences: Fields of the configuration that are not as the program has them:
            name, value, the program's own.
        warnings: What a reader must know, besides those of the figures.
        commands: What can be done next: in words, and the command.
        people: Persons among the training images; None where they are unknown.
        matches: What matched in the first answers; None where nobody asked for it.
    """

    run: str
    version: str
    results: Results | None = None
    rankings: Rankings | None = None
    pictures: Pictures | None = None
    epochs: Sequence[Mapping[str, Any]] = ()
    others: Sequence[OtherModel] = ()
    engine: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    num_epochs: int | None = None
    rerank_chosen: bool = False
    differences: Sequence[tuple[str, str, str]] = ()
    warnings: Sequence[str] = ()
    commands: Sequence[tuple[str, str]] = ()
    people: int | None = None
    matches: Matches | None = None

    @property
    def names(self) -> OwnNames:
        """Those of cameras and people."""
        return self.pictures.names if self.pictures else OwnNames()
