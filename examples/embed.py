"""Embed images, and find the people of infrared ones among visible ones."""

import numpy as np

import ceil_jax
from ceil_jax.datasets.synthetic.generator import generate
from ceil_jax.datasets.synthetic.parameters import Parameters
from ceil_jax.pretrained import SYNTHETIC

# A run's folder, a model folder, a released .pth; here the demo's small encoder.
model = ceil_jax.load(SYNTHETIC, image_size=(64, 32))
people = Parameters(num_train_identities=2, num_test_identities=6)  # generated
images, owners = {"visible": [], "infrared": []}, {"visible": [], "infrared": []}
for batch in generate(people, "test"):
    modality = "infrared" if batch.infrared else "visible"
    images[modality] += list(batch.images)
    owners[modality] += [batch.identity] * len(batch.images)

# Paths, a folder, Pillow images or arrays of any size: (n, d) rows of length 1.
gallery = model.embed(images["visible"], "visible")
queries = model.embed(images["infrared"], "infrared")
best = (queries @ gallery.T).argmax(1)
right = np.mean(np.array(owners["visible"])[best] == owners["infrared"])
print(f"{len(queries)} infrared images: {100 * right:.0f} % find their person first")
