"""Random erasing: the rectangle, the fill and how often."""

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax.inputs.augment import erasing, planes
from tests.ceil_jax.inputs.augment.draws import assert_independent

SIZE = (60, 30)


def blank(size: tuple[int, int] = SIZE) -> planes.Planes:
    return planes.Planes(*(jnp.full(size, 9.0) for _ in range(3)))


def draws_of(chance, attempts, top, left) -> erasing.ErasingDraws:
    areas, aspects = np.asarray(attempts, np.float32).T
    return erasing.ErasingDraws(
        jnp.float32(chance),
        jnp.asarray(areas),
        jnp.asarray(aspects),
        jnp.int32(top),
        jnp.int32(left),
    )


def erased(draws: erasing.ErasingDraws, size=SIZE) -> np.ndarray:
    return np.asarray(planes.merge(erasing.erase(blank(size), draws)))


def test_rectangle_by_hand():
    # 1800 pixels: 0.08 of them are 144; height sqrt(144 * 4) = 24, width 6.
    got = erased(draws_of(0.5, [(0.08, 4.0)], 10, 3))
    want = np.full((*SIZE, 3), 9.0, np.float32)
    want[10:34, 3:9] = erasing.FILL
    np.testing.assert_array_equal(got, want)


def test_chance_above_half_erases_nothing():
    assert (erased(draws_of(0.51, [(0.08, 4.0)], 10, 3)) == 9).all()


def test_first_attempt_that_fits_is_used():
    # 0.5 of 1800 at aspect 1: 30 x 30, as wide as the image, so it does not fit.
    attempts = [(0.5, 1.0), (0.02, 1.0), (0.08, 1.0)]
    got = erased(draws_of(0.0, attempts, 0, 0))
    assert (got != 9).all(axis=-1).sum() == 36


def test_nothing_fits():
    got = erased(draws_of(0.0, [(0.4, 0.3)], 0, 0), (10, 40))
    assert got.shape == (10, 40, 3)
    tall = erased(draws_of(0.0, [(0.4, 3.3)], 0, 0), (10, 40))
    assert (tall == 9).all()


def test_draws_are_what_the_method_says():
    draw = jax.jit(jax.vmap(lambda key: erasing.draw_erasing(key, SIZE)))
    draws = draw(jax.random.split(jax.random.key(3), 2000))
    images = jax.jit(jax.vmap(erasing.erase))(
        planes.Planes(*(jnp.full((2000, *SIZE), 9.0) for _ in range(3))), draws
    )
    share = np.asarray((images.red != 9).mean(axis=(1, 2)))
    assert abs((share > 0).mean() - 0.5) < 0.04
    hit = share[share > 0]
    # Sides are rounded to whole pixels, so the share may pass its limits by a little.
    assert 0.017 < hit.min() < 0.03
    assert 0.37 < hit.max() < 0.43
    aspects, areas = np.asarray(draws.aspects), np.asarray(draws.areas)
    assert 0.3 <= aspects.min() < 0.301
    assert 3.33 < aspects.max() <= 1 / 0.3 + 1e-6
    assert 0.02 <= areas.min() < 0.0201
    assert 0.3999 < areas.max() <= 0.4
    # Every border is reached, and no rectangle is cut off by one.
    for image in (np.asarray(images.red != 9),):
        assert image[:, 0].any()
        assert image[:, -1].any()
        assert image[:, :, 0].any()
        assert image[:, :, -1].any()
    drawn = erasing.rectangle(draws.areas[0], draws.aspects[0], SIZE)
    if float(draws.chance[0]) <= 0.5:
        assert hit[0] * 1800 == int(drawn.height) * int(drawn.width)
    sides = jax.vmap(lambda area, aspect: erasing.rectangle(area, aspect, SIZE))(
        draws.areas, draws.aspects
    )
    assert_independent(
        chance=draws.chance,
        area=areas[:, 0],
        next_area=areas[:, 1],
        aspect=aspects[:, 0],
        next_aspect=aspects[:, 1],
        # Shares of the room that the rectangle leaves.
        top=draws.top / (SIZE[0] - sides.height),
        left=draws.left / (SIZE[1] - sides.width),
    )
