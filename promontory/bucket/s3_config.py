"""Thanos' S3 configuration to S3Settings. Keys, defaults and meaning: thanos-io/objstore providers/s3, exthttp.

Every key that Thanos documents is read. Those that only tune Go's HTTP client are accepted; one that would change what
is reached or how it is protected, and cannot work here, is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from promontory.bucket.config_tree import ConfigTree
from promontory.bucket.s3_settings import DEFAULT_PART_BYTES, MIB, S3Encryption, S3Http, S3Settings
from promontory.bucket.secret import Secret
from promontory.errors import InputError

CUSTOMER_KEY_BYTES = 32
SMALLEST_PART_BYTES = 5 * MIB
LARGEST_PART_BYTES = 5 * 1024 * MIB

_TYPES = ("", "SSE-S3", "SSE-KMS", "SSE-C")
_STORAGE_CLASS_KEY = "x-amz-storage-class"


def parse_s3_settings(tree: ConfigTree) -> S3Settings:
    """Return the settings of the `config` mapping of type S3. Raises InputError naming the key."""
    metadata = tree.texts("put_user_metadata")
    storage_class = next((metadata.pop(key) for key in list(metadata) if key.lower() == _STORAGE_CLASS_KEY), "")
    _refuse_what_cannot_work(tree)
    settings = S3Settings(
        bucket=_required(tree, "bucket", "the name of the bucket"),
        endpoint=_required(tree, "endpoint", "host[:port], such as s3.eu-west-1.amazonaws.com"),
        region=tree.text("region"),
        access_key=Secret(tree.text("access_key")),
        secret_key=Secret(tree.text("secret_key")),
        session_token=Secret(tree.text("session_token")),
        insecure=tree.flag("insecure", default=False),
        signature_version2=tree.flag("signature_version2", default=False),
        bucket_lookup_type=tree.choice("bucket_lookup_type", "auto", ("auto", "virtual-hosted", "path")),
        list_objects_version=tree.choice("list_objects_version", "", ("", "v1", "v2")),
        send_content_md5=tree.flag("send_content_md5", default=True),
        disable_multipart=tree.flag("disable_multipart", default=False),
        part_bytes=tree.integer("part_size", DEFAULT_PART_BYTES),
        storage_class=storage_class,
        user_metadata=metadata,
        encryption=_parse_encryption(tree.tree("sse_config")),
        http=_parse_http(tree.tree("http_config")),
    )
    _check(settings, tree, aws_sdk_auth=tree.flag("aws_sdk_auth", default=False))
    tree.finish()
    return settings


def _refuse_what_cannot_work(tree: ConfigTree) -> None:
    tree.flag("disable_dualstack", default=False)  # the endpoint is used as it is written; none is made up
    tree.integer("max_retries", 0)  # our own retries have bounds of their own
    if endpoint := tree.text("sts_endpoint"):
        raise tree.wrong("sts_endpoint", "the environment variable AWS_ENDPOINT_URL_STS instead", repr(endpoint))
    trace = tree.tree("trace")
    if trace.flag("enable", default=False):
        raise trace.wrong("enable", "false (requests are not traced; their signatures are secrets)", "true")
    trace.finish()


def _check(settings: S3Settings, tree: ConfigTree, *, aws_sdk_auth: bool) -> None:
    if "/" in settings.endpoint:
        raise tree.wrong("endpoint", "host[:port] without scheme and path", repr(settings.endpoint))
    if aws_sdk_auth and settings.access_key:
        raise tree.wrong("aws_sdk_auth", "false beside access_key", "true")
    if settings.access_key and not settings.secret_key:
        raise tree.wrong("secret_key", "a value beside access_key", "none")
    if settings.secret_key and not settings.access_key:
        raise tree.wrong("access_key", "a value beside secret_key", "none")
    if settings.session_token and not settings.access_key:
        raise tree.wrong("access_key", "a value beside session_token", "none")
    if not SMALLEST_PART_BYTES <= settings.part_bytes <= LARGEST_PART_BYTES:
        expected = f"{SMALLEST_PART_BYTES} to {LARGEST_PART_BYTES} bytes"
        raise tree.wrong("part_size", expected, str(settings.part_bytes))
    if settings.insecure and settings.encryption.type == "SSE-C":
        raise tree.wrong("insecure", "false beside sse_config.type SSE-C (the key travels with each request)", "true")


def _parse_encryption(tree: ConfigTree) -> S3Encryption:
    kind = tree.choice("type", "", _TYPES)
    kms_key_id = tree.text("kms_key_id")
    context = tree.texts("kms_encryption_context")
    key_file = tree.text("encryption_key")
    tree.finish()
    if kind == "SSE-KMS" and not kms_key_id:
        raise tree.wrong("kms_key_id", "a value beside type SSE-KMS", "none")
    customer_key = _read_customer_key(tree, key_file) if kind == "SSE-C" else Secret("")
    return S3Encryption(kind, kms_key_id, context, customer_key)


def _read_customer_key(tree: ConfigTree, key_file: str) -> Secret:
    expected = f"the path of a file of {CUSTOMER_KEY_BYTES} bytes"
    try:
        key = Path(key_file).read_bytes() if key_file else b""
    except OSError as error:
        raise tree.wrong("encryption_key", expected, f"{key_file!r}: {error.strerror}") from error
    if len(key) != CUSTOMER_KEY_BYTES:
        raise tree.wrong("encryption_key", expected, f"{len(key)} bytes")
    return Secret(key.decode("latin-1"))


def _parse_http(tree: ConfigTree) -> S3Http:
    defaults = S3Http()
    tls = tree.tree("tls_config")
    if server_name := tls.text("server_name"):
        raise tls.wrong("server_name", "the name that the endpoint has", repr(server_name))
    hedging = tree.tree("hedging_config")
    if hedging.flag("enabled", default=False):
        raise hedging.wrong("enabled", "false (requests are not hedged)", "true")
    _accept_tuning(hedging, {"up_to": "integer", "quantile": "text"})
    _accept_tuning(
        tree,
        {
            "expect_continue_timeout": "duration",
            "max_idle_conns": "integer",
            "max_idle_conns_per_host": "integer",
            "disable_compression": "flag",
        },
    )
    skips_verification = [where.flag("insecure_skip_verify", default=False) for where in (tree, tls)]
    http = S3Http(
        idle_timeout_s=tree.duration_s("idle_conn_timeout", defaults.idle_timeout_s),
        response_timeout_s=tree.duration_s("response_header_timeout", defaults.response_timeout_s)
        or defaults.response_timeout_s,
        connect_timeout_s=tree.duration_s("tls_handshake_timeout", defaults.connect_timeout_s)
        or defaults.connect_timeout_s,
        connection_count=tree.integer("max_conns_per_host", 0) or defaults.connection_count,
        ca_file=_existing_file(tls, "ca_file"),
        client_certificate_file=_existing_file(tls, "cert_file"),
        client_key_file=_existing_file(tls, "key_file"),
        verify=not any(skips_verification),
    )
    if bool(http.client_certificate_file) != bool(http.client_key_file):
        raise tls.wrong("cert_file", "a value beside key_file, and the other way round", "only one of the two")
    for inner in (tls, hedging, tree):
        inner.finish()
    return http


def _accept_tuning(tree: ConfigTree, keys: Mapping[str, str]) -> None:
    """Check the form of keys that only tune another HTTP client."""
    for key, kind in keys.items():
        if kind == "duration":
            tree.duration_s(key, 0)
        elif kind == "integer":
            tree.integer(key, 0)
        elif kind == "flag":
            tree.flag(key, default=False)
        else:
            tree.text(key)


def _existing_file(tree: ConfigTree, key: str) -> str:
    path = tree.text(key)
    if path and not Path(path).is_file():
        raise tree.wrong(key, "the path of a file", repr(path))
    return path


def _required(tree: ConfigTree, key: str, expected: str) -> str:
    value = tree.text(key)
    if not value:
        raise InputError(str(tree.wrong(key, expected, "none")))
    return value
