"""An agent that remembers: it resumes a conversation over MCP and stores every turn of it.

    npm run build
    pip install mcp
    python examples/agent_loop.py SESSION_ID

Type a line, read the answer, end with Ctrl-D. Start it again with the same SESSION_ID: the
conversation continues. Replace `reply` with a call of your model.
"""

import asyncio
import json
import os
import sys
import uuid
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

SERVER = Path(__file__).resolve().parent.parent / "dist" / "main.js"
MAX_ATTEMPTS = 5


class ToolError(Exception):
    """A tool answered with an error. Its text begins with a code, such as NOT_FOUND."""

    @property
    def code(self) -> str:
        return str(self).split(":", 1)[0]


async def reply(memory: dict, text: str) -> str:
    """The model. This stand-in works offline; call yours here, with examples/system-prompt.md as its
    system prompt, the summary and messages as its context, and `text` as the new user message."""
    said = [message["content"] for message in memory["messages"] if message["role"] == "user"]
    before = f'Before that, you said "{said[-1]}".' if said else "We start."
    return f'You say "{text}". {before}'


async def call(session: ClientSession, name: str, arguments: dict) -> dict:
    """Calls a tool and returns its answer. Repeats a call whose error is safe to retry."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        result = await session.call_tool(name, arguments)
        # Every answer is also text. The name of this field differs between versions 1 and 2 of mcp.
        failed = getattr(result, "is_error", None) or getattr(result, "isError", None)
        text = result.content[0].text
        if not failed:
            return json.loads(text)
        error = ToolError(text)
        if error.code not in ("UNAVAILABLE", "RESOURCE_EXHAUSTED") or attempt == MAX_ATTEMPTS:
            raise error
        await asyncio.sleep(attempt)
    raise AssertionError("not reached")


async def remember(session: ClientSession, session_id: str) -> dict:
    """Reads the memory of a session. A session that does not exist has none; the first turn creates it."""
    try:
        return await call(session, "get_memory", {"session_id": session_id})
    except ToolError as error:
        if error.code == "NOT_FOUND":
            return {"messages": []}
        raise


async def turn(session: ClientSession, session_id: str, text: str) -> str:
    """One turn: read the memory, ask the model, store what both sides said."""
    answer = await reply(await remember(session, session_id), text)
    # Uuids of our own: if the call is repeated, no message is stored twice.
    messages = [
        {"role": "user", "content": text, "uuid": str(uuid.uuid4())},
        {"role": "assistant", "content": answer, "uuid": str(uuid.uuid4())},
    ]
    await call(session, "add_memory", {"session_id": session_id, "messages": messages})
    return answer


async def main(session_id: str) -> None:
    # The server sees the environment of this process, such as SESSIONS_DB or MONGODB_URI.
    node = os.environ.get("NODE", "node")
    server = StdioServerParameters(command=node, args=[str(SERVER)], env=dict(os.environ))
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        memory = await remember(session, session_id)
        state = "The conversation continues" if memory["messages"] else "A new conversation"
        print(f"{state}: {session_id}", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip():
                print(await turn(session, session_id, line.rstrip("\n")), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python examples/agent_loop.py SESSION_ID")
    asyncio.run(main(sys.argv[1]))
