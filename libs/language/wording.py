"""What Pydantic says, in words to be read after the name of a field; `italian/pydantic.toml` goes by them."""

import re

_UNKNOWN = "is not known here; is it misspelt?"
_SENTENCES = {
    "Field required": "is missing",
    "Extra inputs are not permitted": _UNKNOWN,
    "Unexpected keyword argument": _UNKNOWN,
}


def plain(message: str) -> str:
    """Pydantic's sentence so; of a ValueError of ours its own."""
    if message in _SENTENCES:
        return _SENTENCES[message]
    return re.sub("^(Input|String|List|Tuple|Dictionary) should ", "must ", message.removeprefix("Value error, "))
