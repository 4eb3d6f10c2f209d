from __future__ import annotations

from pathlib import Path

import pytest

from promontory.bucket.config import open_bucket
from promontory.bucket.config_tree import parse_config_tree
from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.prefix import PrefixBucket
from promontory.bucket.s3_client import read_arguments, write_arguments
from promontory.bucket.s3_config import parse_s3_settings
from promontory.bucket.s3_settings import S3Settings
from promontory.errors import InputError
from tests.bucket.clock import StillClock

MINIMAL = "bucket: b\nendpoint: s3.eu-west-1.amazonaws.com\n"


def settings_of(text: str) -> S3Settings:
    return parse_s3_settings(parse_config_tree(text, what="objstore.config"))


def refusal(config: str) -> str:
    with pytest.raises(InputError) as caught:
        open_bucket(config, clock=StillClock())
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_a_directory_with_a_prefix_is_opened(tmp_path: Path) -> None:
    bucket = open_bucket(f"type: filesystem\nconfig:\n  directory: {tmp_path}\nprefix: /a/b/\n", clock=StillClock())
    assert isinstance(bucket, PrefixBucket)
    await bucket.put("x", b"1")
    assert await FilesystemBucket(tmp_path).get("a/b/x") == b"1"


@pytest.mark.parametrize(
    "config", ["type: MEMORY", "type: MEMORY\nconfig:\n", "type: MEMORY\nprefix:\n", "{type: memory}"]
)
async def test_a_memory_bucket_needs_nothing(config: str) -> None:
    bucket = open_bucket(config, clock=StillClock())
    await bucket.put("a", b"1")
    assert await bucket.get("a") == b"1"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", "expected a YAML mapping"),
        ("[]", "expected a YAML mapping"),
        ("a: b: c", "expected YAML, found at line 1"),
        ("\tx: 1", "expected YAML"),
        ("config: {}", "key type: expected one of S3, FILESYSTEM, MEMORY, found none"),
        ("type: GCS", "key type: expected one of S3, FILESYSTEM, MEMORY, found 'GCS'"),
        ("type: MEMORY\ntype: S3", "key type: expected once, found again at line 2"),
        ("type: MEMORY\nx: &a [1]\ny: *a", "without aliases, found *a"),
        ("type: MEMORY\nextra: 1", "key extra: expected one of config, prefix, type, found an unknown key"),
        ("type: MEMORY\nprefix: a/../b", "key prefix: expected a relative path"),
        ("type: MEMORY\nprefix: [a]", "key prefix: expected a text"),
        ("type: MEMORY\nconfig: 5", "key config: expected a mapping, found '5'"),
        ("type: FILESYSTEM", "key config.directory: expected the path of a directory, found none"),
        ("type: FILESYSTEM\nconfig: {directory: /x, dir: /y}", "key config.dir: expected one of directory"),
        ("type: S3", "key config.bucket: expected the name of the bucket, found none"),
        ("#" * (2**20 + 1), "at most 1048576 characters"),
        ("[" * 5000, "expected YAML"),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_line_naming_the_key(config: str, words: str) -> None:
    assert words in refusal(config)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("acces_key: x", "key acces_key: expected one of access_key, aws_sdk_auth, bucket"),
        ("endpoint: https://s3.eu-west-1.amazonaws.com", "key endpoint: expected host[:port] without scheme"),
        ("access_key: x", "key secret_key: expected a value beside access_key"),
        ("secret_key: x", "key access_key: expected a value beside secret_key"),
        ("session_token: x", "key access_key: expected a value beside session_token"),
        ("aws_sdk_auth: true\naccess_key: x\nsecret_key: y", "key aws_sdk_auth: expected false beside access_key"),
        ("insecure: maybe", "key insecure: expected true or false, found 'maybe'"),
        ("part_size: 1MB", "key part_size: expected a whole number"),
        ("part_size: 1024", "key part_size: expected 5242880 to"),
        ("bucket_lookup_type: dns", "key bucket_lookup_type: expected one of auto, path, virtual-hosted"),
        ("list_objects_version: v3", "key list_objects_version: expected one of (empty), v1, v2"),
        ("trace: {enable: true}", "key trace.enable: expected false"),
        ("sts_endpoint: https://sts", "key sts_endpoint: expected the environment variable AWS_ENDPOINT_URL_STS"),
        ("http_config: {idle_conn_timeout: soon}", "key http_config.idle_conn_timeout: expected a duration"),
        ("http_config: {tls_config: {server_name: x}}", "key http_config.tls_config.server_name"),
        ("http_config: {tls_config: {ca_file: /none}}", "key http_config.tls_config.ca_file: expected the path of a"),
        ("http_config: {hedging_config: {enabled: true}}", "key http_config.hedging_config.enabled: expected false"),
        ("http_config: {proxy: x}", "key http_config.proxy: expected one of"),
        ("sse_config: {type: SSE-X}", "key sse_config.type: expected one of"),
        ("sse_config: {type: SSE-KMS}", "key sse_config.kms_key_id: expected a value"),
        ("sse_config: {type: SSE-C}", "key sse_config.encryption_key: expected the path of a file of 32 bytes"),
        ("sse_config: {type: SSE-C, encryption_key: /none}", "key sse_config.encryption_key"),
    ],
)
def test_a_wrong_s3_key_is_refused_by_name(extra: str, words: str) -> None:
    text = MINIMAL if not extra.startswith("endpoint") else "bucket: b\n"
    with pytest.raises(InputError) as caught:
        settings_of(text + extra + "\n")
    assert words in str(caught.value)


