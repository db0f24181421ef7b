"""What a program with the wrong key, and with none, sees of the self-hosted edition."""

import os

from calls import call, connect, refusal, run
from zep_python import NotFoundError, ZepClient
from zep_python.memory import Memory, Session
from zep_python.message import Message
from zep_python.user import CreateUserRequest


async def outcomes(client):
    """What the calls of a client answer with."""
    memory, user = client.memory, client.user
    messages = [Message(role="user", content="hello")]
    calls = [
        (memory, "add_session", Session(session_id="chat")),
        (memory, "add_memory", "chat", Memory(messages=messages)),
        (memory, "get_session", "chat"),
        (memory, "list_sessions", 10, 0),
        (memory, "delete_memory", "chat"),
        (user, "add", CreateUserRequest(user_id="ada")),
        (user, "get", "ada"),
    ]
    return [(await refusal(*one))["error"] for one in calls]


async def main():
    client, warned = connect()
    wrong, _ = connect("wrong")
    seen = {
        "right": await outcomes(client),
        "wrong": await outcomes(wrong),
        "none": await outcomes(ZepClient(os.environ["ZEP_API_URL"])),
        "warnings": warned,
    }
    try:
        await call(client.memory, "get_session", "unknown")
    except NotFoundError as error:
        seen["notFound"] = error.message
    return seen


run(main)
