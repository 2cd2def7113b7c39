"""The rules of capacity: what is offered, how the ledger keeps it, how work is planned into it."""
