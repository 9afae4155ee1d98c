"""The command `bposync`: its commands, and the one place that turns errors into exit codes."""

from __future__ import annotations

import _thread
import contextlib
import gc
import shlex
import signal
import sys
import threading
from typing import TYPE_CHECKING

import typer
from typer.exceptions import Abort, TyperException

from bposync import advice, tracing
from bposync.cli import common
from bposync.cli.commands import COMMANDS, Commands
from bposync.cli.common import (
    ConfigOption,
    JsonOption,
    Options,
    PlainOption,
    QuietOption,
    Session,
    VerboseOption,
    VersionOption,
)
from bposync.cli.streams import OutputError, guarded_streams
from bposync.errors import BposyncError, ExitCode, StoppedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

app = typer.Typer(
    name="bposync",
    cls=Commands,
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
    plain: PlainOption = False,
    version: VersionOption = False,  # noqa: ARG001 - handled before
) -> None:
    context.obj = Options(config, verbose, quiet, as_json, plain)
    if context.invoked_subcommand is None:
        common.current = Session(context.obj)
        from bposync.cli import where

        where.show(common.current, COMMANDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and give its exit code."""
    # What a call makes it keeps until its end; to look through it for what nobody needs takes a seventh of its time.
    gc.set_threshold(200_000, 50, 50)
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with guarded_streams(), _no_interrupt_lost():
        verbose = "--verbose" in arguments or "-v" in arguments
        session = Session(Options(as_json="--json" in arguments, verbose=verbose, plain="--plain" in arguments))
        common.current = session
        common.called_as = shlex.join(["bposync", *arguments])
        try:
            code = _run(arguments)
            common.current.output.log(f"Exit code {code}.")
            sys.stdout.flush()
            sys.stderr.flush()
        except OutputError as error:
            return _tell(error)
        finally:
            tracing.to(None)  # whoever calls this from Python may go on
            advice.repeat_config(None)
        return code


@contextlib.contextmanager
def _no_interrupt_lost() -> Iterator[None]:
    """Let a Ctrl-C come again that met Python where an exception can only be printed, as while it frees memory."""
    before = sys.unraisablehook

    def come_again(met: sys.UnraisableHookArgs) -> None:
        if isinstance(met.exc_value, KeyboardInterrupt):
            later = threading.Timer(0.01, _interrupt)
            later.daemon = True
            later.start()
        else:
            before(met)

    sys.unraisablehook = come_again
    try:
        yield
    finally:
        sys.unraisablehook = before


def _interrupt() -> None:
    """Interrupt the main thread, also where it waits for the system, which a mark that Python looks at does not end."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _run(arguments: Sequence[str]) -> int:
    try:
        code = int(app(arguments, prog_name="bposync", standalone_mode=False) or 0)
        common.current.warn()
    except BposyncError as error:
        return _tell(error)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = next((word for word in arguments if word in COMMANDS), "")
        path = context.command_path if context else f"bposync {command}".rstrip()
        meant = getattr(error, "meant", "")
        hint = (
            f"A name with a blank needs quotation marks: {meant}. Else try: {path} --help" if meant else f"Try: {path} --help"
        )
        return _tell(UsageError(error.format_message(), hint))
    except (KeyboardInterrupt, Abort):
        code = int(ExitCode.INTERRUPTED)
    except SystemExit as error:
        code = int(error.code or 0) if isinstance(error.code, (int, type(None))) else 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user unasked
        return _unexpected(error)
    if code == ExitCode.INTERRUPTED:
        common.current.output.note("")
        return _tell(StoppedError("Interrupted."))
    return code


def _tell(error: BposyncError) -> int:
    """Say what went wrong wherever it can still be said, and give its exit code."""
    with contextlib.suppress(OutputError):
        common.current.output.error(error, error.document)
    return int(error.code)


def _unexpected(error: Exception) -> int:
    from bposync.secrets import redact

    session = common.current
    if session.options.verbose:
        import traceback

        session.output.note(redact("".join(traceback.format_exception(error))))
    text = redact(f"{type(error).__name__}: {error}")
    return _tell(BposyncError(f"Something unexpected happened: {text}", "The same command with --verbose shows where."))


def run() -> None:
    """Run the command line of this process."""
    from bposync.cli import shells

    shells.run_if_asked()
    try:
        code = main()
    except KeyboardInterrupt:  # before or after all that can tell of it
        code = int(ExitCode.INTERRUPTED)
    sys.exit(code)
