"""The demo's BPO: a database as such a system would have it, and the view that bposync reads.

BPO's own tables are not public; these are made up after its manual. The view has the columns of the Customer Listing,
and those of the customer's form, under bposync's default names: one row a customer and site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import Boolean, Column, ForeignKey, Integer, MetaData, Numeric, String, Table

from bposync.demo import company

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection

FILE: Final = "bpo.sqlite"
VIEW: Final = "CustomerListing"
POST_ACCOUNTS: Final = 'SELECT "PostAccounts" FROM "CompanyOptions"'
"""The company option that saves each customer to accounting at once. The demo has it off, which is why one syncs."""

_Thing = TypeVar("_Thing")

METADATA: Final = MetaData()


def _key(name: str, references: str | None = None) -> Column[int]:
    """Give a column of a primary key, numbered here and not by the database, so that it is the same everywhere."""
    if references:
        return Column(name, Integer, ForeignKey(references), primary_key=True, autoincrement=False)
    return Column(name, Integer, primary_key=True, autoincrement=False)


SITE: Final = Table(
    "Site",
    METADATA,
    _key("SiteID"),
    Column("SiteDescription", String(50), nullable=False),
)
DEPARTMENT: Final = Table(
    "Department",
    METADATA,
    _key("DepartmentID"),
    Column("Department", String(10), nullable=False),
    Column("DeptName", String(50), nullable=False),
)
CUSTOMER_TYPE: Final = Table(
    "CustomerType",
    METADATA,
    Column("CustomerType", String(20), primary_key=True),
    Column("TypeDescription", String(50), nullable=False),
)
CUSTOMER: Final = Table(
    "Customer",
    METADATA,
    _key("CustomerID"),
    Column("CustomerCode", String(30), nullable=False),
    Column("CustomerName", String(200), nullable=False),
    Column("CustomerType", String(20), ForeignKey("CustomerType.CustomerType"), nullable=False),
    Column("CustomerStatus", String(10), nullable=False),
    Column("HoldReason", String(100)),
    Column("IsDebtor", Boolean, nullable=False),
    Column("GLAccountCode", String(20)),
    Column("CreditLimit", Numeric(18, 2, asdecimal=False), nullable=False),
    Column("CreditTerms", String(30)),
    Column("WebSite", String(100)),
    Column("PhoneNumber", String(30)),
    Column("MobileNumber", String(30)),
    Column("Email", String(200)),
    Column("VATNumber", String(30)),
    Column("RegistrationNumber", String(30)),
)
CUSTOMER_SITE: Final = Table(
    "CustomerSite",
    METADATA,
    _key("CustomerID", "Customer.CustomerID"),
    _key("SiteID", "Site.SiteID"),
    Column("DepartmentID", Integer, ForeignKey("Department.DepartmentID")),
)
CONTACT: Final = Table(
    "Contact",
    METADATA,
    _key("CustomerID", "Customer.CustomerID"),
    Column("ContactRole", String(10), primary_key=True),
    Column("FullName", String(100), nullable=False),
)
ADDRESS: Final = Table(
    "Address",
    METADATA,
    _key("CustomerID", "Customer.CustomerID"),
    Column("AddressType", String(10), primary_key=True),
    _key("AddressNumber"),
    *(Column(f"Line{number}", String(50)) for number in range(1, 6)),
    Column("PostalCode", String(10)),
)
COMPANY_OPTIONS: Final = Table(
    "CompanyOptions",
    METADATA,
    _key("CompanyID"),
    Column("CompanyName", String(100), nullable=False),
    Column("AutoCustomerCode", Boolean, nullable=False),
    Column("PostAccounts", Boolean, nullable=False),
)

VIEW_SQL: Final = """\
CREATE VIEW "CustomerListing" AS
SELECT
    c."CustomerCode" AS "CustomerCode",
    c."CustomerType" AS "CustomerType",
    c."CustomerName" AS "CustomerName",
    d."Department" AS "Department",
    d."DeptName" AS "DeptName",
    s."SiteDescription" AS "SiteDescription",
    c."CreditLimit" AS "CustomerCreditLimit",
    c."WebSite" AS "CustomerWebSite",
    c."PhoneNumber" AS "CustomerPhoneNumber",
    c."MobileNumber" AS "CustomerMobileNumber",
    c."Email" AS "CustomerEmail",
    COALESCE(a."FullName", p."FullName") AS "AccountsContact",
    c."CustomerStatus" AS "CustomerStatus",
    c."IsDebtor" AS "IsDebtor",
    c."VATNumber" AS "VATNumber",
    c."RegistrationNumber" AS "RegistrationNumber",
    c."CreditTerms" AS "CreditTerms",
    bill."Line1" AS "BillingAddress1",
    bill."Line2" AS "BillingAddress2",
    bill."Line3" AS "BillingAddress3",
    bill."Line4" AS "BillingAddress4",
    bill."Line5" AS "BillingAddress5",
    bill."PostalCode" AS "BillingPostalCode",
    ship."Line1" AS "ShippingAddress1",
    ship."Line2" AS "ShippingAddress2",
    ship."Line3" AS "ShippingAddress3",
    ship."Line4" AS "ShippingAddress4",
    ship."Line5" AS "ShippingAddress5",
    ship."PostalCode" AS "ShippingPostalCode"
