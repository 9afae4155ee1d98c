"""An account as Pastel's own import takes it: the fields of the SDK's string, and of the CSV, in Pastel's order.

Each import rewrites the whole account, so every field is filled from what stands in the two tables. Of a few fields nobody
publishes how they stand there (docs/partner.md names them): the CSV leaves those out, and the SDK's way checks them afterwards.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, NamedTuple

from bposync.accounting.partner import CODE, CODE_WIDTH, DELIVERY, MASTER
from bposync.values import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}{number:02}" for number in range(1, count + 1)]


MASTER_COLUMNS: Final = (
    "Category", CODE, "CustomerDesc", *_numbered("BalanceThis", 13), *_numbered("BalanceLast", 13),
    *_numbered("SalesThis", 13), *_numbered("SalesLast", 13), *_numbered("PostAddress", 5), "TaxCode", "ExemptRef",
    "SettlementTerms", "PaymentTerms", "Discount", "LastCrDate", "LastCrAmount", "Blocked", "OpenItem", "OverRideTax",
    "MonthOrDay", "IncExc", "CountryCode", "CurrencyCode", "CreditLimit", "InterestAfter", "PriceRegime",
    "UseAgedMessages", *_numbered("CurrBalanceThis", 13), *_numbered("CurrBalanceLast", 13),
    *_numbered("UserDefined", 5), *_numbered("Ageing", 5), "StatPrintorEmail", "DocPrintorEmail", "InterestPer",
    "Freight01", "Ship", "Password", "LinkWeb", "LoyaltyProg", "LCardNumber", "UpdatedOn", "CashAccount", "AcceptMail",
    "CreateDate", "SoleProprietor", "CustName", "CustSurname", "CustID", "BankName", "BankType", "BankBranch",
    "BankAccNumber", "GUID", "BankAccRelation", "ThirdPartyID", "PassportNumber",
)  # fmt: skip
"""CustomerMaster's columns in their order, which is also that of a record that the SDK reads; older books end earlier."""
DELIVERY_COLUMNS: Final = (
    CODE, "CustDelivCode", "SalesmanCode", "Contact", "Telephone", "Cell", "Fax", *_numbered("DelAddress", 5), "Email",
    "ContactDocs", "EmailDocs", "ContactStatement", "EmailStatement",
)  # fmt: skip


class ImportField(NamedTuple):
    """One field of an import: its heading, where it stands, its width, and how it is written."""

    heading: str
    table: str
    column: str
    width: int = 0
    form: str = "text"
    certain: bool = True
    """Whether it is known how the column's value is written here."""


def _texts(heading: str, table: str, column: str, count: int, width: int) -> list[ImportField]:
    return [ImportField(f"{heading} {number}", table, f"{column}{number:02}", width) for number in range(1, count + 1)]


