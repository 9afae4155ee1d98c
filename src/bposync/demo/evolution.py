"""The demo's books in Sage Evolution: its own tables, some look-ups, and the accounts from before the first sync.

Tables, columns, widths and defaults are Evolution's (a newer version), so that what reads and writes them is the real
code. As there, no foreign key is declared, money is a float, and nothing keeps `Account` unique or has it in an index.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Float,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    false,
    select,
    text,
    true,
)
from sqlalchemy.dialects import mssql

from bposync.demo import company

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

FILE: Final = f"{company.NAME}.sqlite"

GROUPS: Final = {"RE": "RETAIL", "CO": "CORPORATE", "IT": "IT", "GV": "GOVERNMENT", "HILLCRESTP": "HILLCREST"}
"""BPO's customer types, and the group that each gets here."""
TERMS: Final = {"30 Days": "30D", "60 Days": "60D", "90 Days": "90D", "Cash on Delivery": "COD"}
"""BPO's terms, and their codes here. One customer has others, which nothing here says."""
DEFAULTS: Final = {"group": "RETAIL", "terms": "30D", "area": "RSA", "price_list": "Standard"}
"""What new accounts get where nothing else is said."""

METADATA: Final = MetaData()


def _key(name: str) -> Column[int]:
    return Column(name, Integer, Identity(), primary_key=True)


def _text(name: str, width: int, *, required: bool = False) -> Column[str]:
    return Column(name, String(width), nullable=not required)


def _number(name: str) -> Column[int]:
    return Column(name, Integer)


def _zero(name: str) -> Column[int]:
    """Give a number that is never NULL and is 0 where nothing is said."""
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _float(name: str) -> Column[float]:
    return Column(name, Float)


def _moment(name: str) -> Column[datetime]:
    return Column(name, DateTime)


def _flag(name: str, *, on: bool = False, required: bool = True) -> Column[bool]:
    """Give a `bit`, with the default that Evolution declares."""
    return Column(name, Boolean, nullable=not required, server_default=true() if on else false())


