"""`[inbound]` of devices.toml: who wants the texts, and what is refused."""

from pathlib import Path

import pytest

from droidrack.adapters.config import load_settings
from droidrack.adapters.config_inbound import webhook_secret
from droidrack.core.errors import ConfigError
from droidrack.core.inbound_settings import InboundSettings, WebhookSettings

RACK = '[panel]\nurl = "https://panel.example.com"\n[[phones]]\nname = "p1"\nserial = "S1"\n'
CRM = '[[inbound.webhooks]]\nname = "crm"\nurl = "https://crm.example.com/sms?site=1"\n'


def load(directory: Path, text: str) -> InboundSettings:
    """The table of a file."""
    path = directory / "devices.toml"
    path.write_text(RACK + text, encoding="utf-8")
    return load_settings(path).inbound


def test_inbound_is_on_by_default_and_tells_nobody(tmp_path: Path) -> None:
    """A rack without the table keeps its texts in the journal."""
    assert InboundSettings() == load(tmp_path, "")


def test_inbound_tables_become_settings(tmp_path: Path) -> None:
    """Lists are tuples; paths count from the file."""
    text = (
        '[inbound]\npoll_s = 5.0\nlanguages = ["de"]\nstop_words = ["genug"]\n'
        f'{CRM}secret_file = "crm.secret"\n'
        '[[inbound.hooks]]\nname = "local"\ncommand = ["/bin/on-sms", "-q"]\n'
    )
    found = load(tmp_path, text)
    assert (5.0, ("de",), ("genug",)) == (found.poll_s, found.languages, found.stop_words)
    assert str(tmp_path / "crm.secret") == found.webhooks[0].secret_file
    assert ("/bin/on-sms", "-q") == found.hooks[0].command


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CRM, "inbound.webhooks[0]: expected either secret_env or secret_file"),
        (f'{CRM}secret_env = "A"\nsecret_file = "a"\n', "expected either secret_env or"),
        (
            CRM.replace("https://", "http://") + 'secret_env = "A"\n',
            "inbound.webhooks[0].url: expected https",
        ),
        (
            CRM.replace("https://", "https://u:hunter2@") + 'secret_env = "A"\n',
            "must not be written in a webhook's address",
        ),
        (f'{CRM}secret_env = "A"\nca_file = "none.pem"\n', "expected a PEM file"),
        (
            f'{CRM}secret_env = "A"\n[[inbound.hooks]]\nname = "CRM"\ncommand = ["x"]\n',
            'inbound.hooks[0].name: "CRM" is the name of inbound.webhooks[0] already',
        ),
        ('[[inbound.hooks]]\nname = "x"\ncommand = []\n', "inbound.hooks[0].command: expected"),
        ('[inbound]\nlanguages = ["xx"]\n', "inbound.languages[0]: expected one of en, de"),
        ("[inbound]\npoll_s = 0.0\n", "inbound.poll_s: expected seconds from 0.2 to 3600"),
        (f'{CRM}secret_env = "not a name: s3cret"\n', "(not shown)"),
    ],
)
def test_inbound_mistake_is_named_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """What was expected, where; what may be a secret is not repeated."""
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    (mistake,) = refused.value.mistakes
    assert expected in mistake
    assert "hunter2" not in mistake
    assert "s3cret" not in mistake


def test_webhook_secret_comes_from_variable_or_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read when the controller starts; a file others can read is refused."""
    secret = "an invented signing secret"
    monkeypatch.setenv("CRM", f" {secret}\n")
    by_variable = WebhookSettings("crm", "https://crm.example.com", secret_env="CRM")
    assert secret == webhook_secret(by_variable).reveal()
    file = tmp_path / "crm.secret"
    file.write_text(secret)
    file.chmod(0o600)
    by_file = WebhookSettings("crm", "https://crm.example.com", secret_file=str(file))
    assert secret == webhook_secret(by_file).reveal()
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="open to every user"):
        webhook_secret(by_file)


@pytest.mark.parametrize("held", ["", "short", "fifteen letters"])
def test_webhook_secret_that_is_absent_or_short_is_refused(
    held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature by a guessable secret proves nothing."""
    monkeypatch.setenv("CRM", held)
    with pytest.raises(ConfigError, match="at least 16 characters"):
        webhook_secret(WebhookSettings("crm", "https://crm.example.com", secret_env="CRM"))
