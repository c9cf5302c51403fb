"""What an operator may set about texts that arrive. Every default has its reason beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """An HTTP address that wants the texts. The secret is given by reference only."""

    name: str
    url: str  # https; plain http to this host only, unless allowed
    secret_env: str = ""  # where the signing secret comes from: an environment variable …
    secret_file: str = ""  # … or a file
    deadline_s: float = 10.0  # a receiver that only queues answers within a second
    ca_file: str = ""  # extra certificate authority, PEM; "": the system's
    allow_plain_http: bool = False  # http to anything but loopback


@dataclass(frozen=True, slots=True)
class HookSettings:
    """A local program that wants the texts, one run per text."""

    name: str
    command: tuple[str, ...]  # argv, run as it is: no shell
    deadline_s: float = 30.0  # it is ended then, and the text offered again


@dataclass(frozen=True, slots=True)
class InboundSettings:
    """Texts that arrive on the phones."""

    enabled: bool = True
    poll_s: float = 15.0  # one look starts a process on the phone: about half a second of its time
    history: bool = False  # True: what was there before the first look counts as new
    give_up_days: float = 3.0  # a receiver that is away over a long weekend misses nothing
    languages: tuple[str, ...] = ()  # whose STOP words count; empty: all that are known
    stop_words: tuple[str, ...] = ()  # the site's own
    start_words: tuple[str, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()
    hooks: tuple[HookSettings, ...] = ()
