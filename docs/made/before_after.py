"""The picture of README and of the start page: two queries of the demo.

python -m docs.made.before_after
"""

from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).resolve().parents[1] / "images"
HEIGHT = 704  # pixels of the recorded picture, between its second and third query


def main() -> None:
    """Cut `ranked_lists.png`, which a run of the demo leaves in its folder."""
    with Image.open(IMAGES / "ranked_lists.png") as picture:
        top = picture.crop((0, 0, picture.width, HEIGHT))
        top.save(IMAGES / "before_after.png", optimize=True)


if __name__ == "__main__":
    main()
