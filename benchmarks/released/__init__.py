"""Own, plain re-statements of the released code's algorithms: yardsticks, nothing else.

Dense matrices and loops over images or queries, as the released code has them. They are
what ratios in `docs/benchmarks.md` are against; no part of the product uses them.
"""
