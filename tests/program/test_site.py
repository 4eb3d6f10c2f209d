from __future__ import annotations

from pathlib import Path

import pytest

from promontory.errors import InputError
from promontory.program.site import read_sidecars
from promontory.program.standalone_flags import STANDALONE_FLAGS


@pytest.mark.parametrize(
    "words",
    [
        ["--prometheus=http://me:secret@host"],
        ["--prometheus=http://me:secret@host=/no/such/folder"],
        ["--prometheus=http://me:secret@:0=FOLDER"],
        ["--prometheus=http://me:secret@host=FOLDER", "--prometheus=http://me:secret@host=FOLDER"],
        ["--prometheus=http://me:secret@host=FOLDER", "--prometheus=http://you:secret@host=FOLDER"],
    ],
    ids=len,
)
def test_a_wrong_prometheus_is_named_without_its_password(words: list[str], tmp_path: Path) -> None:
    flags = ["--bucket=x", *(word.replace("FOLDER", str(tmp_path)) for word in words)]
    with pytest.raises(InputError, match="flag --prometheus: expected") as caught:
        read_sidecars(STANDALONE_FLAGS.parse(flags))
    assert "secret" not in str(caught.value)


def test_a_password_stays_out_of_the_settings_as_text(tmp_path: Path) -> None:
    flags = ["--bucket=x", f"--prometheus=http://me:secret@host={tmp_path}"]
    (settings,) = read_sidecars(STANDALONE_FLAGS.parse(flags))
    assert settings.prometheus_url == "http://me:secret@host"
    assert "secret" not in repr(settings)
