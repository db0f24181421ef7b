"""Memory, messages and search, for the Python clients of the cloud edition."""

from calls import Message, call, connect, plain, refusal, run


async def main():
    client = connect()
    memory = client.memory
    await call(client.user.add, user_id="ada")
    await call(memory.add_session, session_id="chat", user_id="ada")
    await call(memory.add_session, session_id="long", user_id="ada")

    messages = [
        Message(
            role="Ada",
            role_type="user",
            content="I moved to Lisbon",
            metadata={"mood": "happy"},
        ),
        Message(role="assistant", role_type="assistant", content="How is the weather there?"),
        Message(role_type="system", content="It rains: 東京 was drier 🌧"),
        Message(role="weather", role_type="function", content="rain"),
        Message(role="shop", role_type="tool", content="Take an umbrella"),
        Message(
            role="Human", role_type="norole", content="Fine", created_at="2024-05-06T07:08:09Z"
        ),
    ]
    await call(memory.add, "chat", messages=messages)
    got = await call(memory.get, "chat")
    last_two = await call(memory.get, "chat", lastn=2)

    numbered = [Message(role_type="user", content=f"{number}") for number in range(14)]
    await call(memory.add, "long", messages=numbered)
    long = await call(memory.get, "long")

    # A body that is sent once more is taken for a repetition, unless something came between.
    await call(memory.add_session, session_id="repeated", user_id="ada")
    for content in ["ping", "ping", "pong", "ping"]:
        said = Message(role_type="user", content=content)
        await call(memory.add, "repeated", messages=[said])
    repeated = await call(memory.get, "repeated")

    def contents(found):
        return [one.content for one in found]

    all_messages = await call(memory.get_session_messages, "chat")

    async def page(limit, cursor):
        answer = await call(memory.get_session_messages, "chat", limit=limit, cursor=cursor)
        return contents(answer.messages)

    uuid = got.messages[0].uuid_
    one = await call(memory.get_session_message, "chat", uuid)
    patched = await call(
        memory.update_message_metadata, "chat", uuid, metadata={"seen": {"by": "ada"}}
    )
    again = await call(memory.get_session_message, "chat", uuid)

    async def search(**query):
        query = {"text": "Which umbrella?", "search_scope": "messages", **query}
        return (await call(memory.search_sessions, **query)).results

    of_user = await search(user_id="ada")
    of_session = await search(session_ids=["chat"])
    elsewhere = await search(session_ids=["long"])
    limited = await search(text="weather Lisbon umbrella", user_id="ada", limit=1)
    nobody = "00000000-0000-4000-8000-000000000000"

    def shown(found):
        fields = ("role", "role_type", "content", "metadata")
        return [
            {name: value for name, value in plain(one).items() if name in fields}
            for one in found
        ]

    return {
        "got": shown(got.messages),
        "dated": got.messages[5].created_at,
        "lastTwo": contents(last_two.messages),
        "window": contents(long.messages),
        "repeated": contents(repeated.messages),
        "all": {**plain(all_messages), "messages": contents(all_messages.messages)},
        "first": await page(4, 1),
        "second": await page(4, 2),
        "third": await page(4, 3),
        "one": plain(one),
        "patched": patched.metadata,
        "again": again.metadata,
        "ofUser": [[one.session_id, one.message.content] for one in of_user],
        "ofSession": contents([one.message for one in of_session]),
        "scores": ["number" if isinstance(one.score, float) else None for one in of_session],
        "foundRole": of_session[0].message.role_type if of_session else None,
        "elsewhere": len(elsewhere),
        "limited": len(limited),
        "unknownMessage": await refusal(memory.get_session_message, "chat", nobody),
        "unknownMessages": await refusal(memory.get_session_messages, "unknown"),
        "unknownMemory": await refusal(memory.get, "unknown"),
    }


run(main)
