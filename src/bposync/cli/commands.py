"""The commands by name, each imported when it is called: `--help`, `--version` and completion pay for none of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, get_args

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from bposync.cli.common import register

COMMANDS: Final = {
    "list": ("list:show", "List the customers by site, as BPO's Customer Listing does."),
    "sites": ("sites:show", "List the sites, with how many customers and debtors each has."),
    "sync": ("sync:synchronise", "Bring BPO's customers into the accounting system: show a plan, ask, write it, read it back."),
    "status": ("status:show", "Show by site what is in step and what is not. Reads only."),
    "history": ("history:show", "Show the runs, the newest first, or one run change by change."),
    "link": (
        "link:link",
        "Say which account a customer has, or that it gets a new one; or copy links and decisions to and from a file.",
    ),
    "unlink": ("unlink:unlink", "Take a pairing back. The account stays as it is."),
    "accept": ("accept:accept", "Let accounting's present values stand; BPO's next change is written again."),
    "ignore": (
        "ignore:ignore",
        "Set a customer aside, so that a sync skips it; or an account, so that status no longer lists it.",
    ),
    "review": (
        "review:review",
        "Settle all that needs a person in a spreadsheet: lookalikes, conflicts, what is missing, and more.",
    ),
    "adopt": ("adopt:adopt", "Take another accounting database for the one that the journal is about. Shows both, and asks."),
    "init": (
        "init:init",
        "Ask a few questions, and write bposync.toml. It only reads, and tries each connection as the answers come.",
    ),
    "doctor": (
        "doctor:show",
        "Check the configuration, drivers, connections, rights, columns and limits. Writes nothing anywhere.",
    ),
    "demo": ("demo:make", "Make a company to try everything on: its configuration, its BPO and its accounting system."),
}
"""Where each command is, and what `--help` says of it: its own first line."""


class _Loaded(dict[str, Any]):
    """Click's commands by name, each made when it is asked for."""

    def __missing__(self, name: str) -> Any:  # noqa: ANN401 - Typer's own class, which it does not name
        module, _, function = COMMANDS[name][0].partition(":")
        one = typer.Typer(rich_markup_mode=None, add_completion=False)
        register(one, name, getattr(import_module(f"bposync.cli.{module}"), function), _Command)
        made = self[name] = typer.main.get_command(one)
        return made

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401
        return self[name] if name in COMMANDS else default

    def __iter__(self) -> Any:  # noqa: ANN401
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def items(self) -> Any:  # noqa: ANN401
        return {name: self[name] for name in COMMANDS}.items()

    def values(self) -> Any:  # noqa: ANN401
        return {name: self[name] for name in COMMANDS}.values()


class _Late:
    """Reads its values late."""

    def get_params(self, ctx: Any) -> Any:  # noqa: ANN401 - Click's context
        parameters = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            _read_late(parameter)
        return parameters


class _Command(_Late, TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Click's context
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            if "unexpected extra argument" in error.format_message():
                from bposync.cli.slips import without_quotes

                error.meant = without_quotes(self.params, typed)  # type: ignore[attr-defined]
            raise


class Commands(_Late, TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - Typer's
        super().__init__(**attributes)
        self.commands = _Loaded()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - Click's context
        """Give the names, in the order in which people meet them."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the commands into the help, from their first lines alone."""
        loaded, self.commands = self.commands, {name: TyperCommand(name, help=text) for name, (_, text) in COMMANDS.items()}
        try:
            super().format_commands(ctx, formatter)
        finally:
            self.commands = loaded


def _read_late(parameter: Any) -> None:  # noqa: ANN401 - Typer's
    """Let Typer load what it reads values by only for one that is given and is no text: pydantic, a quarter of a short call.

    It has no public way to say so. Where a version does it otherwise, it reads every value as it does by itself.
    """
    try:
        from typer._coercion import RuntimeParam, build_runtime_param

        descriptor = parameter.type_descriptor
    except (ImportError, AttributeError):
        return

    class Text(RuntimeParam):
        def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401
            if str in _parts(self.annotation) and not self.parameter_info.parser:
                return list(value) if isinstance(value, tuple) else value
            return build_runtime_param(descriptor)._coerce_value(value, param=param, ctx=ctx)  # noqa: SLF001

    parameter._runtime_param = Text(parameter_info=descriptor.parameter_info, annotation=descriptor.annotation)  # noqa: SLF001


def _parts(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401
    """Give the types of which an annotation is made, such as that of the texts of a list."""
    inner = get_args(annotation)
    return tuple(part for each in inner for part in _parts(each)) if inner else (annotation,)
