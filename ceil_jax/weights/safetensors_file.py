"""Files of safetensors that are equal, byte by byte, where their content is."""

import json
from collections.abc import Mapping

import numpy as np
from safetensors import numpy as safetensors

_LENGTH = 8  # bytes of the number in front of the header, and what it is padded to


def as_bytes(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The content of a `.safetensors` file.

    The library puts several entries of the metadata in an order that changes from call
    to call; here they are sorted.

    Args:
        tensors: Arrays by name.
        metadata: Text by key.

    Returns:
        The bytes.
    """
    made = safetensors.save(dict(tensors), dict(metadata))
    end = _LENGTH + int.from_bytes(made[:_LENGTH], "little")
    header = json.loads(made[_LENGTH:end])
    header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)
    return len(text).to_bytes(_LENGTH, "little") + text + made[end:]
