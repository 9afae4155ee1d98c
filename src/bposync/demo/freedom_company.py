"""What stands behind the demo's Freedom Service: the company's own tables, and customers as the service shows them.

As strict as Evolution: what a property cannot hold, a code that is there already or a group that is not makes a
ValidationResult with errors; what is no customer at all makes a fault. A property that is not sent is blank, 0 or false
afterwards, for that is what a customer without it means to the service.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from bposync.demo.evolution import CLIENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

_TEXTS: Final = {
    "Code": "Account", "Description": "Name", "Title": "Title", "Initials": "Init", "IDNumber": "cIDNumber",
    "ContactPerson": "Contact_Person", "TaxNumber": "Tax_Number", "DeliverTo": "Delivered_To", "Telephone": "Telephone",
    "Telephone2": "Telephone2", "Fax1": "Fax1", "Fax2": "Fax2", "Registration": "Registration", "EmailAddress": "EMail",
    "BankBranchCode": "BranchCode", "BankAccountNo": "BankAccNum", "AccountDescription": "cAccDescription",
    "Webpage": "cWebPage", "BankReferenceNo": "cBankRefNr", "StatementZipPassword": "cStatEmailPass",
}  # fmt: skip
_AMOUNTS: Final = {"CreditLimit": "Credit_Limit", "InterestRate": "Interest_Rate", "AutomaticDiscount": "AutoDisc"}
_NUMBERS: Final = {"AccountTerms": "AccountTerms", "BankID": "BankLink", "AreasID": "iAreasID", "CurrencyID": "iCurrencyID"}
_FLAGS: Final = {
    "ChargeTax": "CT", "IsOnHold": "On_Hold", "CheckTerms": "CheckTerms", "UseEmail": "UseEmail",
    "PrintRemittance": "bStatPrint", "EmailRemittance": "bStatEmail",
}  # fmt: skip
_ADDRESSES: Final = {"PhysicalAddress": ("Physical", "PhysicalPC"), "PostalAddress": ("Post", "PostPC")}
# The column, and the look-up's table, key, code and description.
_OBJECTS: Final = {
    "CustomerGroup": ("iClassID", "CliClass", "IdCliClass", "Code", "Description"),
    "AgingTerm": ("iAgeingTermID", "_etblTerms", "iTermID", "cCode", "cDescription"),
    "DefaultTaxRate": ("iDefTaxTypeID", "TaxRate", "idTaxRate", "Code", "TaxRate"),
    "Currency": ("iCurrencyID", "Currency", "CurrencyLink", "CurrencyCode", "CurrencyCode"),
}
_FINDS: Final = {
    "customergroupfind": "CustomerGroup",
    "agingtermfind": "AgingTerm",
    "areafind": "Area",
}
_AREA: Final = ("iAreasID", "Areas", "idAreas", "Code", "Description")
_NEVER_WRITTEN: Final = (
    "ID", "Active", "AccountBalance", "ForeignAccountBalance", "IsForeignCurrencyAccount", "DefaultSettlementTerm", "Timestamp",
)  # fmt: skip
_KNOWN: Final = frozenset({*_TEXTS, *_AMOUNTS, *_NUMBERS, *_FLAGS, *_ADDRESSES, *_OBJECTS, *_NEVER_WRITTEN})
_WIDTHS: Final = {column.name: getattr(column.type, "length", None) for column in CLIENT.columns}
_MOMENT: Final = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
_ZONE: Final = timezone(timedelta(hours=2))
_AGENT: Final = 1


class FaultError(Exception):
    """What the service answers as a fault."""


class FreedomCompany:
    """One company in an SQLite file. `without` are properties that this version of the service does not know."""

    def __init__(self, path: Path, *, without: Collection[str] = ()) -> None:
        self._path = path
        self._without = frozenset(without)
        self._writing = threading.Lock()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    # Reading.

    def exists(self, code: str) -> bool:
        """Tell whether there is an account with a code."""
        with self._connected() as connection:
            return _row(connection, code) is not None

    def find(self, code: str) -> dict[str, Any]:
        """Give one customer. A fault where there is none."""
        with self._connected() as connection:
            row = _row(connection, code)
            if row is None:
                raise FaultError(f"Customer with code {code} does not exist")
            return self._customer(connection, row)

    def page(self, order: str, number: int, size: int) -> list[dict[str, Any]]:
        """Give a page of customers, by code or by ID."""
        if number < 1 or size < 1 or order.lower() not in ("code", "id", ""):
            raise FaultError(f"Invalid page {number} of {size}, ordered by {order}")
        by = "DCLink" if order.lower() == "id" else "Account"
        with self._connected() as connection:
            rows = connection.execute(
                f'SELECT * FROM Client ORDER BY "{by}", DCLink LIMIT ? OFFSET ?',  # noqa: S608 - one of two columns
                (size, (number - 1) * size),
            ).fetchall()
            return [self._customer(connection, row) for row in rows]

    def look_up(self, operation: str, code: str, module: str | None) -> dict[str, Any]:
        """Give a group, terms or an area. A fault where there are none."""
        known = _AREA if operation == "areafind" else _OBJECTS[_FINDS[operation]]
        with self._connected() as connection:
            for row in connection.execute(f'SELECT * FROM "{known[1]}"'):  # noqa: S608 - a table of this file's
                if row[known[3]].casefold() == code.strip().casefold() and (module is None or str(row["iModule"]) == module):
                    return {"ID": row[known[2]], "Code": row[known[3]], "Description": row[known[4]]}
        raise FaultError(f"{_FINDS[operation]} with code {code} does not exist")

    def _customer(self, connection: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
        changed = datetime.fromisoformat(str(row["dTimeStamp"])) if row["dTimeStamp"] else None
        found: dict[str, Any] = {"ID": row["DCLink"], "Active": True}
        found |= {name: row[column] for name, column in _TEXTS.items()}
        found |= {"AccountBalance": row["DCBalance"] or 0.0, "ForeignAccountBalance": row["fForeignBalance"] or 0.0}
        found |= {name: row[column] or 0.0 for name, column in _AMOUNTS.items()}
        found |= {name: row[column] or 0 for name, column in _NUMBERS.items()}
        found |= {name: bool(row[column]) for name, column in _FLAGS.items()}
        found |= {
            name: {**{f"Line{n}": row[f"{lines}{n}"] for n in range(1, 6)}, "PostalCode": row[postcode]}
            for name, (lines, postcode) in _ADDRESSES.items()
        }
        found |= {name: _object(connection, known, row[known[0]]) for name, known in _OBJECTS.items()}
        found |= {
            "IsForeignCurrencyAccount": bool(row["iCurrencyID"]),
            "DefaultSettlementTerm": None,
            "Timestamp": None if changed is None else f"/Date({int(changed.replace(tzinfo=_ZONE).timestamp() * 1000)}+0200)/",
        }
        return {name: value for name, value in found.items() if name not in self._without}

    # Writing.

    def insert(self, customer: Mapping[str, Any]) -> list[str]:
        """Make an account; give what is wrong with it, or nothing. A fault for what is no customer."""
        with self._writing, self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            with _rolled_back(connection):
                row, errors = self._columns(connection, customer)
                code = str(row.get("Account") or "")
                if _row(connection, code) is not None:
                    errors.append(f"Customer with code {code} already exists")
                if errors:
                    return errors
                terms = connection.execute("SELECT iDefaultTermID FROM CliDef").fetchone()
                now = _now()
                row |= {"iAgeingTermID": row.get("iAgeingTermID") or (terms[0] if terms else None), "iARPriceListNameID": 1}
                row |= {"DCBalance": 0.0, "fForeignBalance": 0.0, "dTimeStamp": now, "Client_dCreatedDate": now}
                row |= {"Client_iCreatedAgentID": _AGENT}
                columns, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO Client ({columns}) VALUES ({marks})", list(row.values()))  # noqa: S608
                connection.execute("COMMIT")
        return []

    def update(self, customer: Mapping[str, Any]) -> list[str]:
        """Write a whole account; give what is wrong with it, or nothing. A fault for what is no customer."""
        with self._writing, self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            with _rolled_back(connection):
                row, errors = self._columns(connection, customer)
                present = _row(connection, str(row.get("Account") or ""))
                if present is None or present["DCLink"] != customer.get("ID"):
                    errors.append(f"Customer {row.get('Account')} does not exist")
                if errors:
                    return errors
                row |= {"dTimeStamp": _now(), "Client_dModifiedDate": _now(), "Client_iModifiedAgentID": _AGENT}
                pairs = ", ".join(f'"{name}" = ?' for name in row)
                connection.execute(f"UPDATE Client SET {pairs} WHERE DCLink = ?", [*row.values(), customer["ID"]])  # noqa: S608
                connection.execute("COMMIT")
        return []

    def _columns(self, connection: sqlite3.Connection, customer: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Give the columns of a whole customer, and what Evolution's validation says of it."""
        if unknown := set(customer) - (_KNOWN - self._without):
            raise FaultError(f"The customer has unknown members: {', '.join(sorted(unknown))}")
        row: dict[str, Any] = {}
        errors: list[str] = []
        for name, column in _TEXTS.items():
            row[column] = _text(customer, name, column, errors)
        for name, (lines, postcode) in _ADDRESSES.items():
            address = customer.get(name) or {}
            if not isinstance(address, dict) or not set(address) <= {*(f"Line{n}" for n in range(1, 6)), "PostalCode"}:
                raise FaultError(f"{name} is no address")
            for inner, column in {**{f"Line{n}": f"{lines}{n}" for n in range(1, 6)}, "PostalCode": postcode}.items():
                row[column] = _text(address, inner, column, errors)
        row |= {column: float(_typed(customer, name, (int, float)) or 0) for name, column in _AMOUNTS.items()}
        row |= {column: _typed(customer, name, (int,)) or 0 for name, column in _NUMBERS.items()}
        row |= {column: int(_typed(customer, name, (bool,)) or 0) for name, column in _FLAGS.items()}
        for name, known in _OBJECTS.items():
            if name not in self._without and name != "Currency":
                row[known[0]] = _key(connection, name, known, customer.get(name), errors)
        if row["iAreasID"] and _object(connection, _AREA, row["iAreasID"]) is None:
            errors.append(f"Area {row['iAreasID']} does not exist")
        stamp = customer.get("Timestamp")
        if stamp is not None and not (isinstance(stamp, str) and _MOMENT.fullmatch(stamp)):
            raise FaultError("Timestamp is no date")
        errors += [f"{name} is required" for name in ("Code", "Description") if not (row[_TEXTS[name]] or "").strip()]
        return row, errors


