"""`python -m bposync`."""

from bposync.cli.app import run

run()
