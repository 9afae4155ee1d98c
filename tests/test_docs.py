"""The documentation says what the program does: its options, keys, defaults, columns, exit codes, documents and links."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import typer
from sqlalchemy import create_engine
from sqlalchemy.exc import ProgrammingError

from bposync import config, database, demo
from bposync.accounting import partner
from bposync.accounting.evolution import ACCOUNT_WIDTH, COLUMNS, LARGEST_AMOUNT, LOOKUPS, REAL_ROW
from bposync.accounting.freedom_customer import LINKED, PROPERTIES
from bposync.cli.app import app, main
from bposync.demo import bpo as demo_bpo
from bposync.demo import evolution as demo_evolution
from bposync.errors import ExitCode
from bposync.fields import ACCOUNT_FIELDS, BPO_FIELDS, FIELDS, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from support.postgres import PostgresServer

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *(ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md"))])
EXAMPLE = ROOT / "config.example.toml"
ENVIRONMENT = {"BPO_PASSWORD": "p@ss/w#rd", "ACCOUNTING_PASSWORD": "{odd};one$", "FREEDOM_PASSWORD": "geheim"}

TABLES: Mapping[str, type[Any]] = {
    "bpo": config.BpoTable,
    "accounting": config.AccountingTable,
    "accounting.defaults": config.DefaultsTable,
    "sync": config.SyncTable,
    "state": config.StateTable,
    "log": config.LogTable,
}

ROOT_COMMAND = cast("Any", typer.main.get_command(app))
COMMANDS: Mapping[str, Any] = ROOT_COMMAND.commands
HELP = {"--help", "-h"}  # made by Typer when they are asked for
SHARED = {"--config", "--verbose", "-v", "--quiet", "-q", "--json", "--plain", "--version"} | HELP


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def sections(text: str, level: int = 2) -> dict[str, str]:
    """Give what stands under each heading of a level, up to the next one of this level or above, by its bare words."""
    parts = re.split(rf"^(?=#{{1,{level}}} )", text, flags=re.MULTILINE)
    mark = "#" * level + " "
    return {part.split("\n", 1)[0].removeprefix(mark).replace("`", ""): part for part in parts if part.startswith(mark)}


def rows(text: str) -> list[list[str]]:
    """Give the cells of every row of the tables in a text, without headings."""
    found = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    rules = [place for place, row in enumerate(found) if all(set(cell) <= {"-", ":"} for cell in row)]
    return [row for place, row in enumerate(found) if place not in rules and place + 1 not in rules]


def bare(cell: str) -> str:
    return cell.strip("`")


def options(command: Any) -> set[str]:
    found = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    return {name for parameter in found for name in (*parameter.opts, *parameter.secondary_opts)}


def options_said(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*(?![\w/:])", text))


# Commands.


def test_the_documentation_has_a_section_for_every_command_and_no_other() -> None:
    said = {title.removeprefix("bposync ") for title in sections(page("commands.md")) if title.startswith("bposync ")}
    assert said == set(COMMANDS)
    listed = rows(page("commands.md").split("\n## ", 1)[0])
    assert [row[0] for row in listed] == [f"[`bposync {name}`](#bposync-{name})" for name in COMMANDS]


def test_the_options_of_every_command_are_told_where_it_says_so() -> None:
    shared = sections(page("commands.md"))["Options of every command"]
    listed = {name for row in rows(shared) for name in options_said(row[0])}
    assert listed == SHARED
    assert options(ROOT_COMMAND) | HELP <= options_said(shared)
    for command in COMMANDS.values():
        assert options(command) >= SHARED - HELP


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_told_with_all_its_options_and_no_others(name: str) -> None:
    section = sections(page("commands.md"))[f"bposync {name}"]
    own = options(COMMANDS[name]) - SHARED
    in_tables = {option for row in rows(section) for option in options_said(row[0].split(" ")[0])}
    assert in_tables == own
    existing = {option for command in (ROOT_COMMAND, *COMMANDS.values()) for option in options(command)} | HELP
    assert {option for option in options_said(section) if option.startswith("--")} <= existing


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_line_on_a_page_is_one_that_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = re.findall(r"^\$ (bposync [^\n]+)$", text, re.MULTILINE) + re.findall(r"`(bposync [^`\n]+)`", text)
    for line in lines:
        words = shlex.split(line)[1:]
        command = next((word for word in words if word in COMMANDS), None)
        known = SHARED | (options(COMMANDS[command]) if command else options(ROOT_COMMAND))
        for word in words:
            assert not word.startswith("--") or word in known, line
        named = [word for word in words if re.fullmatch("[a-z]+", word)]
        assert command or not named, line


# Configuration.


def test_the_example_configuration_loads_and_its_urls_are_whole() -> None:
    settings = config.load(EXAMPLE, environment=ENVIRONMENT)
    assert settings.accounting is not None
    for template, password in (
        (settings.bpo.url, "BPO_PASSWORD"),
        (settings.accounting.url or "", "ACCOUNTING_PASSWORD"),
        (settings.state.url, None),
    ):
        place = database.address("it", "url", template, folder=ROOT, environment=ENVIRONMENT)
        assert place.url.password == (ENVIRONMENT[password] if password else None)


def test_the_example_configuration_also_loads_with_every_optional_key(tmp_path: Path) -> None:
    text = switched_on(EXAMPLE.read_text("utf-8"), without=("query", "odbc"))
    path = tmp_path / "bposync.toml"
    path.write_text(text, "utf-8")
    config.load(path, environment=ENVIRONMENT)


def switched_on(text: str, without: tuple[str, ...] = ()) -> str:
    """Give the example with every key that is commented out switched on."""
    return re.sub(
        r'^# (?=(?P<key>\w+|"[^"]+") = )', lambda found: "# " if found["key"] in without else "", text, flags=re.MULTILINE
    )


def test_the_example_configuration_names_every_key_with_its_default() -> None:
    example = tomllib.loads(switched_on(EXAMPLE.read_text("utf-8"), without=("customers",)).replace("\ncustomers = ", "\n# "))
    example["bpo"]["customers"] = "dbo.CustomerListing"
    for place, struct in TABLES.items():
        table = example
        for part in place.split("."):
            table = table[part]
        keys = {info.name for info in dataclasses.fields(struct)}
        assert set(table) == keys, place
        for info in dataclasses.fields(struct):
            if isinstance(info.default, str | bool) and info.name in keys:
                assert table[info.name] == info.default, info.name
    assert example["bpo"]["columns"] == {name: FIELDS[name].column for name in BPO_FIELDS}
    assert set(example["fields"]) <= set(ACCOUNT_FIELDS)


@pytest.mark.parametrize("place", TABLES)
def test_every_key_is_documented_with_its_default(place: str) -> None:
    text = page("configuration.md")
    level = 2 if "." not in place else 3
    section = sections(text, level)[f"[{place}]"].split("\n### ", 1)[0]
    told = {bare(row[0]): row[1] for row in rows(section)}
    fields = {info.name: info for info in dataclasses.fields(TABLES[place])}
    nested = {
        name
        for name, info in fields.items()
        if info.default_factory is not dataclasses.MISSING or name in ("columns", "defaults")
    }
    keys = set(fields) - nested
    assert set(told) == keys
    for name in keys:
        default = fields[name].default
        if default is dataclasses.MISSING:
            assert told[name] == "required"
        elif default is None:
            assert not told[name].startswith("`")
        else:
            assert json.loads(bare(told[name])) == (list(default) if isinstance(default, tuple) else default)
    for name in nested:
        assert f"[{place}.{name}]" in sections(text, 3)


def test_every_default_column_is_documented() -> None:
    section = sections(page("configuration.md"), 3)["[bpo.columns]"]
    told = {bare(row[0]): bare(row[1]) for row in rows(section)}
    assert told == {name: FIELDS[name].column or "none" for name in BPO_FIELDS}


def test_every_toml_on_a_page_is_valid() -> None:
    for path in DOCS.glob("*.md"):
        for block in re.findall(r"```toml\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
            tomllib.loads(block)


# Rights.


def granted(text: str) -> list[str]:
    """Give the columns that a GRANT UPDATE of a text names."""
    found = re.search(r"GRANT UPDATE (?:ON dbo\.Client )?\((.*?)\)", text, re.DOTALL)
    assert found
    return [column.strip().strip('"') for column in found[1].split(",")]


def test_the_rights_are_those_of_the_columns_that_are_written() -> None:
    text = sections(page("configuration.md"))["Least rights"]
    compared = [column for name, (column, _) in COLUMNS.items() if FIELDS[name].owner is Owner.BPO]
    tables = {"Client", "CliDef", *(table for table, _, _ in LOOKUPS.values())}
    for part in (sections(text, 3)["SQL Server"], sections(text, 3)["PostgreSQL"]):
        assert sorted(granted(part)) == sorted(compared)
        assert not re.search(r"GRANT[^;]*DELETE", part)
    assert set(re.findall(r"GRANT SELECT ON dbo\.(\w+) TO bposync_writer", text)) == tables
    [several] = re.findall(r"GRANT SELECT ON (.*?) TO bposync_writer;", sections(text, 3)["PostgreSQL"])
    assert {table.strip('"') for table in several.split(", ")} == tables


def test_the_least_rights_are_enough_and_no_more(
    postgres: PostgresServer, postgres_database: Callable[[], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", sections(page("configuration.md"), 3)["PostgreSQL"], re.DOTALL)
    blocks[2] = blocks[2].split("CREATE DATABASE")[0] + "GRANT CREATE ON SCHEMA public TO bposync_journal;"
    urls = {}
    for block, part in zip(blocks, (demo_bpo, demo_evolution, None), strict=True):
        url = postgres_database()
        engine = create_engine(url)
        with engine.begin() as connection:
            if part is not None:
                part.create(connection)
                part.fill(connection)
            for statement in block.split(";")[:-1]:
                connection.exec_driver_sql(statement)
        engine.dispose()
        [login] = re.findall(r"CREATE ROLE (\w+)", block)
        urls[login] = postgres.url(url.rpartition("/")[2], login, "change-me")
    (tmp_path / "bposync.toml").write_text(
        f"""
        bpo = {{ url = "{urls["bposync_reader"]}", customers = "CustomerListing" }}
        accounting = {{ url = "{urls["bposync_writer"]}", system = "evolution", write = "sql", defaults.group = "RETAIL" }}
        state.url = "{urls["bposync_journal"]}"
        sync.carry_hold = true
        """,
        "utf-8",
    )
    sync = ["sync", "--overwrite", "--yes", "--json", "--config", str(tmp_path)]
    assert main(sync) == ExitCode.NOT_WRITTEN  # who waits for a person does so here too
    outcomes = json.loads(capsys.readouterr().out)["outcomes"]
    assert outcomes.pop("written") > 30
    assert not any(outcomes.values())
    for login, statement in (
        ("bposync_reader", 'SELECT * FROM "Customer"'),
        ("bposync_writer", 'DELETE FROM "Client"'),
        ("bposync_writer", 'UPDATE "Client" SET "DCBalance" = 0'),
    ):
        engine = create_engine(urls[login])
        with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.exec_driver_sql(statement)
        engine.dispose()


# Evolution.


def test_the_field_map_is_the_codes() -> None:
    told = {bare(row[0]): (bare(row[1]), row[2]) for row in rows(sections(page("evolution.md"))["The field map"])}
    assert told == {name: (column, str(width or "")) for name, (column, width) in COLUMNS.items()}
    assert f"`Account`, width {ACCOUNT_WIDTH}," in page("evolution.md")
    assert f"{LARGEST_AMOUNT:,.2f}" in page("evolution.md")


def test_partners_field_map_is_the_codes() -> None:
    told = {bare(row[0]): tuple(bare(cell) for cell in row[1:4]) for row in rows(sections(page("partner.md"))["The field map"])}
    assert told == {name: (table, column, str(width or "")) for name, (table, column, width) in partner.COLUMNS.items()}
    assert f"{partner.LARGEST_AMOUNT:,}" in page("partner.md")


def test_what_a_new_account_of_partners_gets_is_what_the_code_writes() -> None:
    section = sections(page("partner.md"))["What a new account gets"]
    pairs = [pair for row in rows(section) for pair in (row[:2], row[3:])]
    assert {bare(column): value for column, value in pairs} == {name: str(value) for name, value in partner.NEW_ACCOUNT.items()}
    assert all(f"`{name}`" in section for name in partner.COMPANY_DEFAULTS.values())


def test_partners_page_names_every_package_that_is_needed_on_windows() -> None:
    locked = (ROOT / "requirements" / "run.txt").read_text("utf-8")
    names = {name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z0-9_.-]+)==", locked, re.MULTILINE)}
    text = page("partner.md").lower()
    assert [name for name in names if name not in text] == []


def test_the_freedom_services_properties_are_the_codes() -> None:
    section = sections(page("freedom.md"))["What is asked of the service"]
    told: dict[str, str] = {}
    for row in rows(section):
        for field, stands_in in ((row[0], row[1]), (row[3], row[4])):
            names, properties = re.findall(r"`(\w+)`", field), re.findall(r"`(\w+)`", stands_in)
            if len(names) == 2:  # from the first line of an address to the last
                names = [f"{names[0][:-1]}{n}" for n in range(1, 6)]
                for n, name in enumerate(names, 1):
                    told[name] = f"{properties[0]} Line{n}"
            elif names:
                told[names[0]] = " ".join(properties)
    linked = {"terms": "AgingTerm", "group": "CustomerGroup", "area": "AreasID"}
    assert told == {name: " ".join(path) for name, path in PROPERTIES.items()} | linked
    for field, name in linked.items():
        assert name in (*LINKED[field].objects, *LINKED[field].keys)


def test_the_lookups_are_the_codes() -> None:
    told = {bare(row[0]): tuple(map(bare, row[1:])) for row in rows(sections(page("evolution.md"))["The look-ups"])}
    assert told == LOOKUPS


def test_what_a_new_account_gets_is_what_the_code_writes() -> None:
    found = rows(sections(page("evolution.md"))["What a new account gets"])
    pairs = [pair for row in found for pair in (row[:2], row[3:])]
    assert {bare(column): int(value) for column, value in pairs if column} == REAL_ROW


# Scripts.


def test_every_exit_code_is_documented() -> None:
    told = {int(row[0]): row[1] for row in rows(sections(page("scripts.md"))["Exit codes"])}
    assert told == {code.value: code.name for code in ExitCode}


def json_examples() -> list[tuple[str, str]]:
    pattern = r"^`bposync (?P<command>[^`]+)`[^\n]*\n\n```json\n(?P<document>.*?)```"
    return re.findall(pattern, page("scripts.md"), re.DOTALL | re.MULTILINE)


def test_every_json_document_has_the_keys_that_the_documentation_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo.build(tmp_path).parent)
    assert main(["sync", "--site", "Durban", "--yes", "--quiet"]) == 0
    capsys.readouterr()
    examples = json_examples()
    for command, document in examples:
        main(shlex.split(command))
        assert keys_of(json.loads(capsys.readouterr().out)) == keys_of(json.loads(document)), command
    with_schema = {json.loads(document)["schema"] for _, document in examples if "schema" in json.loads(document)}
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src/bposync/cli").glob("*.py"))
    assert with_schema == set(re.findall(r'^SCHEMA: Final = "(.+)"$', source, re.MULTILINE))


def keys_of(document: Any, path: str = "") -> Iterator[str] | set[str]:
    """Give the path of every key in a document; those of all entries of a list are put together."""
    if isinstance(document, dict):
        return {f"{path}.{key}" for key in document} | {
            each for key in document for each in keys_of(document[key], f"{path}.{key}")
        }
    if isinstance(document, list):
        return {each for entry in document for each in keys_of(entry, f"{path}[]")}
    return set()


# Links.


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_on_a_page_leads_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.is_file(), target
        assert not anchor or anchor in anchors(there.read_text("utf-8")), target


def anchors(text: str) -> set[str]:
    """Give the anchors that headings have: small letters, hyphens for blanks, no other punctuation."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_on_the_index() -> None:
    index = page("index.md")
    assert [path.name for path in DOCS.glob("*.md") if path.name != "index.md" and f"({path.name})" not in index] == []


# Tests.


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_test_that_a_page_names_is_there(path: Path) -> None:
    files = {each.name: each.read_text("utf-8") for each in (ROOT / "tests").glob("test_*.py")}
    written = "\n".join(files.values())
    for name in re.findall(r"`(test_[\w.]+)`", path.read_text("utf-8")):
        assert name in files or f"def {name}(" in written, name


# Examples.


def test_the_pictures_show_what_the_program_says_and_load_nothing() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "screenshots", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for path in (DOCS / "images").glob("*.svg"):
        text = path.read_text("utf-8")
        assert len(text) < 100_000
        assert not re.search(r"url\((?!#)|href|<script|<image", text)


def test_the_examples_are_what_the_program_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "examples", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_columns_of_a_plan_are_told_by_both_their_names() -> None:
    from bposync.export.plan_sheet import HEADINGS

    rows = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| ", page("reports.md"), re.MULTILINE)
    assert rows == [(heading.name, heading.label) for heading in HEADINGS]
