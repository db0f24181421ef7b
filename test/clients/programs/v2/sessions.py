"""The page on sessions, for the Python clients of the cloud edition."""

from calls import Message, call, connect, plain, refusal, run


async def main():
    client = connect()
    memory = client.memory
    await call(client.user.add, user_id="ada")

    session = {"session_id": "first", "user_id": "ada", "metadata": {"foo": "bar"}}
    added = await call(memory.add_session, **session)
    added_again = await refusal(memory.add_session, **session)

    def update(metadata):
        return call(memory.update_session, "first", metadata=metadata)

    updated = await update({"qax": "baz", "nested": {"a": 1}})
    merged = await update({"nested": {"b": 2}})
    got = await call(memory.get_session, "first")

    for number in range(119):
        await call(
            memory.add_session,
            session_id=f"crowd-{number}",
            user_id="ada",
            metadata={"number": number},
        )

    def ids(page):
        return [one.session_id for one in page.sessions]

    listed = await call(memory.list_sessions, page_size=10, page_number=1)
    oldest = await call(
        memory.list_sessions, page_size=3, page_number=1, order_by="created_at", asc=True
    )
    chunks = []
    while True:
        page = await call(memory.list_sessions, page_size=100, page_number=len(chunks) + 1)
        if not page.sessions:
            break
        chunks.append(ids(page))

    messages = [Message(role_type="user", content="hello")]
    await call(memory.add, "first", messages=messages)
    deleted = await call(memory.delete, "first")
    deleted_again = await refusal(memory.delete, "first")
    gone = await refusal(memory.get_session, "first")
    memory_gone = await refusal(memory.get, "first")

    # What is said after that brings the session back, without what was said before.
    messages = [Message(role_type="user", content="again")]
    await call(memory.add, "first", messages=messages)
    back = await call(memory.get, "first")
    return {
        "warnings": [],
        "added": plain(added),
        "addedAgain": added_again,
        "updated": updated.metadata,
        "merged": merged.metadata,
        "got": plain(got),
        "listed": {**plain(listed), "sessions": ids(listed)},
        "listedFirst": plain(listed.sessions[0]),
        "oldest": ids(oldest),
        "chunks": chunks,
        "deleted": deleted.message,
        "deletedAgain": deleted_again,
        "gone": gone,
        "memoryGone": memory_gone,
        "back": [one.content for one in back.messages],
        "unknown": await refusal(memory.get_session, "unknown"),
        "unknownUpdated": await refusal(memory.update_session, "unknown", metadata={}),
        "unknownUser": await refusal(
            memory.add_session, session_id="other", user_id="nobody"
        ),
    }


run(main)
