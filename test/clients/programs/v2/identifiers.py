"""Sessions and users with identifiers that are hard to put into an address."""

from calls import Message, call, connect, refusal, run
from lives import IDS, lives


async def main():
    client = connect()
    memory, user = client.memory, client.user
    await call(user.add, user_id="ada")

    async def add(identifier, number):
        session = {"session_id": identifier, "user_id": "ada", "metadata": {"number": number}}
        return (await call(memory.add_session, **session)).session_id == identifier

    async def get(identifier, number):
        got = await call(memory.get_session, identifier)
        return got.session_id == identifier and got.metadata == {"number": number}

    async def save(identifier, number):
        messages = [Message(role_type="user", content=f"{number}")]
        await call(memory.add, identifier, messages=messages)
        return True

    async def load(identifier, number):
        messages = (await call(memory.get, identifier)).messages
        return [one.content for one in messages] == [f"{number}"]

    async def delete(identifier, _):
        return (await call(memory.delete, identifier)).message == "OK"

    async def get_again(identifier, _):
        return (await refusal(memory.get_session, identifier))["error"] == "NotFoundError"

    steps = {"add": add, "get": get, "save": save, "load": load}
    sessions = await lives(IDS, {**steps, "delete": delete, "get again": get_again})

    async def add_user(identifier, number):
        added = await call(user.add, user_id=identifier, metadata={"number": number})
        return added.user_id == identifier

    async def get_user(identifier, number):
        got = await call(user.get, identifier)
        return got.user_id == identifier and got.metadata == {"number": number}

    async def list_sessions(identifier, _):
        return await call(user.get_sessions, identifier) == []

    async def delete_user(identifier, _):
        return (await call(user.delete, identifier)).message == "OK"

    async def get_user_again(identifier, _):
        return (await refusal(user.get, identifier))["error"] == "NotFoundError"

    steps = {"add": add_user, "get": get_user, "list": list_sessions}
    users = await lives(IDS, {**steps, "delete": delete_user, "get again": get_user_again})
    page = await call(memory.list_sessions, page_size=100, page_number=1)
    left = [one.session_id for one in page.sessions]
    return {"sessions": sessions, "users": users, "left": left}


run(main)
