from . import cutouts, pictures, queue  # noqa: F401 - registered by being imported
