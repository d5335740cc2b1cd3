"""Faults of requests to an S3 server: whether a retry may help, and what a user can do."""

import ssl
from xml.etree.ElementTree import ParseError

from shallowsight.errors import ConfigurationError

CERTIFICATE = "certificate"
NOT_S3 = "not S3"

NO_SUCH_KEY = "NoSuchKey"
NO_SUCH_UPLOAD = "NoSuchUpload"
CHANGED = "PreconditionFailed"

# Codes with a status below 500 after which a retry may succeed. The answer to a HEAD request has a status and no code.
_AGAIN = {"SlowDown", "TooManyRequests", "RequestTimeout", "OperationAborted", "ConditionalRequestConflict"}
_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS, _NOT_IMPLEMENTED = 408, 429, 501

_REMEDIES = {
    "NoSuchBucket": "there is no such bucket; create it or correct the URL of the store",
    "InvalidBucketName": "no bucket can have this name",
    "InvalidAccessKeyId": "the server does not know the key in AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID",
    "AccessDenied": "the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY do not permit this request",
    "InvalidToken": "AWS_SESSION_TOKEN is wrong",
    "ExpiredToken": "AWS_SESSION_TOKEN has expired",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "AuthorizationHeaderMalformed": "set AWS_REGION to the bucket's region",
    "PermanentRedirect": "set AWS_REGION to the bucket's region",
    NOT_S3: "this is no S3 API; is AWS_ENDPOINT_URL the address of a console, or http:// where it must be https://?",
    CERTIFICATE: "no trusted connection; name the authority in SSL_CERT_FILE, or correct AWS_ENDPOINT_URL",
}


class Fault(Exception):
    """A request that was answered with an error, or not at all (status 0)."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{code}, {message}")
        self.code = code
        self.status = status

    @property
    def is_condition(self) -> bool:
        """Whether the answer is about the object's state, not about a wrong request."""
        return self.code in {NO_SUCH_KEY, NO_SUCH_UPLOAD, CHANGED}

    @property
    def is_passing(self) -> bool:
        """Whether a retry of the same request may succeed."""
        if self.code == CERTIFICATE:
            return False
        if self.code in _AGAIN or self.status in {0, _REQUEST_TIMEOUT, _TOO_MANY_REQUESTS}:
            return True
        return self.status >= 500 and self.status != _NOT_IMPLEMENTED

    def refusal(self, service: str, what: str) -> ConfigurationError:
        """The error for a user, with the remedy where one is known."""
        remedy = _REMEDIES.get(self.code)
        return ConfigurationError(f"{service}: {what}: {f'{remedy} ({self})' if remedy else self}")


def fault_of(error: Exception) -> Fault:
    """The fault that an exception of the minio client stands for.

    Raises:
        Exception: the error itself, if neither the network nor the server caused it.
    """
    from minio.error import InvalidResponseError, S3Error, ServerError
    from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

    if isinstance(error, Fault):
        return error
    if isinstance(error, S3Error):
        return Fault(error.code or "unknown error", error.message or "", error.response.status)
    if isinstance(error, ServerError):
        return Fault("server error", str(error), error.status_code)
    if isinstance(error, InvalidResponseError):
        return Fault(NOT_S3, f"HTTP status {error._code}, {error._body or ''}", error._code)
    if isinstance(error, ParseError):
        return Fault(NOT_S3, f"the answer is no XML, {error}", 200)
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    if isinstance(reason, SSLError) and not isinstance(reason.args[0], ssl.SSLEOFError):
        return Fault(CERTIFICATE, str(reason))
    if isinstance(reason, HTTPError):
        return Fault("no answer", str(reason))
    raise error
