"""The demo's books in Sage Pastel Partner: its own tables, and the accounts from before the first sync.

Columns, their order and widths are Partner's (a newer version), so that what reads and writes them is the real code. As
there, texts are padded with blanks to their width, which SQLite does by triggers here; nothing is NULL, and codes have six
characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import CHAR, Boolean, Column, Date, Double, Integer, MetaData, Table, false, text

from bposync.demo import company

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

FILE: Final = f"{company.NAME} (Partner).sqlite"
IMPORT_FILE: Final = "customers.csv"

CATEGORIES: Final = {"RE": "1", "CO": "2", "IT": "3", "GV": "4", "HILLCRESTP": "5"}
"""BPO's customer types, and the category that each gets here."""
TERMS: Final = {"30 Days": "30", "60 Days": "60", "90 Days": "90", "Cash on Delivery": "0"}
"""BPO's terms, and the days that they are here. One customer has others, which nothing here says."""
DEFAULTS: Final = {"category": "1", "terms": "30", "price_list": "1"}
"""What new accounts get where nothing else is said."""
CODES: Final = {
    "BET0001": "BETT01", "biancad": "BIANCA", "BIG0001": "BIGB01", "BOT0001": "BOTH01", "DAN0003": "DANCE3",
    "FIN0001": "FINE01", "HIL000001": "HILL01", "LIT0001": "LITT01", "MAN0001": "MAND01", "PIN0001": "PINK01",
}  # fmt: skip
"""Durban's customers whose codes do not fit, and the account codes that a person gives them."""

METADATA: Final = MetaData()


def _char(name: str, width: int) -> Column[str]:
    return Column(name, CHAR(width), nullable=False, server_default=text("''"))


def _chars(name: str, count: int, width: int) -> Iterator[Column[str]]:
    return (_char(f"{name}{number:02}", width) for number in range(1, count + 1))