FIELDS: Final = (
    ImportField("Customer Code", MASTER, CODE, CODE_WIDTH),
    ImportField("Customer Description", MASTER, "CustomerDesc", 40),
    *_texts("Postal Address", MASTER, "PostAddress", 5, 30),
    ImportField("Telephone", DELIVERY, "Telephone", 16),
    ImportField("Fax", DELIVERY, "Fax", 16),
    ImportField("Contact", DELIVERY, "Contact", 16),
    ImportField("Tax Exempt", MASTER, "", 1, "no", certain=False),
    ImportField("Settlement Terms", MASTER, "SettlementTerms", 2, "two digits"),
    ImportField("Price List", MASTER, "PriceRegime", 2, "number"),
    ImportField("Sales Code", DELIVERY, "SalesmanCode", 5),
    *_texts("Delivery Address", DELIVERY, "DelAddress", 5, 30),
    ImportField("Blocked", MASTER, "Blocked", 1, "yes or no"),
    ImportField("Discount Percentage", MASTER, "Discount", 6, "percent"),
    ImportField("Exclusive", MASTER, "IncExc", 1, "exclusive", certain=False),
    ImportField("Statements", MASTER, "", 1, certain=False),
    ImportField("Open Item", MASTER, "OpenItem", 1, "yes or no"),
    ImportField("Customer Category", MASTER, "Category", 2, "two digits"),
    ImportField("Currency Code", MASTER, "CurrencyCode", 2, "two digits"),
    ImportField("Payment Terms", MASTER, "PaymentTerms", 3, "two digits"),
    ImportField("Credit Limit", MASTER, "CreditLimit", 9, "number"),
    *_texts("User Defined", MASTER, "UserDefined", 5, 16),
    ImportField("Monthly or Daily", MASTER, "MonthOrDay", 1, "month or day", certain=False),
    ImportField("Statement Print or Email", MASTER, "StatPrintorEmail", 1, "one"),
    ImportField("Document Print or Email", MASTER, "DocPrintorEmail", 1, "one"),
    ImportField("Cellphone", DELIVERY, "Cell", 16),
    ImportField("Email", DELIVERY, "Email", 200),
    ImportField("Freight", MASTER, "Freight01", 10),
    ImportField("Ship", MASTER, "Ship", 16),
    ImportField("Tax Reference", MASTER, "ExemptRef", 16),
    ImportField("Cash Customer", MASTER, "CashAccount", 1, "yes or no"),
    # Older versions end here.
    ImportField("Documents Contact", DELIVERY, "ContactDocs", 16),
    ImportField("Documents Email", DELIVERY, "EmailDocs", 200),
    ImportField("Statements Contact", DELIVERY, "ContactStatement", 16),
    ImportField("Statements Email", DELIVERY, "EmailStatement", 200),
    ImportField("Sole Proprietor", MASTER, "SoleProprietor", 1),
    ImportField("Name", MASTER, "CustName", 50),
    ImportField("Surname", MASTER, "CustSurname", 50),
    ImportField("ID Number", MASTER, "CustID", 20),
    ImportField("Bank", MASTER, "BankName", 50),
    ImportField("Bank Type", MASTER, "BankType", 2, "number"),
    ImportField("Bank Account Relation", MASTER, "BankAccRelation", 2, "number"),
    ImportField("Third Party ID", MASTER, "ThirdPartyID", 20),
    ImportField("Passport Number", MASTER, "PassportNumber", 20),
)
"""The 55 fields of the SDK's string; the first 42 of them are the older versions'."""
OLDER_FIELDS: Final = 42
CERTAIN: Final = tuple(field for field in FIELDS if field.certain)
"""The fields of the CSV."""


def columns_of(table: str) -> tuple[str, ...]:
    """Give the columns of a table that an import fills."""
    return tuple(dict.fromkeys(field.column for field in FIELDS if field.table == table and field.column))


def compose(
    master: Mapping[str, object], delivery: Mapping[str, object], fields: tuple[ImportField, ...] = FIELDS
) -> Iterator[str]:
    """Give an account's fields as an import writes them, from what stands in its two rows."""
    for field in fields:
        row = master if field.table == MASTER else delivery
        yield written(field, row.get(field.column))


def written(field: ImportField, raw: object) -> str:
    """Give one field as an import writes it."""
    text = text_of(raw)
    if field.form == "text":
        return text
    if field.form == "no":
        return "N"
    if field.form == "yes or no":
        return "Y" if _is_on(text) else "N"
    if field.form == "exclusive":
        return "Y" if text.upper() in ("Y", "E", "1", "TRUE") else "N"
    if field.form == "month or day":
        return "D" if _is_on(text) or text.upper() == "D" else "M"
    number = _number(text)
    if field.form == "percent":
        return f"{(number / 100).normalize():f}"
    if field.form == "one":
        return str(int(number) or 1)
    return f"{int(number):02}" if field.form == "two digits" else str(int(number))


def _is_on(text: str) -> bool:
    return text.upper() in ("1", "-1", "Y", "T", "TRUE", "YES")


def _number(text: str) -> Decimal:
    try:
        return Decimal(text or "0")
    except InvalidOperation:
        return Decimal(0)
