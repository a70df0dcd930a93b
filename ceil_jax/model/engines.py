"""What computes embeddings: JAX, or a runtime of others from the exported graph."""

import functools
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import jax
import numpy as np

from ceil_jax.common import extras, parallel
from ceil_jax.common.threads import num_cores
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.embedding.step import PREPROCESSING
from ceil_jax.encoder import Encoder
from ceil_jax.weights import Architecture, architecture

Engine: TypeAlias = Literal["jax", "onnxruntime", "openvino"]
ENGINES: tuple[Engine, ...] = ("jax", "onnxruntime", "openvino")
AGREEMENT = 1e-5
"""Largest difference of an entry from JAX's rows with which another engine is taken."""
_PROBE_IMAGES, _PROBES = 8, 3
BATCH_ON_CPU, BATCH_ON_GPU = 8, 128
"""Images of a batch where nobody says how many: more do not help a processor, and some
of JAX's convolutions take a form there that is slower."""
Tag = TypeVar("Tag")


class Runner(Protocol):
    """An engine with a model in it.

    Attributes:
        batch_size: Images that it embeds well at once.
    """

    batch_size: int

    def stream(
        self, batches: Iterable[tuple[Tag, np.ndarray]], modality: str
    ) -> Iterator[tuple[Tag, np.ndarray]]:
        """Embed batches as they come.

        Args:
            batches: Anything, and (b, H, W, 3) uint8 images of the model's size.
            modality: "visible" or "infrared".

        Yields:
            What came with a batch, and its rows, (b, d) float32.
        """
        ...


class JaxRunner:
    """Flax's encoder, compiled by JAX.

    Attributes:
        batch_size: Images that it embeds well at once, by the kind of device.
    """

    def __init__(self, variables: Mapping[str, Any], *, flip: bool = False) -> None:
        """Put the weights on the device.

        Args:
            variables: `{"params": ..., "batch_stats": ...}`.
            flip: Average with the mirror image's embedding.
        """
        devices = jax.local_devices()[:1]
        self._variables = parallel.replicate(dict(variables), devices)
        self._embedder = _embedder(architecture(variables), flip)
        on_cpu = devices[0].platform == "cpu"
        self.batch_size = BATCH_ON_CPU if on_cpu else BATCH_ON_GPU

    def stream(
        self, batches: Iterable[tuple[Tag, np.ndarray]], modality: str
    ) -> Iterator[tuple[Tag, np.ndarray]]:
        """Embed batches as they come; see `Runner.stream`.

        Args:
            batches: Anything, and (b, H, W, 3) uint8 images of the model's size.
            modality: "visible" or "infrared".

        Yields:
            What came with a batch, and its rows, (b, d) float32.
        """
        return self._embedder.stream(self._variables, batches, modality)


@functools.cache
def _embedder(sizes: Architecture, flip: bool) -> Embedder:
    """What embeds with any weights of these sizes; it compiles once for all of them."""
    devices = jax.local_devices()[:1]
    return Embedder(Encoder(*sizes), num_rows=1, flip=flip, devices=devices)


class OnnxRunner:
    """A runtime of ONNX with the graphs of both modalities, each made at first use.

    Attributes:
        batch_size: Images that it embeds well at once.
    """

    batch_size = BATCH_ON_CPU

    def __init__(
        self,
        variables: Mapping[str, Any],
        image_size: tuple[int, int],
        engine: Literal["onnxruntime", "openvino"],
        *,
        flip: bool = False,
    ) -> None:
        """Nothing is made yet.

        Args:
            variables: `{"params": ..., "batch_stats": ...}`.
            image_size: (height, width) in pixels.
            engine: The runtime.
            flip: Average with the mirror image's embedding.

        Raises:
            MissingExtraError: It is not installed.
        """
        extras.require(engine, f"engine={engine!r}")
        self._variables, self._size, self._flip = variables, image_size, flip
        self._make = {"onnxruntime": _onnxruntime, "openvino": _openvino}[engine]
        self._functions: dict[str, Any] = {}

    def stream(
        self, batches: Iterable[tuple[Tag, np.ndarray]], modality: str
    ) -> Iterator[tuple[Tag, np.ndarray]]:
        """Embed batches as they come; see `Runner.stream`.

        Args:
            batches: Anything, and (b, H, W, 3) uint8 images of the model's size.
            modality: "visible" or "infrared".

        Yields:
            What came with a batch, and its rows, (b, d) float32.
        """
        if modality not in self._functions:
            self._functions[modality] = self._make(self._graph(modality))
        function = self._functions[modality]
        for tag, images in batches:
            rows = function(images)
            if self._flip:
                mirrored = np.ascontiguousarray(images[:, :, ::-1])
                rows = (rows + function(mirrored)) / 2
            yield tag, rows

    def _graph(self, modality: str) -> bytes:
        from ceil_jax.model import export

        model = export.onnx_model(
            self._variables, modality=modality, image_size=self._size, target="boxmot"
        )
        return model.SerializeToString()


