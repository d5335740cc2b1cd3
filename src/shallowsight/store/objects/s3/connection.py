"""A client of one S3 API, and requests to it with retries."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.store.objects.patience import Patience
from shallowsight.store.objects.s3.endpoint import Endpoint
from shallowsight.store.objects.s3.faults import Fault, fault_of

if TYPE_CHECKING:
    from minio import Minio

T = TypeVar("T")


def connect(endpoint: Endpoint, bucket: str, timeout: float) -> "Minio":
    """A client without retries of its own; sends no request yet.

    Args:
        bucket: only the form of its name is checked.
        timeout: seconds for connecting and sending, and again for the answer.

    Raises:
        ConfigurationError: no bucket, or no region, can have this name.
        MissingPackage: minio is not installed.
    """
    try:
        from minio import Minio
        from minio.helpers import check_bucket_name
        from urllib3 import PoolManager, Retry, Timeout
    except ImportError:
        raise MissingPackage("minio", extra="store") from None
    pool = PoolManager(
        maxsize=8,
        timeout=Timeout(connect=timeout, read=timeout),
        # A redirect is not followed: the error is to name the region of the bucket.
        retries=Retry(total=0, raise_on_redirect=False),
    )
    try:
        check_bucket_name(bucket)
        return Minio(
            endpoint.host,
            access_key=endpoint.access_key,
            secret_key=endpoint.secret_key,
            session_token=endpoint.session_token,
            secure=endpoint.secure,
            region=endpoint.region,
            http_client=pool,
        )
    except ValueError as error:
        raise ConfigurationError(f"{endpoint.url}: {error}") from None


def ask(patience: Patience, what: str, request: Callable[[], T]) -> T:
    """Send a request, with retries, and return the answer.

    Raises:
        Fault: the object does not fulfil the request's condition (`is_condition`).
        ConfigurationError: the server refuses for another reason.
        StoreUnavailable: no answer after all retries.
    """

    def attempt() -> T:
        try:
            return request()
        except Fault:
            raise
        except Exception as error:
            raise fault_of(error) from error

    try:
        return patience.ask(what, attempt, lambda e: isinstance(e, Fault) and e.is_passing)
    except Fault as fault:
        if fault.is_condition:
            raise
        raise fault.refusal(patience.service, what) from fault
