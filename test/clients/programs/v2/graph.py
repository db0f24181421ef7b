"""The graph of a user, for the Python clients of the cloud edition that have it."""

import importlib

from calls import PACKAGE, Message, call, connect, plain, refusal, run

EpisodeData = importlib.import_module(f"{PACKAGE}.types").EpisodeData


def shown(found):
    """Records, or a record with lists of them, as the server sent them."""
    return [plain(one) for one in found] if isinstance(found, list) else plain(found)


async def main():
    client = connect()
    graph, memory, user = client.graph, client.memory, client.user
    ada = "ada"

    before = await call(user.get_node, ada)
    (lives,) = await call(graph.edge.get_by_user_id, ada)
    (message,) = lives.episodes
    lisbon = lives.target_node_uuid

    triple = {"user_id": ada, "fact": "Ada works at Acme.", "fact_name": "WORKS_AT"}
    added = await call(
        graph.add_fact_triple,
        **triple,
        source_node_name="Ada",
        source_node_summary="A mathematician",
        target_node_name="Acme",
        target_node_summary="Makes anvils",
        valid_at="2026-02-03T04:05:06Z",
        invalid_at="2027-01-01T00:00:00Z",
    )
    source, target, edge = added.source_node, added.target_node, added.edge
    again = await call(
        graph.add_fact_triple,
        **triple,
        valid_at="2026-02-03T04:05:06Z",
        source_node_uuid=source.uuid_,
        target_node_name="ACME",
    )

    text = await call(
        graph.add,
        user_id=ada,
        type="text",
        data="Ada was born in London",
        source_description="biography",
        created_at="2025-01-02T03:04:05Z",
    )
    batch = await call(
        graph.add_batch,
        user_id=ada,
        episodes=[
            EpisodeData(type="json", data='{"pet":"cat"}'),
            EpisodeData(type="message", data="Ada: my cat sleeps"),
        ],
    )

    async def search(query, scope):
        options = {"limit": 5, "reranker": "rrf", "min_score": 0}
        return plain(await call(graph.search, user_id=ada, query=query, scope=scope, **options))

    nodes = await call(graph.node.get_by_user_id, ada)
    cursor = nodes[0].uuid_
    page = await call(graph.node.get_by_user_id, ada, limit=1, uuid_cursor=cursor)
    edges = await call(graph.edge.get_by_user_id, ada)
    episodes = await call(graph.episode.get_by_user_id, ada, lastn=2)
    said = [Message(role="Ada", role_type="user", content="Shall I stay at Acme?")]

    seen = {
        "before": plain(before),
        "added": plain(added),
        "again": plain(again),
        "text": plain(text),
        "batch": shown(batch),
        "edges": await search("Where does she work?", "edges"),
        "nodes": await search("Lisbon", "nodes"),
        "kept": await search("born London", "episodes"),
        "said": await search("live Lisbon", "episodes"),
        "listed_nodes": [one.name for one in nodes],
        "next_node": [one.name for one in page],
        "listed_edges": [one.fact for one in edges],
        "listed_episodes": [one.content for one in episodes.episodes],
        "node": plain(await call(graph.node.get, target.uuid_)),
        "node_edges": shown(await call(graph.node.get_edges, target.uuid_)),
        "node_episodes": shown(await call(graph.node.get_episodes, lisbon)),
        "edge": plain(await call(graph.edge.get, edge.uuid_)),
        "episode": plain(await call(graph.episode.get, text.uuid_)),
        "message": plain(await call(graph.episode.get, message)),
        "mentions": plain(await call(graph.episode.get_nodes_and_edges, message)),
        "facts": plain(await call(user.get_facts, ada)),
        "user_node": plain(await call(user.get_node, ada)),
        "context": plain(
            await call(memory.add, "said", messages=said, return_context=True)
        ),
        "deleted_edge": plain(await call(graph.edge.delete, edge.uuid_)),
        "deleted_episode": plain(await call(graph.episode.delete, text.uuid_)),
    }
    return {
        **seen,
        "goneEdge": await refusal(graph.edge.get, edge.uuid_),
        "goneEpisode": await refusal(graph.episode.get, text.uuid_),
        "unknownNode": await refusal(graph.node.get, edge.uuid_),
        "unknownUser": await refusal(user.get_facts, "unknown"),
        "staying": (await call(graph.node.get, target.uuid_)).name,
        "left": [one.fact for one in await call(graph.edge.get_by_user_id, ada)],
    }


run(main)
