"""The command line: which commands there are, and how an error looks.

Each command lives in a module that is imported when the command is used, so that `--help` and light
commands start at once. Exit codes: 0 done, 1 it failed, 2 the operator's file or command line is
wrong, 130 interrupted.
"""

import importlib
import sys
from typing import Any

import click

from droidrack import __version__
from droidrack.core.errors import RackError
from droidrack.faces.cli.options import show_error
from droidrack.faces.cli.streams import lost_output_told, take_every_character

COMMANDS = {
    "run": ("rack", "Run the controller for the phones of devices.toml."),
    "demo": ("demo", "Show the main job on virtual phones, with a local panel."),
    "virtual": ("lab", "Run a rack of virtual phones for any adb client."),
    "panel": ("lab", "Run the local panel."),
    "status": ("status", "Show how the phones of a running controller are."),
    "top": ("status", "Watch the phones of a running controller."),
    "events": ("events", "What happened: changes of state, alarms, acts of people."),
    "pause": ("operate", "Stop phones of a running controller."),
    "drain": ("operate", "Let phones send what they took, and take nothing new."),
    "resume": ("operate", "Take back a pause or a drain; free held SIMs."),
    "reboot": ("operate", "Restart phones when their messages are judged."),
    "screenshot": ("operate", "Take pictures of phones' screens."),
    "shell": ("operate", "Run a shell command on phones, never while one sends."),
    "devices": ("rack", "List what the adb servers see, and which entry it fits."),
    "map": ("rack_map", "Show which phone is in which USB socket, and what is wrong where."),
    "usb": ("usb", "Prove that switching a USB port off cuts the power."),
    "adopt": ("adopt", "Say who a phone is that cannot be told from its like."),
    "pair": ("pairing", "Pair phones with the panel."),
    "relink": ("pairing", "Pair phones anew, keeping their gateways."),
    "logout": ("logout", "End phones' sessions with the panel."),
    "sims": ("sims", "List, create, update, delete and bind the panel's SIM rows."),
    "send": ("bench", "Send one message from a bench and wait for its proof."),
    "messages": ("ledger", "List messages of the journal."),
    "why": ("ledger", "The whole life of one message, with its proof."),
    "inbox": ("inbox", "List the texts that arrived on the phones."),
    "optout": ("optout", "Who asked for no more messages: add, remove, list, import, export."),
    "policy": ("policy", "What the door would say of a message, and which rule decides."),
    "audit": ("audit", "What was decided and done: list, export, and check it for touches."),
    "reload": ("rack", "Let the running controller read devices.toml again."),
    "service": ("service", "Install the controller as a service of this host."),
    "doctor": ("doctor", "Check host, panel and phones; say what to do."),
    "support-bundle": ("support", "Write what a helper needs to a file, without secrets."),
    "probe": ("probe", "Ask phones what they are, by calls that only read."),
    "capture": ("capture", "Keep a phone's outputs, redacted, for tests and reports."),
    "provision": ("provision", "Bring many phones into one state by a recipe, with proof."),
    "recipe": ("recipe", "Check, show and begin recipes; list the types of steps."),
    "decode": ("dumps", "Read an Android dump and print it as JSON."),
    "explain": ("explain", "Show what would be done, and do nothing."),
    "segments": ("explain", "Count the segments of a text."),
}


INTERRUPTED = 130
"""What a shell reports for a program that SIGINT ended; click would say 1, which is a failure."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"droidrack.faces.cli.{COMMANDS[cmd_name][0]}")
        name = cmd_name.replace("-", "_")
        # `map_`: a function has not the name of one of Python's own.
        command: click.Command = getattr(module, name, None) or getattr(module, f"{name}_")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command line; output that is lost is an error of any of them."""
        take_every_character()
        try:
            with lost_output_told():
                return super().main(*args, **extra)
        except RackError as error:
            show_error(error)
            sys.exit(error.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        """Show a foreseen error as what, where and what to do; leave ours as they are."""
        try:
            return super().invoke(ctx)
        except RackError as error:
            show_error(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="droidrack")
def main() -> None:
    """Droidrack runs a rack of Android phones over ADB and sends each SMS once, with proof."""


if __name__ == "__main__":
    sys.exit(main())
