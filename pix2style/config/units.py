"""The units of configuration keys: by the last part of a key, and by the whole key where that says too little."""

from __future__ import annotations

# Whole keys go first.
_BY_KEY = {
    "train.augment.photo[gaussian_noise].std": "share of the range from black to white",
    "train.augment.photo[shot_noise].scale": "1 / photons in a white pixel",
    "train.augment.photo[jpeg].quality": "JPEG quality",
    "train.augment.photo[gaussian_blur].sigma": "pixels",
    "train.augment.photo[color_jitter].hue": "turns of the colour wheel",
    "train.augment.photo[downscale].scale": "share of the photo's side",
    "train.early_stop.min_gain": "that of the metric: grey levels, dB or none",
    "train.early_stop.patience": "validations",
    "model.lite.scale": "pixels of the photo in one of a feature map",
    "losses.balance.style_to_content": "ratio",
    "losses.consistency.noise": "levels of 255",
    "pairs.batch": "photos",
    "train.batch": "pairs",
}
_BY_NAME = {
    "crop": "pixels",
    "resize": "pixels",
    "size": "pixels",
    "painting_size": "pixels",
    "max_side": "pixels",
    "images": "images",
    "minutes": "minutes",
    "ms_512": "milliseconds",
    "gmacs_512": "1e9 multiply-accumulate operations",
    "p": "probability",
    "decay_from": "share of the training",
    "start_share": "share of the training",
    "ramp_share": "share of the training",
    "warmup_share": "share of the training",
    "val_share": "share of the photos",
    "test_share": "share of the photos",
    "strength": "share of the style",
    "steps": "steps",
    "every": "steps",
    "log_every": "steps",
    "skips_in_a_row": "steps",
    "accumulate": "micro-batches",
    "workers": "processes",
    "keep_last": "checkpoints",
    "keep_best": "checkpoints",
    "grid_photos": "photos",
    "validate_photos": "photos",
    "calibration_photos": "photos",
    "held_out_photos": "photos",
    "pairs_per_shard": "pairs",
    "variants": "copies of a photo",
    "styles": "styles",
    "styles_per_photo": "styles",
    "channels": "channels",
    "blocks": "blocks",
    "levels": "levels",
    "downsamplings": "levels",
    "layers": "layers",
    "scales": "networks",
}
_BY_ENDING = {"_images": "images", "_px": "pixels", "_gb": "gigabytes", "_db": "dB"}


def unit_of(key: str) -> str:
    """Return the unit of a key's numbers; empty for keys without numbers and for weights, factors, seeds and ids."""
    if key in _BY_KEY:
        return _BY_KEY[key]
    name = key.rpartition(".")[2]
    if key.startswith("losses.") and name in ("layers", "painting_layers"):
        return ""  # names of layers, with weights
    if key in ("pairs.styles", "pairs.styles[].paintings"):
        return ""
    return _BY_NAME.get(name) or next((unit for end, unit in _BY_ENDING.items() if name.endswith(end)), "")
