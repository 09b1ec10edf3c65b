"""boto3's errors in our words: which are worth another try, and what the operator reads when they stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as aws
from botocore.parsers import ResponseParserError

from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable

THROTTLES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "SlowDown",
        "LimitExceededException",
    }
)
_FORBIDDEN = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "OptInRequired",
        "AWSOrganizationsNotInUseException",
    }
)
_UNAUTHENTICATED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "RequestExpired",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "IncompleteSignature",
    }
)
_SLOW = frozenset({"RequestTimeout", "RequestTimeoutException"})
_BUSY = frozenset({"ResourceInUseException", "ResourceContention", "ResourceInUse", "ScalingActivityInProgress"})
_WRONG = frozenset(
    {
        "InvalidParameterException",
        "InvalidRequestException",
        "InvalidStateException",
        "ResourceLimitExceededException",
        "ValidationError",
        "ValidationException",
    }
)
_MISSING = frozenset(
    {
        "InvalidAMIID.NotFound",
        "InvalidLaunchTemplateId.NotFound",
        "InvalidTarget",
        "NoSuchEntity",
        "NotFoundException",
        "ResourceNotFoundException",
        "TargetGroupNotFound",
    }
)
# Errors that are met before anything is sent: no credentials, or a profile, token or plug-in that gives none.
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.UnknownCredentialError,
    aws.RefreshWithMFAUnsupportedError,
    aws.NoAuthTokenError,
    aws.TokenRetrievalError,
    aws.SSOError,
    aws.LoginError,
    aws.ProfileNotFound,
    aws.ConfigNotFound,
    aws.ConfigParseError,
    aws.InvalidConfigError,
)
_LONGEST = 300


class Unreadable(InvalidAnswer):
    """An answer that broke off or makes no sense; unlike an error that the API declares, it may be whole next time."""


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _of_answer(action: str, error: aws.ClientError) -> ReadError:
    body: dict[str, Any] = error.response if isinstance(error.response, dict) else {}
    raw = body.get("Error")
    said: dict[str, Any] = raw if isinstance(raw, dict) else {}
    code = str(said.get("Code", ""))
    meta = body.get("ResponseMetadata")
    status = meta.get("HTTPStatusCode", 0) if isinstance(meta, dict) else 0
    text = _short(f"{action}: {code}: {said.get('Message', '')}")
    if code in THROTTLES or status == 429:
        return Unreachable(text, GapReason.THROTTLED)
    if code in _UNAUTHENTICATED:
        return Refused(text, GapReason.UNAUTHENTICATED)
    if code in _FORBIDDEN or status in (401, 403):
        return Refused(text, GapReason.FORBIDDEN)
    if code in _MISSING:
        return Refused(text, GapReason.NOT_FOUND)
    if code in _BUSY:
        return Refused(text, GapReason.IN_USE)
    if code in _WRONG:
        return Refused(text, GapReason.REJECTED)
    if code in _SLOW or status == 408:
        return Unreachable(text, GapReason.TIMEOUT)
    if status == 407:  # the proxy's refusal, not AWS's
        return Unreachable(text, GapReason.UNREACHABLE)
    if isinstance(status, int) and status >= 500:
        return Unreachable(text, GapReason.SERVER_ERROR)
    return InvalidAnswer(text)


def _of_transport(action: str, error: Exception) -> ReadError:
    text = _short(f"{action}: {error}")
    if isinstance(error, aws.ReadTimeoutError | aws.ConnectTimeoutError):
        return Unreachable(text, GapReason.TIMEOUT)
    if isinstance(error, _NO_CREDENTIALS):
        return Refused(text, GapReason.UNAUTHENTICATED)
    if isinstance(error, aws.ConnectionClosedError) and "IncompleteRead" in str(error.kwargs.get("error")):
        return Unreadable(f"{action}: the answer broke off")
    if isinstance(error, aws.HTTPClientError | aws.ConnectionError):
        return Unreachable(text, GapReason.UNREACHABLE)
    return InvalidAnswer(text)


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Run one AWS call and the reading of its answer; whatever goes wrong leaves as a ReadError that says `action`.

    A wrong type anywhere in an answer surfaces as one of Python's own errors, in botocore's parser or in ours: those
    are the API's fault as well, and become InvalidAnswer. So does an answer nested too deep (RecursionError).
    """
    try:
        yield
    except ReadError:
        raise
    except aws.ClientError as error:
        raise _of_answer(action, error) from error
    except (aws.BotoCoreError, aws.HTTPClientError) as error:
        raise _of_transport(action, error) from error
    except ResponseParserError as error:
        raise Unreadable(_short(f"{action}: unreadable answer: {error}")) from error
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        text = _short(f"{action}: unreadable answer: {type(error).__name__}: {error}")
        raise Unreadable(text) from error
