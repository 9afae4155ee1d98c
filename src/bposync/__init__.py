"""bposync: BPO's customers and their accounts in Sage Pastel, brought into step by a plan that a person has seen."""

__version__ = "0.1.0"
