"""Metrics for Prometheus: one page on a port of its own, on loopback.

Everything comes from the same picture as `droidrack status`, taken when the page is asked for, so
that nothing is counted twice and an unread value is absent rather than zero. Labels are the
operator's names of phones, slots and closed lists of words: no number, no serial, no card.
docs/metrics.md lists the families of this table.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from droidrack.core.errors import ConfigError

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Answer = Mapping[str, Any]
Sample = tuple[tuple[str, ...], float]

REQUEST_LIMIT = 16 * 1024
REQUEST_S = 10.0


class Desk(Protocol):
    """Who knows how the rack is."""

    async def status(self) -> Answer:
        """The picture of `droidrack status`."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name, what it says, its labels, and its samples in a picture."""

    name: str
    kind: str  # "gauge" or "counter"
    text: str
    labels: tuple[str, ...]
    samples: Callable[[Answer], Iterable[Sample]]


def _seconds(iso: str | None) -> float | None:
    return datetime.fromisoformat(iso).timestamp() if iso else None


def _age(answer: Answer, iso: str | None) -> float | None:
    return None if iso is None else (_seconds(answer["now"]) or 0.0) - (_seconds(iso) or 0.0)


def _phones(
    name: str, text: str, value: Callable[[Answer], float | None], kind: str = "gauge"
) -> Family:
    """A family with one value per phone."""

    def samples(answer: Answer) -> Iterator[Sample]:
        for phone in answer["phones"]:
            if (found := value(phone)) is not None:
                yield (phone["phone"],), float(found)

    return Family(name, kind, text, ("phone",), samples)


def _vital(key: str, scale: float = 1.0) -> Callable[[Answer], float | None]:
    def value(phone: Answer) -> float | None:
        found = (phone["vitals"] or {}).get(key)
        return None if found is None else found * scale

    return value


def _aged(name: str, text: str, key: str) -> Family:
    def samples(answer: Answer) -> Iterator[Sample]:
        for phone in answer["phones"]:
            if (age_s := _age(answer, phone["queue"][key])) is not None:
                yield (phone["phone"],), age_s

    return Family(name, "gauge", text, ("phone",), samples)


def _sims(name: str, text: str, value: Callable[[Answer], float | bool | None]) -> Family:
    """A family with one value per SIM that is there."""

    def samples(answer: Answer) -> Iterator[Sample]:
        for phone in answer["phones"]:
            for sim in phone["sims"]:
                found = value(sim)
                if sim["state"] not in (None, "ABSENT") and found is not None:
                    yield (phone["phone"], str(sim["slot"])), float(found)

    return Family(name, "gauge", text, ("phone", "slot"), samples)


def _outcomes(answer: Answer) -> Iterator[Sample]:
    for phone in answer["phones"]:
        for outcome in ("sent", "failed", "unknown"):
            yield (phone["phone"], outcome), float(phone["work"][outcome])


def _alarms(answer: Answer) -> Iterator[Sample]:
    for phone in answer["phones"]:
        for alarm in phone["alarms"]:
            slot = "" if alarm["slot"] is None else str(alarm["slot"])
            yield (phone["phone"], alarm["kind"], alarm["severity"], slot), 1.0


def _repairs(answer: Answer) -> Iterator[Sample]:
    for phone in answer["phones"]:
        if repair := phone["repair"]:
            stage = "given up" if repair["given_up"] else "trying"
            yield (phone["phone"], repair["ailment"], stage), 1.0


