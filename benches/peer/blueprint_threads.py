"""The script that most people would write: the blueprint's loop of GET, GET, PATCH with the official SDK, a thread per callback.

Callbacks are found by asking for all that wait every ten seconds.
"""

import os
import threading
import time

import PureCloudPlatformClientV2 as sdk
from PureCloudPlatformClientV2.rest import ApiException

WAIT = float(os.environ["WAIT_SECONDS"])
POLL = 10.0

sdk.configuration.host = os.environ["API_URL"]
client = sdk.api_client.ApiClient().get_client_credentials_token("sandbox", "sandbox")
conversations = sdk.ConversationsApi(client)
routing = sdk.RoutingApi(client)
analytics = sdk.AnalyticsApi(client)
tracked = set()


def patiently(call, *arguments):
    """Calls, and where the platform asks for a pause, waits and calls again."""
    while True:
        try:
            return call(*arguments)
        except ApiException as error:
            if error.status != 429:
                raise
            time.sleep(float((error.headers or {}).get("Retry-After", 3)))


def waiting_leg(conversation):
    """The ACD leg of a callback that waits."""
    for participant in conversation.participants:
        callbacks = participant.callbacks or []
        if participant.purpose == "acd" and participant.end_time is None:
            if any(callback.state == "connected" for callback in callbacks):
                return participant
    return None


def raise_while_it_waits(conversation_id):
    """Wait, Get Interaction State, Get Callback Priority, Update Callback Priority."""
    try:
        while True:
            time.sleep(WAIT)
            if waiting_leg(patiently(conversations.get_conversation, conversation_id)) is None:
                return
            leg = waiting_leg(patiently(conversations.get_conversation, conversation_id))
            if leg is None:
                return
            priority = leg.conversation_routing_data.priority or 0
            body = sdk.RoutingConversationAttributesRequest()
            body.priority = priority + 1
            patiently(routing.patch_routing_conversation, conversation_id, body)
    finally:
        tracked.discard(conversation_id)


def who_waits():
    """Ids of all callbacks that wait."""
    query = {
        "filter": {
            "type": "and",
            "predicates": [{"type": "dimension", "dimension": "mediaType", "value": "callback"}],
        },
        "metrics": [{"metric": "oWaiting", "details": True}],
        "groupBy": ["queueId"],
    }
    page, found = 1, []
    while True:
        answer = patiently(
            lambda: analytics.post_analytics_conversations_activity_query(
                query, page_size=100, page_number=page
            )
        )
        rows = [row for result in answer.results or [] for row in result.entities or []]
        if not rows:
            return found
        found.extend(row.conversation_id for row in rows)
        page += 1


def main():
    while True:
        try:
            for conversation_id in who_waits():
                if conversation_id not in tracked:
                    tracked.add(conversation_id)
                    threading.Thread(
                        target=raise_while_it_waits, args=(conversation_id,), daemon=True
                    ).start()
        except Exception as error:  # Whatever it is: the next round may work.
            print("poll failed:", type(error).__name__, flush=True)
        time.sleep(POLL)


main()
