"""What workshops send and fetch as files: calendars (RFC 5545) and tables (RFC 4180); and where they may send them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one part of a file: which part, and a sentence."""

    where: str
    message: str


class FaultyFileError(Exception):
    """A file that cannot be taken as it is."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults
