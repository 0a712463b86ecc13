from . import cutouts, pictures  # noqa: F401 - registered by being imported
