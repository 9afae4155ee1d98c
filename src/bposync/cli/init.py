"""`bposync init`: asks a few questions, and writes bposync.toml."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bposync.errors import DeclinedError, UsageError
from bposync.values import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bposync.cli.common import Session
    from bposync.cli.interview import Interview
    from bposync.cli.interview_bpo import Listed
    from bposync.setup.answers import Answers
    from bposync.setup.books import Found

SCHEMA: Final = "bposync.init/1"


def _option(metavar: str | None, text: str, *names: str) -> Any:  # noqa: ANN401 - Typer's own
    return typer.Option(*names, metavar=metavar, help=text)


def init(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    bpo_server: Annotated[str | None, _option("HOST", "BPO's SQL Server.")] = None,
    bpo_database: Annotated[str | None, _option("NAME", "BPO's database.")] = None,
    bpo_login: Annotated[str | None, _option("USER", "BPO's login; '' for your own of Windows.")] = None,
    bpo_password_variable: Annotated[str | None, _option("NAME", "The variable with its password: BPO_PASSWORD.")] = None,
    bpo_url: Annotated[str | None, _option("URL", "Instead: any SQLAlchemy URL, ${NAME} for the password.")] = None,
    customers: Annotated[str | None, _option("TABLE", "The table or view with the customers.")] = None,
    query: Annotated[str | None, _option("SELECT", "Instead: a SELECT.")] = None,
    column: Annotated[list[str] | None, _option("FIELD=COLUMN", "The column of a field; repeatable.")] = None,
    system: Annotated[str | None, _option("NAME", "evolution, partner or none.")] = None,
    write: Annotated[str | None, _option("WAY", "freedom or sql for evolution; sdk, sql or file for partner.")] = None,
    accounting_server: Annotated[str | None, _option("HOST", "The accounting system's SQL Server.")] = None,
    accounting_database: Annotated[str | None, _option("NAME", "The company's database.")] = None,
    accounting_login: Annotated[str | None, _option("USER", "Its login; '' for your own of Windows.")] = None,
    accounting_password_variable: Annotated[
        str | None, _option("NAME", "The variable with its password: ACCOUNTING_PASSWORD.")
    ] = None,
    accounting_url: Annotated[str | None, _option("URL", "Instead: any SQLAlchemy URL.")] = None,
    accounting_odbc: Annotated[str | None, _option("TEXT", "Instead, for partner: an ODBC connection string.")] = None,
    freedom_url: Annotated[str | None, _option("URL", "The Freedom Service and the company.")] = None,
    freedom_user: Annotated[str | None, _option("AGENT", "The Evolution agent.")] = None,
    freedom_password_variable: Annotated[
        str | None, _option("NAME", "The variable with its password: FREEDOM_PASSWORD.")
    ] = None,
    freedom_ca: Annotated[str | None, _option("FILE", "The authority of the service's certificate.")] = None,
    freedom_plain: Annotated[bool, _option(None, "Take plain http to another machine.", "--freedom-plain")] = False,
    data_path: Annotated[str | None, _option("FOLDER", "Partner's SDK: the company's folder.")] = None,
    sdk_serial: Annotated[str | None, _option("TEXT", "Partner's SDK: its serial number.")] = None,
    sdk_code_variable: Annotated[str | None, _option("NAME", "The variable with the SDK's code: SDK_CODE.")] = None,
    sdk_fields: Annotated[int | None, _option("N", "Partner's SDK: 55 fields, or 42 before V14.")] = None,
    import_file: Annotated[str | None, _option("FILE", "Partner's import file.")] = None,
    group: Annotated[str | None, _option("CODE", "The group of new accounts.")] = None,
    terms: Annotated[str | None, _option("CODE", "The terms of new accounts.")] = None,
    area: Annotated[str | None, _option("CODE", "The area of new accounts.")] = None,
    price_list: Annotated[str | None, _option("CODE", "The price list of new accounts.")] = None,
    category: Annotated[str | None, _option("CODE", "The category of new accounts (partner).")] = None,
    map_type: Annotated[list[str] | None, _option("TYPE=CODE", "The group of BPO's customer type; repeatable.")] = None,
    map_terms: Annotated[list[str] | None, _option("TERMS=CODE", "The company's code of BPO's terms; repeatable.")] = None,
    driver: Annotated[str | None, _option("NAME", "The driver for SQL Server; else the best installed.")] = None,
    trust_certificate: Annotated[
        bool, _option(None, "Trust SQL Server's certificate, though nobody vouches for it.", "--trust-certificate")
    ] = False,
    keyring: Annotated[
        bool | None, typer.Option("--keyring/--no-keyring", help="Keep the passwords in this machine's keyring, or do not.")
    ] = None,
    yes: Annotated[bool, _option(None, "Take what is proposed; ask for nothing else.", "--yes")] = False,
    force: Annotated[bool, _option(None, "Write over a file that is there.", "--force")] = False,
) -> int:
    """Ask a few questions, and write bposync.toml. It only reads, and tries each connection as the answers come."""
    given = {name: value for name, value in locals().items() if name not in ("session", "force", "keyring")}
    from bposync.cli import interview_books, interview_bpo
    from bposync.cli.interview import Interview
    from bposync.setup import file

    path = place(session)
    file.check(path, force=force)
    interview = Interview(session, given, path)
    if interview.asker.asks:
        interview.asker.say(
            f"This makes {path}. Enter takes what stands in [ ]. BPO and the accounting system are only read; nothing is "
            "written before the end, and Ctrl-C leaves everything as it is."
        )
        interview.asker.say()
    listed = interview_bpo.ask(interview)
    answers, found = interview_books.ask(interview, listed.answers, listed.fields)
    stand_for = _kept(interview, answers, keyring=keyring)
    text = _text(interview, answers, stand_for)
    if not interview.asker.yes(f"Write {path}?", default=True):
        raise DeclinedError("Not written.", "Nothing was changed.")
    with _in_keyring(interview, stand_for):
        file.write(path, text, force=force)
    interview.asker.say(f"{path} is written, for your eyes only.")
    variables = _variables(answers, stand_for)
    _say_what_to_set(interview, variables)
    interview.asker.say()
    code = _examined(session, interview, path)
    _say_what_is_left_out(interview, answers, found)
    _document(session, path, listed, answers, found, variables, stand_for)
    return code


def place(session: Session) -> Path:
    """Give where the file is to be: what --config names, else $BPOSYNC_CONFIG, else bposync.toml in this folder."""
    from bposync import config

    given = session.options.config or os.environ.get(config.VARIABLE) or config.FILE_NAME
    try:
        path = Path(given).expanduser().absolute()
        path = path / config.FILE_NAME if path.is_dir() else path
        path.lstat()
    except FileNotFoundError:
        pass
    except (OSError, RuntimeError, ValueError):  # too long, no such home, a NUL inside
        raise UsageError(f"--config: {quoted(given)} is no name of a file.", "Name another.") from None
    return path


def _kept(interview: Interview, answers: Answers, *, keyring: bool | None) -> dict[str, str]:
    """Say which passwords go into the keyring: by the name of each one's variable, its name there."""
    from bposync import keyrings
    from bposync.setup.answers import named_in
    from bposync.variables import KEYRING

    wanted = [name for name in named_in(answers) if name in interview.labels and not name.startswith(KEYRING)]
    if not wanted or keyring is False:
        return {}
    if why := keyrings.why_not():
        if keyring:
            raise UsageError(f"--keyring: this machine has no keyring: {why}.", f"Leave it out; or install: {keyrings.INSTALL}")
        if interview.entered:
            interview.asker.say(f"This machine has no keyring for the passwords: {why}.")
        return {}
    if keyring is None:
        wanted = [name for name in wanted if interview.entered.get(name)]
        if not wanted or not interview.asker.yes("Keep the passwords in this machine's keyring?", default=True):
            return {}
    return {name: f"{KEYRING}bposync/{_clean(interview.labels[name])}" for name in wanted}


