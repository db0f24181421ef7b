"""What the programs for the Python clients of the cloud edition share."""

import asyncio
import importlib
import inspect
import json
import os
import sys

PACKAGE = os.environ["ZEP_CLIENT"]
CLIENT = importlib.import_module(f"{PACKAGE}.client")
ApiError = importlib.import_module(f"{PACKAGE}.core.api_error").ApiError
Message = importlib.import_module(f"{PACKAGE}.types").Message
ASYNC = sys.argv[1:] == ["async"]


def connect(key=None):
    """A client. It takes its address from ZEP_API_URL."""
    kind = CLIENT.AsyncZep if ASYNC else CLIENT.Zep
    return kind(api_key=key or os.environ["ZEP_API_KEY"])


async def call(method, *args, **options):
    """One call, of the client that blocks or of the one that is awaited."""
    result = method(*args, **options)
    return await result if inspect.isawaitable(result) else result


async def refusal(method, *args, **options):
    """How a call is refused: the client's own error and its status."""
    try:
        await call(method, *args, **options)
        return {"error": None}
    except ApiError as error:
        return {"error": type(error).__name__, "status": error.status_code}


def plain(record):
    """A record as the server sent it: without what it did not send."""
    fields = json.loads(record.json())
    return {name: value for name, value in fields.items() if value is not None}


def run(main):
    """Prints the one line that the test reads."""
    print(json.dumps(asyncio.run(main())))