def _whole(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _money(name: str) -> Column[float]:
    return Column(name, Double, nullable=False, server_default=text("0"))


def _periods(name: str) -> Iterator[Column[float]]:
    return (_money(f"{name}{period:02}") for period in range(1, 14))


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


MASTER: Final = Table(
    "CustomerMaster",
    METADATA,
    _whole("Category"),
    _char("CustomerCode", 6),
    _char("CustomerDesc", 40),
    *_periods("BalanceThis"),
    *_periods("BalanceLast"),
    *_periods("SalesThis"),
    *_periods("SalesLast"),
    *_chars("PostAddress", 5, 30),
    _whole("TaxCode"),
    _char("ExemptRef", 16),
    _whole("SettlementTerms"),
    _whole("PaymentTerms"),
    _whole("Discount"),
    Column("LastCrDate", Date),
    _money("LastCrAmount"),
    _whole("Blocked"),
    _flag("OpenItem"),
    _whole("OverRideTax"),
    _flag("MonthOrDay"),
    _char("IncExc", 1),
    _char("CountryCode", 3),
    _whole("CurrencyCode"),
    _money("CreditLimit"),
    _whole("InterestAfter"),
    _whole("PriceRegime"),
    _whole("UseAgedMessages"),
    *_periods("CurrBalanceThis"),
    *_periods("CurrBalanceLast"),
    *_chars("UserDefined", 5, 16),
    *(_money(f"Ageing{number:02}") for number in range(1, 6)),
    _whole("StatPrintorEmail"),
    _whole("DocPrintorEmail"),
    _char("InterestPer", 13),
    *_chars("Freight", 1, 10),
    _char("Ship", 16),
    _char("Password", 8),
    _char("LinkWeb", 1),
    _char("LoyaltyProg", 5),
    _char("LCardNumber", 16),
    _char("UpdatedOn", 19),
    _flag("CashAccount"),
    _flag("AcceptMail"),
    # From here on only newer versions have them.
    Column("CreateDate", Date),
    _char("SoleProprietor", 1),
    _char("CustName", 50),
    _char("CustSurname", 50),
    _char("CustID", 20),
    _char("BankName", 50),
    _whole("BankType"),
    _char("BankBranch", 10),
    _char("BankAccNumber", 20),
    _char("GUID", 32),
    _whole("BankAccRelation"),
    _char("ThirdPartyID", 20),
    _char("PassportNumber", 20),
)
DELIVERY: Final = Table(
    "DeliveryAddresses",
    METADATA,
    _char("CustomerCode", 6),
    _char("CustDelivCode", 3),
    _char("SalesmanCode", 5),
    _char("Contact", 16),
    _char("Telephone", 16),
    _char("Cell", 16),
    _char("Fax", 16),
    *_chars("DelAddress", 5, 30),
    _char("Email", 200),
    _char("ContactDocs", 16),
    _char("EmailDocs", 200),
    _char("ContactStatement", 16),
    _char("EmailStatement", 200),
)
CUSTOMER_CATEGORIES: Final = Table("CustomerCategories", METADATA, _whole("CCCode"), _char("CCDesc", 30))
SALESMEN: Final = Table("SalesmanMaster", METADATA, _char("Code", 5), _char("Description", 30), _flag("Blocked"))
CURRENCIES: Final = Table("CurrencyFile", METADATA, _whole("CurrCode"), _char("CurrDesc", 20))
PARAMETERS: Final = Table(
    "CustSuppParameters",
    METADATA,
    _whole("DefaultCategory01"),
    _whole("DefaultPriceRegime"),
    _money("DefaultCreditLimit"),
    _whole("DefaultPayTerms01"),
    _flag("DefaultOpenItem01"),
    _whole("DfltStatPrntE01"),
)

_LOOKUPS: Final[dict[Table, list[dict[str, object]]]] = {
    CUSTOMER_CATEGORIES: [
        {"CCCode": number, "CCDesc": description} for number, description in enumerate(
            ("Retail", "Corporate", "Information technology", "Government", "Hillcrest Park"), 1)
    ],
    SALESMEN: [{"Code": "HOUSE", "Description": "House account"}, {"Code": "LINDA", "Description": "Linda"}],
    # The company's own currency, the rand, is number 0 and has no row.
    CURRENCIES: [{"CurrCode": 1, "CurrDesc": "US dollar"}],
    PARAMETERS: [
        {"DefaultCategory01": 1, "DefaultPriceRegime": 1, "DefaultPayTerms01": 30, "DefaultOpenItem01": True,
         "DfltStatPrntE01": 1},
    ],
}  # fmt: skip


def configuration(write: str) -> str:
    """Give the part of bposync.toml that says how these books are reached and written."""
    how = {
        "sql": 'Straight into Pastel\'s tables. Sage does not support that, so it must be said here in words.\nwrite = "sql"',
        "file": f'Into a file that Pastel\'s own import takes; a person imports it.\nwrite = "file"\nfile = "{IMPORT_FILE}"',
    }[write]
    return f"""\
[accounting]
system = "partner"
# A company's own file has  odbc = "DSN=…"  in place of this line.
url = "sqlite:///{FILE}"
# {how}

# What new accounts get where nothing else is said: codes that the company has.
[accounting.defaults]
{_toml(DEFAULTS)}

# BPO's customer types, and the category that each gets.
[accounting.groups]
{_toml(CATEGORIES)}

# BPO's credit terms, and the days that they are in Pastel.
[accounting.terms]
{_toml(TERMS)}
"""


def create(connection: Connection) -> None:
    """Make the tables of a company that has its look-ups and defaults, and no accounts."""
    METADATA.create_all(connection)
    if connection.dialect.name == "sqlite":
        for table in METADATA.sorted_tables:
            for statement in padding(table):
                connection.exec_driver_sql(statement)
    for table, rows in _LOOKUPS.items():
        connection.execute(table.insert(), rows)


def padding(table: Table) -> Iterator[str]:
    """Give the triggers by which SQLite pads texts with blanks, and refuses what is too wide, as a CHAR column does."""
    widths = {column.name: column.type.length for column in table.columns if isinstance(column.type, CHAR)}
    if not widths:
        return
    too_wide = " OR ".join(f'length(NEW."{name}") > {width}' for name, width in widths.items())
    padded = ", ".join(
        f'"{name}" = substr(NEW."{name}" || \'{" " * (width or 0)}\', 1, {width})' for name, width in widths.items()
    )
    for when in ("INSERT", "UPDATE"):
        yield (
            f'CREATE TRIGGER "{table.name} {when} width" BEFORE {when} ON "{table.name}" WHEN {too_wide} '
            "BEGIN SELECT RAISE(ABORT, 'a text is wider than its column'); END"
        )
        update = f'UPDATE "{table.name}" SET {padded} WHERE rowid = NEW.rowid'  # noqa: S608 - names of this file's
        yield f'CREATE TRIGGER "{table.name} {when} padding" AFTER {when} ON "{table.name}" BEGIN {update}; END'


def fill(connection: Connection) -> None:
    """Put in the accounts that there are before the first sync."""
    for account in company.accounts():
        connection.execute(MASTER.insert(), _master(account))
        connection.execute(DELIVERY.insert(), _delivery(account))


def _master(account: company.Account) -> dict[str, Any]:
    return {
        "CustomerCode": account.code,
        "CustomerDesc": account.name[:40],
        "Category": int(CATEGORIES[account.values["type"]]),
        "CreditLimit": float(account.credit_limit),
        "BalanceThis01": float(account.balance),
        "Blocked": int(account.on_hold),
        "ExemptRef": account.values.get("vat_number", "")[:16],
        "PaymentTerms": int(TERMS[account.values["terms"]]),
        **_lines("PostAddress", account, "billing"),
        "UserDefined01": account.route,
        # As real rows have them.
        "TaxCode": 1,
        "OpenItem": True,
        "InterestAfter": -1,
        "PriceRegime": 1,
        "StatPrintorEmail": 1,
        "DocPrintorEmail": 1,
        "InterestPer": "N" * 13,
        "UpdatedOn": "01/03/2024 08:00:00",
    }


def _delivery(account: company.Account) -> dict[str, Any]:
    columns = {"contact": "Contact", "phone": "Telephone", "mobile": "Cell"}
    return {
        "CustomerCode": account.code,
        **{column: account.values.get(field, "")[:16] for field, column in columns.items()},
        "Email": account.values.get("email", ""),
        **_lines("DelAddress", account, "shipping"),
    }


def _lines(column: str, account: company.Account, kind: str) -> dict[str, str]:
    """Give an address as Pastel has it: the post code on the line after the last one used."""
    lines = [account.values.get(f"{kind}_{line}", "") for line in range(1, 6)]
    used = [*(line for line in lines if line), account.values.get(f"{kind}_postcode", "")]
    return {f"{column}{number:02}": line[:30] for number, line in enumerate(used[:5], 1)}


def _toml(pairs: dict[str, str]) -> str:
    return "\n".join(f'"{key}" = "{value}"' if " " in key else f'{key} = "{value}"' for key, value in pairs.items())
