"""A strict stand-in for Pastel's SDK, which no Linux machine can have: its calls, its order, its records, its result codes.

It keeps one company's two files in memory (or in a file, for a process that is killed), checks every count, width and code that
is known of the real one, and fails on demand. How a few settings stand in Pastel's tables nobody publishes: both ways are here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bposync.accounting.partner_record import DELIVERY_COLUMNS, MASTER_COLUMNS

# Sage's string: number, name, width; as the SDK's documentation numbers them.
WIDTHS: Final = {
    1: 6, 2: 40, **dict.fromkeys(range(3, 8), 30), 8: 16, 9: 16, 10: 16, 14: 5, **dict.fromkeys(range(15, 20), 30), 28: 9,
    **dict.fromkeys(range(29, 34), 16), 37: 16, 38: 200, 39: 10, 40: 16, 41: 16, 43: 16, 44: 200, 45: 16, 46: 200, 48: 50,
    49: 50, 50: 20, 51: 50, 54: 20, 55: 20,
}  # fmt: skip
YES_OR_NO: Final = (11, 20, 22, 24, 42)
# Where a text of the string is kept.
MASTER_TEXTS: Final = {
    2: "CustomerDesc", **{2 + line: f"PostAddress{line:02}" for line in range(1, 6)},
    **{28 + line: f"UserDefined{line:02}" for line in range(1, 6)}, 39: "Freight01", 40: "Ship", 41: "ExemptRef",
    47: "SoleProprietor", 48: "CustName", 49: "CustSurname", 50: "CustID", 51: "BankName", 54: "ThirdPartyID",
    55: "PassportNumber",
}  # fmt: skip
DELIVERY_TEXTS: Final = {
    8: "Telephone", 9: "Fax", 10: "Contact", 14: "SalesmanCode", **{14 + line: f"DelAddress{line:02}" for line in range(1, 6)},
    37: "Cell", 38: "Email", 43: "ContactDocs", 44: "EmailDocs", 45: "ContactStatement", 46: "EmailStatement",
}  # fmt: skip
TEXT_COLUMNS: Final = {*MASTER_TEXTS.values(), *DELIVERY_TEXTS.values(), "CustomerCode", "CustDelivCode", "UpdatedOn",
                       "IncExc", "InterestPer", "CountryCode", "Password", "LinkWeb", "LoyaltyProg", "LCardNumber", "GUID",
                       "BankBranch", "BankAccNumber", "LastCrDate", "CreateDate"}  # fmt: skip


@dataclass
class Pastel:
    """One company's files, and how its SDK behaves. `polarity` says how settings stand there that nobody publishes."""

    folder: Path
    serial: str = "DK-SERIAL"
    code: str = "1234567"
    fields: int = 55
    columns: int = 139
    exclusive: str = "Y"
    """What stands in IncExc of an account that is exclusive."""
    daily: bool = True
    """What stands in MonthOrDay of an account whose terms are daily."""
    salesmen: tuple[str, ...] = ("HOUSE", "LINDA")
    master: dict[str, dict[str, Any]] = field(default_factory=dict)
    delivery: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    failing: list[tuple[str, str | Exception]] = field(default_factory=list)
    """What the next calls of a method answer instead, in order."""
    refused: dict[str, str] = field(default_factory=dict)
    """The answer to an import, by telephone number."""
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    open_engines: int = 0
    kept_in: Path | None = None

    def create(self) -> Sdk:
        """Create the COM object, as Windows does."""
        self.calls.append(("create", ()))
        return Sdk(self)

    def add(self, code: str, name: str, *, main_row: bool = True, **values: Any) -> None:
        """Open an account as the bookkeeper does; `values` are by column."""
        row: dict[str, Any] = {column: "" if column in TEXT_COLUMNS else 0 for column in MASTER_COLUMNS}
        row |= {"CustomerCode": code, "CustomerDesc": name, "OpenItem": 1, "InterestAfter": -1, "InterestPer": "N" * 13,
                "StatPrintorEmail": 1, "DocPrintorEmail": 1, "IncExc": "N" if self.exclusive == "Y" else "Y",
                "MonthOrDay": int(not self.daily), "TaxCode": 1, "UpdatedOn": "01/03/2024 08:00:00"}  # fmt: skip
        row |= {column: value for column, value in values.items() if column in MASTER_COLUMNS}
        self.master[code] = row
        if main_row:
            delivery = dict.fromkeys(DELIVERY_COLUMNS, "") | {"CustomerCode": code}
            delivery |= {column: value for column, value in values.items() if column in DELIVERY_COLUMNS}
            self.delivery[code, ""] = delivery
        self.save()

    def save(self) -> None:
        if self.kept_in is not None:
            document = {"master": self.master, "delivery": [[*key, row] for key, row in self.delivery.items()]}
            beside = self.kept_in.with_suffix(".new")
            beside.write_text(json.dumps(document), "utf-8")
            beside.replace(self.kept_in)

    def load(self) -> None:
        if self.kept_in is not None and self.kept_in.exists():
            document = json.loads(self.kept_in.read_text("utf-8"))
            self.master = document["master"]
            self.delivery = {(code, delivery): row for code, delivery, row in document["delivery"]}

    def imported(self) -> list[str]:
        """Give the strings that were sent to be imported."""
        return [str(arguments[0]) for name, arguments in self.calls if name == "ImportCustomer"]