def _clean(label: str) -> str:
    """Give what may stand in ${keyring:…}: no closing brace, nothing that cannot be seen."""
    cleaned = "".join(each if each.isprintable() and each not in "{}" else "_" for each in label).strip("/ ")
    return cleaned or "password"


def _text(interview: Interview, answers: Answers, stand_for: Mapping[str, str]) -> str:
    """Give the file's text, once it was read back as what was meant."""
    from bposync import config
    from bposync.setup.answers import file_of

    text = file_of(answers, stand_for)
    values = {stand_for[name]: interview.environment[name] for name in stand_for}
    config.read(interview.path, text, environment={**interview.environment, **values})
    return text


@contextlib.contextmanager
def _in_keyring(interview: Interview, stand_for: Mapping[str, str]) -> Iterator[None]:
    """Put the passwords into the keyring; where the file is not written after all, those that were not there go again."""
    from bposync import keyrings
    from bposync.variables import entry_of

    put = []
    try:
        for name, entry in stand_for.items():
            keyrings.store(*entry_of(entry), interview.environment[name])
            put.append(entry)
        yield
    except BaseException:
        for entry in put:
            keyrings.remove(*entry_of(entry))
        raise


def _variables(answers: Answers, stand_for: Mapping[str, str]) -> list[str]:
    """Give the variables that the file names."""
    from bposync.setup.answers import named_in

    return [name for name in named_in(answers) if name not in stand_for and not name.startswith("keyring:")]