CLIENT: Final = Table(
    "Client",
    METADATA,
    _key("DCLink"),
    _text("Account", 20),
    _text("Name", 150),
    _text("Title", 5),
    _text("Init", 6),
    _text("Contact_Person", 30),
    *(_text(f"Physical{line}", 40) for line in range(1, 6)),
    _text("PhysicalPC", 15),
    _text("Addressee", 30),
    *(_text(f"Post{line}", 40) for line in range(1, 6)),
    _text("PostPC", 15),
    _text("Delivered_To", 30),
    *(_text(name, 25) for name in ("Telephone", "Telephone2", "Fax1", "Fax2")),
    _number("AccountTerms"),
    _flag("CT", on=True),
    _text("Tax_Number", 50),
    _text("Registration", 20),
    _float("Credit_Limit"),
    _number("RepID"),
    _float("Interest_Rate"),
    _float("Discount"),
    _flag("On_Hold"),
    _number("BFOpenType"),
    _text("EMail", 200),
    _number("BankLink"),
    *(_text(name, 30) for name in ("BranchCode", "BankAccNum", "BankAccType")),
    _float("AutoDisc"),
    _number("DiscMtrxRow"),
    _number("MainAccLink"),
    _flag("CashDebtor"),
    _float("DCBalance"),
    _flag("CheckTerms"),
    _flag("UseEmail"),
    *(_number(name) for name in ("iIncidentTypeID", "iBusTypeID", "iBusClassID", "iCountryID", "iAgentID")),
    _moment("dTimeStamp"),
    _text("cAccDescription", 80),
    _text("cWebPage", 50),
    _number("iClassID"),
    _number("iAreasID"),
    _text("cBankRefNr", 30),
    _number("iCurrencyID"),
    _flag("bStatPrint"),
    _flag("bStatEmail"),
    _text("cStatEmailPass", 160),
    _flag("bForCurAcc"),
    _float("fForeignBalance"),
    _flag("bTaxPrompt", on=True),
    _number("iARPriceListNameID"),
    _zero("iSettlementTermsID"),
    _flag("bSourceDocPrint", on=True),
    _flag("bSourceDocEmail"),
    _zero("iEUCountryID"),
    _zero("iDefTaxTypeID"),
    _flag("bCODAccount"),
    _number("iAgeingTermID"),
    _flag("bElecDocAcceptance"),
    Column("iBankDetailType", SmallInteger().with_variant(mssql.TINYINT(), "mssql")),
    _text("cBankAccHolder", 30),
    _text("cIDNumber", 20),
    _text("cPassportNumber", 20),
    _flag("bInsuranceCustomer", required=False),
    _text("cBankCode", 15),
    _text("cSwiftCode", 11),
    _number("Client_iBranchID"),
    _moment("Client_dCreatedDate"),
    _moment("Client_dModifiedDate"),
    _number("Client_iCreatedBranchID"),
    _number("Client_iModifiedBranchID"),
    _number("Client_iCreatedAgentID"),
    _number("Client_iModifiedAgentID"),
    _number("Client_iChangeSetID"),
    Column("Client_Checksum", LargeBinary(20).with_variant(mssql.BINARY(20), "mssql")),
    _number("iSPQueueID"),
    _flag("bCustomerZoneEnabled"),
    _zero("iTaxState"),
    # From here on only newer versions have them.
    _flag("bOnlineToolsEnabled"),
    _flag("bTaxVerified"),
    _moment("dDateTaxVerified"),
    *(_flag(name) for name in ("bBadDebtRelief", "bObjectToProcess", "bStatEmailPeople", "bSourceDocEmailPeople")),
    _zero("iTaxCountryID"),
    # What this company added for itself.
    _text("ucARDeliveryRoute", 50),
    _flag("ubAROrderNumberNeeded", required=False),
)
CLASSES: Final = Table("CliClass", METADATA, _key("IdCliClass"), _text("Code", 20), _text("Description", 100))
AREAS: Final = Table("Areas", METADATA, _key("idAreas"), _text("Code", 10, required=True), _text("Description", 30))
TERM_CODES: Final = Table(
    "_etblTerms",
    METADATA,
    _key("iTermID"),
    Column("iModule", Integer, nullable=False),
    _text("cCode", 20, required=True),
    _text("cDescription", 100),
)
PRICE_LISTS: Final = Table(
    "_etblPriceListName",
    METADATA,
    _key("IDPriceListName"),
    _text("cName", 50),
    _text("cDescription", 60),
    _flag("bDefault"),
)
CURRENCIES: Final = Table("Currency", METADATA, _key("CurrencyLink"), _text("CurrencyCode", 4))
TAX_RATES: Final = Table("TaxRate", METADATA, _key("idTaxRate"), _text("Code", 10), _float("TaxRate"))
SALES_REPS: Final = Table("SalesRep", METADATA, _key("idSalesRep"), _text("Code", 20, required=True))
COMPANY_DEFAULTS: Final = Table(
    "CliDef",
    METADATA,
    _key("idCliDef"),
    _text("AutoYN", 1),
    _number("AutoLength"),
    _number("AutoAlphaLength"),
    _text("UpperAccNo", 1),
    _number("iDefaultTermID"),
)

_FOR_CUSTOMERS, _FOR_SUPPLIERS = 0, 1
_LOOKUPS: Final[dict[Table, list[dict[str, object]]]] = {
    CLASSES: [
        {"Code": "RETAIL", "Description": "Retail customers"},
        {"Code": "CORPORATE", "Description": "Corporate customers"},
        {"Code": "GOVERNMENT", "Description": "Government and municipalities"},
        {"Code": "IT", "Description": "Information technology"},
        {"Code": "HILLCREST", "Description": "Residents of Hillcrest Park"},
    ],
    AREAS: [
        {"Code": "RSA", "Description": "South Africa"},
        {"Code": "SADC", "Description": "Neighbouring countries"},
    ],
    # The first of them is what new accounts have by default. Suppliers have the same codes in rows of their own.
    TERM_CODES: [
        {"iModule": _FOR_CUSTOMERS, "cCode": "30D", "cDescription": "30 days from statement"},
        {"iModule": _FOR_CUSTOMERS, "cCode": "60D", "cDescription": "60 days from statement"},
        {"iModule": _FOR_CUSTOMERS, "cCode": "90D", "cDescription": "90 days from statement"},
        {"iModule": _FOR_CUSTOMERS, "cCode": "COD", "cDescription": "Cash on delivery"},
        {"iModule": _FOR_SUPPLIERS, "cCode": "30D", "cDescription": "Suppliers, 30 days"},
        {"iModule": _FOR_SUPPLIERS, "cCode": "60D", "cDescription": "Suppliers, 60 days"},
    ],
    PRICE_LISTS: [
        {"cName": "Standard", "cDescription": "Standard prices", "bDefault": True},
        {"cName": "Trade", "cDescription": "Prices for the trade", "bDefault": False},
    ],
    # The company's own currency, the rand, is number 0 and has no row.
    CURRENCIES: [{"CurrencyCode": "USD"}, {"CurrencyCode": "EUR"}],
    TAX_RATES: [{"Code": "1", "TaxRate": 15.0}, {"Code": "2", "TaxRate": 0.0}],
    SALES_REPS: [{"Code": "HOUSE"}, {"Code": "LINDA"}],
    COMPANY_DEFAULTS: [
        {"AutoYN": "0", "AutoLength": 6, "AutoAlphaLength": 3, "UpperAccNo": "1", "iDefaultTermID": 1},
    ],
}

