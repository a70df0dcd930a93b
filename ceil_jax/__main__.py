"""`python -m ceil_jax` is `ceil-jax`."""

import sys

from ceil_jax.main import main

if __name__ == "__main__":
    sys.exit(main())
