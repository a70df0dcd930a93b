"""Making the pages of a run anew, from what it keeps: no images, no lock."""

from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import page


def report(workdir: Path) -> None:
    """Make `report.html`, and the pages of other evaluations, once more.

    Args:
        workdir: The run's folder.

    Raises:
        UserError: There is no such folder, no evaluation, or a damaged file.
    """
    if not workdir.is_dir():
        raise UserError(f"--workdir={workdir}: no such folder")
    for path in page.write_all(workdir):
        print(f"written to {path}", flush=True)
