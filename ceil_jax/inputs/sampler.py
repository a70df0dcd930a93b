"""Which images make the batches of one epoch."""

import numpy as np


def sample_epoch(
    rng: np.random.RandomState,
    proxies: np.ndarray,
    *,
    num_proxies_per_batch: int,
    images_per_proxy: int,
    num_steps: int,
) -> np.ndarray:
    """Draw the images of every batch of an epoch, by camera proxy.

    Each step draws `num_proxies_per_batch` distinct proxies uniformly and, from each,
    `images_per_proxy` images with replacement; images of one proxy are neighbours in
    the batch. Where fewer proxies exist than a batch needs, they are drawn with
    replacement.

    Args:
        rng: Source of the draws; it is advanced. The same state gives the same batches
            as the released code's.
        proxies: Proxy of each kept image, (N,) int, dense from 0.
        num_proxies_per_batch: Proxies drawn at each step.
        images_per_proxy: Images drawn from each of them.
        num_steps: Batches to draw.

    Returns:
        Positions in `proxies`, (num_steps, num_proxies_per_batch * images_per_proxy)
        int64.

    Raises:
        ValueError: If a count is below 1, or `proxies` is empty, not one-dimensional,
            not of integers, negative or leaves out a number.

    References:
        Section 2, step 7 of the method: the batch construction of CEIL. The released
        sampler fails where there are too few proxies; this one repeats some.
    """
    counts = (num_proxies_per_batch, images_per_proxy, num_steps)
    if min(counts) < 1:
        raise ValueError(
            f"{num_proxies_per_batch=}, {images_per_proxy=} and {num_steps=} must be "
            "at least 1"
        )
    members = _members(np.asarray(proxies))
    scarce = len(members) < num_proxies_per_batch
    batches = [
        rng.choice(members[proxy], images_per_proxy)
        for _ in range(num_steps)
        for proxy in rng.choice(len(members), num_proxies_per_batch, replace=scarce)
    ]
    return np.stack(batches).reshape(num_steps, -1)


def _members(proxies: np.ndarray) -> list[np.ndarray]:
    """Positions of each proxy's images, ascending."""
    if proxies.ndim != 1 or not np.issubdtype(proxies.dtype, np.integer):
        raise ValueError(
            f"{proxies.dtype=} and {proxies.shape=} must be integers, one per image"
        )
    if proxies.size == 0:
        raise ValueError(f"{proxies.size=} must be at least 1: no image was kept")
    if proxies.min() < 0:
        raise ValueError(f"{proxies.min()=} must be at least 0: drop the outliers")
    sizes = np.bincount(proxies)
    if sizes.min() == 0:
        missing = int(sizes.argmin())
        raise ValueError(f"proxies must be dense from 0, but {missing} has no image")
    order = np.argsort(proxies, kind="stable")
    return np.split(order, np.cumsum(sizes)[:-1])
