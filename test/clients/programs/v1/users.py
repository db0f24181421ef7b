"""The page on users, for the Python client of the self-hosted edition."""

from calls import call, chunks_of, connect, refusal, run
from zep_python.memory import Memory, Session
from zep_python.message import Message
from zep_python.user import CreateUserRequest, UpdateUserRequest


async def main():
    client, _ = connect()
    user, memory = client.user, client.memory

    ada = CreateUserRequest(
        user_id="ada",
        email="ada@example.com",
        first_name="Ada",
        last_name="Lovelace",
        metadata={"plan": "free", "tags": ["a", "b"]},
    )
    added = await call(user, "add", ada)
    added_again = await refusal(user, "add", ada)
    got = await call(user, "get", "ada")
    change = UpdateUserRequest(
        user_id="ada", email="countess@example.com", metadata={"plan": "paid"}
    )
    updated = await call(user, "update", change)

    for number in range(104):
        await call(user, "add", CreateUserRequest(user_id=f"user-{number}"))
    chunks = await chunks_of(user, "list_chunked", "user_id")

    for session_id in ["one", "two"]:
        await call(memory, "add_session", Session(session_id=session_id, user_id="ada"))
    messages = [Message(role="Ada", content="hello")]
    await call(memory, "add_memory", "one", Memory(messages=messages))
    sessions = await call(user, "get_sessions", "ada")
    none = await call(user, "get_sessions", "user-0")
    listed = await call(user, "list", limit=2, cursor=1)

    # This client does not give on what the server answers.
    deleted = "OK" if await call(user, "delete", "ada") is None else None
    stranger = UpdateUserRequest(user_id="unknown", email="x@y.z")
    return {
        "added": added.dict(),
        "addedAgain": added_again,
        "got": got.dict(),
        "updated": updated.dict(),
        "listed": [one.user_id for one in listed],
        "chunks": chunks,
        "sessions": [one.dict(include={"session_id", "user_id"}) for one in sessions],
        "none": len(none),
        "deleted": deleted,
        "gone": await refusal(user, "get", "ada"),
        "sessionGone": await refusal(memory, "get_session", "one"),
        "memoryGone": (await call(memory, "get_memory", "one")).messages,
        "unknownUpdated": await refusal(user, "update", stranger),
        # Collections of documents are not served.
        "collection": await refusal(client.document, "get_collection", "docs"),
        "unknownDeleted": await refusal(user, "delete", "unknown"),
    }


run(main)
