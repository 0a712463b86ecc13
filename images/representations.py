"""What pictures and cutouts look like to programs."""

from typing import Any
from urllib.parse import parse_qsl

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from images.models import Cutout, Image, Tag
from processing.edges import REASONS
from processing.spec import THUMBNAIL


class _Absolute(serializers.Serializer[Any]):
    """Addresses are absolute when the request is known, as it is in the API."""

    def address(self, name: str, pk: Any, query: str = "") -> str:
        path = reverse(name, args=[pk]) + query
        request = self.context.get("request")
        return request.build_absolute_uri(path) if request else path


class CutoutSerializer(_Absolute, serializers.ModelSerializer[Cutout]):
    refine_edges = serializers.SerializerMethodField()
    bbox = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="Left, top, right, bottom of the subject, in pixels of the upright original.",
    )
    coverage = serializers.FloatField(
        allow_null=True, help_text="Share of the picture that the subject covers, 0 to 1."
    )
    confidence = serializers.FloatField(
        allow_null=True, help_text="How sure the engine is, 0 to 1; null where it was a person."
    )
    needs_look = serializers.BooleanField(
        help_text="The engine is so unsure that somebody should look, and nobody has judged it yet."
    )
    refinement = serializers.CharField(
        help_text="What became of the edges, where refining them was asked for; else blank. "
        + " ".join(f"`{reason}`: {sentence}" for reason, sentence in REASONS.items())
    )
    answered_by = serializers.CharField(
        help_text="The engine whose matte it is, where the one asked for asks others; else blank."
    )
    rating = serializers.ChoiceField(
        choices=Cutout.Rating.choices, allow_blank=True, help_text="Blank: nobody has judged it."
    )
    duration_ms = serializers.IntegerField(allow_null=True)
    timings = serializers.DictField(
        child=serializers.FloatField(), help_text="Milliseconds per stage."
    )
    matte_url = serializers.SerializerMethodField()
    edges_url = serializers.SerializerMethodField()
    preview_url = serializers.SerializerMethodField()
    rendition_url = serializers.SerializerMethodField()

    class Meta:
        model = Cutout
        fields = [
            "id",
            "image",
            "engine",
            "refine_edges",
            "refinement",
            "kind",
            "parent",
            "status",
            "error_code",
            "error_message",
            "confidence",
            "needs_look",
            "answered_by",
            "rating",
            "rating_reason",
            "bbox",
            "coverage",
            "duration_ms",
            "timings",
            "created_at",
            "started_at",
            "finished_at",
            "matte_url",
            "edges_url",
            "preview_url",
            "rendition_url",
        ]
        read_only_fields = fields

    def get_refine_edges(self, cutout: Cutout) -> str:
        # Not parsed as a spec: old rows may name what is no longer in the catalog.
        return dict(parse_qsl(cutout.extract_spec)).get("refine_edges", "off")

    def get_matte_url(self, cutout: Cutout) -> str | None:
        return self.address("api:cutout-matte", cutout.pk) if cutout.matte else None

    def get_edges_url(self, cutout: Cutout) -> str | None:
        return self.address("api:cutout-edges", cutout.pk) if cutout.edges else None

    def get_preview_url(self, cutout: Cutout) -> str:
        return self.address("api:image-preview", cutout.image_id)

    def get_rendition_url(self, cutout: Cutout) -> str | None:
        return self.address("api:cutout-rendition", cutout.pk) if cutout.matte else None


class ImageSerializer(_Absolute, serializers.ModelSerializer[Image]):
    original_url = serializers.SerializerMethodField()
    preview_url = serializers.SerializerMethodField()
    thumbnail_url = serializers.SerializerMethodField()
    cutout = serializers.SerializerMethodField(
        help_text="The newest finished cutout, or the newest while none is finished."
    )
    latest_cutout = serializers.PrimaryKeyRelatedField[Cutout](read_only=True)
    tags = serializers.SlugRelatedField[Tag](slug_field="name", many=True, read_only=True)

    class Meta:
        model = Image
        fields = [
            "id",
            "title",
            "original_name",
            "content_type",
            "width",
            "height",
            "byte_size",
            "sha256",
            "tags",
            "favourite",
            "batch",
            "created_at",
            "deleted_at",
            "original_deleted_at",
            "original_url",
            "preview_url",
            "thumbnail_url",
            "cutout",
            "latest_cutout",
        ]
        read_only_fields = fields

    def get_original_url(self, image: Image) -> str | None:
        """null once retention has taken it."""
        return None if image.original_deleted_at else self.address("api:image-original", image.pk)

    def get_preview_url(self, image: Image) -> str | None:
        return None if image.original_deleted_at else self.address("api:image-preview", image.pk)

    def get_thumbnail_url(self, image: Image) -> str | None:
        if image.current_cutout_id is None:
            return None
        return self.address("api:cutout-rendition", image.current_cutout_id, f"?{THUMBNAIL}")

    @extend_schema_field(CutoutSerializer(allow_null=True))
    def get_cutout(self, image: Image) -> dict[str, Any] | None:
        cutout = image.shown_cutout
        return CutoutSerializer(cutout, context=self.context).data if cutout else None
