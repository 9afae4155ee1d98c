"""`bposync sites`: the sites, with how many customers each has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.cli.output import Column

if TYPE_CHECKING:
    from bposync.cli.common import Session

SCHEMA: Final = "bposync.sites/1"


def show(session: Session) -> int:
    """List the sites, with how many customers and debtors each has."""
    from bposync.bpo import Bpo, customers

    with Bpo(session.settings) as bpo, session.output.progress("Reading BPO") as progress:
        everyone = customers(bpo.rows(progress), bpo.fields)
    counts: dict[str, list[int]] = {}
    for customer in everyone:
        for site in customer.sites:
            count = counts.setdefault(site, [0, 0])
            count[0] += 1
            count[1] += customer.is_debtor
    ordered = sorted(counts.items(), key=lambda item: item[0].casefold())
    if session.output.as_json:
        listed = [{"site": site, "customers": all_, "debtors": debtors} for site, (all_, debtors) in ordered]
        session.output.document({"schema": SCHEMA, "sites": listed})
        return 0
    columns = [Column("Site", keep=9), Column("Customers", right=True), Column("Debtors", right=True)]
    session.output.table(columns, [[site, f"{all_:,}", f"{debtors:,}"] for site, (all_, debtors) in ordered])
    return 0
