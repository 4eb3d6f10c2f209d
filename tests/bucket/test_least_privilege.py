"""Each service with exactly the policy of deploy/iam, and without each action of it; moto checks signatures and IAM."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta
from promontory.bucket.config import open_bucket
from promontory.bucket.port import Bucket
from promontory.catalog.bucket_index import BucketIndex
from promontory.catalog.catalog import Catalog
from promontory.catalog.index_object import FRESH_MS, write_bucket_index
from promontory.catalog.transfer import delete_block, mark_for_deletion, upload_block
from promontory.errors import AccessDenied
from promontory.model.clock import SystemClock
from promontory.shipper.shipper import Shipper
from promontory.store.bucket_store import BucketStore
from promontory.testing.fault_proxy import FaultProxy, run_fault_proxy
from promontory.testing.faults import Answer
from promontory.testing.still_clock import StillClock
from querier.command import command as query_command
from tests.blocks import OpenMetricsSeries, make_blocks, read_meta
from tests.catalog.blocks import LABELS, meta_of, write_block
from tests.parts import ACCESS_KEY, SECRET_KEY, S3Server, run_moto_s3

pytestmark = pytest.mark.parts

POLICIES = Path(__file__).resolve().parents[2] / "deploy" / "iam"
BUCKET, PREFIX = "metrics", "site-a"
SEGMENT_BYTES = 6_000_000  # two parts
WITHOUT_LOGIN = 4  # the bucket, the administrator, its key, its policy
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
Work = Callable[[Bucket, Path], Awaitable[None]]
"""Work done on a bucket with files in a folder."""


@dataclass
class Cloud:
    """A moto server that checks what users may do."""

    server: S3Server
    iam: Any
    s3: Any
    numbers: Iterator[int] = field(default_factory=count)

    def config(self, proxy: FaultProxy, policy: dict[str, Any]) -> str:
        """Make a user with a policy, and return the bucket's configuration for it."""
        name = f"user-{next(self.numbers)}"
        access_key, secret_key = make_user(self.iam, name, policy)
        text = self.server.config(BUCKET).replace(str(self.server.program.port), str(proxy.port))
        text = text.replace(ACCESS_KEY, access_key).replace(SECRET_KEY, secret_key)
        return f"{text}  part_size: 5242880\nprefix: {PREFIX}\n"

    def empty(self) -> None:
        """Delete what earlier tests left."""
        for found in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self.s3.delete_object(Bucket=BUCKET, Key=found["Key"])
        for upload in self.uploads():
            self.s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])

    def uploads(self) -> list[dict[str, str]]:
        """Return the multipart uploads that were neither completed nor aborted."""
        found: list[dict[str, str]] = self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return found


def make_user(iam: Any, name: str, policy: dict[str, Any]) -> tuple[str, str]:
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
    return key["AccessKeyId"], key["SecretAccessKey"]


