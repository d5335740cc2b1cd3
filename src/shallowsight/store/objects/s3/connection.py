"""A client of one S3 API, and how it is asked."""

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
    """A client that sends nothing yet and asks nothing twice.

    Args:
        bucket: only its name is looked at.
        timeout: seconds for connecting and sending, and again for the answer.

    Raises:
        ConfigurationError: no bucket or no region has this name.
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
        # A redirect is an answer: it names the region of the bucket.
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
    """The answer to a request.

    Raises:
        Fault: with `is_condition`: the object is not as the request has it.
        ConfigurationError: the server refuses for another reason.
        StoreUnavailable: no answer, for as long as we are patient.
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