COLUMNS: Final = {
    "contact": "Contact_Person",
    "phone": "Telephone",
    "mobile": "Telephone2",
    "email": "EMail",
    "website": "cWebPage",
    "vat_number": "Tax_Number",
    "registration": "Registration",
    "billing_postcode": "PostPC",
    "shipping_postcode": "PhysicalPC",
    **{f"billing_{line}": f"Post{line}" for line in range(1, 6)},
    **{f"shipping_{line}": f"Physical{line}" for line in range(1, 6)},
}
"""The fields that hold text, and the columns of Client that they stand in."""


def configuration(write: str) -> str:
    """Give the part of bposync.toml that says how these books are reached and written."""
    defaults = dict(DEFAULTS)
    if write == "freedom":
        del defaults["price_list"]  # the service has no place for it
    return f"""\
[accounting]
system = "evolution"
{_WAYS[write]}
# What new accounts get where nothing else is said: codes that the company has.
[accounting.defaults]
{_toml(defaults)}

# BPO's customer types, and the accounting group that each gets.
[accounting.groups]
{_toml(GROUPS)}

# BPO's credit terms, and accounting's codes for them.
[accounting.terms]
{_toml(TERMS)}
"""


_WAYS: Final = {
    "sql": f"""\
url = "sqlite:///{FILE}"
# Straight into Evolution's tables. Sage does not support that, so it must be said here in words.
write = "sql"
""",
    "freedom": f"""\
# Through Evolution's Freedom Service, which Sage supports. No url: the accounts are read through it too.
write = "freedom"
# In a demo every command runs a stand-in of the service for as long as it takes, on a port of its own on this machine, with
# the file beside this one behind it. So nothing has to be started. A company's own file has these lines in place of the next:
#   freedom_url = "https://server:5000/freedom.core/{company.NAME}"
#   freedom_user = "bposync"
#   freedom_password = "${{FREEDOM_PASSWORD}}"
freedom_url = "demo:{FILE}"
# The service does not tell whether the company writes its codes in capitals.
upper_case_codes = true
""",
}


def create(connection: Connection) -> None:
    """Make the tables of a company that has its look-ups and defaults, and no accounts."""
    METADATA.create_all(connection)
    for table, rows in _LOOKUPS.items():
        connection.execute(table.insert(), rows)


def fill(connection: Connection) -> None:
    """Put in the accounts that there are before the first sync."""
    groups = {row.Code: row.IdCliClass for row in connection.execute(select(CLASSES))}
    terms = {row.cCode: row.iTermID for row in connection.execute(select(TERM_CODES))}
    rows = [
        {
            **_account(account),
            "iClassID": groups[GROUPS[account.values["type"]]],
            "iAgeingTermID": terms[TERMS[account.values["terms"]]],
        }
        for account in company.accounts()
    ]
    connection.execute(CLIENT.insert(), rows)


def _account(account: company.Account) -> dict[str, object]:
    return {
        "Account": account.code,
        "Name": account.name,
        "Credit_Limit": float(account.credit_limit),
        "DCBalance": float(account.balance),
        "On_Hold": account.on_hold,
        "ucARDeliveryRoute": account.route or None,
        # Evolution's forms leave an empty text, not NULL, where nothing was typed.
        **{column: account.values.get(field, "") for field, column in COLUMNS.items()},
        # As real rows have them; what a site without branches never fills stays NULL.
        "AccountTerms": 0,
        "RepID": 0,
        "Interest_Rate": 0.0,
        "Discount": 0.0,
        "AutoDisc": 0.0,
        "iAreasID": 1,
        "iCurrencyID": 0,
        "fForeignBalance": 0.0,
        "iARPriceListNameID": 1,
        "bStatPrint": True,
        "dTimeStamp": datetime(2024, 3, 1, 8, 0),  # noqa: DTZ001 - Evolution's moments have no zone
    }


def _toml(pairs: Mapping[str, str]) -> str:
    return "\n".join(f'"{key}" = "{value}"' if " " in key else f'{key} = "{value}"' for key, value in pairs.items())
