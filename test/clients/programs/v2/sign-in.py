"""What a program with the wrong key sees of the cloud edition."""

from calls import Message, connect, refusal, run


async def outcomes(client):
    """What the calls of a client answer with."""
    memory, user = client.memory, client.user
    messages = [Message(role_type="user", content="hello")]
    refused = [
        await refusal(user.add, user_id="ada"),
        await refusal(user.get, "ada"),
        await refusal(memory.add_session, session_id="chat", user_id="ada"),
        await refusal(memory.add, "chat", messages=messages),
        await refusal(memory.get_session, "chat"),
        await refusal(memory.list_sessions, page_size=10, page_number=1),
        await refusal(memory.delete, "chat"),
    ]
    return [one.get("status") for one in refused]


async def main():
    return {"right": await outcomes(connect()), "wrong": await outcomes(connect("wrong"))}


run(main)
