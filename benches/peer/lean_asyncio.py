"""The same by somebody who counts requests: asyncio, a task per callback, one GET and one PATCH a raise."""

import asyncio
import os

import aiohttp

WAIT = float(os.environ["WAIT_SECONDS"])
URL = os.environ["API_URL"]
POLL = 10.0
QUERY = {
    "filter": {
        "type": "and",
        "predicates": [{"type": "dimension", "dimension": "mediaType", "value": "callback"}],
    },
    "metrics": [{"metric": "oWaiting", "details": True}],
    "groupBy": ["queueId"],
}
tracked = set()


class Client:
    """One token, and patience where the platform asks for a pause."""

    def __init__(self, session):
        self.session = session
        self.headers = {}

    async def sign_in(self):
        form = {"grant_type": "client_credentials"}
        auth = aiohttp.BasicAuth("sandbox", "sandbox")
        async with self.session.post(f"{URL}/oauth/token", data=form, auth=auth) as answer:
            self.headers = {"Authorization": "Bearer " + (await answer.json())["access_token"]}

    async def ask(self, method, path, **more):
        while True:
            async with self.session.request(
                method, URL + path, headers=self.headers, **more
            ) as answer:
                if answer.status == 429:
                    await asyncio.sleep(float(answer.headers.get("Retry-After", 3)))
                    continue
                answer.raise_for_status()
                return await answer.json()


async def raise_while_it_waits(client, conversation_id):
    try:
        while True:
            await asyncio.sleep(WAIT)
            conversation = await client.ask("GET", f"/api/v2/conversations/{conversation_id}")
            legs = [
                leg
                for leg in conversation["participants"]
                if leg.get("purpose") == "acd"
                and not leg.get("endTime")
                and any(one.get("state") == "connected" for one in leg.get("callbacks") or [])
            ]
            if not legs:
                return
            priority = (legs[-1].get("conversationRoutingData") or {}).get("priority") or 0
            path = f"/api/v2/routing/conversations/{conversation_id}"
            await client.ask("PATCH", path, json={"priority": priority + 1})
    finally:
        tracked.discard(conversation_id)


async def who_waits(client):
    found, page = [], 1
    while True:
        path = f"/api/v2/analytics/conversations/activity/query?pageSize=100&pageNumber={page}"
        answer = await client.ask("POST", path, json=QUERY)
        rows = [row for result in answer.get("results") or [] for row in result.get("entities") or []]
        if not rows:
            return found
        found.extend(row["conversationId"] for row in rows)
        page += 1


async def main():
    async with aiohttp.ClientSession() as session:
        client = Client(session)
        await client.sign_in()
        tasks = set()
        while True:
            try:
                for conversation_id in await who_waits(client):
                    if conversation_id not in tracked:
                        tracked.add(conversation_id)
                        task = asyncio.create_task(raise_while_it_waits(client, conversation_id))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
            except Exception as error:  # Whatever it is: the next round may work.
                print("poll failed:", type(error).__name__, flush=True)
            await asyncio.sleep(POLL)


asyncio.run(main())
