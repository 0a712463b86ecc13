"""What services refuse, and why. Views and the API turn these into their own answers."""


class ServiceError(Exception):
    """A refusal with a code for programs and a sentence for people."""

    code = "refused"
    message = "This cannot be done."

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message


class NotNow(ServiceError):
    """Worth asking again in `retry_after` seconds."""

    retry_after = 3


class WrongState(ServiceError):
    """The state of the thing does not allow it."""


class LimitReached(ServiceError):
    """More than the account allows."""


class Missing(ServiceError):
    """There is no such thing any more."""


class Busy(NotNow):
    code = "busy"
    message = "Too many pictures are being rendered at this moment. Please try again shortly."


class StorageFull(NotNow):
    code = "storage_full"
    message = "The server has no room left for pictures. Please tell its administrator."
    retry_after = 300


class CutoutNotReady(WrongState):
    """There is nothing to render, or not yet."""

    code = "not_ready"
    message = "This cutout is not finished yet."


class CutoutHasFailed(WrongState):
    """There is nothing to render, and waiting does not help; says what has happened."""

    code = "cutout_failed"

    def __init__(self, error_code: str, sentence: str) -> None:
        reason = f"{error_code}: {sentence}" if sentence else error_code
        super().__init__(f"This cutout has failed. {reason}")


class NoEdges(Missing):
    code = "no_edges"
    message = "This cutout has no colours of soft edges."


class CutoutNotFailed(WrongState):
    code = "not_failed"
    message = "Only a failed cutout can be tried again."


class CutoutPending(WrongState):
    code = "pending"
    message = "This picture is being cut out already."


class CutoutNotNewest(WrongState):
    code = "not_newest"
    message = (
        "This picture has a newer cutout, and only the newest can be tried again. "
        "Cut the picture out once more instead."
    )


class SentMatteGone(WrongState):
    """What was sent could not be used, or has waited for too long."""

    code = "matte_gone"
    message = "The matte that was sent is not kept any more. Send it again."


MAX_VERSIONS = 100


class TooManyVersions(WrongState):
    code = "too_many_versions"
    message = (
        f"This picture has {MAX_VERSIONS} cutouts, which is as many as a picture may have. "
        "Upload it once more to go on."
    )


class ImageInTrash(WrongState):
    code = "in_trash"
    message = "This picture is in the trash. Restore it first."


class OriginalDeleted(WrongState):
    code = "original_deleted"
    message = (
        "The original of this picture was deleted after the time it is kept here, "
        "so it cannot be cut out again."
    )


class FileLost(Missing):
    """The row is there, its file is not."""

    code = "file_missing"
    message = "The stored file is missing."


class ImageGone(Missing):
    """Deleted for good, a moment ago."""

    code = "gone"
    message = "This picture has been deleted."
