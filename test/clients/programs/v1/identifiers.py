"""Sessions and users with identifiers that are hard to put into an address."""

from calls import call, connect, refusal, run
from lives import IDS, lives
from zep_python.memory import Memory, Session
from zep_python.message import Message
from zep_python.user import CreateUserRequest


async def main():
    client, _ = connect()
    memory, user = client.memory, client.user

    async def add(identifier, number):
        session = Session(session_id=identifier, metadata={"number": number})
        return (await call(memory, "add_session", session)).session_id == identifier

    async def get(identifier, number):
        got = await call(memory, "get_session", identifier)
        return got.session_id == identifier and got.metadata == {"number": number}

    async def save(identifier, number):
        messages = [Message(role="user", content=f"{number}")]
        return await call(memory, "add_memory", identifier, Memory(messages=messages)) == "OK"

    async def load(identifier, number):
        messages = (await call(memory, "get_memory", identifier)).messages
        return [one.content for one in messages] == [f"{number}"]

    async def delete(identifier, _):
        return await call(memory, "delete_memory", identifier) == "OK"

    async def get_again(identifier, _):
        return (await refusal(memory, "get_session", identifier))["error"] == "NotFoundError"

    steps = {"add": add, "get": get, "save": save, "load": load}
    sessions = await lives(IDS, {**steps, "delete": delete, "get again": get_again})

    async def add_user(identifier, number):
        request = CreateUserRequest(user_id=identifier, metadata={"number": number})
        return (await call(user, "add", request)).user_id == identifier

    async def get_user(identifier, number):
        got = await call(user, "get", identifier)
        return got.user_id == identifier and got.metadata == {"number": number}

    async def list_sessions(identifier, _):
        return await call(user, "get_sessions", identifier) == []

    async def delete_user(identifier, _):
        return await call(user, "delete", identifier) is None

    async def get_user_again(identifier, _):
        return (await refusal(user, "get", identifier))["error"] == "NotFoundError"

    steps = {"add": add_user, "get": get_user, "list": list_sessions}
    users = await lives(IDS, {**steps, "delete": delete_user, "get again": get_user_again})
    left = [one.session_id for one in await call(memory, "list_sessions")]
    return {"sessions": sessions, "users": users, "left": left}


run(main)
