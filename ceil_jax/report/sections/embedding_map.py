"""The embeddings on a plane: by modality, camera, person and cluster."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ceil_jax.report.charts import path
from ceil_jax.report.contents import Plane
from ceil_jax.report.own_names import OwnNames
from ceil_jax.report.sections import words

WIDTH, HEIGHT = 800, 620
"""Of the plane; places of images lie within."""
_MOST_PEOPLE = 400  # in the list of those that can be highlighted


def embedding_map(plane: Plane, names: OwnNames) -> dict[str, Any]:
    """What the template `sections/embedding_map.html.j2` takes.

    Args:
        plane: The embeddings on it.
        names: Of cameras and people.

    Returns:
        Values by name; "people" is for the script, by the name of each choice.
    """
    visible, infrared = ~plane.infrared, plane.infrared
    people, clusters = list(_people(plane, names)), list(_clusters(plane))
    chosen = [*people, *clusters]
    return {
        "lead": _lead(plane),
        "description": _description(plane),
        "all": _path(plane, np.ones(len(plane.at), bool)),
        "visible": _path(plane, visible),
        "infrared": _path(plane, infrared),
        "num_visible": int(visible.sum()),
        "num_infrared": int(infrared.sum()),
        "choices": [
            (title, [(each["key"], each["label"]) for each in of])
            for title, of in (("People, worst first", people), ("Clusters", clusters))
            if of
        ],
        "people": {
            each["key"]: {"v": each["v"], "i": each["i"], "says": each["says"]}
            for each in chosen
        },
        "cameras": [
            {
                "name": f"Camera {names.camera(camera)}",
                "modality": "infrared" if plane.infrared[of][0] else "visible",
                "count": int(of.sum()),
                "path": _path(plane, of),
            }
            for camera in np.unique(plane.cameras).tolist()
            for of in ((plane.cameras == camera) & side for side in (visible, infrared))
            if of.any()
        ],
    }


def _path(plane: Plane, of: np.ndarray) -> str:
    at = plane.at[of].astype(np.float64)
    return path(at[:, 0], at[:, 1])


def _share(right: np.ndarray) -> float | None:
    """Percent of right ones among those that are known."""
    known = right >= 0
    return 100 * float((right[known] == 1).mean()) if known.any() else None


def _people(plane: Plane, names: OwnNames) -> Iterator[dict[str, Any]]:
    found = []
    for identity in np.unique(plane.identities[plane.identities >= 0]).tolist():
        of = plane.identities == identity
        share = _share(plane.right[of])
        found.append((101.0 if share is None else share, identity, of, share))
    found.sort(key=lambda each: each[:2])
    for _, identity, of, share in found[:_MOST_PEOPLE]:
        rate = "" if share is None else f": {share:.0f} % right"
        yield _choice(
            plane,
            of,
            f"p{identity}",
            f"Person {names.person(identity)}{rate}",
            f"Person {names.person(identity)}: {_counts(plane, of)}."
            + (
                ""
                if share is None
                else f" For {share:.0f} % of them the nearest image of the other "
                "modality is the same person."
            ),
        )


def _clusters(plane: Plane) -> Iterator[dict[str, Any]]:
    sides = (("visible", ~plane.infrared), ("infrared", plane.infrared))
    for modality, side in sides:
        for cluster in np.unique(plane.clusters[side & (plane.clusters >= 0)]).tolist():
            of = side & (plane.clusters == cluster)
            people = np.unique(plane.identities[of & (plane.identities >= 0)])
            shows = f", {words.plural('person', len(people))}" if len(people) else ""
            shows = shows.replace("persons", "people")
            label = f"{modality} cluster {cluster}"
            title = f"{label[:1].upper()}{label[1:]}"
            yield _choice(
                plane,
                of,
                f"{modality[0]}{cluster}",
                f"{title}: {words.plural('image', int(of.sum()))}{shows}",
                f"{title}: {_counts(plane, of)}{shows}.",
            )


def _choice(
    plane: Plane, of: np.ndarray, key: str, label: str, says: str
) -> dict[str, Any]:
    return {
        "key": key,
        "label": label,
        "says": says,
        "v": _path(plane, of & ~plane.infrared),
        "i": _path(plane, of & plane.infrared),
    }


def _counts(plane: Plane, of: np.ndarray) -> str:
    sides = (
        ("visible", int((of & ~plane.infrared).sum())),
        ("infrared", int((of & plane.infrared).sum())),
    )
    return words.listed([f"{count:,} {name}" for name, count in sides if count])


def _lead(plane: Plane) -> str:
    how = {
        "t-SNE": f"t-SNE of all {len(plane.at):,} images by cosine distance.",
        "PCA": f"The first two principal components (PCA) of {len(plane.at):,} images: "
        "too many for t-SNE.",
    }[plane.method]
    share = _share(plane.right[plane.infrared])
    found = (
        ""
        if share is None
        else f" For {share:.0f} % of the infrared images the nearest visible image "
        "shows the right person."
    )
    return f"{how}{found} Distances between far groups mean nothing; look at which mix."


def _description(plane: Plane) -> str:
    every = np.ones(len(plane.at), bool)
    return f"{_counts(plane, every)} images, drawn near those that they are like."
