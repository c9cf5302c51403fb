"""Reads the panel's QR codes from pictures: files, folders, a screenshot with several codes.

The decoder is zxing-cpp (optional: `pip install "droidrack[qr]"`); Pillow, which adbutils brings,
opens the pictures. Both are imported when the first picture is read.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from droidrack.adapters.token_files import read_unshared
from droidrack.core.errors import ConfigError
from droidrack.core.ids import Token
from droidrack.core.token_list import token_of_code

if TYPE_CHECKING:
    from PIL.Image import Image
    from zxingcpp import Barcode

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
"""What is looked for in a folder; a file that is named itself may be called anything."""

PICTURE_LIMIT_BYTES = 32 * 1024 * 1024
PICTURE_LIMIT_PIXELS = 80_000_000
"""Twice a screenshot of two 8K screens; below the size at which Pillow suspects an attack."""

PICTURES_MAX = 2000


@dataclass(frozen=True, slots=True)
class PictureToken:
    """A pairing token and the picture that showed it."""

    picture: Path
    token: Token


def picture_tokens(paths: Iterable[Path]) -> tuple[PictureToken, ...]:
    """The tokens of all pictures, in the order of the pictures, each once.

    Raises:
        ConfigError: every picture that is absent, open to other users, no picture or without a
            code, and every code without a token; or the decoder is not installed.
    """
    found: dict[Token, PictureToken] = {}
    mistakes: list[str] = []
    for picture in _pictures(paths):
        try:
            for token in _tokens(picture):
                found.setdefault(token, PictureToken(picture, token))
        except ConfigError as error:
            hint = f" ({error.hint})" if error.hint else ""
            mistakes.append(f"{error.message}{hint}")
    if not mistakes and not found:
        mistakes.append(f"no picture ({', '.join(sorted(SUFFIXES))}) is there")
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise ConfigError(
            f"QR pictures: {count}",
            mistakes=tuple(mistakes),
            hint="show the code whole and sharp, with its white border, in PNG or JPEG",
        )
    return tuple(found.values())


def _pictures(paths: Iterable[Path]) -> list[Path]:
    pictures: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
            pictures += sorted(inside)
        else:
            pictures.append(path)
    if len(pictures) > PICTURES_MAX:
        raise ConfigError(f"{len(pictures)} pictures, more than {PICTURES_MAX}: the right folder?")
    return pictures


def _tokens(picture: Path) -> Iterator[Token]:
    content = read_unshared(picture, str(picture), PICTURE_LIMIT_BYTES + 1)
    if content is None:
        raise ConfigError(f"{picture}: no such file")
    if len(content) > PICTURE_LIMIT_BYTES:
        raise ConfigError(f"{picture}: larger than {PICTURE_LIMIT_BYTES} bytes")
    codes = _codes(_opened(picture, content))
    if not codes:
        raise ConfigError(f"{picture}: no QR code seen in it")
    for number, code in enumerate(codes, start=1):
        token = token_of_code(code)
        if token is None:
            raise ConfigError(
                f"{picture}: code {number} of {len(codes)} holds no pairing token (not shown)"
            )
        yield token


def _opened(picture: Path, content: bytes) -> "Image":
    from PIL import Image  # noqa: PLC0415 - see the module's text

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > PICTURE_LIMIT_PIXELS:
                raise ConfigError(f"{picture}: {image.width} × {image.height} pixels are too many")
            return image.convert("RGBA")
    # Pillow's errors: UnidentifiedImageError is an OSError; damaged files raise the others too.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise ConfigError(f"{picture}: no picture that can be read") from exc


def _codes(image: "Image") -> list[str]:
    try:
        import zxingcpp  # noqa: PLC0415 - see the module's text
    except ImportError as exc:
        raise ConfigError(
            "QR pictures need the decoder zxing-cpp, which is not installed",
            hint='pip install "droidrack[qr]", or give the tokens as a CSV file with --csv',
        ) from exc
    from PIL import Image  # noqa: PLC0415 - see the module's text

    # A transparent background is white on the panel's page, and black to a decoder.
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image)
    kinds = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
    found = zxingcpp.read_barcodes(page.convert("L"), formats=kinds)
    return [code.text for code in sorted(found, key=_place)]


def _place(code: "Barcode") -> tuple[int, int]:
    """From the top of the picture down, then from the left."""
    corner = code.position.top_left
    return corner.y, corner.x
