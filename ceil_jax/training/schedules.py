"""Learning rates by epoch."""

import math
from collections.abc import Callable, Sequence
from typing import Literal


def warmup_multistep(
    base_rate: float,
    *,
    warmup_epochs: int = 10,
    warmup_factor: float = 0.01,
    milestones: Sequence[int] = (30, 50),
    gamma: float = 0.1,
    warmup: Literal["linear", "constant"] = "linear",
) -> Callable[[int], float]:
    """Warm-up, then a drop by `gamma` at each milestone; one rate per epoch.

    With e counted from 1 and t = e - 1, the rate is `base_rate` times
    `warmup_factor * (1 - t / warmup_epochs) + t / warmup_epochs` while
    t < warmup_epochs, times `gamma` to the number of milestones that are at most t.

    Args:
        base_rate: The rate after the warm-up.
        warmup_epochs: Epochs of the warm-up; 0 for none.
        warmup_factor: Share of the base rate in the first epoch.
        milestones: Values of t from which the rate is lower, ascending.
        gamma: Factor of each drop.
        warmup: "linear" as above, or "constant": `warmup_factor` until it ends.

    Returns:
        The function from an epoch, counted from 1, to its rate.

    Raises:
        ValueError: A value is out of range or the milestones do not ascend.

    References:
        The released `code/tools/optim/lr_scheduler.py` with the milestones 30 and 50 of
        the released `code/config/common.yaml`; the paper's text names 20 and 50.
    """
    if base_rate <= 0:
        raise ValueError(f"{base_rate=} must be more than 0")
    if warmup_epochs < 0:
        raise ValueError(f"{warmup_epochs=} must be at least 0")
    if warmup not in ("linear", "constant"):
        raise ValueError(f"{warmup=} must be linear or constant")
    milestones = tuple(milestones)
    if list(milestones) != sorted(milestones):
        raise ValueError(f"{milestones=} must ascend")

    def rate(epoch: int) -> float:
        if epoch < 1:
            raise ValueError(f"{epoch=} must be at least 1")
        t = epoch - 1
        factor = gamma ** sum(t >= milestone for milestone in milestones)
        if t < warmup_epochs:
            share = t / warmup_epochs if warmup == "linear" else 0.0
            factor *= warmup_factor * (1 - share) + share
        return base_rate * factor

    return rate


def warmup_cosine(
    base_rate: float, *, num_epochs: int, warmup_epochs: int = 0
) -> Callable[[int], float]:
    """Linear warm-up, then half a cosine that would reach 0 after the last epoch.

    For short trainings, such as the demo's, which have no room for steps.

    Args:
        base_rate: The highest rate.
        num_epochs: Epochs of the whole training.
        warmup_epochs: Epochs of the warm-up, before the cosine; 0 for none.

    Returns:
        The function from an epoch, counted from 1, to its rate.

    Raises:
        ValueError: A number is out of range.
    """
    if base_rate <= 0:
        raise ValueError(f"{base_rate=} must be more than 0")
    if not 0 <= warmup_epochs < num_epochs:
        raise ValueError(f"{warmup_epochs=} must be in [0, {num_epochs=})")

    def rate(epoch: int) -> float:
        if epoch < 1:
            raise ValueError(f"{epoch=} must be at least 1")
        if epoch <= warmup_epochs:
            return base_rate * epoch / (warmup_epochs + 1)
        share = (epoch - 1 - warmup_epochs) / (num_epochs - warmup_epochs)
        return base_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

    return rate
