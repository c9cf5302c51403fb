"""`droidrack explain` and `droidrack segments`: what would be done, without doing it."""

import sys

import click

from droidrack.core.errors import ConfigError
from droidrack.faces.cli.options import json_option, print_json, print_table


def text_argument(text: str) -> str:
    """A text given on the command line, or `-`: all of stdin, less one final line end.

    Raises:
        ConfigError: it is not UTF-8; such bytes are no characters of a message.
    """
    try:
        given = sys.stdin.buffer.read().decode("utf-8") if text == "-" else text
        given.encode("utf-8")  # Bytes of an argument that are no UTF-8 come as lone surrogates.
    except UnicodeError as exc:
        raise ConfigError("the text is not UTF-8", hint="save or type it as UTF-8") from exc
    return given.removesuffix("\n") if text == "-" else given


@click.group()
def explain() -> None:
    """Show what would be done, and do nothing."""


@explain.command()
@click.option("--sdk", type=int, required=True, help="API level, 21 to 36.")
@click.option("--maker", default="", help="ro.product.manufacturer, such as samsung.")
@click.option("--model", default="", help="ro.product.model.")
@click.option("--fingerprint", default="", help="ro.build.fingerprint.")
@click.option("--platform", default="", help="ro.board.platform, such as msm8996.")
@click.option("--sub-id", type=click.IntRange(min=0), required=True, help="Subscription id.")
@click.option("--to", "number", required=True, help="Number to send to.")
@click.option("--body", required=True, help="Text; `-` reads it from stdin.")
@click.option("--message-id", type=int, default=0, help="Id for Android 11 and later; 0: none.")
@json_option
def send(
    sdk: int,
    maker: str,
    model: str,
    fingerprint: str,
    platform: str,
    sub_id: int,
    number: str,
    body: str,
    message_id: int,
    as_json: bool,
) -> None:
    """Print the exact call that would send a message on such a phone. Nothing is sent."""
    from droidrack import compose
    from droidrack.core.explain import explain_send
    from droidrack.core.ids import Body, Msisdn, SubId
    from droidrack.core.numbering import form_of
    from droidrack.core.profile import DeviceIdentity
    from droidrack.core.shell import command_line

    if form_of(Msisdn(number)) is None:
        raise ConfigError(
            f"--to {Msisdn(number).masked()}: expected 3 to 15 digits, with or without a leading +",
            hint="write it as the panel gives it, without blanks and dashes",
        )
    identity = DeviceIdentity(
        sdk, maker=maker, model=model, fingerprint=fingerprint, platform=platform
    )
    profile = compose.profile_table().resolve(identity)
    try:
        explanation = explain_send(
            profile, SubId(sub_id), Msisdn(number), Body(text_argument(body)), message_id
        )
    except ValueError as exc:
        raise ConfigError(f"this message cannot be put into a call: {exc}") from exc
    if as_json:
        print_json(explanation.as_json())
        return
    click.echo(command_line(explanation.argv))
    row = explanation.row
    facts = [
        ("profile", explanation.profile.name),
        ("call", f"{row.name} = {row.interface}.{row.method}, transaction {row.transaction}"),
        ("source", row.source),
        ("verified", "yes, on a real phone's capture" if row.verified else "no, read from source"),
        ("segments", f"{explanation.segmentation.count} ({explanation.segmentation.encoding})"),
    ]
    if explanation.barred:
        facts.append(("barred", explanation.barred))
    print_table("", ("", ""), facts)


@click.command()
@click.argument("text")
@json_option
def segments(text: str, as_json: bool) -> None:
    """Count the segments of TEXT (`-`: stdin) as a network would bill them."""
    from droidrack.core.sms import segment

    cut = segment(text_argument(text))
    if as_json:
        print_json(
            {
                "encoding": cut.encoding.value,
                "units": cut.units,
                "count": cut.count,
                "segments": list(cut.segments),
            }
        )
        return
    click.echo(f"{cut.count} segment(s), {cut.encoding.value}, {cut.units} units")
    for index, part in enumerate(cut.segments, 1):
        click.echo(f"{index}: {part!r}")
