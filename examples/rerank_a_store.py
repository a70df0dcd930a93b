"""Re-rank what a vector store returns for one query; any database may stand here."""

import numpy as np

from ceil_jax import rerank

draw = np.random.default_rng(0)
people = draw.normal(size=(100, 128))
identities = np.repeat(np.arange(100), 20)  # 2,000 images by five cameras
cameras = np.tile(np.arange(5), 400)
store = people[identities] + 1.6 * draw.normal(size=(2000, 128))
store += 0.8 * draw.normal(size=(5, 128))[cameras]  # what a camera does to images
store /= np.linalg.norm(store, axis=1, keepdims=True)

query, found = store[0], np.arange(1, 2000)
found = found[np.argsort(-(store[found] @ query))[:200]]  # FAISS, LanceDB, Qdrant, ...
scores = rerank.candidates(query, store[found], cameras[0], cameras[found])
best = found[np.argsort(-scores)]

for name, rows in (("the store's first 15", found), ("re-ranked", best)):
    right = (identities[rows[:15]] == identities[0]).sum()
    print(f"{name}: {right} of 15 show the person")
