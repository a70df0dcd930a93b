"""Sparse rows times a dense array."""

from pallas_kernels.csr_product.api import csr_product, transposed

__all__ = ["csr_product", "transposed"]
