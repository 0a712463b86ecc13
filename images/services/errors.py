"""What services refuse, and why. Views and the API turn these into their own answers."""


class ServiceError(Exception):
    """A refusal with a code for programs and a sentence for people."""

    code = "refused"
    message = "This cannot be done."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message


class CutoutNotReady(ServiceError):
    """There is nothing to render, or not yet."""

    code = "not_ready"
    message = "This cutout is not finished yet."


class CutoutNotFailed(ServiceError):
    code = "not_failed"
    message = "Only a failed cutout can be tried again."


class Busy(ServiceError):
    """All render slots are taken; worth asking again in `retry_after` seconds."""

    code = "busy"
    message = "Too many pictures are being rendered at this moment. Please try again shortly."
    retry_after = 3


class FileLost(ServiceError):
    """The row is there, its file is not."""

    code = "file_missing"
    message = "The stored file is missing."
