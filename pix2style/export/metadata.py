"""The metadata of a filter file: its description for people, and for `GeneratorSpec.from_json`."""

from __future__ import annotations

import onnx

from pix2style.export.graph_session import GraphSession
from pix2style.runtime.content_digest import DIGEST_KEY, content_digest
from pix2style.runtime.proof import PROOF_KEY, make_proof
from pix2style.spec import GLIMPSE_NAME, INPUT_NAME, OUTPUT_NAME, SPEC_KEY, STRENGTH_NAME, STYLE_NAME, GeneratorSpec
from pix2style.version import __version__

# These texts are part of the exported bytes: changing one changes the digest of every filter.
_OPTIONAL_INPUTS = {
    STRENGTH_NAME: "float32 [1], 0 gives the photo back, 1 (default) the whole style",
    STYLE_NAME: "float32 [styles], weights with the sum 1; default: the first style",
    GLIMPSE_NAME: "uint8 [1 or batch, 96, 96, 3], of the photo that the input is a tile of; default: its own",
}


def write_metadata(model: onnx.ModelProto, spec: GeneratorSpec) -> None:
    """Write the description of a filter into its graph, in place, and check the complete model.

    Raises:
        onnx.checker.ValidationError: The model is not valid ONNX.
    """
    model.producer_name, model.producer_version = "pix2style", __version__
    input_names = {graph_input.name for graph_input in model.graph.input}
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    size = f"uint8 [{batch.dim_param or batch.dim_value}, height, width, 3], RGB, sRGB levels of 0 to 255"
    metadata = {
        "name": spec.name,
        "licence": spec.licence,
        "architecture": spec.architecture,
        "precision": spec.precision,
        "input": f"{INPUT_NAME}: {size}; any height and width",
        "output": f"{OUTPUT_NAME}: {size}; the input's height and width",
        **{f"optional input {name}": text for name, text in _OPTIONAL_INPUTS.items() if name in input_names},
        SPEC_KEY: spec.to_json(),
    }
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)


def write_proof(model: onnx.ModelProto) -> None:
    """Write a patch and what the filter makes of it into the metadata of its graph, in place; see `runtime.proof`.

    8-bit operators are computed in floats, so that the proof is right even if this machine's 8-bit operators are not.

    Args:
        model: Graph with its description, without a digest.
    """
    session = GraphSession(model, in_floats=True)
    proof = make_proof(lambda patch: session.stylize([patch])[0])
    model.metadata_props.add(key=PROOF_KEY, value=proof.to_text())


def serialize_with_digest(model: onnx.ModelProto) -> bytes:
    """Return the content of a filter file, to whose metadata the digest of everything else is added.

    Args:
        model: The complete model; the digest is added to it.
    """
    digest = content_digest(model.SerializeToString(deterministic=True))
    model.metadata_props.add(key=DIGEST_KEY, value=digest)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
