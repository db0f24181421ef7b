"""The memory of a LangChain chain: a conversation is saved, loaded, searched and cleared."""

import json
import os
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from langchain_community.chat_message_histories import ZepChatMessageHistory
    from langchain_community.memory.zep_memory import ZepMemory

    address = {
        "session_id": "LangChain",
        "url": os.environ["ZEP_API_URL"],
        "api_key": os.environ["ZEP_API_KEY"],
    }
    memory = ZepMemory(**address)

before = memory.load_memory_variables({})
memory.save_context({"input": "I moved to Lisbon"}, {"output": "How is the weather?"})
memory.save_context(
    {"input": "It rains"}, {"output": "Take an umbrella"}, metadata={"mood": "sad"}
)

# Another process goes on with it.
history = ZepChatMessageHistory(**address)
messages = [[message.type, message.content] for message in history.messages]
metadata = [message.additional_kwargs["metadata"] for message in history.messages]
found = history.search("Which umbrella?")
text = memory.load_memory_variables({})["history"]
memory.clear()
cleared = memory.load_memory_variables({})
memory.save_context({"input": "Hello again"}, {"output": "Hello"})

print(
    json.dumps(
        {
            "warnings": [str(one.message) for one in caught if "Zep" in str(one.message)],
            "before": before["history"],
            "text": text,
            "messages": messages,
            "metadata": metadata,
            "found": [one.message["content"] for one in found],
            "cleared": cleared["history"],
            "again": memory.load_memory_variables({})["history"],
        }
    )
)
