"""What can go wrong with a picture, each with a stable code and a sentence for a person."""


class ProcessingError(Exception):
    """Base of all refusals of this package.

    ``code`` is stable and meant for programs; ``message`` is one plain English sentence or two.
    """

    code = "processing_error"
    default_message = "The picture could not be processed."

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)


class EmptyFile(ProcessingError):
    code = "empty_file"
    default_message = "The file is empty."


class NotAnImage(ProcessingError):
    code = "not_an_image"
    default_message = "The file is not a picture, or it is too damaged to be read."


class UnsupportedFormat(ProcessingError):
    code = "unsupported_format"
    default_message = "This kind of file is not supported."


class TruncatedImage(ProcessingError):
    code = "truncated_image"
    default_message = "The picture is damaged or incomplete."


class FileTooLarge(ProcessingError):
    code = "file_too_large"
    default_message = "The file is too large."


class TooManyPixels(ProcessingError):
    code = "too_many_pixels"
    default_message = "The picture has too many pixels."


class NothingFound(ProcessingError):
    code = "nothing_found"
    default_message = "No subject was found in this picture."


class EngineUnavailable(ProcessingError):
    code = "engine_unavailable"
    default_message = "The engine is not available on this server."


class ServiceFailed(ProcessingError):
    """A service that was asked for a matte did not give one; it may the next time."""

    code = "service_failed"
    default_message = "The service that was asked did not answer as it should."


class ServiceAsksToWait(ProcessingError):
    """It has too much to do: worth asking again in `retry_after` seconds."""

    code = "service_busy"
    default_message = "The service that was asked has too much to do at this moment."

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__()


class ServiceRefused(ProcessingError):
    """It would refuse the same again."""

    code = "service_refused"
    default_message = "The service that was asked refused this picture."


class ServiceKeyRefused(ServiceRefused):
    code = "service_key_refused"
    default_message = (
        "The service that was asked does not accept the key of this server. "
        "Please tell its administrator."
    )


class ServiceQuota(ServiceRefused):
    code = "service_quota"
    default_message = (
        "The account of this server at the service that was asked is used up. "
        "Please tell its administrator."
    )


class InvalidSpec(ProcessingError):
    """A parameter is unknown or has a wrong value; ``parameter`` is its name."""

    code = "invalid_spec"
    default_message = "A parameter has a wrong value."

    def __init__(self, parameter: str, message: str | None = None) -> None:
        self.parameter = parameter
        super().__init__(message)


class UnknownEngine(InvalidSpec):
    """The catalog has no engine of that name; ``parameter`` is always ``engine``."""

    code = "unknown_engine"

    def __init__(self, name: str) -> None:
        super().__init__("engine", f"There is no engine called “{name}”.")
