"""Memory, messages and search, for the Python client of the self-hosted edition."""

from calls import call, connect, refusal, run
from zep_python.memory import Memory, MemorySearchPayload
from zep_python.message import Message


async def main():
    client, _ = connect()
    memory, message = client.memory, client.message

    # Memory of a session that nobody has added adds it.
    turns = [
        Message(role="user", content="I moved to Lisbon", metadata={"mood": "happy"}),
        Message(role="assistant", content="How is the weather there?"),
        Message(role="Human", content="It rains: 東京 was drier 🌧"),
        Message(role="AI", content="Take an umbrella"),
    ]
    saved = await call(memory, "add_memory", "chat", Memory(messages=turns))
    got = await call(memory, "get_memory", "chat")
    last_two = await call(memory, "get_memory", "chat", 2)

    numbered = [Message(role="n", content=f"{number}") for number in range(14)]
    await call(memory, "add_memory", "long", Memory(messages=numbered))
    window = await call(memory, "get_memory", "long")

    # A body that is sent once more is taken for a repetition, unless something came between.
    for content in ["ping", "ping", "pong", "ping"]:
        said = Message(role="user", content=content)
        await call(memory, "add_memory", "repeated", Memory(messages=[said]))
    repeated = await call(memory, "get_memory", "repeated")

    def contents(messages):
        return [one.content for one in messages]

    async def search(session_id, text, limit=None):
        return await call(
            memory, "search_memory", session_id, MemorySearchPayload(text=text), limit
        )

    found = await search("chat", "Which umbrella?")

    uuid = got.messages[0].uuid

    async def page(*args):
        return contents(await call(message, "get_session_messages", "chat", *args))

    patch = {"seen": {"by": "ada"}}
    nobody = "00000000-0000-4000-8000-000000000000"
    pages = {
        "all": await page(),
        "first": await page(3, 1),
        "second": await page(3, 2),
        "third": await page(3, 3),
        "one": (await call(message, "get_session_message", "chat", uuid)).dict(),
        "patched": (
            await call(message, "update_message_metadata", "chat", uuid, {"metadata": patch})
        ).dict(),
        "again": (await call(message, "get_session_message", "chat", uuid)).metadata,
        "unknown": await refusal(message, "get_session_message", "chat", nobody),
        "unknownSession": await refusal(message, "get_session_messages", "unknown"),
    }

    one = await search("chat", "weather Lisbon umbrella", 1)
    elsewhere = await search("long", "Lisbon")
    # What was read can be sent back: messages that are there are not added again.
    await call(memory, "add_memory", "chat", got)
    sent_back = await call(memory, "get_memory", "chat")

    deleted = await call(memory, "delete_memory", "chat")
    empty = await call(memory, "get_memory", "chat")
    await call(memory, "add_memory", "chat", Memory(messages=numbered[:1]))
    revived = await call(memory, "get_memory", "chat")
    unknown = await call(memory, "get_memory", "unknown")

    return {
        "saved": saved,
        "got": [one.dict() for one in got.messages],
        "lastTwo": contents(last_two.messages),
        "window": contents(window.messages),
        "repeated": contents(repeated.messages),
        "found": [one.message["content"] for one in found],
        "foundRoles": [one.message["role"] for one in found],
        "distances": ["number" if isinstance(one.dist, float) else None for one in found],
        "one": len(one),
        "elsewhere": len(elsewhere),
        "pages": pages,
        "sentBack": contents(sent_back.messages),
        "deleted": deleted,
        "empty": empty.messages,
        "revived": contents(revived.messages),
        "unknown": unknown.messages,
    }


run(main)
