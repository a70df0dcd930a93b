"""What the owner of a data set calls its cameras and people."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class OwnNames:
    """Names by number; where there is none, the number is the name.

    Attributes:
        cameras: Of cameras.
        people: Of people.
    """

    cameras: Mapping[int, str] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)

    def camera(self, number: int) -> str:
        """What a camera is called, such as "hall"; else "3"."""
        return self.cameras.get(int(number), str(int(number)))

    def short_camera(self, number: int) -> str:
        """The same where there is little room: "hall"; else "c3"."""
        return self.cameras.get(int(number), f"c{int(number)}")

    def person(self, number: int) -> str:
        """What a person is called, such as "p6"; else "3"."""
        return self.people.get(int(number), str(int(number)))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What is stored.

        Returns:
            `cameras` and `people`, their numbers, (n,) int64; `cameras/names` and
            `people/names`, (n,) str.
        """
        found = {}
        for key, names in (("cameras", self.cameras), ("people", self.people)):
            found[key] = np.array(list(names), np.int64)
            found[f"{key}/names"] = np.array(list(names.values()), np.str_)
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "OwnNames":
        """What was stored; no names where nothing was.

        Args:
            arrays: What `to_arrays` gave, or nothing.

        Returns:
            The names.
        """
        return cls(_names(arrays, "cameras"), _names(arrays, "people"))


def _names(arrays: Mapping[str, np.ndarray], key: str) -> dict[int, str]:
    if key not in arrays:
        return {}
    return dict(zip(arrays[key].tolist(), arrays[f"{key}/names"].tolist(), strict=True))
