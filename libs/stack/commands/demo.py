"""Play the story."""

import argparse

HELP = "play the story of a made-to-order piece through the running platform's API"
EXAMPLE = "example: ./filiera demo --scale 36000   (first loads a city of that many firms)"
TAKES_REST = OWN_HELP = True


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults()


def run(given: argparse.Namespace) -> int:
    from libs.demo import main

    return int(main(["--home", str(given.home), *given.rest]))
