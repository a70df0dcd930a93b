"""What Linux tells of the processor."""

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def facts() -> dict[str, str]:
    """The fields of `/proc/cpuinfo`, of one core.

    Returns:
        Values by name, as "model name" and "flags"; none where there is no such file.
    """
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return {}
    parts = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, value in parts}
