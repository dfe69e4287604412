"""Serve the built pages and their kernels, behind Jupyter Server's own token, cookie, Origin and Host checks."""

import os
import secrets
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.handlers import _kernel_id_regex
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from tornado import web
from traitlets import Unicode
from traitlets.config import Config

from glassformer.app.api import handlers
from glassformer.app.kernels import Kernels
from glassformer.app.site import SiteError, up_to_date_site

HOST: Final = "127.0.0.1"
STATIC: Final = Path(__file__).parent / "static"


class FileHandler(JupyterHandler, web.StaticFileHandler):  # type: ignore[misc]
    """A file, for those who hold the token."""

    @web.authenticated
    async def get(self, path: str, include_body: bool = True) -> None:  # type: ignore[override]
        """The file, or the login page for those without the token."""
        await web.StaticFileHandler.get(self, path, include_body)

    @web.authenticated
    async def head(self, path: str) -> None:  # type: ignore[override]
        """The headers of ``get``."""
        await web.StaticFileHandler.get(self, path, include_body=False)

    def set_extra_headers(self, path: str) -> None:
        """Browsers ask again before they reuse a file, so a rebuilt page is seen at once."""
        self.set_header("Cache-Control", "no-cache")


class PageHandler(JupyterHandler):  # type: ignore[misc]
    """A page of the built site, with two tags more than the exported one has: they make its cells live."""

    def initialize(self, path: str) -> None:
        """``path`` is the folder of the site."""
        self.site = Path(path).resolve()

    @web.authenticated
    def get(self, name: str) -> None:
        """The page, or the login page for those without the token."""
        file = (self.site / name).resolve()
        if not file.is_relative_to(self.site) or not file.is_file():
            raise web.HTTPError(404)
        self.xsrf_token  # noqa: B018 (asking for it sets the cookie that the page's script sends back)
        live = f"{self.base_url}glassformer/static"
        tags = (
            f'<link rel="stylesheet" href="{live}/live.css">'
            f'<link rel="modulepreload" href="{live}/kernel.js"><link rel="modulepreload" href="{live}/outputs.js">'
            f'<script type="module" src="{live}/live.js" data-base="{self.base_url}"></script></head>'
        )
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(file.read_text("utf-8").replace("</head>", tags, 1))


class ChannelHandler(KernelWebsocketHandler):  # type: ignore[misc]
    """The connection between a page and its kernel, as Jupyter Server has it, without waiting to fill a packet."""

    async def open(self, kernel_id: str) -> None:
        """Many small messages in a row are what delayed acknowledgments are slow for: 40 ms for each."""
        self.set_nodelay(True)
        await super().open(kernel_id)


class GuideServer(ServerApp):  # type: ignore[misc]
    """Jupyter Server with the services that the guide uses, and no others: it hands out no files, for one."""

    default_services = ("api", "auth", "kernels", "security")


class GuideApp(ExtensionApp):  # type: ignore[misc]
    """The guide as a Jupyter Server extension: the built site below ``/guide/``."""

    name = "glassformer"
    app_name = "Glassformer"
    load_other_extensions = False
    serverapp_class = GuideServer
    site = Unicode(help="The folder of the built site; empty: build it where it is kept.").tag(config=True)

    def initialize_handlers(self) -> None:
        """Serve the site, the scripts of the live cells and their data; the server's root leads to the home page."""
        if not self.site:
            self.site = str(up_to_date_site(self.log.info))
        home = f"{self.serverapp.base_url}guide/index.html"
        self.kernels = Kernels(self.serverapp.kernel_manager)
        self.handlers += [
            *handlers(self.kernels),
            (rf"/api/kernels/{_kernel_id_regex}/channels", ChannelHandler),
            (r"/glassformer/static/(.*)", FileHandler, {"path": str(STATIC)}),
            (r"/guide/(.*\.html)", PageHandler, {"path": self.site}),
            (r"/guide/(.+)", FileHandler, {"path": self.site}),
            (r"/guide/?", web.RedirectHandler, {"url": home, "permanent": False}),
            (r"/", web.RedirectHandler, {"url": home, "permanent": False}),
        ]


def free_port(port: int) -> int:
    """``port`` if it is free, any free port for 0. Raises ``SiteError`` if it is taken or not to be had."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":  # as the server itself does: a port in its closing wait is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "ports are numbers from 0 to 65535"
            raise SiteError(
                f"Port {port} cannot be used: {reason}. Leave --port away, and a free one is chosen."
            ) from error
        return int(probe.getsockname()[1])


def serve(site: Path, home: Path, page: str, port: int, browser: bool, tell: Callable[[str], None]) -> None:
    """Serve ``site`` until Ctrl-C. ``home`` is where the server keeps its own files; ``page`` is opened first."""
    home.mkdir(parents=True, exist_ok=True)
    for name in ("RUNTIME", "CONFIG", "DATA"):
        os.environ[f"JUPYTER_{name}_DIR"] = str(home / name.lower())
    os.environ["IPYTHONDIR"] = str(home / "ipython")
    token = secrets.token_urlsafe(24)
    chosen = free_port(port)
    config = Config()
    config.GuideApp.site = str(site.resolve())
    config.IdentityProvider.token = token
    config.ServerApp.update(
        ip=HOST,
        port=chosen,
        port_retries=0,
        open_browser=False,
        allow_root=True,
        root_dir=str(home),
        log_level="ERROR",
        tornado_settings={"compress_response": True},  # a page is mostly formulas and pictures in text
    )
    server: Any = GuideApp.initialize_server(config=config)
    server.no_browser_open_file = True
    server.log.setLevel("ERROR")
    address = f"http://{HOST}:{chosen}/guide/{page}.html?{urlencode({'token': token})}"

    def opened() -> None:
        tell(f"The guide is at {address}")
        if not browser or not _open(address):
            tell("Open that address in a browser on this machine.")
        tell("Press Ctrl-C to stop.")

    for name_ in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name_, lambda *_: server.stop(from_signal=True))
    server.io_loop.add_callback(opened)
    server.start()
    tell("Stopped.")


def _open(address: str) -> bool:
    """Open ``address`` in a browser; ``False`` where there is none, or no display to show one on."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False