FAMILIES: tuple[Family, ...] = (
    Family(
        "droidrack_info",
        "gauge",
        "Always 1; the label tells the version.",
        ("version",),
        lambda answer: [((answer["version"],), 1.0)],
    ),
    Family(
        "droidrack_start_time_seconds",
        "gauge",
        "When the controller started, in seconds since 1970.",
        (),
        lambda answer: [((), _seconds(answer["since"]) or 0.0)],
    ),
    Family(
        "droidrack_phone_state",
        "gauge",
        "1 for the state a phone is in; other states have no sample.",
        ("phone", "state"),
        lambda answer: [((p["phone"], p["state"]), 1.0) for p in answer["phones"]],
    ),
    _phones(
        "droidrack_phone_state_since_seconds",
        "When the phone came into its state, in seconds since 1970.",
        lambda phone: _seconds(phone["since"]),
    ),
    Family(
        "droidrack_alarm",
        "gauge",
        "1 for each alarm that rings; `slot` is empty where it concerns the whole phone.",
        ("phone", "kind", "severity", "slot"),
        _alarms,
    ),
    Family(
        "droidrack_repair",
        "gauge",
        "1 for each phone that is not well; `stage` is `trying` or `given up`: for a person.",
        ("phone", "ailment", "stage"),
        _repairs,
    ),
    Family(
        "droidrack_hub_lost_phones",
        "gauge",
        "Phones that left together with their hub; `hub` is its label and USB path.",
        ("hub",),
        lambda answer: [((hub["hub"],), len(hub["phones"])) for hub in answer["hubs_lost"]],
    ),
    Family(
        "droidrack_adb_server_lost_phones",
        "gauge",
        "Phones of which nothing is known because their adb server does not answer.",
        ("server",),
        lambda answer: [
            ((lost["server"],), len(lost["phones"])) for lost in answer["servers_lost"]
        ],
    ),
    Family(
        "droidrack_panel_lost",
        "gauge",
        "1 while the panel does not do what it is asked, else 0.",
        (),
        lambda answer: [((), float(answer["panel_lost"] is not None))],
    ),
    _phones(
        "droidrack_messages_waiting",
        "Messages that were accepted and not yet handed to the phone.",
        lambda phone: phone["queue"]["waiting"],
    ),
    _phones(
        "droidrack_messages_open",
        "Messages that were handed to the phone and have no verdict yet.",
        lambda phone: phone["queue"]["open"],
    ),
    _phones(
        "droidrack_messages_unknown",
        "Messages whose outcome no witness told.",
        lambda phone: phone["queue"]["unknown"],
    ),
    _phones(
        "droidrack_reports_waiting",
        "Outcomes that the panel has not acknowledged.",
        lambda phone: phone["queue"]["unreported"],
    ),
    _aged(
        "droidrack_oldest_waiting_seconds",
        "Age of the oldest message that waits to be sent.",
        "waiting_since",
    ),
    _aged(
        "droidrack_oldest_report_seconds",
        "Age of the oldest outcome that the panel has not acknowledged.",
        "unreported_since",
    ),
    _phones(
        "droidrack_calls",
        "Calls of the phone's SMS service since the controller started.",
        lambda phone: phone["work"]["calls"],
        "counter",
    ),
    Family(
        "droidrack_messages",
        "counter",
        "Verdicts since the controller started: sent, failed or unknown.",
        ("phone", "outcome"),
        _outcomes,
    ),
    _phones(
        "droidrack_last_proof_timestamp_seconds",
        "When the phone last proved that its radio works, in seconds since 1970.",
        lambda phone: _seconds(phone["work"]["proven_at"]),
    ),
    _phones(
        "droidrack_silence_seconds",
        "How long the phone has been taking messages without a proof of any.",
        lambda phone: phone["work"]["silent_s"],
    ),
    _phones(
        "droidrack_battery_charge_ratio",
        "Charge of the battery, 0 to 1.",
        _vital("battery_percent", 0.01),
    ),
    _phones(
        "droidrack_battery_temperature_celsius",
        "Temperature of the battery.",
        _vital("battery_c"),
    ),
    _phones(
        "droidrack_battery_voltage_volts", "Voltage of the battery.", _vital("battery_mv", 1e-3)
    ),
    _phones(
        "droidrack_storage_free_bytes",
        "Free space of the phone's data partition.",
        _vital("storage_free_mb", 1e6),
    ),
    _phones(
        "droidrack_clock_offset_seconds",
        "The phone's clock less the host's.",
        _vital("clock_offset_s"),
    ),
    _sims("droidrack_sim_signal_dbm", "Signal strength of a SIM.", lambda sim: sim["signal_dbm"]),
    _sims(
        "droidrack_sim_in_service",
        "1 where the SIM is registered with a network.",
        lambda sim: sim["in_service"],
    ),
    _sims("droidrack_sim_roaming", "1 where the SIM is roaming.", lambda sim: sim["roaming"]),
    _sims(
        "droidrack_sim_held",
        "1 where nothing is sent from the SIM after failures in a row.",
        lambda sim: sim["hold"] is not None,
    ),
)
"""Every family; counters are exported with `_total` behind their name."""


def metrics_of(answer: Answer) -> "Iterator[Metric]":
    """The families with the samples of a picture."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    kinds: dict[str, type[Any]] = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}
    for family in FAMILIES:
        metric = kinds[family.kind](family.name, family.text, labels=family.labels)
        for labels, value in family.samples(answer):
            metric.add_metric(labels, value)
        yield metric


class Page:
    """The page of metrics. Raises ConfigError where the library is not installed."""

    def __init__(self, desk: Desk) -> None:
        try:
            from prometheus_client import CollectorRegistry, ProcessCollector
        except ImportError as exc:
            raise ConfigError(
                "[metrics] listen: the library for metrics is not installed",
                hint="pip install 'droidrack[metrics]', or take the key out of devices.toml",
            ) from exc
        self._desk = desk
        self._answer: Answer | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)  # CPU, memory, file descriptors: `process_…`.

    def collect(self) -> "Iterator[Metric]":
        """See `prometheus_client.registry.Collector`."""
        if self._answer is not None:
            yield from metrics_of(self._answer)

    async def text(self) -> bytes:
        """The page as it is now."""
        from prometheus_client import generate_latest

        self._answer = await self._desk.status()
        return bytes(generate_latest(self._registry))


@asynccontextmanager
async def serving(listen: str, desk: Desk) -> AsyncIterator[int]:
    """Serve `/metrics` at HOST:PORT for as long as the context is open; the bound port.

    Raises:
        ConfigError: the address cannot be taken, or the library is missing.
    """
    page = Page(desk)
    host, _, port = listen.rpartition(":")

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A caller that says nothing, or too much, is let go without a word.
        with suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(REQUEST_S):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _response(request, page))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(
            accept, host.strip("[]"), int(port), limit=REQUEST_LIMIT
        )
    except OSError as exc:
        raise ConfigError(
            f"[metrics] listen = {listen!r}: {(exc.strerror or 'cannot be taken').lower()}",
            hint="another program has this port: choose another one",
        ) from exc
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _response(request: bytes, page: Page) -> bytes:
    method, _, rest = request.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return _answer("405 Method Not Allowed", b"")
    if path != b"/metrics":
        return _answer("404 Not Found", b"the metrics are at /metrics\n")
    return _answer("200 OK", await page.text() if method == b"GET" else b"")


def _answer(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
