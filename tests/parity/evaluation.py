"""Replay of `h_*.npz`: CMC, mAP and mINP of a distance matrix under each protocol."""

from collections.abc import Mapping

import numpy as np

from ceil_jax.evaluation.metrics import Metrics, NoMatchError, evaluate

_TOLERANCE = 1e-5
# Section of the file -> protocol. The section is found by its `<section>_q_cam`.
_PROTOCOLS = {
    "sysu_all": "sysu_mm01",
    "sysu_indoor": "sysu_mm01",
    "regdb": "regdb",
    "llcm": "llcm",
}


def replay_evaluation(
    arrays: Mapping[str, np.ndarray], name: str
) -> dict[str, tuple[float, float]]:
    """Run the metrics on a reference file.

    Cameras in the file count from 0, ours from 1. Where the released code failed
    (`<section>_error` is not 0), its figures are missing or void: it cannot stack
    CMC curves of unequal lengths, and stops where no query has a match. There ours are
    compared with the plain loop below instead, which pads the CMC, and must refuse
    where no query has a match.

    Args:
        arrays: Content of the file.
        name: Its name, for messages.

    Returns:
        Worst error and tolerance by figure.

    Raises:
        ValueError: The file has no section that is known.
    """
    found = [section for section in _PROTOCOLS if f"{section}_q_cam" in arrays]
    if not found:
        raise ValueError(f"{name} has no section of {', '.join(_PROTOCOLS)}")
    figures = {}
    for section in found:
        for figure, error in _replay_section(arrays, section).items():
            figures[f"{section}_{figure}"] = error, _TOLERANCE
    return figures


def _replay_section(arrays: Mapping[str, np.ndarray], section: str) -> dict[str, float]:
    failed = bool(int(arrays.get(f"{section}_error", np.array(0))))
    labels = (
        arrays["q_pids"],
        arrays["g_pids"],
        arrays[f"{section}_q_cam"] + 1,
        arrays[f"{section}_g_cam"] + 1,
    )
    max_rank = int(arrays["max_rank"])
    rule = {"protocol": _PROTOCOLS[section], "max_rank": max_rank}
    try:
        ours = evaluate(-arrays["distmat"], *labels, **rule)
    except NoMatchError:
        expected = naive(-arrays["distmat"], *labels, **rule)
        return {"refused": 0.0 if failed and expected is None else np.inf}
    if failed:
        expected = naive(-arrays["distmat"], *labels, **rule)
        cmc, mean_ap, mean_inp = (
            expected[:3] if expected else ([np.inf], np.inf, np.inf)
        )
    else:
        cmc = arrays[f"{section}_cmc"]
        mean_ap, mean_inp = arrays[f"{section}_mAP"], arrays[f"{section}_mINP"]
    suffix = " (plain loop)" if failed else ""
    cmc = np.asarray(cmc, np.float64)  # shorter than ours in a very small gallery
    errors = {
        f"cmc{suffix}": float(np.abs(ours.cmc[: len(cmc)] - cmc).max()),
        f"mAP{suffix}": abs(ours.mean_ap - float(mean_ap)),
        f"mINP{suffix}": abs(ours.mean_inp - float(mean_inp)),
    }
    return {figure: np.nan_to_num(e, nan=np.inf) for figure, e in errors.items()}


def naive(
    similarity: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cameras: np.ndarray,
    gallery_cameras: np.ndarray,
    *,
    protocol: str,
    max_rank: int,
) -> Metrics | None:
    """The protocols read off their definition, one image at a time.

    Args:
        similarity: (Q, G), higher is better.
        query_ids: (Q,).
        gallery_ids: (G,).
        query_cameras: (Q,), from 1.
        gallery_cameras: (G,), from 1.
        protocol: One of `ceil_jax.evaluation.metrics.PROTOCOLS`.
        max_rank: Places of the CMC.

    Returns:
        The figures; None if no query has a true match.
    """
    cmcs, precisions, penalties = [], [], []
    for q, (identity, camera) in enumerate(zip(query_ids, query_cameras, strict=True)):
        ranked = []
        for g in sorted(range(len(gallery_ids)), key=lambda g: (-similarity[q, g], g)):
            if protocol == "sysu_mm01" and camera == 3 and gallery_cameras[g] == 2:
                continue
            same = gallery_ids[g] == identity and gallery_cameras[g] == camera
            if protocol in ("llcm", "standard") and same:
                continue
            ranked.append(gallery_ids[g])
        if identity not in ranked:
            continue
        places = [r for r, other in enumerate(ranked, 1) if other == identity]
        precisions.append(sum(i / r for i, r in enumerate(places, 1)) / len(places))
        penalties.append(len(places) / places[-1])
        seen = (
            list(dict.fromkeys(ranked)) if protocol in ("sysu_mm01", "llcm") else ranked
        )
        first = seen.index(identity) + 1
        cmcs.append([float(first <= r) for r in range(1, max_rank + 1)])
    if not cmcs:
        return None
    return Metrics(
        np.mean(cmcs, axis=0),
        float(np.mean(precisions)),
        float(np.mean(penalties)),
        len(cmcs),
    )