def _prepared(images: np.ndarray) -> np.ndarray:
    """8-bit NHWC images as the graph takes them: normalised float32 NCHW."""
    mean, std = (np.array(PREPROCESSING[k], np.float32) for k in ("mean", "std"))
    scaled = (images.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _onnxruntime(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_cores()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"]
    )
    return lambda images: session.run(None, {"images": _prepared(images)})[0]


def import_openvino() -> Any:
    """OpenVINO, which sends nothing.

    Its converter, which nobody needs here, sends usage data from a forked process as
    soon as it is imported; without one module it does not.

    Returns:
        The module `openvino`.
    """
    sys.modules.setdefault("openvino_telemetry", cast(Any, None))
    import openvino

    return openvino


def _openvino(graph: bytes) -> Any:
    openvino = import_openvino()
    core = openvino.Core()
    # By itself it computes in bfloat16 where the processor can: off by 6e-4.
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": num_cores()}
    compiled = core.compile_model(core.read_model(graph, b""), "CPU", options)
    of_thread = threading.local()  # a request serves one call at a time

    def rows(images: np.ndarray) -> np.ndarray:
        if not hasattr(of_thread, "request"):
            of_thread.request = compiled.create_infer_request()
        found = of_thread.request.infer(_prepared(images), share_outputs=False)
        return np.asarray(found[0])

    return rows


class Probed(NamedTuple):
    """What was seen of an engine.

    Attributes:
        engine: Its name.
        seconds: Time of a batch, the shortest of some.
        off: Largest difference of any entry from JAX's rows.
    """

    engine: Engine
    seconds: float
    off: float


def installed() -> list[Engine]:
    """The engines that can be used here, JAX first."""
    return [e for e in ENGINES if e == "jax" or not extras.missing(e)]


def probe(
    runners: Mapping[Engine, Runner], image_size: tuple[int, int], modality: str
) -> list[Probed]:
    """Try engines on a batch of noise.

    Args:
        runners: By name; "jax" must be among them.
        image_size: (height, width) in pixels.
        modality: "visible" or "infrared".

    Returns:
        What was seen, the fastest that agrees with JAX within `AGREEMENT` first.
    """
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (_PROBE_IMAGES, *image_size, 3), dtype=np.uint8)

    def rows_of(runner: Runner) -> np.ndarray:
        [(_, rows)] = runner.stream([(None, images)], modality)
        return rows

    wanted, seen = rows_of(runners["jax"]), []
    for engine, runner in runners.items():
        off = float(np.abs(rows_of(runner) - wanted).max())
        times = []
        for _ in range(_PROBES):
            begin = time.perf_counter()
            rows_of(runner)
            times.append(time.perf_counter() - begin)
        seen.append(Probed(engine, min(times), off))
    return sorted(seen, key=lambda each: (each.off > AGREEMENT, each.seconds))


class Engines:
    """The engines of one model, each made at its first use."""

    def __init__(
        self, variables: Mapping[str, Any], image_size: tuple[int, int]
    ) -> None:
        """Nothing is compiled yet.

        Args:
            variables: `{"params": ..., "batch_stats": ...}`.
            image_size: (height, width) in pixels.
        """
        self._variables, self._size = variables, image_size
        self._runners: dict[tuple[Engine, bool], Runner] = {}
        self._chosen: dict[tuple[str, bool], Engine] = {}

    def runner(self, engine: Engine, *, flip: bool) -> Runner:
        """An engine with the model in it.

        Args:
            engine: Its name.
            flip: Average with the mirror image's embedding.

        Returns:
            It.

        Raises:
            MissingExtraError: It is not installed.
        """
        if (engine, flip) not in self._runners:
            if engine == "jax":
                made: Runner = JaxRunner(self._variables, flip=flip)
            else:
                made = OnnxRunner(self._variables, self._size, engine, flip=flip)
            self._runners[engine, flip] = made
        return self._runners[engine, flip]

    def named(
        self, engine: Engine | Literal["auto"], modality: str, *, flip: bool
    ) -> Engine:
        """The engine that is meant; "auto" is tried once, and told on stderr.

        Args:
            engine: Its name, or "auto": the fastest of those installed that agrees with
                JAX within `AGREEMENT` on a batch of noise.
            modality: "visible" or "infrared".
            flip: Average with the mirror image's embedding.

        Returns:
            Its name.
        """
        if engine != "auto":
            return engine
        if (modality, flip) not in self._chosen:
            runners: dict[Engine, Runner] = {
                each: self.runner(each, flip=flip) for each in installed()
            }
            seen = probe(runners, self._size, modality)
            self._chosen[modality, flip] = seen[0].engine
            said = ", ".join(
                f"{each.engine} {1000 * each.seconds:.1f} ms, off {each.off:.0e}"
                for each in seen
            )
            print(f"engine {seen[0].engine} for {modality} ({said})", file=sys.stderr)
        return self._chosen[modality, flip]
