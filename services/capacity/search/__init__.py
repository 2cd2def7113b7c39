"""Where there is room: an index of what is free, in memory and in rows. It tells; the ledger decides."""
