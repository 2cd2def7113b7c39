"""What the catalog reacts to: nothing yet."""

from libs.messaging.consumer import Subscription

SUBSCRIPTIONS: list[Subscription] = []