def _say_what_to_set(interview: Interview, variables: list[str]) -> None:
    for name in variables:
        if name not in os.environ:
            set_it = f'setx {name} "…"' if os.name == "nt" else f"export {name}='…'"
            interview.asker.say(f"Set {name} to that password wherever bposync runs: {set_it}")


def _say_what_is_left_out(interview: Interview, answers: Answers, found: Found | None) -> None:
    """Say which defaults of new accounts nobody could be asked for; at a terminal they were asked for one by one."""
    from bposync.cli import interview_codes

    lines = interview_codes.left_out(answers, found) if found is not None and not interview.asker.asks else []
    if lines:
        interview.asker.say(
            "Nobody said what new accounts get where BPO says nothing. Give the option, and --force to write the file anew; "
            "or write the code under [accounting.defaults]."
        )
        for line in lines:
            interview.asker.say(f"  {line}")


def _examined(session: Session, interview: Interview, path: Path) -> int:
    """Run doctor over what was made, with the passwords that were typed."""
    from bposync.cli.common import Session

    inner = Session(replace(session.options, config=str(path)))
    inner.output = session.output
    unset = {name: value for name, value in interview.entered.items() if name not in os.environ}
    os.environ.update(unset)
    try:
        return _doctor(inner)
    finally:
        for name in unset:
            os.environ.pop(name, None)


def _doctor(session: Session) -> int:
    from bposync.cli import doctor

    if session.output.as_json:
        session.output.collected = {}
    return doctor.examine(session)


def _document(
    session: Session,
    path: Path,
    listed: Listed,
    answers: Answers,
    found: Found | None,
    variables: list[str],
    stand_for: Mapping[str, str],
) -> None:
    if not session.output.as_json:
        return
    collected, session.output.collected = session.output.collected or {}, None
    session.output.document(
        {
            "schema": SCHEMA,
            "config": str(path),
            "customers": listed.answers.customers,
            "query": listed.answers.query,
            "columns": [
                {"field": field, "column": column, "guessed": field in listed.guessed} for field, column in listed.map.items()
            ],
            "sites": list(listed.sites),
            "system": found.system if found else None,
            "company": found.company.name if found else None,
            "defaults": dict(answers.books.defaults) if answers.books else {},
            "groups": dict(answers.books.groups) if answers.books else {},
            "terms": dict(answers.books.terms) if answers.books else {},
            "variables": variables,
            "keyring": [entry.removeprefix("keyring:") for entry in stand_for.values()],
            **collected,
        }
    )
