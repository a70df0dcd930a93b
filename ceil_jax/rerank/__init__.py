"""Re-ranking: similarities of query and gallery, higher is better.

`nfc` and `propagate` give features instead, which any index takes.
"""

from ceil_jax.rerank.ca_jaccard import ca_jaccard
from ceil_jax.rerank.candidates import candidates
from ceil_jax.rerank.choosing import auto
from ceil_jax.rerank.ecn import ecn
from ceil_jax.rerank.gcr import gcr
from ceil_jax.rerank.gnn import gnn
from ceil_jax.rerank.k_reciprocal import k_reciprocal
from ceil_jax.rerank.nfc import nfc
from ceil_jax.rerank.propagate import propagate
from ceil_jax.rerank.registry import by_name
from ceil_jax.rerank.topk import gcr_topk
from ceil_jax.rerank.why import why

__all__ = [
    "auto",
    "by_name",
    "ca_jaccard",
    "candidates",
    "ecn",
    "gcr",
    "gcr_topk",
    "gnn",
    "k_reciprocal",
    "nfc",
    "propagate",
    "why",
]