def make_client(service: str, server: S3Server, access_key: str, secret_key: str) -> Any:
    import boto3

    return boto3.client(
        service,
        endpoint_url=server.program.url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    environment = {"INITIAL_NO_AUTH_ACTION_COUNT": str(WITHOUT_LOGIN)}
    folder = tmp_path_factory.mktemp("moto")
    with run_moto_s3(folder, buckets=(BUCKET,), environment=environment) as server:
        first = make_client("iam", server, "anyone", "anything")
        login = make_user(first, "administrator", EVERYTHING)
        clients = [make_client(service, server, *login) for service in ("iam", "s3")]
        yield Cloud(server, *clients)
        for client in (first, *clients):
            client.close()


@pytest.fixture
async def proxy(cloud: Cloud) -> AsyncIterator[FaultProxy]:
    cloud.empty()
    async with run_fault_proxy(cloud.server.program.port) as proxy:
        yield proxy


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


Opener = Callable[[dict[str, Any]], Bucket]


@pytest.fixture
async def open_with(cloud: Cloud, proxy: FaultProxy, clock: StillClock) -> AsyncIterator[Opener]:
    """Return what opens the bucket as a user with a policy."""
    opened: list[Bucket] = []

    def open_as_user(policy: dict[str, Any]) -> Bucket:
        opened.append(open_bucket(cloud.config(proxy, policy), clock=clock))
        return opened[-1]

    yield open_as_user
    for bucket in opened:
        await bucket.close()


def policy_of(service: str, *, without: str = "") -> dict[str, Any]:
    """Return a policy of deploy/iam; the condition on s3:prefix, which moto does not know, is tested by hand."""
    policy: dict[str, Any] = json.loads((POLICIES / f"{service}.json").read_text())
    for statement in policy["Statement"]:
        condition = statement.pop("Condition", None)
        assert condition in (None, {"StringLike": {"s3:prefix": [f"{PREFIX}/*"]}})
        statement["Action"] = [action for action in statement["Action"] if action != f"s3:{without}"]
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Action"]]
    return policy


def write_large_block(folder: Path, meta: BlockMeta) -> Path:
    directory = write_block(folder, meta)
    (directory / "chunks" / "000001").write_bytes(bytes(SEGMENT_BYTES))
    return directory


async def ship(bucket: Bucket, folder: Path) -> None:
    """A sidecar's work: a new block, and a compacted one, for which it looks at those that are there."""
    compacted = replace(meta_of(2, level=2, hours=(2, 8)), thanos=None)
    write_large_block(folder, meta_of(1))
    write_block(folder, compacted)
    shipper = Shipper(folder, bucket, lambda: LABELS, clock=StillClock(), upload_compacted=True)
    report = await shipper.sync()
    for error in report.failed.values():
        raise error
    assert len(report.uploaded) == 2


async def serve(bucket: Bucket, folder: Path) -> None:
    """A store gateway's work: find blocks by the bucket index, open them, read chunks."""
    catalog = Catalog(bucket, clock=SystemClock(), index_fresh_ms=FRESH_MS)
    store = BucketStore(bucket, catalog, directory=folder / "headers")
    report = await store.sync()
    assert catalog.view.index_ms is not None
    for error in report.failed.values():
        raise error
    assert len(report.opened) == 1
    assert len(await bucket.get_range(f"{report.opened[0]}/chunks/000001", 0, 8)) == 8


async def compact(bucket: Bucket, folder: Path) -> None:
    """A compactor's work: find blocks, fetch one, write its successor, mark it, delete it."""
    view = await Catalog(bucket, clock=StillClock()).sync()
    (ulid,) = view.blocks
    await bucket.download(f"{ulid}/index", folder / "index")
    meta = meta_of(9, level=2)
    await upload_block(bucket, write_large_block(folder, meta), meta, clock=StillClock())
    await mark_for_deletion(bucket, ulid, details="compacted", clock=StillClock())
    await delete_block(bucket, ulid)
    await write_index(bucket)


async def write_index(bucket: Bucket) -> None:
    view = await Catalog(bucket, clock=SystemClock()).sync()
    assert await write_bucket_index(bucket, BucketIndex.of_view(view, writer="test"), clock=SystemClock())


WORK: dict[str, Work] = {"sidecar": ship, "store": serve, "compactor": compact}


@pytest.fixture(scope="module")
def real_block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    series = [OpenMetricsSeries("up", {}, [(1_700_006_400 + 60 * step, "1") for step in range(10)])]
    return make_blocks(tmp_path_factory.mktemp("block"), series)[0]


async def prepare(service: str, open_with: Opener, block: Path) -> None:
    """Put a block and a bucket index into the bucket as the administrator, where the work begins with them."""
    if service != "sidecar":
        bucket = open_with(EVERYTHING)
        await upload_block(bucket, block, read_meta(block, {"replica": "a"}), clock=StillClock())
        await write_index(bucket)


@pytest.mark.parametrize("service", WORK)
async def test_each_service_works_with_its_policy_and_lists_below_its_prefix(
    service: str, open_with: Opener, proxy: FaultProxy, real_block: Path, tmp_path: Path, cloud: Cloud
) -> None:
    await prepare(service, open_with, real_block)
    await WORK[service](open_with(policy_of(service)), tmp_path)
    prefixes = {request.query["prefix"][0] for request in proxy.requests if "prefix" in request.query}
    assert prefixes
    assert all(prefix.startswith(f"{PREFIX}/") for prefix in prefixes)
    assert all(request.path.startswith(f"/{BUCKET}") for request in proxy.requests)
    assert cloud.uploads() == []


@pytest.mark.parametrize(
    ("service", "action", "operation"),
    [
        ("sidecar", "ListBucket", "list"),
        ("sidecar", "GetObject", "info"),
        ("sidecar", "PutObject", "upload"),
        ("store", "ListBucket", "list"),
        ("store", "GetObject", "get"),
        ("compactor", "ListBucket", "list"),
        ("compactor", "GetObject", "get"),
        ("compactor", "PutObject", "upload"),
        ("compactor", "DeleteObject", "delete"),
    ],
)
async def test_without_an_action_a_service_says_what_was_denied_and_stops(
    service: str, action: str, operation: str,
    open_with: Opener, proxy: FaultProxy, clock: StillClock, real_block: Path, tmp_path: Path,
) -> None:  # fmt: skip
    await prepare(service, open_with, real_block)
    with pytest.raises(AccessDenied) as caught:
        await WORK[service](open_with(policy_of(service, without=action)), tmp_path)
    assert caught.value.operation == operation
    assert f"{operation} '{PREFIX}/" in str(caught.value)
    assert clock.slept_s == []
    assert proxy.count() < 40


@pytest.mark.parametrize(("without", "left"), [("", 0), ("AbortMultipartUpload", 1)])
async def test_a_failed_upload_is_taken_back_where_that_is_allowed(
    without: str, left: int, open_with: Opener, proxy: FaultProxy, cloud: Cloud, tmp_path: Path
) -> None:
    directory = write_large_block(tmp_path, meta_of(1))
    proxy.plan(Answer(403, "AccessDenied"), times=None, text="partNumber=2")
    with pytest.raises(AccessDenied, match=r"upload 'site-a/.*/chunks/000001'"):
        await upload_block(open_with(policy_of("sidecar", without=without)), directory, meta_of(1), clock=StillClock())
    assert len(cloud.uploads()) == left


async def test_where_s3_says_denied_for_absent_nothing_is_taken_for_absent(
    open_with: Opener, proxy: FaultProxy, clock: StillClock, tmp_path: Path
) -> None:
    """As S3 answers without ListBucket, which moto does not."""
    proxy.plan(Answer(403), times=None, method="HEAD")
    with pytest.raises(AccessDenied, match=r"info 'site-a/.*/meta.json'"):
        await ship(open_with(policy_of("sidecar")), tmp_path)
    assert (proxy.count("PUT"), clock.slept_s) == (0, [])


@pytest.mark.parametrize("service", ["sidecar", "store"])
async def test_a_service_cannot_do_what_is_not_its_own(service: str, open_with: Opener) -> None:
    administrator, bucket = open_with(EVERYTHING), open_with(policy_of(service))
    key = f"{meta_of(1).ulid}/{MarkKind.DELETION.file_name}"
    await administrator.put(key, b"{}")
    with pytest.raises(AccessDenied):
        await bucket.delete(key)
    if service == "store":
        with pytest.raises(AccessDenied):
            await bucket.put(key, b"")
    assert await administrator.get(key) == b"{}"


def test_the_querier_has_no_flag_for_a_bucket() -> None:
    assert [name for name in query_command.flags.flags if "objstore" in name] == []
