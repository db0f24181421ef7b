"""What the programs for the Python client of the self-hosted edition share."""

import asyncio
import json
import os
import sys
import warnings

from zep_python import APIError, NotFoundError, ZepClient
from zep_python.exceptions import AuthError

ASYNC = sys.argv[1:] == ["async"]


def connect(key=None):
    """A client, and what it warned of: it says there that a server is too old for it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = ZepClient(os.environ["ZEP_API_URL"], key or os.environ["ZEP_API_KEY"])
    return client, [str(one.message) for one in caught if "Zep" in str(one.message)]


async def call(part, name, *args, **options):
    """One call, by the method that blocks or by the one that is awaited."""
    if ASYNC:
        return await getattr(part, f"a{name}")(*args, **options)
    return getattr(part, name)(*args, **options)


async def chunks_of(part, name, field):
    """All that an iterator over chunks gives, as lists of identifiers."""
    if ASYNC:
        return [
            [getattr(one, field) for one in chunk]
            async for chunk in getattr(part, f"a{name}")()
        ]
    return [[getattr(one, field) for one in chunk] for chunk in getattr(part, name)()]


async def refusal(part, name, *args):
    """How a call is refused: the client's own error, and the status where the error has it."""
    try:
        await call(part, name, *args)
        return {"error": None}
    except (APIError, AuthError, NotFoundError) as error:
        status = (error.response_data or {}).get("status_code")
        return {"error": type(error).__name__, "status": status}


def run(main):
    """Prints the one line that the test reads."""
    print(json.dumps(asyncio.run(main()), default=str))
