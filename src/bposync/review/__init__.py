"""All that needs a person as one sheet: made, filled in elsewhere, read back, checked and recorded.

`likeness.py` finds who might be who, `make.py` what the sheet says of each, `settle.py` what a filled-in sheet decides.
"""
