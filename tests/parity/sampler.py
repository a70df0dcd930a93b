"""Replays of the sampler's reference files (`m_`): exact sequences."""

from collections.abc import Mapping

import numpy as np

from ceil_jax.inputs.sampler import sample_epoch


def replay_sampler(
    arrays: Mapping[str, np.ndarray], name: str
) -> dict[str, tuple[float, float]]:
    """Both sequences of a file: number of positions that differ, none tolerated.

    Args:
        arrays: The file's arrays.
        name: The file's name; not needed.

    Returns:
        Figure -> (positions that differ, 0).
    """
    del name
    sizes = arrays["proxy_sizes"]
    proxies = np.repeat(np.arange(len(sizes)), sizes)
    images_per_proxy = int(arrays["num_instances"])
    num_proxies = int(arrays["batch_size"]) // images_per_proxy
    report = {}
    for case, factor in (("mag", int(arrays["magnification"])), ("1", 1)):
        got = sample_epoch(
            np.random.RandomState(int(arrays[f"np_seed_{case}"])),
            proxies,
            num_proxies_per_batch=factor * num_proxies,
            images_per_proxy=images_per_proxy,
            num_steps=int(arrays["num_iter"]),
        )
        want = arrays[f"sequence_{case}"]
        same_size = got.size == want.size
        different = float((got.ravel() != want).sum()) if same_size else float("inf")
        report[f"sequence_{case}"] = (different, 0.0)
    return report
