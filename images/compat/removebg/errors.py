"""What that interface says when something is wrong: status, code, title and detail."""

from dataclasses import dataclass

from django.http import JsonResponse


@dataclass(frozen=True, slots=True)
class Refusal:
    """`title` and `detail` may name `{parameter}`, `{value}` and whatever else is given."""

    title: str
    detail: str = ""
    status: int = 400


_INVALID = Refusal("Invalid {parameter} parameter given")
_NOT_IN_LIST = Refusal("Invalid value for parameter '{parameter}'")
_BAD_ADDRESS = Refusal("Invalid {parameter}: Please provide a valid URL.")

REFUSALS: dict[str, Refusal] = {
    "auth_failed": Refusal("API Key invalid", status=403),
    "missing_key": Refusal("Missing API Key", status=403),
    "failed_bg_download": Refusal(
        "Failed to download background image from given image_url: {value}"
    ),
    "failed_image_download": Refusal("Failed to download image from given image_url: {value}"),
    "failed_to_read_image": Refusal("There was an error reading the image."),
    "file_too_large": Refusal("File too large", "File exceeds limit of {limit}MB"),
    "insufficient_credits": Refusal("Insufficient credits", status=402),
    "invalid_bg_color": _INVALID,
    "invalid_bg_image_url": _BAD_ADDRESS,
    "invalid_channels": _NOT_IN_LIST,
    "invalid_crop_margin": _INVALID,
    "invalid_dimensions": Refusal(
        "Failed to read image dimensions", "The dimensions of the given image could not be read."
    ),
    "invalid_file_type": Refusal("Invalid file type", "Expected {expected}, received {received}"),
    "invalid_format": _INVALID,
    "invalid_image_url": _BAD_ADDRESS,
    "invalid_position": _INVALID,
    "invalid_roi": _INVALID,
    "invalid_scale": _INVALID,
    "invalid_semitransparency": _INVALID,
    "invalid_shadow_opacity": _INVALID,
    "invalid_shadow_type": _INVALID,
    "invalid_add_shadow": _INVALID,
    "invalid_crop": _INVALID,
    "invalid_tag": _INVALID,
    "invalid_type": _NOT_IN_LIST,
    "invalid_type_level": _NOT_IN_LIST,
    "invalid_size": _NOT_IN_LIST,
    "missing_source": Refusal(
        "No image given",
        "Please provide the source image in the image_url, image_file or image_file_b64 parameter.",
    ),
    "multiple_bg_sources": Refusal(
        "Multiple background sources given: Please provide either the bg_color, the bg_image_url "
        "or the bg_image_file parameter."
    ),
    "multiple_sources": Refusal(
        "Multiple image sources given: Please provide either the image_url, image_file or "
        "image_file_b64 parameter."
    ),
    "rate_limit_exceeded": Refusal("Rate limit exceeded", status=429),
    "resolution_too_high": Refusal(
        "Image resolution too high",
        "Input image has {megapixels} megapixels, maximum supported input resolution is "
        "{limit} megapixels",
    ),
    "roi_exceeds_bounds": Refusal(
        "ROI exceeds image bounds",
        "The given roi parameter defines a region that exceeds the image bounds",
    ),
    "roi_region_empty": Refusal(
        "ROI region is empty", "The given roi parameter defines an empty region"
    ),
    "unknown_foreground": Refusal("Could not identify foreground in image."),
    # Not of remove.bg: what a server of one's own can come to.
    "bad_request": Refusal("Malformed request"),
    "not_found": Refusal("Not found", status=404),
    "method_not_allowed": Refusal("Method not allowed", status=405),
    "unsupported_media_type": Refusal(
        "Unsupported content type",
        "Send multipart/form-data, application/x-www-form-urlencoded or application/json.",
        status=415,
    ),
    "internal_error": Refusal("Internal server error", status=500),
    "processing_failed": Refusal("The image could not be processed.", "{reason}", status=500),
    "still_processing": Refusal(
        "The image is still being processed", "Send the same request again.", status=503
    ),
    "busy": Refusal("Too many requests at this moment", "Please try again shortly.", status=503),
}


class RemoveBgError(Exception):
    """A refusal in that interface's words. `values` fill its title and detail.

    detail: a sentence that says more than that of the code, taken as it is.
    """

    def __init__(
        self, code: str, *, retry_after: int | None = None, detail: str = "", **values: object
    ) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.refusal = REFUSALS[code]
        self.detail = detail
        self.values = values

    @property
    def body(self) -> dict[str, list[dict[str, str]]]:
        error = {"title": self.refusal.title.format(**self.values), "code": self.code}
        if detail := self.detail or self.refusal.detail.format(**self.values):
            error["detail"] = detail
        return {"errors": [error]}


def removebg_error(code: str) -> JsonResponse:
    """For what fails before any view of that interface is reached."""
    error = RemoveBgError(code)
    answer = JsonResponse(error.body, status=error.refusal.status)
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer
