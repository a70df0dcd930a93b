"""Making the pages of a run anew, from what it keeps: no images, no lock."""

from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import page, results_files, runs_page
from ceil_jax.experiment.workdir import kind_of


def report(workdir: Path) -> None:
    """Make `report.html`, and the pages of other evaluations, once more.

    Of a folder of several runs the page over all of them is made, while they are
    trained or afterwards.

    Args:
        workdir: The run's folder, or that of several.

    Raises:
        UserError: There is no such folder, no evaluation, or a damaged file.
    """
    if not workdir.is_dir():
        raise UserError(f"--workdir={workdir}: no such folder")
    found, is_of_several = [], bool(kind_of(workdir))
    if not is_of_several or (workdir / results_files.OWN).exists():  # mean of splits
        found = page.write_all(workdir)
    if is_of_several:
        found.append(runs_page.write(workdir))
    for path in found:
        print(f"written to {path}", flush=True)
