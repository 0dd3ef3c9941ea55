"""Configuration of an experiment: a YAML file with sections, in which every key has a type, a range and a default."""

from pix2style.config.load import apply_overrides, load_config, parse_config, with_values
from pix2style.config.model import ModelConfig
from pix2style.config.root import Config

__all__ = ["Config", "ModelConfig", "apply_overrides", "load_config", "parse_config", "with_values"]
