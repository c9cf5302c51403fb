"""Fuzz the parsers of phone output; see `scripts/fuzz`.

Two engines: a mutation fuzzer over the corpus, which needs nothing but the standard library, and
atheris (libFuzzer), which follows coverage. Both are bounded by time, both fail on anything but
`ParseError`, on an answer that is not JSON, and on an input that takes longer than its limit.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from droidrack.core.decode import FAMILIES, decode  # noqa: E402  the path is set above
from droidrack.core.errors import ParseError  # noqa: E402
from droidrack.core.parse.radio_log import parse_radio_line  # noqa: E402

CORPUS = ROOT / "tests" / "corpus"
INPUT_LIMIT = 65536
"""Bytes of a mutated input: eight of the largest samples."""

SLOW_S = 5.0
"""A parser that needs this long for 64 KiB hangs on a hostile phone."""

RADIO = "radio_log"
TOKENS = tuple(
    token.encode()
    for token in (
        "Phone Id=1\n", "mServiceState=", "mSignalStrength=SignalStrength:", "mLte=", "primary=",
        "CellSignalStrengthLte:", "2147483647", "-1", "99", "null", "****", "\r\n", "\n", ", ", "=",
        "{", "}", "[", "]", "'", "')", "Result: Parcel(", "Error: 0x", "Row: 0 ", "Row: 1 ", "NULL",
        ", body=", ", type=", "displayName=", " carrierName=", "{id=1, ", "subIds=0=[1]", "\t",
        "no permissions (", "transport_id:", "]: [", " gsm|lte", " cdma", " false gw|lte",
        "mNetworkRegistrationInfos=[", "NetworkRegistrationInfo{", "rRplmn=", "local logs:",
        "> SEND_SMS", "< SEND_SMS error ", "\x00",
    )
)  # fmt: skip
RADIO_SEEDS = (
    b"03-04 05:06:07.890  1234  1250 D RILJ    : [0123]> SEND_SMS [PHONE0]",
    b"03-04 05:06:07.890  1234  1250 D RILJ    : [0123]< SEND_SMS { mMessageRef = 7, "
    b"mErrorCode = -1, mAckPdu = null } [SUB1]",
    b"03-04 05:06:07.890  1234  1250 D SMSDispatcher: Persist SMS into SENT {x-message-id:42}",
    b"03-04 05:06:07.890  1234  1250 E ImsSmsDispatcher [0]: onSendSmsResult token=3 messageRef=9"
    b" status=1 reason=0",
)

Target = Callable[[str], object]


def main() -> int:
    """Run one engine; 0: nothing but ParseError was seen."""
    parser = argparse.ArgumentParser(description="Fuzz the parsers of phone output.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default 60)")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run")
    parser.add_argument("--family", choices=[*FAMILIES, RADIO], help="one parser only")
    parser.add_argument("--atheris", action="store_true", help="coverage-guided")
    chosen = parser.parse_args()
    families = [chosen.family] if chosen.family else [*FAMILIES, RADIO]
    if chosen.atheris:
        return guided(families, chosen.seconds)
    return mutated(families, chosen.seconds, chosen.seed)


def seeds(family: str) -> list[bytes]:
    """The samples a family starts from."""
    if family == RADIO:
        return list(RADIO_SEEDS)
    return [path.read_bytes() for path in sorted((CORPUS / family).glob("*.txt"))]


def probe(family: str, raw: bytes) -> None:
    """Parse one input as the program would. Anything but a ParseError comes through."""
    text = raw.decode("utf-8", "replace")
    started = time.monotonic()
    if family == RADIO:
        parse_radio_line(text)
    else:
        with contextlib.suppress(ParseError):
            json.dumps(decode(family, text))
    taken_s = time.monotonic() - started
    if taken_s > SLOW_S:
        raise TimeoutError(f"{family}: {taken_s:.1f} s for {len(raw)} bytes")


# --- Mutations of the corpus ---------------------------------------------------------------------


def mutated(families: list[str], seconds: float, seed: int | None) -> int:
    """Mutate samples until the time is over."""
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    dice = random.Random(seed)  # noqa: S311  a repeatable run, no secret
    starts = {family: seeds(family) for family in families}
    end = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < end:
        family = dice.choice(families)
        raw = mutation(dice, starts[family])
        try:
            probe(family, raw)
        except BaseException:  # noqa: BLE001  whatever it is, it is the find
            return found(family, raw, seed)
        runs += 1
    print(f"fuzz: {runs} inputs in {seconds:.0f} s, seed {seed}: nothing but ParseError")
    return 0


def mutation(dice: random.Random, samples: list[bytes]) -> bytes:
    """A sample after one to eight accidents."""
    raw = bytearray(dice.choice(samples))
    for _ in range(dice.randint(1, 8)):
        accident = dice.choice(ACCIDENTS)
        raw = accident(dice, raw, samples)[:INPUT_LIMIT]
    return bytes(raw)


def _span(dice: random.Random, raw: bytearray) -> tuple[int, int]:
    start = dice.randint(0, len(raw))
    return start, min(len(raw), start + dice.choice((1, 2, 8, 64, 512)))


def _cut(dice: random.Random, raw: bytearray, _samples: list[bytes]) -> bytearray:
    start, end = _span(dice, raw)
    return raw[:start] + raw[end:]


def _truncate(dice: random.Random, raw: bytearray, _samples: list[bytes]) -> bytearray:
    return raw[: dice.randint(0, len(raw))]


def _repeat(dice: random.Random, raw: bytearray, _samples: list[bytes]) -> bytearray:
    start, end = _span(dice, raw)
    return raw[:end] + raw[start:end] * dice.choice((1, 2, 50, 500)) + raw[end:]


def _flip(dice: random.Random, raw: bytearray, _samples: list[bytes]) -> bytearray:
    if raw:
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    return raw


def _token(dice: random.Random, raw: bytearray, _samples: list[bytes]) -> bytearray:
    at = dice.randint(0, len(raw))
    return raw[:at] + dice.choice(TOKENS) * dice.choice((1, 1, 1, 3, 300)) + raw[at:]


def _splice(dice: random.Random, raw: bytearray, samples: list[bytes]) -> bytearray:
    other = dice.choice(samples)
    return raw[: dice.randint(0, len(raw))] + other[dice.randint(0, len(other)) :]


def _lines(dice: random.Random, raw: bytearray, _samples: list[bytes]) -> bytearray:
    lines = bytes(raw).split(b"\n")
    lines[dice.randrange(len(lines))] = dice.choice(lines)
    return bytearray(b"\n".join(lines))


ACCIDENTS = (_cut, _truncate, _repeat, _flip, _token, _splice, _lines)


def found(family: str, raw: bytes, seed: int) -> int:
    """Keep the input that broke a parser and say how to see it again."""
    path = Path(f"fuzz-{family}.txt").resolve()
    path.write_bytes(raw)
    traceback.print_exc()
    print(f"fuzz: {family} broke (seed {seed}); the input is in {path}")
    return 1


# --- Guided by coverage --------------------------------------------------------------------------


def guided(families: list[str], seconds: float) -> int:
    """Hand over to libFuzzer; the first byte of an input chooses the parser."""
    try:
        import atheris  # noqa: PLC0415  an optional tool
    except ImportError:
        print("fuzz: atheris is not installed; `.venv/bin/pip install -e .[fuzz]`")
        return 2
    folder = Path(tempfile.mkdtemp(prefix="droidrack-fuzz-"))
    for index, family in enumerate(families):
        for number, raw in enumerate(seeds(family)):
            (folder / f"seed-{family}-{number}").write_bytes(bytes([index]) + raw)

    def one_input(raw: bytes) -> None:
        if raw:
            probe(families[raw[0] % len(families)], raw[1:])

    atheris.instrument_all()
    options = [
        sys.argv[0],
        str(folder),
        f"-max_total_time={int(seconds)}",
        f"-max_len={INPUT_LIMIT}",
        f"-timeout={int(SLOW_S)}",
    ]
    atheris.Setup(options, one_input)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