@contextlib.contextmanager
def _rolled_back(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _row(connection: sqlite3.Connection, code: str) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM Client WHERE Account = ? COLLATE NOCASE ORDER BY DCLink", (code.strip(),)
    ).fetchone()
    return found


def _object(connection: sqlite3.Connection, known: tuple[str, ...], key: object) -> dict[str, Any] | None:
    _, table, key_column, code, description = known
    found = connection.execute(f'SELECT * FROM "{table}" WHERE "{key_column}" = ?', (key,)).fetchone()  # noqa: S608
    return None if found is None else {"ID": found[key_column], "Code": found[code], "Description": str(found[description])}


def _key(connection: sqlite3.Connection, name: str, known: tuple[str, ...], given: object, errors: list[str]) -> int | None:
    """Give the key of an object that was sent whole."""
    if given is None:
        return 0 if name == "DefaultTaxRate" else None
    if not isinstance(given, dict) or not {"ID", "Code", "Description"} <= set(given):
        raise FaultError(f"{name} is not whole: it needs ID, Code and Description")
    found = _object(connection, known, given["ID"])
    if found is None or found["Code"] != given["Code"]:
        errors.append(f"{name} {given['Code']} does not exist")
    return int(given["ID"])


def _text(customer: Mapping[str, Any], name: str, column: str, errors: list[str]) -> str | None:
    given: str | None = _typed(customer, name, (str,))
    width = _WIDTHS[column]
    if given is not None and width is not None and len(given) > width:
        errors.append(f"{name} is longer than {width} characters")
    return given


def _typed(customer: Mapping[str, Any], name: str, kinds: tuple[type, ...]) -> Any:  # noqa: ANN401 - of those kinds
    given = customer.get(name)
    if given is None or (isinstance(given, kinds) and isinstance(given, bool) == (bool in kinds)):
        return given
    raise FaultError(f"The value of {name} cannot be parsed as {kinds[0].__name__}")


def _now() -> str:
    return datetime.now(UTC).astimezone(_ZONE).replace(tzinfo=None, microsecond=0).isoformat(" ")
