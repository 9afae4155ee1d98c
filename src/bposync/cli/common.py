"""What every command shares: the options that stand before or after it, and the session that they make."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bposync import __version__, advice, tracing
from bposync.cli.output import Output
from bposync.secrets import redact
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.core import TyperCommand

    from bposync.config import Settings


@dataclass(frozen=True, slots=True)
class Options:
    """The options of every command."""

    config: str | None = None
    verbose: bool = False
    quiet: bool = False
    as_json: bool = False
    plain: bool = False

    def joined(self, later: Options) -> Options:
        """Give these options with those that stand behind the command; the last --config wins."""
        return Options(
            later.config or self.config,
            self.verbose or later.verbose,
            self.quiet or later.quiet,
            self.as_json or later.as_json,
            self.plain or later.plain,
        )


class Session:
    """One call of the tool: its options, its output, and its configuration, which is read when it is asked for."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.output = Output(as_json=options.as_json, quiet=options.quiet, verbose=options.verbose, plain=options.plain)
        self._settings: Settings | None = None
        advice.repeat_config(options.config)
        tracing.to(self.output.note if options.verbose and not options.quiet else None)

    @property
    def settings(self) -> Settings:
        """The configuration. Raises UsageError."""
        if self._settings is None:
            from bposync import config

            self._settings = config.load(config.find(self.options.config))
            if self._settings.log.file:
                from bposync.cli.logfile import log_to

                self.output.log = log_to(self._settings.folder / self._settings.log.file, self.output.trouble)
                self.output.log(redact(visible(f"bposync {__version__}: {called_as or 'bposync'}")))
        return self._settings

    def warn(self) -> None:
        """Say what should be mended in the configuration, once all else is said."""
        for warning in self._settings.warnings if self._settings is not None else ():
            self.output.note(warning)


called_as = ""
"""The command line as it was typed, for whoever reads the log."""
current = Session.__new__(Session)
"""The session of the command that is running."""


def _show_version(value: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if value:
        print(f"bposync {__version__}")
        raise typer.Exit


ConfigOption = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="The configuration; else $BPOSYNC_CONFIG or bposync.toml."),
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say all there is: --all, and each statement with its time.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what was written and what needs a person.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="For screen readers: one record a line, no box, no colour, nothing that moves.")
]
VersionOption = Annotated[
    bool, typer.Option("--version", help="Show the version and leave.", is_eager=True, callback=_show_version)
]
SiteOption = Annotated[
    list[str] | None, typer.Option("--site", metavar="NAME", help="Only this site; may be given several times.")
]

AllOption = Annotated[bool, typer.Option("--all", help="Every list whole, and also who is in step, skipped or ignored.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write it to this file: .csv, .xlsx, .json or .html.")
]
DataFileOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write it to this file: .csv, .xlsx or .json.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over a file that is there already.")]
SeparatorOption = Annotated[
    str | None, typer.Option("--separator", metavar="SIGN", help='Between the cells of a CSV: ";", "," or tab. Default: ","')
]
_OF_COMMANDS = {
    "SiteOption": SiteOption, "AllOption": AllOption, "OutputOption": OutputOption, "DataFileOption": DataFileOption,
    "ForceOption": ForceOption, "SeparatorOption": SeparatorOption,
}  # fmt: skip

_SHARED: dict[str, tuple[Any, Any]] = {
    "config": (ConfigOption, None),
    "verbose": (VerboseOption, False),
    "quiet": (QuietOption, False),
    "as_json": (JsonOption, False),
    "plain": (PlainOption, False),
    "version": (VersionOption, False),
}


def register(app: typer.Typer, name: str, function: Callable[..., int], cls: type[TyperCommand]) -> None:
    """Make `function(session, …)` the command `name`, one of Typer's class `cls`, with the options of every command."""
    hints = get_type_hints(function, localns={"Session": Session, **_OF_COMMANDS}, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in list(inspect.signature(function).parameters.values())[1:]
    ]

    def command(context: typer.Context, **values: Any) -> int:  # noqa: ANN401 - whatever Typer read
        shared = {key: values.pop(key) for key in _SHARED}
        del shared["version"]
        before: Options = context.obj or Options()
        global current  # noqa: PLW0603 - one process is one call; whoever tells of an error has to know it
        session = current = Session(before.joined(Options(**shared)))
        context.obj = session
        context.find_root().obj = session
        return function(session, **values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [inspect.Parameter(key, keyword, default=default, annotation=kind) for key, (kind, default) in _SHARED.items()]
    first = inspect.Parameter("context", keyword, annotation=typer.Context)
    parameters = [first, *(parameter.replace(kind=keyword) for parameter in own), *shared]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__doc__ = function.__doc__
    app.command(name, cls=cls)(command)
