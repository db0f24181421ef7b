"""Takes identifiers through the life of a record."""

import json
import os

IDS = json.loads(os.environ["IDS"])


async def lives(ids, steps):
    """Where the way of each identifier ends, or None where it is as any other.

    It is to be added, found as the same record, and gone when it is deleted.
    """
    outcomes = {}
    for number, identifier in enumerate(ids):
        outcomes[identifier] = None
        for name, step in steps.items():
            try:
                if await step(identifier, number):
                    continue
                outcomes[identifier] = f"{name}: another"
            except Exception as error:
                outcomes[identifier] = f"{name}: {type(error).__name__}"
            break
    return outcomes
