"""Data parallelism over local devices: the only file that says pmap.

Arrays stay unstacked: state goes in and comes out as one value that every device holds,
and only a batch carries a leading axis of devices.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS_NAME = "batch"


def check_divides(num_rows: int, num_devices: int, name: str) -> None:
    """Refuse a batch that cannot be split evenly.

    Args:
        num_rows: Rows of the batch.
        num_devices: Devices that share it.
        name: What the batch is called, for the message.

    Raises:
        ValueError: `num_rows` is not a multiple of `num_devices`; the message names the
            nearest numbers that are.
    """
    if num_rows % num_devices:
        below = num_rows // num_devices * num_devices
        near = [n for n in (below, below + num_devices) if n > 0]
        raise ValueError(
            f"{name}={num_rows} does not divide by the {num_devices} devices: "
            f"{' or '.join(map(str, near))} would"
        )


def gather(tree: Any, num_parts: int = 1) -> Any:
    """Every device's rows on every device, in the order of the devices.

    Inside a function that `over_devices` runs.

    Args:
        tree: Arrays whose leading axis is this device's share of the batch.
        num_parts: Parts that the rows are of, e.g. 2 where one view of all images is
            followed by another view of them: the whole batch is in that order, too,
            and so the same on any number of devices.

    Returns:
        The tree with whole batches.
    """

    def join_parts(x: jax.Array) -> jax.Array:
        parts = x.reshape(num_parts, -1, *x.shape[1:])
        whole = lax.all_gather(parts, AXIS_NAME, axis=1, tiled=True)
        return whole.reshape(-1, *x.shape[1:])

    return jax.tree.map(join_parts, tree)


def mean(tree: Any) -> Any:
    """Mean over devices, inside a function that `over_devices` runs.

    Args:
        tree: Arrays of this device.

    Returns:
        The tree of means.
    """
    return lax.pmean(tree, AXIS_NAME)


def replicate(tree: Any, devices: Sequence[Any] | None = None) -> Any:
    """Put a whole copy on every device, placed as `over_devices` returns its outputs.

    An argument that is placed otherwise at the first call than at the next ones has the
    function compiled twice.

    Args:
        tree: Arrays of the host or of devices; those in place already are not copied.
        devices: The devices; all local ones by default.

    Returns:
        The tree on the devices.
    """
    return jax.device_put(tree, _placed(devices, PartitionSpec()))


def _placed(devices: Sequence[Any] | None, spec: PartitionSpec) -> NamedSharding:
    mesh = Mesh(np.asarray(devices or jax.local_devices()), (AXIS_NAME,))
    return NamedSharding(mesh, spec)


@dataclasses.dataclass(frozen=True, slots=True)
class Shares:
    """A batch that is on the devices, or on its way there.

    Attributes:
        tree: Arrays of shape (num_devices, rows / num_devices, ...).
    """

    tree: Any


def send(tree: Any, devices: Sequence[Any] | None = None) -> Shares:
    """Send every device its share of a batch, ahead of the call that needs it.

    Args:
        tree: Arrays of the host with whole batches.
        devices: The devices; all local ones by default.

    Returns:
        What `over_devices` takes in place of the batch; the transfer need not be over.
    """
    devices = list(devices or jax.local_devices())
    shares = split(tree, len(devices))
    return Shares(jax.device_put(shares, _placed(devices, PartitionSpec(AXIS_NAME))))


class OverDevices:
    """A function of whole arguments that every device runs on its share of them."""

    def __init__(self, mapped: Any, num_shared: int, devices: Sequence[Any]) -> None:
        """See `over_devices`.

        Args:
            mapped: What pmap returned.
            num_shared: Number of arguments that every device gets whole.
            devices: The devices.
        """
        self._mapped, self._num_shared, self._devices = mapped, num_shared, devices
        self._ahead: Future[Any] | None = None
        self._kept: Any = None

    def __call__(self, *args: Any) -> Any:
        """Run it; what compiles ahead is waited for."""
        if self._ahead is not None:
            # An error of it comes again below, where it is seen. JAX forgets a program
            # that nobody holds.
            with contextlib.suppress(CancelledError):
                self._kept = self._ahead.exception() or self._ahead.result()
            self._ahead = None
        return self._mapped(*self._shared_out(args))

    def compile_ahead(self, pool: Executor, args: Callable[[], Sequence[Any]]) -> None:
        """Compile in the background, before the first call.

        A call with arguments of other shapes compiles as if nothing had been done.

        Args:
            pool: Runs it.
            args: Makes arguments of the shapes and places of the first call's; those
                that every device gets whole may be `described`.
        """

        def compiled() -> Any:
            return self._mapped.lower(*self._shared_out(args())).compile()

        self._ahead = pool.submit(compiled)

    def _shared_out(self, args: Sequence[Any]) -> list[Any]:
        split_args = [
            x.tree if isinstance(x, Shares) else split(x, len(self._devices))
            for x in args[self._num_shared :]
        ]
        return [*args[: self._num_shared], *split_args]


def described(tree: Any, devices: Sequence[Any] | None = None) -> Any:
    """Shapes, types and places of what `replicate` would put on every device.

    Args:
        tree: Arrays of the host or of devices.
        devices: The devices; all local ones by default.

    Returns:
        The tree without values, to compile for.
    """
    placed = _placed(devices, PartitionSpec())
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=placed), tree
    )


def over_devices(
    function: Callable[..., Any],
    *,
    num_split: int,
    num_shared: int,
    split_output: bool = False,
    donate: Sequence[int] = (),
    devices: Sequence[Any] | None = None,
) -> OverDevices:
    """Run a function on every local device, on its share of the last arguments.

    Args:
        function: Takes `num_shared` arguments that every device gets whole, then
            `num_split` whose leading axis is split; may use `gather` and `mean`. What
            `send` has sent is split already.
        num_split: Number of split arguments, the last ones.
        num_shared: Number of shared arguments, the first ones.
        split_output: Whether each device returns a share of the output, which `join`
            puts together; otherwise all must return the same, which is not checked.
        donate: Positions of arguments whose memory the outputs may take.
        devices: The devices; all local ones by default.

    Returns:
        The function of whole arguments.
    """
    devices = list(devices or jax.local_devices())
    mapped = jax.pmap(
        function,
        axis_name=AXIS_NAME,
        in_axes=(None,) * num_shared + (0,) * num_split,
        out_axes=0 if split_output else None,
        donate_argnums=tuple(donate),
        devices=devices,
    )
    return OverDevices(mapped, num_shared, devices)


def split(tree: Any, num_devices: int) -> Any:
    """Give every array a leading axis of devices.

    Args:
        tree: Arrays of the host with whole batches.
        num_devices: Length of the new axis.

    Returns:
        Views of shape (num_devices, rows / num_devices, ...).
    """

    def reshape(x: Any) -> Any:
        check_divides(x.shape[0], num_devices, "batch")
        return np.reshape(x, (num_devices, x.shape[0] // num_devices, *x.shape[1:]))

    return jax.tree.map(reshape, tree)


def join(x: jax.Array) -> np.ndarray:
    """Undo `split` on an output; waits until it is computed.

    Args:
        x: An output of shape (num_devices, rows / num_devices, ...).

    Returns:
        It on the host, (rows, ...).
    """
    whole = np.asarray(x)
    return whole.reshape(-1, *whole.shape[2:])
