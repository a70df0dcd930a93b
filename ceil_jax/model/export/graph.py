"""A graph of ONNX that is built node by node."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import onnx

# Old enough for every runtime that was looked at, and without what TensorRT lacks. Left
# to itself, `onnx` writes the newest IR, which runtimes of a year before refuse.
OPSET, IR_VERSION = 17, 8
PRODUCER = "ceil-jax"
BATCH = "batch"
"""Name of the first dimension of inputs and outputs, which is free."""


class Value(NamedTuple):
    """An input or an output.

    Attributes:
        name: Its name.
        dtype: NumPy's name of its type.
        shape: Its dimensions; one that is free has a name.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]


class Graph:
    """Nodes and constants; values are the names that nodes give."""

    def __init__(self) -> None:
        """An empty graph."""
        import onnx  # with [export] only

        self._onnx = onnx
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, value: Any, name: str = "") -> str:
        """Add a constant.

        Args:
            value: A NumPy array or scalar; its type is kept.
            name: Its name; "" for a number.

        Returns:
            The name.
        """
        name = name or f"constant_{len(self._constants)}"
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        self._constants[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node of one output.

        Args:
            kind: The operator.
            *inputs: Names of values.
            name: Of the node and of its output; "" for the operator and a number.
            **attributes: Of the operator.

        Returns:
            The name of its output.
        """
        name = name or f"{kind}_{len(self._nodes)}"
        self._nodes.append(
            self._onnx.helper.make_node(kind, inputs, [name], name=name, **attributes)
        )
        return name

    def model(
        self,
        images: Value,
        rows: Value,
        *,
        facts: Mapping[str, str],
        description: str,
    ) -> "onnx.ModelProto":
        """The model that the graph makes.

        Args:
            images: The one input.
            rows: The one output.
            facts: Kept in the file as its metadata.
            description: Of the graph, for people.

        Returns:
            The model.
        """
        helper = self._onnx.helper

        def info(value: Value) -> Any:
            kind = helper.np_dtype_to_tensor_dtype(np.dtype(value.dtype))
            return helper.make_tensor_value_info(value.name, kind, list(value.shape))

        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [info(images)],
            [info(rows)],
            [*self._constants.values()],
            doc_string=description,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name=PRODUCER,
        )
        model.ir_version = IR_VERSION
        helper.set_model_props(model, dict(facts))
        return model
