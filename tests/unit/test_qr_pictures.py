"""Pairing tokens out of pictures of QR codes, drawn by zxing's own writer."""

import sys
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from droidrack.adapters.qr_pictures import picture_tokens
from droidrack.core.errors import ConfigError


def code(text: str, scale: int = 4) -> Image.Image:
    """A QR code as a picture, with its white border."""
    drawn = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=scale)
    return Image.fromarray(drawn).convert("RGB")


def save(image: Image.Image, path: Path) -> Path:
    """The picture as a file of the operator's own."""
    image.save(path)
    path.chmod(0o600)
    return path


def tokens(*paths: Path) -> list[str]:
    """What the pictures give."""
    return [seen.token.reveal() for seen in picture_tokens(paths)]


def mistakes(*paths: Path) -> tuple[str, ...]:
    """What is said about pictures that must be refused."""
    with pytest.raises(ConfigError) as caught:
        picture_tokens(paths)
    return caught.value.mistakes


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif"])
def test_pictures_one_code_in_each_usual_format(tmp_path: Path, suffix: str) -> None:
    """What a browser or a phone saves is read."""
    assert ["ATKN-0042-aaaa"] == tokens(save(code("ATKN-0042-aaaa"), tmp_path / f"bay-1.{suffix}"))


def test_pictures_screenshot_with_several_codes(tmp_path: Path) -> None:
    """A screenshot of the panel's page gives every code, from the top down and left to right."""
    page = Image.new("RGB", (1280, 900), (245, 245, 248))
    for index in range(6):
        page.paste(code(f"ATKN-{index:04}"), (60 + 400 * (index % 3), 80 + 400 * (index // 3)))
    assert [f"ATKN-{index:04}" for index in range(6)] == tokens(save(page, tmp_path / "page.png"))


def test_pictures_code_on_a_transparent_background(tmp_path: Path) -> None:
    """Where the picture is clear the page behind it is white."""
    drawn = code("ATKN-clear").convert("RGBA")
    clear = [(r, g, b, 0 if r > 128 else 255) for r, g, b, _ in drawn.get_flattened_data()]
    drawn.putdata(clear)
    assert ["ATKN-clear"] == tokens(save(drawn, tmp_path / "clear.png"))


def test_pictures_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    """Sorted by name, other files passed over, a repeated code given once."""
    for name, text in (("b.png", "ATKN-0002"), ("a.PNG", "ATKN-0001"), ("c.png", "ATKN-0001")):
        save(code(text), tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    seen = picture_tokens([tmp_path])
    assert [("a", "ATKN-0001"), ("b", "ATKN-0002")] == [
        (found.picture.stem, found.token.reveal()) for found in seen
    ]


def test_pictures_mistakes_are_told_all_at_once_without_their_content(tmp_path: Path) -> None:
    """Each picture that gives nothing is named; what its code says is not."""
    shared = save(code("ATKN-9999"), tmp_path / "1.png")
    shared.chmod(0o644)
    save(Image.new("RGB", (200, 200), "white"), tmp_path / "2.png")
    save(code("https://secret.example.com/x"), tmp_path / "3.png")
    (tmp_path / "4.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "4.png").chmod(0o600)
    told = mistakes(tmp_path, tmp_path / "none.png")
    for sentence, name, reason in zip(
        told,
        ("1.png", "2.png", "3.png", "4.png", "none.png"),
        ("chmod 600", "no QR code", "no pairing token", "no picture", "no such file"),
        strict=True,
    ):
        assert name in sentence
        assert reason in sentence
    assert "secret" not in "".join(told)


def test_pictures_empty_folder_is_told(tmp_path: Path) -> None:
    """A folder without pictures pairs nobody in silence."""
    assert ("no picture",) == tuple(told[:10] for told in mistakes(tmp_path))


def test_pictures_without_the_decoder_point_to_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoder is optional; where it is missing the sentence names it and the other way."""
    monkeypatch.setitem(sys.modules, "zxingcpp", None)
    (told,) = mistakes(save(code("ATKN-0001"), tmp_path / "a.png"))
    assert "zxing-cpp" in told
    assert "--csv" in told
