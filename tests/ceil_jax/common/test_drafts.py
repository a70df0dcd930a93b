import errno

import pytest

from ceil_jax.common.drafts import draft_of


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "lists.png"
    path.write_text("old")
    with draft_of(path) as draft:
        assert draft.suffix == ".png"
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_and_leaves_the_old_one(tmp_path):
    path = tmp_path / "lists.png"
    path.write_text("old")

    def write():
        with draft_of(path) as draft:
            draft.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space") as caught:
        write()
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_is_named(tmp_path):
    path = tmp_path / "gone" / "file.npz"
    with pytest.raises(FileNotFoundError) as caught, draft_of(path) as draft:
        draft.write_text("x")
    assert caught.value.filename == str(path)
