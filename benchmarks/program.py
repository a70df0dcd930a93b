"""Run the program as a user would, once: a folder that holds a finished run is read."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def train(flags: list[str], folder: Path) -> dict[str, Any]:
    """Train on the embedded data, or read the run if it is already there.

    A run that was stopped goes on from its newest checkpoint.

    Args:
        flags: What differs from `configs/synthetic.py`, as on the command line.
        folder: Its workdir.

    Returns:
        Its `results.json`, its configuration and the seconds that its last start took.

    Raises:
        ValueError: The folder holds a finished run of other flags.
        subprocess.CalledProcessError: The program failed.
    """
    done = folder / "finished.json"
    if not done.exists():
        command = [sys.executable, "-m", "ceil_jax.main"]
        command += ["--config=configs/synthetic.py", f"--workdir={folder}", *flags]
        start = time.monotonic()
        subprocess.run(command, check=True)
        record = {"flags": flags, "seconds": time.monotonic() - start}
        done.write_text(json.dumps(record))
    record = json.loads(done.read_text())
    if record["flags"] != flags:
        raise ValueError(
            f"{folder} was run with {record['flags']}, not {flags}: "
            "give another --output"
        )
    config = json.loads((folder / "config.json").read_text())
    config["init_from"] = Path(config["init_from"]).name
    return {
        "results": json.loads((folder / "results.json").read_text()),
        "config": config,
        "seconds": record["seconds"],
    }
