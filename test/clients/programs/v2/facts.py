"""Facts as memory shows them, for the Python clients of the cloud edition."""

from calls import call, connect, plain, refusal, run
from pydantic.v1 import ValidationError


async def main():
    memory = connect().memory

    got = plain(await call(memory.get, "said"))
    uuid = got["relevant_facts"][0]["uuid"]
    one = plain(await call(memory.get_fact, uuid))
    try:
        deleted = plain(await call(memory.delete_fact, uuid))
    except ValidationError:
        # zep-python 2.0.2 looks for a text there. The fact is deleted.
        deleted = None
    left = plain(await call(memory.get, "said"))
    return {
        "context": got["context"],
        "relevant": got["relevant_facts"],
        "one": one["fact"],
        "deleted": deleted,
        "gone": await refusal(memory.get_fact, uuid),
        "goneAgain": await refusal(memory.delete_fact, uuid),
        "left": left["relevant_facts"],
    }


run(main)
