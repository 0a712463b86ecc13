"""What kind of file the first bytes say it is: the name and the declared type never count."""

import re
from typing import NamedTuple

HEAD_BYTES = 512


class PictureFormat(NamedTuple):
    """One format we read: our name, Pillow's name, media type and usual extension."""

    name: str
    pillow: str
    content_type: str
    extension: str


FORMATS = {
    row.name: row
    for row in (
        PictureFormat("jpeg", "JPEG", "image/jpeg", "jpg"),
        PictureFormat("png", "PNG", "image/png", "png"),
        PictureFormat("webp", "WEBP", "image/webp", "webp"),
        PictureFormat("avif", "AVIF", "image/avif", "avif"),
        PictureFormat("heic", "HEIF", "image/heic", "heic"),
        PictureFormat("tiff", "TIFF", "image/tiff", "tif"),
        PictureFormat("gif", "GIF", "image/gif", "gif"),
        PictureFormat("bmp", "BMP", "image/bmp", "bmp"),
    )
}

_SUPPORTED = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
)

# ISO media files (ftyp box): brand -> our format, or the name of what it is.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "heic"),
}
_BMP_EMBEDDED = {b"\4\0\0\0": "JPEG", b"\5\0\0\0": "PNG"}  # its field "compression"
_GENERIC_BRANDS = (b"mif1", b"msf1", b"mif2")

# Offset, magic, and the name that a refusal gives. Order matters only within one offset.
_REFUSED = (
    (0, b"8BPS", "Photoshop (PSD)"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript (EPS)"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript (EPS)"),
    (0, b"\0\0\1\0", "Windows icon (ICO)"),
    (0, b"\0\0\2\0\0\0\0\0", "TGA"),
    (0, b"\0\0\3\0\0\0\0\0", "TGA"),
    (0, b"\0\0\x0a\0\0\0\0\0", "TGA"),
    (0, b"\0\0\x0b\0\0\0\0\0", "TGA"),
    (0, b"\0\0\2\0", "Windows cursor (CUR)"),
    (0, b"icns", "Apple icon (ICNS)"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"DDS ", "DirectDraw surface (DDS)"),
    (0, b"BLP1", "BLP"),
    (0, b"BLP2", "BLP"),
    (0, b"FTEX", "FTEX"),
    (0, b"FTC\0", "FTEX"),
    (0, b"qoif", "QOI"),
    (0, b"\x0a\x00\x01", "PCX"),
    (0, b"\x0a\x02\x01", "PCX"),
    (0, b"\x0a\x03\x01", "PCX"),
    (0, b"\x0a\x05\x01", "PCX"),
    (0, b"\xb1\x68\xde\x3a", "PCX (DCX)"),
    (0, b"\x01\xda", "SGI"),
    (0, b"\x59\xa6\x6a\x95", "Sun raster"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"GRIB", "GRIB"),
    (0, b"BUFR", "BUFR"),
    (0, b"\xd7\xcd\xc6\x9a", "Windows metafile (WMF)"),
    (40, b" EMF", "Windows metafile (EMF)"),
    (0, b"/* XPM */", "XPM"),
    (0, b"#define ", "XBM"),
    (4, b"\x11\xaf", "FLI animation"),
    (4, b"\x12\xaf", "FLC animation"),
    (0, b"DanM", "Microsoft Paint (MSP)"),
    (0, b"LinS", "Microsoft Paint (MSP)"),
    (20, b"GIMP", "GIMP brush"),
    (0, b"gimp xcf", "GIMP (XCF)"),
    (0, b"Image type:", "IM"),
    (0, b"v/1\1", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (8, b"WEBP", "WebP of an unknown kind"),
    (8, b"AVI ", "AVI video"),
    (8, b"WAVE", "WAVE audio"),
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (0, b"PK\3\4", "ZIP archive"),
    (0, b"Rar!", "RAR archive"),
    (0, b"7z\xbc\xaf", "7-Zip archive"),
    (0, b"\x1f\x8b", "gzip archive"),
    (0, b"FUJIFILMCCD-RAW", "camera raw"),
    (0, b"IIRO", "camera raw"),
    (0, b"IIU\0", "camera raw"),
    (0, b"ID3", "MP3 audio"),
)
_PNM = re.compile(rb"P[1-7FfyP0]\s")
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(\?xml|!doctype|svg|html|!--)", re.IGNORECASE)


class Sniffed(NamedTuple):
    """Either ``format`` (we read it) or ``refused`` (a name for people) is set, or neither."""

    format: PictureFormat | None = None
    refused: str | None = None


def sniff(head: bytes) -> Sniffed:
    """Tell a file's format from its first ``HEAD_BYTES`` bytes (fewer if it is shorter)."""
    for magic, name in _SUPPORTED:
        if head.startswith(magic):
            if name == "tiff" and head[8:10] == b"CR":
                return Sniffed(refused="camera raw (CR2)")
            return Sniffed(FORMATS[name])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and head[12:15] == b"VP8":
        return Sniffed(FORMATS["webp"])
    if head[4:8] == b"ftyp":
        return _sniff_iso_media(head)
    if _is_bmp(head):
        if head[30:34] in _BMP_EMBEDDED and head[14] >= 40:
            return Sniffed(refused=f"BMP with an embedded {_BMP_EMBEDDED[head[30:34]]}")
        return Sniffed(FORMATS["bmp"])
    return Sniffed(refused=_refused_name(head))


def _is_bmp(head: bytes) -> bool:
    # "BM" alone begins many a text; the size of the second header tells.
    return head[:2] == b"BM" and head[14:18] in {
        size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)
    }


def _sniff_iso_media(head: bytes) -> Sniffed:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, end - 3, 4))]
    for brand in brands:
        if brand in _BRANDS:
            return Sniffed(FORMATS[_BRANDS[brand]])
    if brands[0] in _GENERIC_BRANDS:
        return Sniffed(FORMATS["heic"])
    if brands[0] == b"crx ":
        return Sniffed(refused="camera raw (CR3)")
    return Sniffed(refused="video (MP4 or QuickTime)")


def _refused_name(head: bytes) -> str | None:
    for offset, magic, name in _REFUSED:
        if head[offset : offset + len(magic)] == magic:
            return name
    if _PNM.match(head):
        return "PNM"
    if _MARKUP.match(head):
        return "SVG" if b"<svg" in head.lower() else "HTML or XML"
    return None
