"""Clients of S3 made from S3Settings: aiobotocore's for many small requests, boto3's for whole files.

Both libraries are imported on first use, and share one loader of botocore's service description, which is most of
their memory. Neither retries small requests: RetryBucket does; boto3 retries single parts of a transfer.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from promontory.bucket.s3_settings import DEFAULT_REGION, S3Encryption, S3Settings
from promontory.bucket.s3_times import parse_time

Arguments = dict[str, object]

_TRANSFER_TRIES = 3


def make_loader() -> Any:
    """Return the loader of service descriptions that the clients of one bucket share."""
    import botocore.loaders

    return botocore.loaders.create_loader()


def make_async_client(settings: S3Settings, loader: Any) -> Any:
    """Return the context manager of an aiobotocore client."""
    import aiobotocore.config
    import aiobotocore.session

    config = aiobotocore.config.AioConfig(
        connector_args={"keepalive_timeout": settings.http.idle_timeout_s},
        http_session_cls=_single_try_session(),
        retries={"total_max_attempts": 1, "mode": "standard"},
        **_common_config(settings),
    )
    session = aiobotocore.session.get_session()
    session.register_component("data_loader", loader)
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_time)
    return session.create_client("s3", config=config, **_common_arguments(settings, session))


def make_transfer_client(settings: S3Settings, loader: Any) -> Any:
    """Return a boto3 client; blocking, for threads."""
    import boto3.session
    import botocore.config
    import botocore.session

    retries = {"total_max_attempts": _TRANSFER_TRIES, "mode": "standard"}
    config = botocore.config.Config(retries=retries, **_common_config(settings))
    session = botocore.session.get_session()
    session.register_component("data_loader", loader)
    client = boto3.session.Session(botocore_session=session)
    return client.client("s3", config=config, **_common_arguments(settings, session))


def make_transfer_config(settings: S3Settings) -> Any:
    """Return how boto3 cuts a file into parts."""
    import boto3.s3.transfer

    single_put_bytes = 5 * 2**30
    return boto3.s3.transfer.TransferConfig(
        multipart_threshold=single_put_bytes if settings.disable_multipart else settings.part_bytes,
        multipart_chunksize=settings.part_bytes,
        max_concurrency=4,
        preferred_transfer_client="classic",
    )


def write_arguments(settings: S3Settings) -> Arguments:
    """Return what every write carries: metadata, storage class, encryption."""
    arguments: Arguments = {"Metadata": settings.user_metadata} if settings.user_metadata else {}
    if settings.storage_class:
        arguments["StorageClass"] = settings.storage_class
    encrypt = _ENCRYPTION_ARGUMENTS[settings.encryption.type]
    return arguments | encrypt(settings.encryption)


def read_arguments(settings: S3Settings) -> Arguments:
    """Return what every read carries: the customer's key, where objects are encrypted with one."""
    return _customer_key(settings.encryption) if settings.encryption.type == "SSE-C" else {}


def content_md5(body: bytes) -> str:
    """Return the Content-MD5 of a body."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _single_try_session() -> Any:
    """Return aiobotocore's session without aiohttp's own second try of a PUT whose connection was lost.

    That try would make a conditional put find its own object and take it for someone else's.
    """
    import aiobotocore.httpsession

    class SingleTrySession(aiobotocore.httpsession.AIOHTTPSession):  # type: ignore[misc]
        async def _get_session(self, proxy_url: str | None) -> Any:
            session = await super()._get_session(proxy_url)
            session._retry_connection = False  # no setting leads there; the fault contract tells if it ceases to work
            return session

    return SingleTrySession


def _common_config(settings: S3Settings) -> dict[str, Any]:
    http = settings.http
    certificate = (http.client_certificate_file, http.client_key_file) if http.client_certificate_file else None
    return {
        "signature_version": "s3" if settings.signature_version2 else "s3v4",
        "connect_timeout": http.connect_timeout_s,
        "read_timeout": http.response_timeout_s,
        "max_pool_connections": http.connection_count,
        "client_cert": certificate,
        "s3": {"addressing_style": settings.addressing_style},
        # The default would send and expect whole-object checksums that S3-compatible servers get wrong on ranges.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }


def _common_arguments(settings: S3Settings, session: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "endpoint_url": settings.endpoint_url,
        "region_name": _region(settings, session),
        "verify": (settings.http.ca_file or True) if settings.http.verify else False,
    }
    if settings.access_key:
        arguments["aws_access_key_id"] = settings.access_key.reveal()
        arguments["aws_secret_access_key"] = settings.secret_key.reveal()
        arguments["aws_session_token"] = settings.session_token.reveal() or None
    return arguments


def _region(settings: S3Settings, session: Any) -> str:
    """The configured region, else the one in AWS' host name, else AWS' own setting, else the default."""
    labels = settings.endpoint.partition(":")[0].split(".")
    if not settings.region and settings.is_amazon and labels[0] == "s3" and len(labels) >= 4:
        return labels[-3] if not settings.endpoint.endswith(".cn") else labels[-4]
    return settings.region or cast("str | None", session.get_config_variable("region")) or DEFAULT_REGION


def _customer_key(encryption: S3Encryption) -> Arguments:
    key = encryption.customer_key.reveal().encode("latin-1")
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}


def _kms(encryption: S3Encryption) -> Arguments:
    arguments: Arguments = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption.kms_key_id}
    if encryption.kms_encryption_context:
        context = json.dumps(encryption.kms_encryption_context, sort_keys=True).encode()
        arguments["SSEKMSEncryptionContext"] = base64.b64encode(context).decode()
    return arguments


_ENCRYPTION_ARGUMENTS: Mapping[str, Callable[[S3Encryption], Arguments]] = {
    "": lambda _: {},
    "SSE-S3": lambda _: {"ServerSideEncryption": "AES256"},
    "SSE-KMS": _kms,
    "SSE-C": _customer_key,
}
