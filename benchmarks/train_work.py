"""The work that `benchmarks.train_step` times, each kind in a process of its own.

Two libraries' pools of threads in one process disturb each other. So every kind of work
waits in its own process, and the processes are told in turns to do it once.
"""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from benchmarks import measure

TEMPERATURE, NUM_PROXIES, RATE = 0.05, 512, 1e-4
PAUSE_SECONDS = 0.1
HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Value of GLIBC_TUNABLES; other C libraries do not read it."""


class Size(NamedTuple):
    """An encoder and a batch.

    Attributes:
        stages: Bottlenecks of each stage.
        width: Channels that leave a stem.
        image: Height and width in pixels.
        rows: Images that the encoder sees in a step: a quarter visible ones, each in
            two views, and half infrared ones.
    """

    stages: tuple[int, ...]
    width: int
    image: tuple[int, int]
    rows: int


TINY = Size((1, 1, 1, 1), 16, (96, 48), 64)
FULL = Size((3, 4, 6, 3), 64, (288, 144), 8)
SIZES = {"tiny": TINY, "full": FULL}


def inputs(size: Size) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Normalised images of both modalities, a memory, and the proxy of each image."""
    rng = np.random.default_rng(0)
    shape = (size.rows // 2, *size.image, 3)
    visible, infrared = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    memory = rng.normal(size=(NUM_PROXIES, 32 * size.width)).astype(np.float32)
    memory /= np.linalg.norm(memory, axis=1, keepdims=True)
    return visible, infrared, memory, rng.integers(0, NUM_PROXIES, size.rows)


def leave_gradients_to_jax() -> None:
    """In this process, replace gradients and convolutions written out by XLA's own."""
    from ceil_jax.encoder import batch_norm, pointwise, winograd

    winograd.convolve = winograd.direct
    batch_norm.normalise = lambda *args: batch_norm._forward(*args)[0]
    pointwise.product = lambda x, kernel: x @ kernel


def ours(size: Size, what: str, *, derived: bool = False) -> Callable[[], Any]:
    """The encoder of this project.

    Args:
        size: Encoder and batch.
        what: "forward", or "training": forward, a contrastive loss against a memory,
            backward, Adam.
        derived: Leave the gradients to JAX instead of writing them out.

    Returns:
        What does it once.
    """
    if derived:
        leave_gradients_to_jax()
    return _ours_training(size) if what == "training" else _ours_forward(size)


def _ours_forward(size: Size) -> Callable[[], Any]:
    import jax

    from ceil_jax.encoder import Encoder

    encoder = Encoder(size.stages, size.width)
    visible, infrared, _, _ = inputs(size)
    variables = jax.jit(encoder.init)(jax.random.key(0), visible, infrared)
    apply: Any = jax.jit(encoder.apply)
    return lambda: jax.block_until_ready(apply(variables, visible, infrared))


def _ours_training(size: Size) -> Callable[[], Any]:
    import functools

    import jax
    import jax.numpy as jnp

    from ceil_jax.common.linalg import normalise
    from ceil_jax.encoder import Encoder
    from ceil_jax.training import optim

    encoder, optimizer = Encoder(size.stages, size.width), optim.adam()
    visible, infrared, memory, proxies = inputs(size)
    apply: Any = encoder.apply
    variables: Any = jax.jit(encoder.init)(jax.random.key(0), visible, infrared)
    params, stats = variables["params"], variables["batch_stats"]
    state = [params, stats, optimizer.init(params)]

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(params: Any, stats: Any, opt_state: Any, images: Any) -> Any:
        def loss_of(params: Any) -> Any:
            variables = {"params": params, "batch_stats": stats}
            rows, new = apply(variables, *images, train=True, mutable=["batch_stats"])
            logits = normalise(rows) @ memory.T / TEMPERATURE
            picked = jax.nn.log_softmax(logits)[jnp.arange(size.rows), proxies]
            return -picked.mean(), new["batch_stats"]

        (loss, stats), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optim.apply(params, updates, RATE), stats, opt_state, loss

    def run() -> float:
        *state[:], loss = step(*state, (visible, infrared))
        jax.block_until_ready(state)
        return float(loss)

    return run


def pytorch(size: Size, what: str, *, channels_last: bool) -> Callable[[], Any]:
    """A PyTorch model of the same architecture.

    Args:
        size: Encoder and batch.
        what: "forward" or "training", as for `ours`.
        channels_last: Keep images as (n, h, w, c) in memory instead of (n, c, h, w).

    Returns:
        What does it once.
    """
    import torch
    from torch.nn import functional

    from benchmarks.released.encoder import TwoStream

    torch.set_num_threads(os.cpu_count() or 1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    *images, memory, proxies = inputs(size)
    views = [
        torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).to(memory_format=layout)
        for x in images
    ]
    rows_of, labels = torch.from_numpy(memory), torch.from_numpy(proxies)
    model: Any = TwoStream(size.stages, size.width)
    model = model.to(memory_format=layout)
    if what == "forward":
        model.eval()

        def forward() -> Any:
            with torch.no_grad():
                return model(*views)

        return forward
    adam = torch.optim.Adam(model.parameters(), RATE, weight_decay=5e-4)

    def run() -> float:
        adam.zero_grad()
        logits = functional.normalize(model(*views)) @ rows_of.T / TEMPERATURE
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        adam.step()
        return loss.item()

    return run


@contextlib.contextmanager
def _in_environment(name: str, value: str) -> Iterator[None]:
    """Give a variable to the processes that are started in here, unless it is set."""
    was_set = name in os.environ
    os.environ.setdefault(name, value)
    try:
        yield
    finally:
        if not was_set:
            del os.environ[name]


class Worker:
    """A process that has prepared some work and does it when it is told to.

    Attributes:
        peak_gib: Largest resident memory of the process when it was last told to.

    Its memory lies in huge pages, where Linux and glibc have them. Without, both
    libraries spend a good part of a step on page faults, since they give much of the
    memory back after each.
    """

    def __init__(self, make: Callable[..., Callable[[], Any]], *args: Any, **kw: Any):
        """Start the process.

        Args:
            make: A function of a module that prepares the work and returns it.
            *args: Its arguments.
            **kw: Likewise.
        """
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, make, args, kw), daemon=True
        )
        with _in_environment("GLIBC_TUNABLES", HUGE_PAGES):
            self._process.start()
        theirs.close()
        self.peak_gib = 0.0

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.close()
        self._process.join()

    def __call__(self) -> float:
        """Do the work twice.

        Returns:
            Seconds of the second time, as the process itself measured them.
        """
        self._pipe.send(None)
        seconds, self.peak_gib = self._pipe.recv()
        return seconds


def _serve(pipe: Any, make: Callable[..., Any], args: Any, kw: Any) -> None:
    work = make(*args, **kw)
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        # What comes right after PyTorch takes up to twice its time: its threads still
        # look for work, and memory goes back and forth. So only the second is timed.
        time.sleep(PAUSE_SECONDS)
        work()
        start = time.perf_counter()
        work()
        pipe.send((time.perf_counter() - start, measure.peak_gib()))
