"""The caller's language: which one is asked for, and our sentences in it: see README.md."""

from libs.language.catalogue import told
from libs.language.negotiation import Language, preferred
from libs.language.wording import plain

__all__ = ["Language", "plain", "preferred", "told"]