class Sdk:
    """The COM object. What is called out of order, or with what is no text, fails as the real one does or worse."""

    def __init__(self, pastel: Pastel) -> None:
        self._pastel = pastel
        self._licensed = False
        self._company = False
        self._place: tuple[str, list[Any], int] | None = None

    def _called(self, method: str, *arguments: Any) -> str | None:
        self._pastel.calls.append((method, arguments))
        for place, (name, answer) in enumerate(self._pastel.failing):
            if name == method:
                del self._pastel.failing[place]
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return None

    def SetLicense(self, serial: str, code: str) -> None:  # noqa: N802
        assert isinstance(serial, str)
        assert isinstance(code, str)
        self._called("SetLicense", serial, code)
        self._licensed = (serial, code) == (self._pastel.serial, self._pastel.code)

    def SetDataPath(self, path: str) -> str:  # noqa: N802
        if (answer := self._called("SetDataPath", path)) is not None:
            return answer
        if not self._licensed:
            return "99|The SDK is not registered with this serial number"
        if Path(path) != self._pastel.folder:
            return "6"
        self._company = True
        self._pastel.open_engines += 1
        return "0"

    def StopBtrieve(self) -> None:  # noqa: N802
        self._called("StopBtrieve")
        if self._company:
            self._pastel.open_engines -= 1
        self._company = False

    def GetRecord(self, file: str, number: int, key: str) -> str:  # noqa: N802
        if (answer := self._called("GetRecord", file, number, key)) is not None:
            return answer
        if not self._company:
            return "6"
        rows, width = self._file(file, number)
        if len(key) != width:
            return "5"
        found = rows.get(key)
        return "5" if found is None else self._answer(file, found)

    def GetNearest(self, file: str, number: int, key: str) -> str:  # noqa: N802
        if (answer := self._called("GetNearest", file, number, key)) is not None:
            return answer
        rows, _ = self._file(file, number)
        self._place = file, [rows[place] for place in sorted(rows) if place >= key], 0
        return self._next()

    def GetNext(self, file: str, number: int) -> str:  # noqa: N802
        if (answer := self._called("GetNext", file, number)) is not None:
            return answer
        assert self._place is not None, "GetNext without GetNearest"
        assert (self._place[0], number) == (file, 0), "GetNext in another file, or by another key, than GetNearest"
        return self._next()

    def _next(self) -> str:
        assert self._place is not None
        file, rows, place = self._place
        if place == len(rows):
            return "9"
        self._place = file, rows, place + 1
        return self._answer(file, rows[place])

    def _file(self, file: str, number: int) -> tuple[dict[str, dict[str, Any]], int]:
        assert self._company, "a file is read before SetDataPath"
        assert number == 0
        if file == "ACCMASD":
            return {code.ljust(6): row for code, row in self._pastel.master.items()}, 6
        assert file == "ACCDELIV", file
        return {code.ljust(6) + delivery.ljust(3): row for (code, delivery), row in self._pastel.delivery.items()}, 9

    def _answer(self, file: str, row: dict[str, Any]) -> str:
        columns = MASTER_COLUMNS[: self._pastel.columns] if file == "ACCMASD" else DELIVERY_COLUMNS
        return "|".join(["0", *(str(row[column]) for column in columns)])

    def ImportCustomer(self, string: str) -> str:  # noqa: N802
        if (answer := self._called("ImportCustomer", string)) is not None:
            return answer
        assert isinstance(string, str)
        if not self._company:
            return "6"
        values = string.split("|")
        if len(values) != self._pastel.fields:
            return "2"
        given = dict(enumerate((value.rstrip() for value in values), 1))
        if (code := self._refusal(given)) is not None:
            return code
        self._store(given)
        return "0"

    def _refusal(self, given: dict[int, str]) -> str | None:  # noqa: C901, PLR0911, PLR0912 - one line a rule of the SDK
        try:
            sizes = {number: len(value.encode("cp1252")) for number, value in given.items()}
        except UnicodeEncodeError:
            return "99|Invalid procedure call or argument"
        code = given[1]
        if not code or sizes[1] > 6 or code != code.upper() or code != code.strip():
            return "17"
        if not given[2] or sizes[2] > 40:
            return "26"
        if given[14] and given[14] not in self._pastel.salesmen:
            return "20"
        if given[26] != "00":
            return "33"
        if answer := self._pastel.refused.get(given[8]):
            return answer
        for number, value in given.items():
            if any(character < " " for character in value):
                return "99|A control character in a field"
            if sizes[number] > WIDTHS.get(number, 200):
                return f"99|Field {number} is too long"
            if number in YES_OR_NO and value not in ("Y", "N"):
                return f"99|Field {number} must be Y or N"
        numbers = {12: range(33), 25: range(100), 27: (0, 30, 60, 90, 120), 35: range(1, 5), 36: range(1, 4)}
        for number, allowed in numbers.items():
            if not given[number].isdecimal() or int(given[number]) not in allowed:
                return f"99|Field {number} is {given[number]!r}"
        if any(len(given[number]) != 2 for number in (12, 25, 26)) or given[34] not in ("M", "D"):
            return "99|A field of another form"
        if not given[28].lstrip("-").isdecimal() or not given[13].isdecimal():
            return "99|Type mismatch"
        return None

    def _store(self, given: dict[int, str]) -> None:
        pastel, code = self._pastel, given[1]
        if code not in pastel.master:
            pastel.add(code, given[2])
        master = pastel.master[code]
        delivery = pastel.delivery.setdefault((code, ""), dict.fromkeys(DELIVERY_COLUMNS, "") | {"CustomerCode": code})
        master |= {column: given[number] for number, column in MASTER_TEXTS.items() if number in given}
        delivery |= {column: given[number] for number, column in DELIVERY_TEXTS.items() if number in given}
        master |= {
            "SettlementTerms": int(given[12]), "PriceRegime": int(given[13]), "Blocked": int(given[20] == "Y"),
            "Discount": int(Decimal(given[21]) * 100), "OpenItem": int(given[24] == "Y"), "Category": int(given[25]),
            "PaymentTerms": int(given[27]), "CreditLimit": int(given[28]), "CashAccount": int(given[42] == "Y"),
            "StatPrintorEmail": int(given[35]), "DocPrintorEmail": int(given[36]), "UpdatedOn": "24/11/2026 09:00:00",
            "MonthOrDay": int((given[34] == "D") == pastel.daily),
            "IncExc": pastel.exclusive if given[22] == "Y" else {"Y": "N", "N": "Y"}[pastel.exclusive],
            "TaxCode": 0 if given[11] == "Y" else master["TaxCode"] or 1,
        }  # fmt: skip
        if 53 in given:
            master |= {"BankType": int(given[52] or 0), "BankAccRelation": int(given[53] or 0)}
        pastel.save()
