"""Paths of the machine in sentences; what is no path stays as it is."""

import pytest

from ceil_jax.model import redaction

SENTENCES = [
    (
        "/tmp/runs/checkpoints/4: the checkpoint of epoch 4 is damaged (x); that of 3",
        "4: the checkpoint of epoch 4 is damaged (x); that of 3",
    ),
    (
        "RegDB at /data/RegDB is not whole: 1 listed image is missing, the first "
        "/data/RegDB/Visible/1/a.bmp; 4 identities instead of 412; the full list is in "
        "/var/cache/ceil_jax/wrong/RegDB-12.txt",
        "RegDB at RegDB is not whole: 1 listed image is missing, the first a.bmp; 4 "
        "identities instead of 412; the full list is in RegDB-12.txt",
    ),
    ("(there is /a/b.JPG: upper)", "(there is b.JPG: upper)"),
    ("--config.data_dir=/data/mine is", "--config.data_dir=mine is"),
    ("see (/data/RegDB(1)/x), now", "see (x), now"),
    ("in /data/RegDB/.", "in RegDB."),
    ("No such file: '/tmp/My Data/a b.txt' there", "No such file: 'a b.txt' there"),
    ('"C:\\My Data\\x.txt" and', '"x.txt" and'),
    ("at C:\\Users\\me\\RegDB, D:/data/x; \\\\host\\share\\y", "at RegDB, x; y"),
    ("of ~/secret/RegDB and ~jane/x/y", "of RegDB and y"),
    ("file:///srv/lab/a.txt and file://host/b/c", "a.txt and c"),
    ("/one and /two/three", "one and three"),
    ("host:/data/x", "host:x"),
    ("at /data/Jane's/x is", "at x is"),
    ("at /data/Größe/Bär is", "at Bär is"),
    ("at //data/mine/x is", "at x is"),
]
OTHERS = [
    "",
    "/",
    "split at / or '/' alone",
    "a/b of 1/2, 24/7, 3 / 4 and 10 images/s, 5 /s, 1 /2",
    "https://doi.org/10.1109/TCSVT.2025.3548939 and http://h:80/~me/x?y=/data/z",
    "s3://bucket/data/x, gs://b/c",
    "Visible/1/a.bmp and cam1/0006/0001.jpg",
    "./x/y, ../x/y, $HOME/x/y, {split}/x/y, <camera>/<identity>/<image>",
    r"[^/]+/([^/]+)/(?:/|$)[/\\] ^/[0-9]+/ **/checkpoints/4",
    "visible/infrared; and/or; +/-; </b>; n/a",
    "at 12:30, 1:2, C: alone, ratio a:b",
]


@pytest.mark.parametrize(("text", "want"), SENTENCES)
def test_paths_become_names(text, want):
    assert redaction.sentence(text) == want
    assert redaction.sentence(want) == want
    assert redaction.reduced({"warnings": [text]}) == {"warnings": [want]}
    assert redaction.reduced([f"about: {text}"]) == [f"about: {want}"]


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_no_path_stays(text):
    assert redaction.sentence(text) == text
    assert redaction.reduced({"a": [text], "warnings": [text]}) == {
        "a": [text],
        "warnings": [text],
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/of/My Data/RegDB", "RegDB"),
        ("/data/RegDB/", "RegDB"),
        ("/data/(a) b/x, y", "x, y"),
        ("C:\\My Data\\RegDB", "RegDB"),
        ("~/My Data/RegDB", "RegDB"),
        ("/1/2", "2"),
        ("relative/path with/space", "relative/path with/space"),
    ],
)
def test_values_that_are_paths(path, name):
    assert redaction.reduced({"data_dir": path, "n": 1}) == {"data_dir": name, "n": 1}


def test_known_paths_with_white_space():
    record = {"config": {"data_dir": "/data/My Data/RegDB/"}, "warnings": ["/a b/c"]}
    known = [*redaction.spaced_paths(record)]
    assert known == ["/data/My Data/RegDB"]
    text = "RegDB at /data/My Data/RegDB: no /data/My Data/RegDB/idx/a.txt, or b/c"
    want = "RegDB at RegDB: no a.txt, or b/c"
    assert redaction.sentence(text, known) == want
    assert redaction.reduced([text], known) == [want]


def test_other_values_stay():
    value = {"a": (1, 2.5, None, True), "b": {"c": []}}
    assert redaction.reduced(value) == {"a": [1, 2.5, None, True], "b": {"c": []}}
