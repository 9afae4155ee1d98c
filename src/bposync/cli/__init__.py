"""The command line: one file a command.

`output.py` is the one place that prints, `app.py` the one that turns errors into exit codes.
"""
