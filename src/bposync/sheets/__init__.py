"""Tables as files that people open in a spreadsheet: written whole or not at all, read back however it was saved.

Nothing in a cell runs: texts are texts in .xlsx, and guarded against formulas in .csv. What could act on a screen or hide is
shown as an escape, as everywhere.
"""

from bposync.sheets.cells import Cell, Heading, Sheet, as_cell, check_ending, guarded
from bposync.sheets.reading import Line, read
from bposync.sheets.writing import replace, write

__all__ = ["Cell", "Heading", "Line", "Sheet", "as_cell", "check_ending", "guarded", "read", "replace", "write"]
