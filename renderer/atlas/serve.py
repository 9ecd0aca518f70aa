"""The page of a run over loopback: the same page as on the disk, which also tells what a running render is doing.

The server only reads the run's directory; nothing has to be running there.
"""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from os.path import lexists
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from renderer.atlas.index import make_index
from renderer.atlas.page_contents import page_contents
from renderer.atlas.page_document import page_html
from renderer.atlas.seen import look_at
from renderer.common.errors import UserError
from renderer.store.live_file import current_progress
from renderer.store.paths import STILL_RECORD, RunPaths

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """A server that holds its port already.

    Attributes:
        address: Where browsers find the page.
    """

    address: str
    _server: uvicorn.Server
    _socket: socket.socket

    def run(self) -> None:
        """Answer until the process is interrupted."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Let `run`, in another thread, come to its end."""
        self._server.should_exit = True


def make_server(directory: Path, port: int) -> Server:
    """Make a server for a run's page on this machine alone.

    Args:
        directory: The run's directory.
        port: Number of the port; 0 takes any that is free.

    Raises:
        UserError: The directory holds no run, or the port is taken.
    """
    application = make_application(directory)
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise UserError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from error
    config = uvicorn.Config(application, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    return Server(f"http://{HOST}:{listening.getsockname()[1]}/", uvicorn.Server(config), listening)


def make_application(directory: Path) -> Starlette:
    """The web application; raises UserError where the directory holds no run."""
    page = LivePage(directory)
    return Starlette(
        routes=[
            Route("/", page.show),
            Route("/index.html", page.show),
            Route("/contents.json", page.tell_contents),
            Route("/live.json", page.tell_progress),
            Mount("/", StaticFiles(directory=directory)),
        ],
        middleware=[
            # A page elsewhere may point a name of its own at this machine; it is not to read anything here.
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
            Middleware(_AlwaysFresh),
        ],
        exception_handlers={UserError: _not_now, FileNotFoundError: _not_now},
    )


def _not_now(_request: Request, error: Exception) -> PlainTextResponse:
    """The run is being begun anew, or has been removed; the page asks again."""
    return PlainTextResponse(str(error), status_code=503)


class LivePage:
    """What is made for each request; all else are files.

    Raises:
        UserError: The directory holds no run.
    """

    def __init__(self, directory: Path) -> None:
        self._paths = RunPaths(directory)
        look_at(directory)
        self._contents: tuple[str, dict[str, Any]] = ("", {})

    def show(self, _request: Request) -> HTMLResponse:
        """The page."""
        return HTMLResponse(page_html(self._read_contents(), live=True))

    def tell_contents(self, _request: Request) -> JSONResponse:
        """What the page shows, as data."""
        return JSONResponse(self._read_contents())

    def tell_progress(self, _request: Request) -> JSONResponse:
        """How far the render is that works here now, if one does, and which contents are current."""
        found = current_progress(self._paths)
        told = {**found[0].model_dump(), "preview": self._paths.relative(found[1])} if found else None
        return JSONResponse({"revision": self._revision(), "progress": told})

    def _read_contents(self) -> dict[str, Any]:
        revision = self._revision()
        if self._contents[0] != revision:
            seen = look_at(self._paths.root)
            contents = page_contents(seen, make_index(seen))
            self._contents = (revision, contents)
        return self._contents[1]

    def _revision(self) -> str:
        """Changes with everything that the contents are made of."""
        paths = self._paths
        watched = [paths.settings, paths.film_record, *paths.all_failures(), paths.similarity, paths.evaluation]
        facts = [f"{path.name} {path.lstat().st_mtime_ns}" for path in watched if lexists(path)]
        with os.scandir(paths.state) as entries:
            names = [entry for entry in entries if STILL_RECORD.fullmatch(entry.name)]
            stills = [f"{entry.name} {entry.stat(follow_symlinks=False).st_mtime_ns}" for entry in names]
        return hashlib.blake2b("\n".join(facts + sorted(stills)).encode(), digest_size=8).hexdigest()


class _AlwaysFresh:
    """Lets browsers keep files, but ask each time whether they are still the same: a render may be changing them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_fresh(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-cache"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        await self._app(scope, receive, send_fresh)
