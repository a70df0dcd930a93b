"""Re-rankers of other papers give what their authors' programs give.

The numbers were printed by those programs, in float64 where they leave the choice:
`re_ranking` of CA-Jaccard, given Euclidean distances, which it squares;
`mergesetfeat4` of GCR in its mode `nonsym`; and `NFC` of Pose2ID.
"""

import numpy as np

from ceil_jax import rerank

ROWS = np.cos(np.outer(np.arange(1, 13), np.arange(1, 7)) ** 1.5)
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)
CAMERAS = np.arange(12) % 3
NUM_QUERIES = 3


def test_ca_jaccard():
    want = [
        "0.472705 0.843591 0.251049 0.281638 0.877269 0.690615 0.595118 0.157846 "
        "0.731169",
        "0.392802 0.675328 0.278764 0.484526 0.669522 0.387447 0.693246 0.351374 "
        "0.538145",
        "0.615791 0.629119 0.714638 0.468417 0.747475 0.447451 0.295041 0.532216 "
        "0.735090",
    ]
    got = rerank.ca_jaccard(
        *np.split(ROWS, [NUM_QUERIES]),
        *np.split(CAMERAS, [NUM_QUERIES]),
        k1_intra=2,
        k1_inter=3,
        k2_intra=2,
        k2_inter=2,
    )
    np.testing.assert_allclose(-got, numbers(want), atol=2e-6)


def test_propagate():
    want = [
        "0.223173 -0.638220 0.271496 -0.364434 0.410222 -0.409957",
        "-0.412934 -0.176330 -0.156762 -0.484169 0.627086 -0.382313",
        "0.496686 -0.430932 -0.147955 -0.619618 0.159545 0.369226",
    ]
    got = rerank.propagate(ROWS, CAMERAS, k1=5, k2=3, num_rounds=2)
    np.testing.assert_allclose(got[:3], numbers(want), atol=2e-6)


def test_nfc():
    want = [
        "0.087642 -0.645081 0.376200 -0.301887 0.384002 -0.442798",
        "-0.402239 0.163243 -0.339432 -0.513457 0.657325 -0.025057",
        "0.682295 -0.292276 -0.036997 -0.507577 0.207765 0.383249",
    ]
    np.testing.assert_allclose(rerank.nfc(ROWS)[:3], numbers(want), atol=2e-6)


def numbers(lines):
    return np.array([line.split() for line in lines], float)
