from pathlib import Path

import numpy as np
from PIL import Image

from ceil_jax.datasets.synthetic.contact_sheet import GAP, HEADING, MARGIN, main
from ceil_jax.datasets.synthetic.generator import generate
from ceil_jax.datasets.synthetic.parameters import Parameters


def test_sheet_shows_people_in_columns_and_cameras_in_rows(tmp_path: Path):
    path = tmp_path / "new" / "sheet.png"
    main(["--output", str(path), "--people", "2", "--scale", "2"])
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (HEADING + 6 * (128 + GAP), MARGIN + 2 * (64 + GAP), 3)
    batches = list(generate(Parameters(num_train_identities=2), "train"))
    camera_3_of_person_2 = batches[3].images[0]
    top, left = HEADING + 4 * (128 + GAP), MARGIN + 64 + GAP
    tile = sheet[top : top + 128 : 2, left : left + 64 : 2]
    np.testing.assert_array_equal(tile, camera_3_of_person_2)
