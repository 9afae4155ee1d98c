"""What a command tells as a file: a sheet, its JSON document, or a page to look at and to print.

The rooms here only shape what was found; they read nothing, decide nothing and print nothing.
"""
