"""A plugin of poetry (its own interface, `poetry.application.plugin`): `wheeltap run` stands
in for PyPI while one command runs.

Nothing is written into the project or its lock: packages look as if they were PyPI's own.
What poetry keeps of PyPI is not used, since it says nothing of what the log has.
"""

import os
import pathlib

from poetry.config.config import Config
from poetry.factory import Factory
from poetry.plugins.application_plugin import ApplicationPlugin
from poetry.repositories.legacy_repository import LegacyRepository

OWN = str(pathlib.Path(__file__).parent)
INDEX_URL = os.environ["WHEELTAP_INDEX_URL"]


class StandIn(LegacyRepository):
    def package(self, name, version):
        package = super().package(name, version)
        package._source_type = package._source_url = package._source_reference = None
        return package


class Plugin(ApplicationPlugin):
    def activate(self, application):
        # Python programs that poetry starts have nothing to do with this.
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path not in ("", OWN))
        if not os.environ["PYTHONPATH"]:
            del os.environ["PYTHONPATH"]
        # Environments stay where they are; downloads go beside this file.
        os.environ["POETRY_VIRTUALENVS_PATH"] = str(Config.create().virtualenvs_path)
        os.environ["POETRY_CACHE_DIR"] = str(pathlib.Path(OWN).parent / "poetry-cache")

        create = Factory.create_package_source.__func__

        def create_package_source(cls, source, config, disable_cache=False):
            if source.get("name", "").lower() != "pypi":
                return create(cls, source, config, disable_cache=disable_cache)
            return StandIn("PyPI", INDEX_URL, config=config, disable_cache=disable_cache)

        Factory.create_package_source = classmethod(create_package_source)
