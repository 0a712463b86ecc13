"""What requests carry."""

from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.utils import html

from images.api.filters import MAX_SEARCH_LENGTH
from images.api.nulls import NullIsLeftOut
from images.api.parameters import ExtractionParameters
from images.models import Cutout, Status
from images.services.errors import ServiceError
from images.services.feedback import MAX_REASON_LENGTH
from images.services.tags import MAX_TAG_SENT, MAX_TAGS_PER_IMAGE, TooManyTags, clean_tags

# Some may be the same word twice; far more are a mistake.
MAX_TAGS_SENT = 5 * MAX_TAGS_PER_IMAGE
MAX_IDS = 1000
ONE_SOURCE = "Send either a file or a url."
ONE_CHOICE = "Say which pictures: either ids or filter."
BULK_ACTIONS = ("delete", "restore", "purge", "tag", "untag", "rerun")


class TagsField(serializers.ListField):
    """Names of tags: a list, or in a form repeated or with commas between them."""

    child = serializers.CharField(max_length=MAX_TAG_SENT)

    def get_value(self, dictionary: Any) -> Any:
        if not html.is_html_input(dictionary):
            return super().get_value(dictionary)
        if self.field_name not in dictionary:
            return empty
        words = ",".join(dictionary.getlist(self.field_name)).split(",")
        return [word for word in words if word.strip()]

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, list) and len(data) > MAX_TAGS_SENT:
            raise serializers.ValidationError(TooManyTags.message, code=TooManyTags.code)
        try:
            return clean_tags(super().to_internal_value(data))
        except ServiceError as error:
            raise serializers.ValidationError(error.message, code=error.code) from error


class _NewImageSerializer(ExtractionParameters):
    title = serializers.CharField(required=False, allow_blank=True, max_length=255)
    tags = TagsField(required=False)
    batch = serializers.UUIDField(required=False, help_text="One of your batches.")


class AddressSerializer(_NewImageSerializer):
    """What can be sent without a file."""

    url = serializers.CharField(max_length=2000, help_text="Where the picture is.")


class FileOrUrl(NullIsLeftOut):
    """Either a file or its address."""

    file = serializers.FileField(
        required=False, allow_empty_file=True, help_text="The picture; its content decides."
    )
    url = serializers.CharField(
        required=False, max_length=2000, help_text="Where the picture is, instead of `file`."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "file" not in attrs and "url" not in attrs:
            raise serializers.ValidationError({"file": ONE_SOURCE}, code="required")
        if "file" in attrs and "url" in attrs:
            raise serializers.ValidationError({"url": ONE_SOURCE}, code="only_one")
        return attrs


class UploadSerializer(FileOrUrl, _NewImageSerializer):
    pass


class ImageChangesSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(required=False, allow_blank=True, max_length=255)
    favourite = serializers.BooleanField(required=False)
    tags = TagsField(required=False, help_text="Replaces those that are there.")


class TagSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    images = serializers.IntegerField(
        source="image_count", help_text="How many pictures have it, the trash left out."
    )


class BatchFieldsSerializer(NullIsLeftOut):
    name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    expected = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=1_000_000,
        help_text="How many pictures will come. Without it, a batch is finished whenever nothing "
        "of it is under way.",
    )


class CountsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    needs_look = serializers.IntegerField(
        help_text="Those of the done ones whose cutout somebody should look at."
    )


class BatchSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    expected = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    counts = CountsSerializer(help_text="Pictures by state, the trash left out.")
    finished = serializers.BooleanField(
        help_text="Nothing is under way, and as many pictures have ended as were expected."
    )


class IdsField(serializers.ListField):
    child = serializers.UUIDField()

    def to_internal_value(self, data: Any) -> list[Any]:
        """Looks at the number first: an error for each of a million would be a long answer."""
        if isinstance(data, list) and len(data) > MAX_IDS:
            raise serializers.ValidationError(f"At most {MAX_IDS} at once.", code="max_length")
        return super().to_internal_value(data)


class ImageFilterSerializer(serializers.Serializer[Any]):
    """The parameters of the list of pictures. `{}` means all pictures outside the trash.

    null is refused: what somebody meant to narrow must not mean everything.
    """

    status = serializers.ChoiceField(required=False, choices=Status.choices)
    tag = serializers.CharField(required=False, max_length=MAX_TAG_SENT)
    engine = serializers.CharField(required=False)
    favourite = serializers.BooleanField(required=False)
    needs_look = serializers.BooleanField(
        required=False, help_text="Whether somebody should look at the cutout that is shown."
    )
    search = serializers.CharField(required=False, max_length=MAX_SEARCH_LENGTH)
    batch = serializers.UUIDField(required=False)
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    trash = serializers.BooleanField(required=False, help_text="Those in the trash instead.")

    def to_internal_value(self, data: Any) -> Any:
        """A mistyped name must not mean everything."""
        unknown = data.keys() - self.fields.keys() if isinstance(data, dict) else ()
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError(f"There are only {known}.", code="unknown_filter")
        return super().to_internal_value(data)


