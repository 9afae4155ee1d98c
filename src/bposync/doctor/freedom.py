"""Whether the Freedom Service answers, of which version, and whether it lets the agent look at the company."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bposync.accounting.by_freedom import opened_client
from bposync.accounting.freedom_books import look_at_one
from bposync.doctor.check import Checks, failed, ok, warning
from bposync.errors import BposyncError
from bposync.values import visible

if TYPE_CHECKING:
    from bposync.config import Settings


def checks(settings: Settings) -> Checks[bool]:
    """Ask the service for its version, and for one account as the agent. Gives whether it can be gone on with."""
    with contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(opened_client(settings, writes=False))
        except BposyncError as error:
            yield failed("accounting.service", error)
            return False
        service = client.service
        version = client.version()
        if version:
            yield ok("accounting.service", f"The Freedom Service on {service.server} answers, version {visible(version)}.")
        try:
            _, customer = look_at_one(client, listed=False)
        except BposyncError as error:
            yield failed("accounting.agent", error)
            return False
        if not version:
            yield ok("accounting.service", f"The Freedom Service on {service.server} answers; its version it does not say.")
        yield ok("accounting.agent", visible(f"The agent {service.user} may look at the accounts of {service.company}."))
        if customer is None:
            yield warning(
                "accounting.agent", "The service shows no account at all, so that its version's fields are not known.",
                "Is it the right company? In a new one there is nothing to see yet.",
            )  # fmt: skip
    return True
