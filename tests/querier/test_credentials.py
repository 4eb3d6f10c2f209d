from pathlib import Path

import grpc
import pytest

from promontory.errors import InputError
from querier.credentials import read_credentials
from querier.flags import QUERY_FLAG_SET
from tests.certificates import Authority


def test_without_flags_the_connection_is_plain() -> None:
    values = QUERY_FLAG_SET.parse([])
    assert read_credentials(values) is None


def test_files_make_credentials(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("querier")
    values = QUERY_FLAG_SET.parse(
        [
            "--grpc-client-tls-secure", f"--grpc-client-tls-ca={authority.path}", "--grpc-client-server-name=store",
            f"--grpc-client-tls-cert={files.certificate}", f"--grpc-client-tls-key={files.key}",
        ]
    )  # fmt: skip
    assert isinstance(read_credentials(values), grpc.ChannelCredentials)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--grpc-client-tls-ca=x"], "flag --grpc-client-tls-ca: expected --grpc-client-tls-secure with it"),
        (["--grpc-client-tls-secure", "--grpc-client-tls-ca=/nowhere/x"], "flag --grpc-client-tls-ca: expected a read"),
        (["--grpc-client-tls-secure", f"--grpc-client-tls-cert={__file__}"], "expected both, found one"),
    ],
)
def test_half_a_configuration_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_credentials(QUERY_FLAG_SET.parse(words))