class ChoiceSerializer(NullIsLeftOut):
    """Which pictures: either `ids` or `filter`."""

    ids = IdsField(required=False, help_text=f"At most {MAX_IDS}; unknown ones match nothing.")
    filter = ImageFilterSerializer(
        required=False,
        help_text="As in the list of pictures. `{}` means all your pictures outside the trash.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "ids" not in attrs and "filter" not in attrs:
            raise serializers.ValidationError({"ids": ONE_CHOICE}, code="required")
        if "ids" in attrs and "filter" in attrs:
            raise serializers.ValidationError({"filter": ONE_CHOICE}, code="only_one")
        return attrs


class ArchiveSerializer(ChoiceSerializer):
    """Beside these, parameters of renditions."""

    names = serializers.CharField(
        required=False, allow_blank=True, help_text="How files are called; `{name}` by default."
    )


class BulkSerializer(ChoiceSerializer, ExtractionParameters):
    action = serializers.ChoiceField(choices=BULK_ACTIONS)
    tags = TagsField(required=False, help_text="For `tag` and `untag`.")
    after = serializers.CharField(
        required=False, help_text="`next` of an answer that left pictures remaining."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["action"] in {"tag", "untag"} and not attrs.get("tags"):
            raise serializers.ValidationError({"tags": "Say which tags."}, code="required")
        return super().validate(attrs)


class BulkResultSerializer(serializers.Serializer[Any]):
    matched = serializers.IntegerField(help_text="Pictures that were chosen.")
    changed = serializers.IntegerField(help_text="Those on which it had an effect.")
    refused = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many were refused, by error code."
    )
    remaining = serializers.IntegerField(help_text="Those it has not come to in its time.")
    next = serializers.CharField(
        allow_null=True, help_text="Send the same again with this as `after` to go on."
    )


class FeedbackSerializer(NullIsLeftOut):
    rating = serializers.ChoiceField(choices=Cutout.Rating.choices)
    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=MAX_REASON_LENGTH
    )


class EngineSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField()
    licence = serializers.CharField()
    size_mb = serializers.FloatField()
    speed = serializers.ChoiceField(
        choices=["fast", "medium", "slow"],
        help_text="Slow ones have a slot of their own and take up to five minutes a picture.",
    )
    good_at = serializers.CharField()
    commercial_use = serializers.BooleanField(
        help_text="False where the licence forbids it or leaves it unclear."
    )
    on_demand = serializers.BooleanField(
        help_text="Available once the administrator has fetched it."
    )
    sends_away = serializers.BooleanField(help_text="Pictures are sent to another server.")
    available = serializers.BooleanField()
    problem = serializers.CharField(allow_null=True, help_text="Why it is not available.")
    default = serializers.BooleanField()


class UsageSerializer(serializers.Serializer[Any]):
    images = serializers.IntegerField()
    bytes = serializers.IntegerField()
    cutouts_this_month = serializers.IntegerField()


class LimitsSerializer(serializers.Serializer[Any]):
    max_upload_bytes = serializers.IntegerField()
    max_pixels = serializers.IntegerField()
    formats = serializers.ListField(child=serializers.CharField())
    images = serializers.IntegerField(allow_null=True, help_text="Pictures kept; null: no limit.")
    bytes = serializers.IntegerField(allow_null=True, help_text="Of originals; null: no limit.")
    cutouts_per_month = serializers.IntegerField(allow_null=True, help_text="null: no limit.")


class AccountSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField()
    usage = UsageSerializer()
    limits = LimitsSerializer()


class LinkRequestSerializer(NullIsLeftOut):
    expires_in = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=10 * 365 * 24 * 60 * 60,
        help_text="Seconds until the address ends, at most ten years; 0: never. Without it, the "
        "days of the server's setting SHARE_DAYS.",
    )


class LinkSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    spec = serializers.CharField(help_text="Parameters of the rendition, in canonical order.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class NewLinkSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.URLField(help_text="Shown now and never again.")
    expires_at = serializers.DateTimeField(allow_null=True)
