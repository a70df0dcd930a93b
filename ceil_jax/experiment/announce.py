"""What a run says of itself: what it will do, how long that takes, what comes next."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ceil_jax.common.progress import duration


def opening(
    devices: Sequence[str],
    images: Mapping[str, int],
    epochs: tuple[int, int],
    steps: tuple[int, int],
    *,
    done: int = 0,
) -> str:
    """The first lines of a training.

    Args:
        devices: The kind of each device, such as "NVIDIA H100" or "cpu".
        images: Number of training images by modality.
        epochs: Epochs of both stages.
        steps: Steps in an epoch of each stage.
        done: Epochs of the checkpoint that the training goes on from.

    Returns:
        Two lines.
    """
    kinds = " and ".join(
        f"{devices.count(kind)} x {kind}" for kind in dict.fromkeys(devices)
    )
    counts = " and ".join(f"{n:,} {name}" for name, n in images.items() if n)
    stages = ", ".join(
        f"{n} of stage {stage} with {each} steps"
        for stage, n, each in zip((1, 2), epochs, steps, strict=True)
        if n
    )
    total = sum(epochs)
    went_on = f", {done} of them done" if done else ""
    return (
        f"training on {kinds}: {counts} images\n"
        f"{total} {_plural('epoch', total)} ({stages}){went_on}; the expected time is "
        "told after the first epoch, from what that took"
    )


def time_left(
    measured: Sequence[tuple[int, float]],
    left: tuple[int, int],
    steps: tuple[int, int],
) -> float:
    """Seconds that the epochs to come will probably take, without their evaluations.

    An epoch takes what the others of its stage took on average. The first, which
    compiles, is left out as soon as a second is known. A stage that has not begun is
    taken to need as long for a step as the other.

    Args:
        measured: Stage and seconds of the epochs so far, in order; at least one.
        left: Epochs to come in both stages.
        steps: Steps in an epoch of each stage.

    Returns:
        Seconds.
    """
    of_stage: dict[int, float] = {}
    for stage in (1, 2):
        seconds = [passed for at, passed in measured if at == stage]
        seconds = seconds[1:] if len(seconds) > 1 else seconds
        if seconds:
            of_stage[stage] = sum(seconds) / len(seconds)
    for stage, other in ((1, 2), (2, 1)):
        if stage not in of_stage:
            of_stage[stage] = of_stage[other] * steps[stage - 1] / steps[other - 1]
    return left[0] * of_stage[1] + left[1] * of_stage[2]


def remaining(seconds: float) -> str:
    """The end of an epoch's line.

    Args:
        seconds: What the epochs to come will probably take.

    Returns:
        A few words; "" where nothing is left.
    """
    return f"about {duration(seconds)} left" if seconds > 0 else ""


def next_steps(workdir: Path, *, scored: bool = True) -> str:
    """What can be done with a finished training.

    Args:
        workdir: The run's folder.
        scored: Whether there were test images.

    Returns:
        Some lines with the commands.
    """
    command = f"python -m ceil_jax.main --workdir {workdir}"
    lines = []
    if (workdir / "report.html").exists():
        lines.append(f"open the report in a browser: {workdir}/report.html")
    lines.append(f"the embeddings of all images: {command} --mode export")
    lines.append(f"the model for other programs: {command} --mode package --output DIR")
    if scored:
        lines.append(f"the figures once more: {command} --mode evaluate")
    if scored and (workdir / "ranked_lists.png").exists():
        lines.append(f"queries and what was found: {workdir}/ranked_lists.png")
    return "next:\n" + "\n".join(f"  {line}" for line in lines)


def warn(text: str) -> None:
    """Tell the user on stderr.

    Args:
        text: One line.
    """
    print(f"warning: {text}", file=sys.stderr, flush=True)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
