"""The command `bposync`: its commands, and the one place that turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer
from typer.exceptions import Abort, TyperException

from bposync.cli import accept, adopt, demo, history, ignore, link, sites, status, sync, unlink
from bposync.cli import list as list_
from bposync.cli.common import (
    ConfigOption,
    JsonOption,
    Options,
    QuietOption,
    Session,
    VerboseOption,
    VersionOption,
    register,
)
from bposync.errors import BposyncError, ExitCode, StoppedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="bposync",
    help="Synchronise BPO's customers with the accounts in Sage Pastel: a plan first, then a question, then the write.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    *,
    config: ConfigOption = None,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    version: VersionOption = False,  # noqa: ARG001 - handled before
) -> None:
    context.obj = Options(config, verbose, quiet, as_json)
    if context.invoked_subcommand is None:
        print(context.get_help())


for _name, _function in (
    ("list", list_.show),
    ("sites", sites.show),
    ("sync", sync.synchronise),
    ("status", status.show),
    ("history", history.show),
    ("link", link.link),
    ("unlink", unlink.unlink),
    ("accept", accept.accept),
    ("ignore", ignore.ignore),
    ("adopt", adopt.adopt),
    ("demo", demo.make),
):
    register(app, _name, _function)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and give its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    session = Session(Options(as_json="--json" in arguments, verbose="--verbose" in arguments or "-v" in arguments))
    try:
        code = app(arguments, prog_name="bposync", standalone_mode=False)
        if code == ExitCode.INTERRUPTED:
            return _interrupted(session)
        sys.stdout.flush()
        return int(code or 0)
    except BposyncError as error:
        session.output.error(error, getattr(error, "document", None))
        return int(error.code)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "bposync"
        session.output.error(UsageError(error.format_message(), f"Try: {path} --help"))
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, Abort):
        return _interrupted(session)
    except BrokenPipeError:
        # Whoever read us has gone, as in `| head`: what was not read is nobody's loss.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user unasked
        return _unexpected(session, error)


def _interrupted(session: Session) -> int:
    error = StoppedError("Interrupted.")
    session.output.note("")
    session.output.error(error)
    return int(error.code)


def _unexpected(session: Session, error: Exception) -> int:
    from bposync.secrets import redact

    if session.options.verbose:
        import traceback

        session.output.note(redact("".join(traceback.format_exception(error))))
    text = redact(f"{type(error).__name__}: {error}")
    session.output.error(BposyncError(f"Something unexpected happened: {text}", "The same command with --verbose shows where."))
    return int(ExitCode.UNEXPECTED)


def run() -> None:
    """Run the command line of this process."""
    sys.exit(main())
