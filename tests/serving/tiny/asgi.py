"""As `startproject` writes it, each call is noted, and a websocket gives back what it gets."""

from typing import Any

from django.core.asgi import get_asgi_application

from .calls import note

site = get_asgi_application()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        note()
    if scope["type"] != "websocket":
        return await site(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
    return None
