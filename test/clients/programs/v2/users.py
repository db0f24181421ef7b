"""The page on users, for the Python clients of the cloud edition."""

from calls import Message, call, connect, plain, refusal, run
from pydantic.v1 import ValidationError


async def main():
    client = connect()
    user, memory = client.user, client.memory

    ada = {
        "user_id": "ada",
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "metadata": {"plan": "free", "tags": ["a", "b"]},
    }
    added = await call(user.add, **ada)
    added_again = await refusal(user.add, **ada)
    got = await call(user.get, "ada")
    updated = await call(
        user.update, "ada", email="countess@example.com", metadata={"plan": "paid"}
    )

    for number in range(104):
        await call(user.add, user_id=f"user-{number}")
    chunks = []
    while True:
        page = await call(user.list_ordered, page_size=100, page_number=len(chunks) + 1)
        if not page.users:
            break
        chunks.append([one.user_id for one in page.users])
    listed = await call(user.list_ordered, page_size=2, page_number=1)

    for session_id in ["one", "two"]:
        await call(memory.add_session, session_id=session_id, user_id="ada")
    await call(memory.add, "one", messages=[Message(role_type="user", content="hello")])
    try:
        sessions = [one.session_id for one in await call(user.get_sessions, "ada")]
    except ValidationError:
        # zep-python 2.0.2 looks for a list of lists there.
        sessions = None
    none = await call(user.get_sessions, "user-0")

    deleted = await call(user.delete, "ada")
    return {
        "added": plain(added),
        "addedAgain": added_again,
        "got": plain(got),
        "updated": plain(updated),
        "chunks": chunks,
        "listed": {**plain(listed), "users": len(listed.users)},
        "sessions": sessions,
        "none": len(none),
        "deleted": deleted.message,
        "gone": await refusal(user.get, "ada"),
        "sessionGone": await refusal(memory.get_session, "one"),
        "memoryGone": await refusal(memory.get, "one"),
        "unknownUpdated": await refusal(user.update, "unknown", email="x@y.z"),
        "unknownDeleted": await refusal(user.delete, "unknown"),
    }


run(main)