FROM "Customer" c
JOIN "CustomerSite" cs ON cs."CustomerID" = c."CustomerID"
JOIN "Site" s ON s."SiteID" = cs."SiteID"
LEFT JOIN "Department" d ON d."DepartmentID" = cs."DepartmentID"
LEFT JOIN "Contact" a ON a."CustomerID" = c."CustomerID" AND a."ContactRole" = 'Accounts'
LEFT JOIN "Contact" p ON p."CustomerID" = c."CustomerID" AND p."ContactRole" = 'Primary'
LEFT JOIN "Address" bill
    ON bill."CustomerID" = c."CustomerID" AND bill."AddressType" = 'Billing' AND bill."AddressNumber" = 1
LEFT JOIN "Address" ship
    ON ship."CustomerID" = c."CustomerID" AND ship."AddressType" = 'Shipping' AND ship."AddressNumber" = 1
"""


def create(connection: Connection) -> None:
    """Make the tables and the view, with nothing in them."""
    METADATA.create_all(connection)
    connection.exec_driver_sql(VIEW_SQL)


def fill(connection: Connection) -> None:
    """Put the company's sites, departments and customers in."""
    everyone = company.customers()
    listings = [listing for customer in everyone for listing in customer.listings]
    sites = _numbered(listing.site for listing in listings)
    departments = _numbered((listing.department, listing.department_name) for listing in listings if listing.department)
    rows: dict[Table, list[dict[str, object]]] = {
        SITE: [{"SiteID": number, "SiteDescription": site} for site, number in sites.items()],
        DEPARTMENT: [
            {"DepartmentID": number, "Department": code, "DeptName": name} for (code, name), number in departments.items()
        ],
        CUSTOMER_TYPE: [
            {"CustomerType": code, "TypeDescription": description} for code, description in company.CUSTOMER_TYPES.items()
        ],
        COMPANY_OPTIONS: [{"CompanyID": 1, "CompanyName": company.NAME, "AutoCustomerCode": False, "PostAccounts": False}],
        CUSTOMER: [],
        CUSTOMER_SITE: [],
        CONTACT: [],
        ADDRESS: [],
    }
    for number, customer in enumerate(everyone, 1):
        rows[CUSTOMER].append({"CustomerID": number, **_customer(customer)})
        rows[CUSTOMER_SITE] += [
            {
                "CustomerID": number,
                "SiteID": sites[listing.site],
                "DepartmentID": departments.get((listing.department, listing.department_name)),
            }
            for listing in customer.listings
        ]
        rows[CONTACT] += [{"CustomerID": number, **contact} for contact in _contacts(customer)]
        rows[ADDRESS] += [{"CustomerID": number, **address} for address in _addresses(customer)]
    for table, its_rows in rows.items():
        connection.execute(table.insert(), its_rows)


def _numbered(things: Iterable[_Thing]) -> dict[_Thing, int]:
    """Give each different thing a number from 1, in the order of their first appearance."""
    return {thing: number for number, thing in enumerate(dict.fromkeys(things), 1)}


def _customer(customer: company.Customer) -> dict[str, object]:
    values = customer.values
    return {
        "CustomerCode": customer.code,
        "CustomerName": customer.name,
        "CustomerType": values["type"],
        "CustomerStatus": customer.status,
        "HoldReason": customer.hold_reason or None,
        "IsDebtor": customer.is_debtor,
        "GLAccountCode": customer.gl_account or None,
        "CreditLimit": customer.credit_limit,
        "CreditTerms": values["terms"] or None,
        "WebSite": values["website"] or None,
        "PhoneNumber": values["phone"] or None,
        "MobileNumber": values["mobile"] or None,
        "Email": values["email"] or None,
        "VATNumber": values["vat_number"] or None,
        "RegistrationNumber": values["registration"] or None,
    }


def _contacts(customer: company.Customer) -> Iterator[dict[str, object]]:
    for role, name in (("Accounts", customer.accounts_contact), ("Primary", customer.primary_contact)):
        if name:
            yield {"ContactRole": role, "FullName": name}


def _addresses(customer: company.Customer) -> Iterator[dict[str, object]]:
    yield _address("billing", 1, customer.values)
    yield _address("shipping", 1, customer.values)
    if customer.other_shipping:
        yield _address("shipping", 2, customer.other_shipping)


def _address(kind: str, number: int, values: Mapping[str, str]) -> dict[str, object]:
    return {
        "AddressType": kind.title(),
        "AddressNumber": number,
        **{f"Line{line}": values.get(f"{kind}_{line}") or None for line in range(1, 6)},
        "PostalCode": values.get(f"{kind}_postcode") or None,
    }
