"""Setting a company up: which table holds BPO's customers, which column each field, and the configuration file as text.

Nothing here asks or prints: cli/init.py does.
"""
