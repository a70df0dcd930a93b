"""Which programs JAX compiles, or reads from its cache, and in which thread."""

import threading
from typing import Any

import jax

COMPILED = "/jax/core/compile/backend_compile_duration"


class Programs:
    """The names of the programs that were compiled, by kind of thread."""

    def __init__(self):
        self.here: list[Any] = []
        self.elsewhere: list[Any] = []

        def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
            if event == COMPILED and duration_secs >= 0:
                is_here = threading.current_thread() is threading.main_thread()
                (self.here if is_here else self.elsewhere).append(
                    kwargs.get("fun_name", "")
                )

        jax.monitoring.register_event_duration_secs_listener(listen)
