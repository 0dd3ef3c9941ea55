"""Check the proof of a filter file when it is loaded, and fall back to floats where 8-bit operators are not exact."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from pix2style.errors import ArtifactError
from pix2style.file_session import FileSession
from pix2style.onnx_session import LOAD_ERRORS, RUN_ERRORS
from pix2style.openvino_session import OPENVINO
from pix2style.runtime.filter_inputs import FilterInputs
from pix2style.runtime.proof import PATCH_PX, PROOF_KEY, Proof, ProofState
from pix2style.spec import INPUT_NAME, OUTPUT_NAME


class ProofError(ArtifactError):
    """A filter does not compute here what it computed where it was exported."""


def prove(session: FileSession, inputs: FilterInputs, precision: str, path: Path) -> tuple[FileSession, ProofState]:
    """Compare what a filter makes of the patch in its metadata with what it made of it where it was exported.

    Args:
        session: Session on the filter file.
        inputs: Inputs of the filter.
        precision: Precision of the filter; only `int8` has another way to compute.
        path: Path of the file, for messages.

    Returns:
        The session to use, and "passed"; "in floats" if only float32 gives the right values on this machine, as the
        returned session computes; "absent" in files of older versions; "not possible" if the input was fixed to another
        size after the export.

    Raises:
        ProofError: The filter computes other values.
        ArtifactError: Its proof is damaged.
    """
    proof = _read_proof(session, path)
    if proof is None:
        return session, "absent"
    if not inputs.accepts((1, PATCH_PX, PATCH_PX, 3)):
        return session, "not possible"
    if _holds(session, inputs, proof):
        return session, "passed"
    if precision == "int8":
        in_floats = session.with_floats()
        if _holds(in_floats, inputs, proof):
            return in_floats, "in floats"
    raise ProofError(
        f"{path}: is refused, because with {_library(session)} it does not stylize a patch in its metadata as it did"
        f" when it was exported: {_advice(session)}, or export the filter again (if another program changed the filter"
        f" on purpose, remove {PROOF_KEY!r} from its metadata)"
    )


def _library(session: FileSession) -> str:
    return OPENVINO if _is_openvino(session) else f"ONNX Runtime {onnxruntime.__version__}"


def _advice(session: FileSession) -> str:
    return "leave out --device" if _is_openvino(session) else "update onnxruntime"


def _is_openvino(session: FileSession) -> bool:
    return OPENVINO in session.get().get_providers()


def _read_proof(session: FileSession, path: Path) -> Proof | None:
    text = session.get().get_modelmeta().custom_metadata_map.get(PROOF_KEY)
    try:
        return None if text is None else Proof.from_text(text)
    except ValueError as error:
        raise ArtifactError(f"{path}: its proof is damaged: export it again") from error


def _holds(session: FileSession, inputs: FilterInputs, proof: Proof) -> bool:
    try:
        [stylized] = session.get().run([OUTPUT_NAME], {INPUT_NAME: proof.patch[None], **inputs.defaults})
    except (*RUN_ERRORS, *LOAD_ERRORS):
        return False
    return proof.holds(stylized[0])
