"""Every sample of the corpus decodes to what its JSON file expects."""

import json
from pathlib import Path

import pytest

from droidrack.core.decode import FAMILIES, decode

CORPUS = Path(__file__).parents[2] / "corpus"
SAMPLES = sorted(
    path for family in FAMILIES for path in (CORPUS / family).glob("*.json") if path.is_file()
)


def differences(expected: object, seen: object, path: str = "") -> list[str]:
    """Where `seen` is not what is expected; keys that are not expected are not looked at."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        return [
            line
            for key, value in expected.items()
            for line in (
                differences(value, seen[key], f"{path}.{key}")
                if key in seen
                else [f"{path}.{key}: missing, expected {value!r}"]
            )
        ]
    if isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        return [
            line
            for index, (left, right) in enumerate(zip(expected, seen, strict=True))
            for line in differences(left, right, f"{path}[{index}]")
        ]
    same = expected == seen and isinstance(expected, bool) == isinstance(seen, bool)
    return [] if same else [f"{path}: expected {expected!r}, seen {seen!r}"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_decode_corpus_sample_gives_every_expected_key(sample: Path) -> None:
    """A captured output means what a person read in it."""
    expected = json.loads(sample.read_text(encoding="utf-8"))["expected"]
    text = sample.with_suffix(".txt").read_bytes().decode("utf-8")
    seen = json.loads(json.dumps(decode(sample.parent.name, text)))
    assert [] == differences(expected, seen)


def test_corpus_families_all_have_samples() -> None:
    """A family without a sample would pass the golden test without testing anything."""
    assert set(FAMILIES) == {path.parent.name for path in SAMPLES}
