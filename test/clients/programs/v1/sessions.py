"""The page on sessions, for the Python client of the self-hosted edition."""

from calls import call, chunks_of, connect, refusal, run
from zep_python.memory import Memory, Session
from zep_python.message import Message
from zep_python.user import CreateUserRequest


async def main():
    client, warned = connect()
    memory = client.memory
    await call(client.user, "add", CreateUserRequest(user_id="ada"))

    session = Session(session_id="first", user_id="ada", metadata={"foo": "bar"})
    added = await call(memory, "add_session", session)
    added_again = await refusal(memory, "add_session", session)

    def update(metadata):
        return call(memory, "update_session", Session(session_id="first", metadata=metadata))

    updated = await update({"qax": "baz", "nested": {"a": 1}})
    merged = await update({"nested": {"b": 2}})
    got = await call(memory, "get_session", "first")

    # What was read can be sent back with all of its fields.
    got.metadata["sent"] = "back"
    sent_back = await call(memory, "update_session", got)

    for number in range(119):
        crowd = Session(session_id=f"crowd-{number}", metadata={"number": number})
        await call(memory, "add_session", crowd)

    def ids(sessions):
        return [one.session_id for one in sessions]

    listed = await call(memory, "list_sessions", limit=10, cursor=0)
    last = await call(memory, "list_sessions", limit=10, cursor=115)
    chunks = await chunks_of(memory, "list_all_sessions", "session_id")

    messages = [Message(role="user", content="hello")]
    await call(memory, "add_memory", "first", Memory(messages=messages))
    deleted = await call(memory, "delete_memory", "first")
    deleted_again = await refusal(memory, "delete_memory", "first")
    gone = await refusal(memory, "get_session", "first")
    [first_left] = ids(await call(memory, "list_sessions", limit=1))

    # An update brings a deleted session back.
    restored = await update({"back": True})
    there = await call(memory, "get_session", "first")
    unknown = Session(session_id="unknown", metadata={})
    stranger = Session(session_id="other", user_id="nobody")

    return {
        "warnings": warned,
        "added": added.dict(),
        "addedAgain": added_again,
        "updated": updated.metadata,
        "merged": merged.metadata,
        "got": got.dict(),
        "sentBack": sent_back.metadata,
        "listed": ids(listed),
        "listedFirst": listed[0].dict(),
        "last": ids(last),
        "chunks": chunks,
        "deleted": deleted,
        "deletedAgain": deleted_again,
        "gone": gone,
        "firstLeft": first_left,
        "restored": restored.dict(),
        "there": there.dict(),
        "unknown": await refusal(memory, "get_session", "unknown"),
        "unknownUpdated": await refusal(memory, "update_session", unknown),
        "unknownUser": await refusal(memory, "add_session", stranger),
    }


run(main)
