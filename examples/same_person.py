"""Are two images of the same person? A threshold from labelled rows, and a decision."""

import numpy as np

from ceil_jax.evaluation.verification import calibrate

# In place of a model's rows: 40 people, each seen twice by four cameras.
draw = np.random.default_rng(0)
identities = np.repeat(np.arange(40), 8)
cameras = np.tile([1, 1, 2, 2, 3, 3, 4, 4], 40)
modalities = np.where(cameras <= 2, "visible", "infrared")
rows = draw.normal(size=(40, 64))[identities] + 1.0 * draw.normal(size=(320, 64))
rows /= np.linalg.norm(rows, axis=1, keepdims=True)

calibration = calibrate(rows, identities, cameras, modalities, fars=(1e-1, 1e-2))
point = calibration.point(("visible", "infrared"), far=1e-2)
print(f"from {point.threshold:.2f} on; {point.tar:.0%} of the true pairs pass")

for other in (4, 8):  # the same person before camera 3, and another before camera 1
    pair = modalities[0], modalities[other]
    same = calibration.decide(rows[0] @ rows[other], pair, far=1e-2)
    print(f"images 0 and {other}: {'the same person' if same else 'two people'}")
