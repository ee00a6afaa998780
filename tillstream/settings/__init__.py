"""What a merchant may configure, read from one TOML file and the environment, and the kinds of value it is made of."""

from tillstream.settings.block import Block, Refusal
from tillstream.settings.errors import Problem, SettingsErrors, nearest
from tillstream.settings.kafka import Kafka
from tillstream.settings.kinds import (
    Address,
    Day,
    Duration,
    Listen,
    Location,
    Secret,
    SecretError,
    Start,
    TimeOfDay,
    Zone,
)
from tillstream.settings.loading import load
from tillstream.settings.model import (
    Connection,
    Count,
    Engine,
    FolderSource,
    Port,
    Settings,
    Sftp,
    Share,
    Text,
    Topics,
    Url,
)

__all__ = [
    "Address",
    "Block",
    "Connection",
    "Count",
    "Day",
    "Duration",
    "Engine",
    "FolderSource",
    "Kafka",
    "Listen",
    "Location",
    "Port",
    "Problem",
    "Refusal",
    "Secret",
    "SecretError",
    "Settings",
    "SettingsErrors",
    "Sftp",
    "Share",
    "Start",
    "Text",
    "TimeOfDay",
    "Topics",
    "Url",
    "Zone",
    "load",
    "nearest",
]
