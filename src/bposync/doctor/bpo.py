"""Whether BPO is reached, which columns the listing has, and what stands in it."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bposync import bpo as bpo_room
from bposync import database
from bposync.doctor import drivers, rights, servers
from bposync.doctor.check import Check, Checks, failed, ok, warning
from bposync.errors import BposyncError
from bposync.fields import BPO_FIELDS, FIELDS
from bposync.values import normalise_code, visible
from bposync.words import many, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bposync.config import Settings
    from bposync.doctor.check import Progress
    from bposync.records import Customer

_MOST_SITES = 12


@dataclass(frozen=True, slots=True)
class Listing:
    """What BPO lists: the fields that it has columns for, and its customers."""

    fields: tuple[str, ...]
    customers: list[Customer]


def is_synchronised(settings: Settings, customer: Customer) -> bool:
    """Say whether a sync would take a customer: a debtor, with a status that is synchronised at any site."""
    statuses = {normalise_code(status) for status in settings.bpo.sync_statuses}
    return customer.is_debtor and (
        not customer.statuses or any(normalise_code(status) in statuses for status in customer.statuses)
    )


def checks(settings: Settings, progress: Progress) -> Checks[Listing | None]:
    """Look at BPO. Gives what it lists, or None where it could not be read."""
    try:
        place = database.address(
            bpo_room.PURPOSE, "[bpo] url", settings.bpo.url, folder=settings.folder, environment=settings.environment
        )
    except BposyncError as error:
        yield failed("bpo.connection", error)
        return None
    if not (yield from drivers.checks(place)) or not (yield from servers.checks("bpo", place, rights.READING)):
        return None
    with contextlib.ExitStack() as stack:
        try:
            bpo = stack.enter_context(bpo_room.Bpo(settings))
        except BposyncError as error:
            yield failed("bpo.columns", error)
            return None
        yield from _columns(settings, bpo)
        yield from _post_accounts(bpo)
        try:
            with progress("Reading BPO") as count:
                customers = bpo_room.customers(bpo.rows(count), bpo.fields)
        except BposyncError as error:
            yield failed("bpo.customers", error)
            return None
    yield from _sites(settings, customers)
    yield from _statuses(settings, customers, bpo.fields)
    return Listing(bpo.fields, customers)


def _columns(settings: Settings, bpo: bpo_room.Bpo) -> Iterator[Check]:
    guessed = sum(name not in settings.bpo.columns for name in bpo.fields)
    by = "all by their default names" if guessed == len(bpo.fields) else f"{guessed} of them by their default names"
    by = by if guessed else "as [bpo.columns] names them"
    yield ok("bpo.columns", f"Columns are found for {len(bpo.fields)} fields, {by}.")
    if not bpo.left_out:
        return
    names = {FIELDS[name].column: name for name in BPO_FIELDS}
    lines = ", ".join(f'{names[column]} = ""' for column in bpo.left_out[:3])
    for line in bpo.left_out_in_words():
        yield warning("bpo.columns", line, f"Say under [bpo.columns] which column it is; or that there is none, as in: {lines}")


def _post_accounts(bpo: bpo_room.Bpo) -> Iterator[Check]:
    name = "bpo.post_accounts"
    try:
        is_on = bpo.post_accounts()
    except BposyncError as error:
        yield failed(name, error)
        return
    if is_on:
        yield ok(name, "Post Accounts is on: what is saved in BPO is posted at once, and a sync catches up with the rest.")
    elif is_on is False:
        yield ok(name, "Post Accounts is off: customers reach accounting by a sync only.")
    else:
        yield ok(name, "Whether Post Accounts is on is not known: [bpo] post_accounts does not say how to ask.")


def _sites(settings: Settings, customers: list[Customer]) -> Iterator[Check]:
    if not customers:
        yield warning("bpo.sites", "BPO lists no customers at all.", "Check [bpo] customers or query, and the login's rights.")
        return
    counts = Counter(site for customer in customers for site in customer.sites)
    names = sorted(counts, key=str.casefold)
    listed = some([f"{visible(site)} {counts[site]:,}" for site in names], _MOST_SITES)
    yield ok("bpo.sites", f"{many(len(customers), 'customer')} at {many(len(names), 'site')}: {listed}.")
    try:
        bpo_room.choose_sites(settings.bpo.sites, names, "[bpo] sites")
    except BposyncError as error:
        yield failed("bpo.sites", error)


def _statuses(settings: Settings, customers: list[Customer], fields: tuple[str, ...]) -> Iterator[Check]:
    """Look whether anybody would be synchronised at all: a BPO of another language calls its statuses otherwise."""
    if not customers or "status" not in fields:
        return
    found = Counter(status for customer in customers for status in dict.fromkeys(customer.statuses))
    wanted = {normalise_code(status) for status in settings.bpo.sync_statuses}
    unknown = [status for status in settings.bpo.sync_statuses if normalise_code(status) not in map(normalise_code, found)]
    listed = some([f"{visible(status) or '(blank)'} {count:,}" for status, count in found.most_common()], 6)
    if not any(normalise_code(status) in wanted for status in found):
        yield warning(
            "bpo.statuses", f"No customer has a status that is synchronised ({', '.join(unknown)}); BPO has: {listed}.",
            "Say which are under [bpo] sync_statuses.",
        )  # fmt: skip
    elif not any(customer.is_debtor for customer in customers):
        yield warning(
            "bpo.statuses", "No customer is a debtor, so that none is synchronised.", "Check [bpo.columns] is_debtor."
        )
    else:
        yield ok("bpo.statuses", f"Statuses: {listed}.")
