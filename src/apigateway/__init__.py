"""Post many frames to many connections of an Amazon API Gateway WebSocket API.

Imports httptools and the standard library (management.py: boto3), and nothing of the chat.
Read README.md first, then poster.py. Each name below is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apigateway.batch import Batch, Post
    from apigateway.client import ApiGateway, Client, Frame
    from apigateway.management import ManagementClient
    from apigateway.outcomes import Delivered, Failed, Gone, Outcome, Throttled
    from apigateway.poster import BroadcastResult, Poster
    from apigateway.retries import Retries
    from apigateway.sigv4 import Credentials

__all__ = [
    "ApiGateway",
    "Batch",
    "BroadcastResult",
    "Client",
    "Credentials",
    "Delivered",
    "Failed",
    "Frame",
    "Gone",
    "ManagementClient",
    "Outcome",
    "Post",
    "Poster",
    "Retries",
    "Throttled",
]

_MODULES = {
    "batch": ("Batch", "Post"),
    "client": ("ApiGateway", "Client", "Frame"),
    "management": ("ManagementClient",),
    "outcomes": ("Delivered", "Failed", "Gone", "Outcome", "Throttled"),
    "poster": ("BroadcastResult", "Poster"),
    "retries": ("Retries",),
    "sigv4": ("Credentials",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


# A Lambda function that imports only apigateway.management must not pay for httptools and asyncio.
def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
