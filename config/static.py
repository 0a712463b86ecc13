"""Static files with hashed names, so that browsers may keep them for ever."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """Also rewrites the imports in our own ES modules, and only there: the pattern would trip over
    comments in other people's scripts. A static import must end with `;` on its line."""

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "js/*.js",
            (
                (
                    r"""(?P<matched>^(?P<import>import(?s:(?P<names>[\s\{].*?|\*\s*as\s*\w+))\s*from\s*["'])(?P<url>[./].*?)["']\s*;)""",
                    """%(import)s%(url)s";""",
                ),
            ),
        ),
    )
