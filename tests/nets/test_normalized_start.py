"""A generator without normalisation becomes a normalised one that makes nearly the same images."""

from __future__ import annotations

import torch

from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.images import to_batch
from pix2style.nets.base import load_base
from pix2style.nets.normalized_start import with_normalisation


def test_the_base_with_normalisation_makes_nearly_the_same_images() -> None:
    lite = load_base().for_style().eval()
    photos = torch.from_numpy(to_batch([synthetic_photo(192, 192, seed) for seed in range(8)]))
    with torch.no_grad():
        before, random_state = lite(photos), torch.random.get_rng_state()
        normalized = with_normalisation(lite, lite.glimpse(photos)).eval()
        after = normalized(photos)
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert normalized.norm == "instance"
    assert before.std() > 0.1
    # The difference that is left is what each photo's own statistics change.
    assert (after - before).abs().mean() < 0.5 * before.std()
    assert torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1] > 0.8
