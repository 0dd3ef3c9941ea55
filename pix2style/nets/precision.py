"""Whether a device multiplies bfloat16 natively."""

from __future__ import annotations

import torch


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether bfloat16 is faster than float32 on a device.

    It is on GPUs since NVIDIA's Ampere (compute capability 8.0), and on CPUs with AVX-512 BF16 or AMX. Older GPUs only
    emulate it: cuDNN has no convolutions in bfloat16 there.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return _cpu_has_bf16_instructions()


def _cpu_has_bf16_instructions() -> bool:
    # torch 2.9 has no get_capabilities yet
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
