"""The three training views of a batch."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.inputs.augment import augment_batch, erasing, normalise, planes, views

SIZE = (24, 12)
KEY = jax.random.key(5)
PAD = 2
FAST: Any = {"xla_backend_optimization_level": 0}  # to compile, not to run


# A program of this takes up to ten seconds to compile: tests share sizes.
augmented: Any = jax.jit(functools.partial(augment_batch, pad=PAD))


def batch(rng, num_visible: int = 4):
    visible = rng.integers(0, 256, (num_visible, *SIZE, 3), dtype=np.uint8)
    infrared = rng.integers(0, 256, (2 * num_visible, *SIZE, 3), dtype=np.uint8)
    return visible, infrared, np.arange(num_visible), np.arange(2 * num_visible)


def test_shapes_and_dtypes(rng):
    weak, strong, infrared = augmented(KEY, *batch(rng))
    assert weak.shape == strong.shape == (4, *SIZE, 3)
    assert infrared.shape == (8, *SIZE, 3)
    assert {weak.dtype, strong.dtype, infrared.dtype} == {jnp.dtype("float32")}


def test_split_batch_gives_the_same_bits(rng):
    num_parts = 2
    whole = augmented(KEY, *batch(rng))
    visible, infrared, visible_rows, infrared_rows = batch(np.random.default_rng(0))
    pieces = [
        augmented(KEY, *part)
        for part in zip(
            np.split(visible, num_parts),
            np.split(infrared, num_parts),
            np.split(visible_rows, num_parts),
            np.split(infrared_rows, num_parts),
            strict=True,
        )
    ]
    for want, got in zip(whole, zip(*pieces, strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(got), want)


def test_key_decides(rng):
    data = batch(rng)
    once, again = augmented(KEY, *data), augmented(KEY, *data)
    other = augmented(jax.random.key(6), *data)
    for a, b, c in zip(once, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (np.asarray(a) != np.asarray(c)).any(axis=(1, 2, 3)).all()


def test_equal_images_get_different_views():
    image = np.random.default_rng(1).integers(0, 256, (1, *SIZE, 3), dtype=np.uint8)
    views_of = augmented(
        KEY, image.repeat(4, 0), image.repeat(8, 0), np.arange(4), np.arange(8)
    )
    for view in views_of:
        view = np.asarray(view).reshape(len(view), -1)
        assert len(np.unique(view, axis=0)) == len(view)


def test_strong_views_have_one_colour(rng):
    for source in ("weak", "image"):
        made = functools.partial(augment_batch, pad=PAD, strong_view_from=source)
        visible, _, rows, _ = batch(rng, 2)
        _, strong, _ = jax.jit(made, compiler_options=FAST)(
            KEY, visible, None, rows, None
        )
        np.testing.assert_array_equal(strong[..., 0], strong[..., 1])
        np.testing.assert_array_equal(strong[..., 0], strong[..., 2])


static: Any = {"static_argnums": 1, "static_argnames": "pad", "compiler_options": FAST}
draw_weak, draw_strong = (
    jax.jit(draw, **static) for draw in (views.draw_weak, views.draw_strong)
)
weak_view: Any = jax.jit(
    functools.partial(views.weak_view, pad=0), compiler_options=FAST
)
strong_view: Any = jax.jit(
    functools.partial(views.strong_view, pad=0), compiler_options=FAST
)


def undisturbed(row_key: jax.Array, *, pad: int = 0) -> views.WeakDraws:
    draws = draw_weak(row_key, SIZE, pad=pad)
    return views.WeakDraws(
        draws.crop._replace(mirror=jnp.bool_(False)),
        draws.erasing._replace(chance=jnp.float32(1.0)),
    )


def test_weak_view_without_its_draws_is_the_normalised_image(rng):
    image = jnp.asarray(batch(rng)[0][0])
    view = weak_view(planes.split(image), undisturbed(KEY))
    np.testing.assert_allclose(planes.merge(view), normalise(image), atol=1e-6)


def test_strong_view_starts_from_the_wrapped_weak_view(rng):
    """Rebuilt here in NumPy, with the colour jitter switched off."""
    image = np.array(batch(rng)[0][0])
    wrapped = views.weak_bytes(
        planes.split(jnp.asarray(image)), undisturbed(KEY), pad=0
    )
    draws = draw_strong(KEY, SIZE, pad=0)
    draws = draws._replace(
        crop=draws.crop._replace(mirror=jnp.bool_(True)),
        jitter=draws.jitter._replace(factors=jnp.ones(3), hue=jnp.float32(0)),
        erasing=draws.erasing._replace(chance=jnp.float32(1.0)),
        channel=jnp.int32(1),
    )
    got = strong_view(wrapped, draws)
    mean, std = np.asarray(planes.MEAN, np.float32), np.asarray(planes.STD, np.float32)
    normalised = (image / np.float32(255) - mean) / std
    want = np.trunc(np.float32(255) * normalised).astype(np.int64) % 256
    np.testing.assert_array_equal(planes.merge(wrapped), want)
    want = ((want / 255.0 - planes.MEAN) / planes.STD)[:, ::-1, 1]
    # The hue's way through 8-bit HSV and back costs a few levels.
    gap = np.abs(np.asarray(got.red) - want) * 255 * planes.STD[1]
    assert gap.mean() < 2
    assert gap.max() < 8


def test_erased_rectangle_in_bytes(rng):
    image = planes.split(jnp.asarray(batch(rng)[0][0]))
    draws = undisturbed(KEY)
    draws = draws._replace(erasing=draws.erasing._replace(chance=jnp.float32(0.0)))
    weak = planes.merge(weak_view(image, draws))
    erased = np.isclose(weak, erasing.FILL).all(axis=-1)
    assert erased.any()
    got = np.asarray(planes.merge(views.weak_bytes(image, draws, pad=0)))
    want = np.trunc(255 * np.array(erasing.FILL))
    np.testing.assert_array_equal(got[erased], np.tile(want, (erased.sum(), 1)))


def test_padding_is_black_before_normalisation():
    """So it is not zero after it."""
    white = planes.split(jnp.full((*SIZE, 3), 255, jnp.uint8))
    draws = undisturbed(KEY, pad=10)
    draws = draws._replace(crop=draws.crop._replace(top=jnp.int32(0)))
    red = views.weak_view(white, draws, pad=10).red
    np.testing.assert_allclose(red[:10], np.full((10, SIZE[1]), -0.485 / 0.229), 1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"visible": np.zeros((2, *SIZE, 3), np.float32)}, "visible has images.dtype"),
        ({"infrared": np.zeros((2, *SIZE), np.uint8)}, "infrared has images.dtype"),
        ({"visible_rows": np.arange(3)}, "visible_rows has rows.shape"),
        ({"visible_rows": None}, "visible_rows is None"),
        ({"pad": -1}, "pad=-1 must be at least 0"),
        ({"strong_view_from": "both"}, "strong_view_from='both'"),
    ],
)
def test_refuses(change, message):
    arguments = {
        "visible": np.zeros((2, *SIZE, 3), np.uint8),
        "infrared": np.zeros((2, *SIZE, 3), np.uint8),
        "visible_rows": np.arange(2),
        "infrared_rows": np.arange(2),
    }
    with pytest.raises(ValueError, match=message):
        augment_batch(KEY, **{**arguments, **change})


def test_a_modality_alone_gets_the_views_that_it_gets_in_company(rng):
    visible, infrared, of_visible, of_infrared = batch(rng, 2)
    both = augmented(KEY, visible, infrared, of_visible, of_infrared)
    first = augmented(KEY, visible, None, of_visible, None)
    second = augmented(KEY, None, infrared, None, of_infrared)
    assert first[2] is second[0] is second[1] is None
    np.testing.assert_allclose(first[0], both[0], atol=1e-6)
    np.testing.assert_allclose(first[1], both[1], atol=1e-6)
    np.testing.assert_allclose(second[2], both[2], atol=1e-6)


def test_both_modalities_are_looked_at_before_views_are_made(monkeypatch):
    def none(*_: Any, **__: Any) -> Any:
        raise AssertionError("views are made")

    monkeypatch.setattr(views, "_visible_views", none)
    images = np.zeros((1, *SIZE, 3), np.uint8)
    row = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match="infrared_rows is None"):
        augment_batch(KEY, images, images, row, None)


def test_no_two_draws_share_a_key(monkeypatch):
    """Neither those of one view, nor views of an image, nor images, nor steps."""
    seen: list[tuple[int, ...]] = []
    uniform = jax.random.uniform

    def noted(key: Any, *arguments: Any, **options: Any) -> Any:
        jax.debug.callback(
            lambda data: seen.append(tuple(data.tolist())), jax.random.key_data(key)
        )
        return uniform(key, *arguments, **options)

    monkeypatch.setattr(jax.random, "uniform", noted)
    for name in ("weak_view", "weak_bytes", "strong_view", "infrared_view"):
        monkeypatch.setattr(views, name, lambda image, draws, *, pad: image)
    images, rows = np.zeros((2, *SIZE, 3), np.uint8), np.arange(2)
    draw = jax.jit(lambda key: augment_batch(key, images, images, rows, rows)[0])
    for seed in (0, 1):
        draw(jax.random.key(seed)).block_until_ready()
    jax.effects_barrier()
    weak, strong, infrared = 2, 4, 3  # crop, erasing; + jitter, channel; + channel
    assert len(seen) == 2 * 2 * (weak + strong + infrared)
    assert len(set(seen)) == len(seen)
