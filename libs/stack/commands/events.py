"""Look at events, and set parked ones going again."""

import argparse

HELP = "tail a topic, list parked events, replay them, publish the present state again"
EXAMPLE = """\
examples: ./filiera events tail capacity.hold
          ./filiera events parked
          ./filiera events replay orders
          ./filiera events republish catalog"""


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    tail = actions.add_parser("tail", help="print events as they come; Ctrl-C ends")
    tail.add_argument("topics", nargs="*", metavar="TOPIC", help="e.g. capacity.hold (default: all)")
    parked = actions.add_parser("parked", help="events that could not be handled, with the reason")
    parked.add_argument("services", nargs="*", metavar="SERVICE", help="of these services (default: all)")
    replay = actions.add_parser("replay", help="handle parked events again, in order")
    replay.add_argument("service", metavar="SERVICE")
    replay.add_argument("--key", metavar="ID", help="of this aggregate alone")
    republish = actions.add_parser("republish", help="publish the present state of a service's aggregates again")
    republish.add_argument("service", metavar="SERVICE")
    republish.add_argument("topics", nargs="*", metavar="TOPIC", help="of these topics alone")


def run(given: argparse.Namespace) -> int:
    raise NotImplementedError(given.action)
