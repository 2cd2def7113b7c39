"""What `./filiera demo` runs: the story of a few firms, and a Milan-sized set of them, through the public API alone."""

from libs.demo.cli import main

__all__ = ["main"]
