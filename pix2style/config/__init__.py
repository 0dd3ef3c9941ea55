"""Experiments as files: typed, strict, sparse over defaults."""

from pix2style.config.load import apply_overrides, load_config, parse_config
from pix2style.config.model import ModelConfig
from pix2style.config.root import Config

__all__ = ["Config", "ModelConfig", "apply_overrides", "load_config", "parse_config"]
