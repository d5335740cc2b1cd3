"""MinIO in the cluster: what it keeps, what it tidies up, and what our user may do."""

import json
from typing import Any

import pytest
import yaml
from overlays import OVERLAYS, build, find, names, pod

IN_CLUSTER = ["local", "a100"]
BUCKET = "arn:aws:s3:::shallowsight"
# What store/objects/s3 asks for, and KFP's launcher.
ON_BUCKET = {"GetBucketLocation", "ListBucket", "ListBucketMultipartUploads"}
ON_OBJECTS = {"GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts"}


def statements() -> dict[str, dict[str, Any]]:
    data = find(build("a100"), "ConfigMap", "minio-setup")["data"]["policy.json"]
    return {",".join(each["Resource"]): each for each in json.loads(data)["Statement"]}


def test_our_user_may_use_one_bucket_and_nothing_more() -> None:
    assert set(statements()) == {BUCKET, f"{BUCKET}/*"}
    assert set(statements()[BUCKET]["Action"]) == {f"s3:{name}" for name in ON_BUCKET}
    assert set(statements()[f"{BUCKET}/*"]["Action"]) == {f"s3:{name}" for name in ON_OBJECTS}


@pytest.mark.parametrize("overlay", IN_CLUSTER)
def test_the_disk_stays_when_minio_goes(overlay: str) -> None:
    kept = find(build(overlay), "StatefulSet", "minio")["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.mark.parametrize("overlay", IN_CLUSTER)
def test_uploads_that_nobody_finished_go_after_a_week(overlay: str) -> None:
    (container,) = pod(build(overlay), "minio").spec["containers"]
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    assert given["MINIO_API_STALE_UPLOADS_EXPIRY"] == "168h"
    assert given["MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL"] == "6h"


@pytest.mark.parametrize("overlay", IN_CLUSTER)
def test_setup_and_secrets_speak_of_the_same_minio(overlay: str) -> None:
    (container,) = pod(build(overlay), "minio-setup").spec["containers"]
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    service = find(build(overlay), "Service", "minio")
    assert given["MINIO_URL"] == f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    assert f"arn:aws:s3:::{given['BUCKET']}" == BUCKET
    assert pod(build(overlay), "minio-setup").spec["restartPolicy"] in {"OnFailure", "Never"}  # else no Job may have it


def test_a_store_outside_leaves_no_minio_behind() -> None:
    objects = build("a100-outside-store")
    assert not [each for kind in ("StatefulSet", "Service", "Job") for each in names(objects, kind)]
    assert "minio" not in str(objects)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kfp_keeps_its_artifacts_in_the_same_bucket(overlay: str) -> None:
    data = find(build(overlay), "ConfigMap", "kfp-launcher")["data"]
    assert data["defaultPipelineRoot"].startswith("s3://shallowsight/")
    store = yaml.safe_load(data["providers"])["s3"]["default"]
    assert "//" not in store["endpoint"]
    assert store["disableSSL"] is (overlay in IN_CLUSTER)  # MinIO here has no certificate; another store does
