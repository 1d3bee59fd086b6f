"""What all engines share whose models are files on this machine: where the file is, what it is, and that it is safe.

A model is a name of the catalogue, a file or a folder, or, for engines that take them, an id on the hub. The identity
holds the SHA-256 of its bytes. A model file that the catalogue does not know is looked at before a reader written in
C++ sees it: first its header and its chat templates, then it is loaded in a process of its own (trial.py).
"""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from mindsmirror.engines.base import Engine
from mindsmirror.engines.config import TeacherConfig
from mindsmirror.engines.plugin import EngineBase
from mindsmirror.engines.trial import try_in_child
from mindsmirror.errors import EngineError
from mindsmirror.models import catalogue
from mindsmirror.models.chat_template import check_template
from mindsmirror.models.digest import sha256_of
from mindsmirror.models.gguf_header import read_header
from mindsmirror.models.locate import identify, locate
from mindsmirror.system.files import expanded, there


class LocalEngine(EngineBase):
    """Base of engines that load a model from this machine."""

    local = True
    takes_hub_ids: ClassVar[bool] = False
    """Whether `model` may be an id on the hub, which its library downloads."""
    may_crash: ClassVar[bool] = False
    """Whether the reader of its files, which is `package`, can crash at a damaged one."""

    @classmethod
    def identity_of(cls, config: TeacherConfig) -> Mapping[str, Any]:
        """The engine, the model by name and SHA-256 (a hub id has none), and the parameters."""
        weights = {} if cls.is_hub_id(config) else identify(config.model, config.path)
        return {**super().identity_of(config), **weights}

    @classmethod
    def open(cls, config: TeacherConfig) -> Engine:
        """The engine with its model loaded; an unknown file is tried first."""
        cls.check(config)
        unknown = cls._unknown_file(config)
        if unknown is not None:
            for key, value in read_header(unknown).items():
                if key.startswith("tokenizer.chat_template"):
                    check_template(value, str(unknown))
            if cls.may_crash:
                try_in_child(config, unknown, cls.package)
        return cls.load(config)

    @classmethod
    @abstractmethod
    def load(cls, config: TeacherConfig) -> Engine:
        """The same without a trial: the model's file is known, or this is the process in which it is tried."""

    @classmethod
    def check(cls, config: TeacherConfig) -> None:
        """EngineError, before anything is fetched, if the engine cannot run a model of the catalogue."""
        entry = catalogue.entries().get(cls.identity_of(config)["model"])
        if entry is not None and config.engine in entry.unfit:
            raise EngineError(f"the engine {config.engine} cannot run {entry.name}: {entry.unfit[config.engine]}")

    @classmethod
    def source(cls, config: TeacherConfig) -> str | Path:
        """The model's hub id, or the file or folder where its bytes are; fetches a catalogue model."""
        return config.model if cls.is_hub_id(config) else locate(config.model, config.path)

    @classmethod
    def is_hub_id(cls, config: TeacherConfig) -> bool:
        """Whether the model is neither in the catalogue nor a file here, but may be an id on the hub."""
        return (
            cls.takes_hub_ids
            and config.path is None
            and config.model not in catalogue.entries()
            and not there(expanded(config.model))
            and config.model.count("/") == 1
            and not config.model.endswith(".gguf")
        )

    @classmethod
    def _unknown_file(cls, config: TeacherConfig) -> Path | None:
        """The GGUF file that the teacher is, if its bytes are not those of a catalogue model."""
        if config.model in catalogue.entries() or cls.is_hub_id(config):
            return None
        path = locate(config.model, config.path)
        if not path.is_file() or path.suffix == ".xml":
            return None
        known = {entry.sha256 for entry in catalogue.entries().values()}
        return None if sha256_of(path) in known else path
