import hashlib

import jax.numpy as jnp
import numpy as np

from ceil_jax.common import digest

ARRAYS = {"b": np.arange(3, dtype=np.int32), "a": {"x": np.ones((1, 2), np.float32)}}


def test_it_is_sha256_over_name_shape_dtype_and_bytes():
    by_hand = hashlib.sha256(
        b"a/x\n(1, 2)\nfloat32\n" + b"\0\0\x80\x3f" * 2 + b"b\n(3,)\nint32\n"
        b"\0\0\0\0\x01\0\0\0\x02\0\0\0"
    )
    assert digest.of_arrays(ARRAYS) == by_hand.hexdigest()


def test_order_layout_byte_order_and_library_do_not_matter():
    want = digest.of_arrays(ARRAYS)
    turned = {"a": {"x": jnp.ones((1, 2))}, "b": np.arange(3).astype(">i4")}
    assert digest.of_arrays(turned) == want
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest.of_arrays({"m": matrix.copy("F")}) == digest.of_arrays({"m": matrix})


def test_every_difference_matters():
    found = {
        digest.of_arrays(ARRAYS),
        digest.of_arrays(ARRAYS, {"width": 4}),
        digest.of_arrays(ARRAYS | {"b": np.arange(3, dtype=np.int64)}),
        digest.of_arrays(ARRAYS | {"b": np.array([0, 1, 3], np.int32)}),
        digest.of_arrays(ARRAYS | {"b": np.arange(3, dtype=np.int32)[:, None]}),
        digest.of_arrays({"c": ARRAYS["b"], "a": ARRAYS["a"]}),
    }
    assert len(found) == 6


def test_a_model_is_weights_architecture_and_preprocessing():
    def of(width=4, size=(8, 4), scale=1.0):
        return digest.of_model(
            {"params": {"w": np.full(2, scale, np.float32)}},
            architecture={"width": width},
            preprocessing={"image_size": list(size)},
        )

    assert of() == of()
    assert len({of(), of(width=8), of(size=(4, 8)), of(scale=2.0)}) == 4


def test_data_are_the_same_in_any_order():
    one, two = digest.Content("a/1.png", 9, "ff"), digest.Content("a/2.png", 9, "fe")
    assert digest.of_data([one, two]) == digest.of_data([two, one])
    assert digest.of_data([one]) != digest.of_data([one, two])
    for other in (
        one._replace(path="b"),
        one._replace(size=8),
        one._replace(digest="0"),
    ):
        assert digest.of_data([other, two]) != digest.of_data([one, two])
