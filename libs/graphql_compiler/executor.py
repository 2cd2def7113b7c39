"""The hook into graphql-core: an executor that runs operations compiled, and others as it always did."""

from typing import Any, ClassVar

from graphql import ExecutionResult
from graphql.execution import Executor, ExperimentalIncrementalExecutionResults
from graphql.execution.incremental import IncrementalExecutor
from graphql.pyutils import AwaitableOrValue

from libs.graphql_compiler.plans import Plans
from libs.graphql_compiler.run import Run


class Compiled(Executor[Any]):
    """To be mixed into an executor, before it in the order of bases."""

    plans: ClassVar[Plans] = Plans()
    """A subclass may have its own: another size, a count of its own."""

    def execute_operation(
        self, serially: bool | None = None
    ) -> AwaitableOrValue[ExecutionResult | ExperimentalIncrementalExecutionResults]:
        """Run the operation of this executor."""
        program = self.plans.program(self, serially)
        if program is None:
            return super().execute_operation(serially)
        return Run(self, program, self.plans.fell_back).execute()


class CompiledExecutor(Compiled, IncrementalExecutor):
    """For graphql-core: `execute(schema, document, executor_class=CompiledExecutor)`."""
