"""The GraphQL schema and its two ways in: HTTP and web sockets."""

from services.gateway.api.http import router

__all__ = ["router"]
