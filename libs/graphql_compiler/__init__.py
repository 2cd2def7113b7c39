"""GraphQL operations compiled into plain Python: see README.md."""

from libs.graphql_compiler.executor import Compiled, CompiledExecutor
from libs.graphql_compiler.plans import Plans
from libs.graphql_compiler.sources import batch

__all__ = ["Compiled", "CompiledExecutor", "Plans", "batch"]
