"""What the catalog reacts to: nothing yet."""

from libs.kit.consumer import Subscription

SUBSCRIPTIONS: list[Subscription] = []
