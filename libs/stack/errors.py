class StackError(Exception):
    """An expected failure. Its message is one plain sentence that says what to do, printed without a traceback."""