def test_every_documented_s3_key_is_understood(tmp_path: Path) -> None:
    settings = settings_of(
        MINIMAL + "region: eu-west-1\ndisable_dualstack: true\naws_sdk_auth: false\n"
        "access_key: 0123\ninsecure: false\nsignature_version2: true\nsecret_key: yes\nsession_token: 1e3\n"
        "put_user_metadata: {team: a, X-Amz-Storage-Class: STANDARD_IA}\n"
        "http_config: {idle_conn_timeout: 1m30s, response_header_timeout: 2m, insecure_skip_verify: false,\n"
        "  tls_handshake_timeout: 10s, expect_continue_timeout: 1s, max_idle_conns: 100,\n"
        "  max_idle_conns_per_host: 100, max_conns_per_host: 0, disable_compression: false,\n"
        "  tls_config: {ca_file: '', cert_file: '', key_file: '', server_name: '', insecure_skip_verify: true},\n"
        "  hedging_config: {enabled: false, up_to: 3, quantile: 0.9}}\n"
        "trace: {enable: false}\nlist_objects_version: v1\nbucket_lookup_type: path\nsend_content_md5: false\n"
        "disable_multipart: true\npart_size: 67108864\nmax_retries: 3\nsts_endpoint: ''\n"
        "sse_config: {type: SSE-KMS, kms_key_id: k, kms_encryption_context: {a: b}, encryption_key: ''}\n"
    )
    assert [secret.reveal() for secret in (settings.access_key, settings.secret_key, settings.session_token)] == [
        "0123",
        "yes",
        "1e3",
    ]
    assert settings.http.idle_timeout_s == 90
    assert not settings.http.verify
    assert write_arguments(settings) == {
        "Metadata": {"team": "a"},
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "k",
        "SSEKMSEncryptionContext": "eyJhIjogImIifQ==",
    }
    assert read_arguments(settings) == {}


def test_defaults_are_those_of_thanos() -> None:
    settings = settings_of(MINIMAL)
    assert (settings.part_bytes, settings.send_content_md5, settings.insecure) == (64 * 2**20, True, False)
    assert (settings.http.idle_timeout_s, settings.http.response_timeout_s) == (90, 120)
    assert settings.endpoint_url == "https://s3.eu-west-1.amazonaws.com"
    assert settings.addressing_style == "virtual"


@pytest.mark.parametrize(
    ("extra", "style"),
    [("", "path"), ("bucket_lookup_type: virtual-hosted\n", "virtual"), ("bucket_lookup_type: path\n", "path")],
)
def test_other_servers_are_addressed_by_path_unless_told(extra: str, style: str) -> None:
    assert settings_of(f"bucket: b\nendpoint: minio:9000\n{extra}").addressing_style == style


def test_a_customer_key_travels_with_reads_and_writes_and_only_over_tls(tmp_path: Path) -> None:
    key = bytes(range(224, 256))
    (tmp_path / "key").write_bytes(key)
    text = f"{MINIMAL}sse_config: {{type: SSE-C, encryption_key: {tmp_path}/key}}\n"
    settings = settings_of(text)
    expected = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    assert read_arguments(settings) == write_arguments(settings) == expected
    with pytest.raises(InputError, match="key insecure: expected false beside"):
        settings_of(text + "insecure: true\n")


def test_secrets_are_not_printed() -> None:
    settings = settings_of(MINIMAL + "access_key: AKIA1\nsecret_key: very-secret\n")
    assert "very-secret" not in repr(settings)
    assert "AKIA1" not in repr(settings)
    assert "very-secret" not in refusal(
        "type: S3\nconfig: {bucket: b, endpoint: e, access_key: a, secret_key: very-secret, x: y}"
    )
