"""Open Magenta's network: choose the folder and the backend that runs it."""

from __future__ import annotations

from typing import Literal

from pix2style.errors import ArtifactError
from pix2style.installation import install_extras
from pix2style.teachers.magenta.cache import LocatedNetwork, converted_folder
from pix2style.teachers.magenta.download import MODULE_HELP
from pix2style.teachers.magenta.find import require_network
from pix2style.teachers.magenta.network import Backend, MagentaNetwork

BackendChoice = Literal["auto", "tensorflow", "onnx"]


def open_network(
    module: str | None = None, backend: BackendChoice = "auto", *, threads: int | None = None
) -> MagentaNetwork:
    """Load Magenta's network. TensorFlow is imported only if a SavedModel has to be run.

    Args:
        module: See `pix2style.teachers.magenta.find.find_network`. An address and `full` download the large network if
            it is not in the cache.
        backend: What runs the network. `auto` is ONNX Runtime if this network has been converted, else TensorFlow.
        threads: Number of photos that ONNX Runtime stylizes at the same time on the CPU; None for the number of cores.

    Raises:
        ArtifactError: If the network cannot be downloaded or loaded, or is another network.
        MissingExtraError: If there is no network, or TensorFlow is needed and not installed.
    """
    located = require_network(module)
    saved_model = choose_backend(located, backend) == "tensorflow"
    network = open_saved_model(located) if saved_model else _open_conversion(located, threads)
    network.origin = located.origin
    return network


def _open_conversion(located: LocatedNetwork, threads: int | None) -> MagentaNetwork:
    from pix2style.teachers.magenta.onnx_network import OnnxNetwork

    folder = located.folder if located.converted else converted_folder(located.source_sha256)
    network = OnnxNetwork(folder, threads=threads)
    if network.source_sha256 != located.source_sha256:
        raise ArtifactError(f"{folder}: was made from another network: delete it and convert again")
    return network


def choose_backend(located: LocatedNetwork, choice: BackendChoice) -> Backend:
    """Return the backend that runs a network.

    Raises:
        ArtifactError: If the chosen backend cannot run it; says what to do.
    """
    if located.converted:
        if choice == "tensorflow":
            raise ArtifactError(
                f"{located.folder}: was converted for ONNX Runtime, and TensorFlow needs the SavedModel: name its"
                " folder, or leave out the backend tensorflow"
            )
        return "onnx"
    if choice == "tensorflow":
        return "tensorflow"
    if converted_folder(located.source_sha256).is_dir():
        return "onnx"
    if choice == "onnx":
        raise ArtifactError(
            f"{located.folder}: has not been converted for ONNX Runtime: run once"
            f" pix2style teacher convert, after {install_extras('convert')}"
        )
    return "tensorflow"


def open_saved_model(located: LocatedNetwork) -> MagentaNetwork:
    """Load a SavedModel with TensorFlow.

    Raises:
        ArtifactError: If it cannot be loaded, or is another kind of network.
        MissingExtraError: If TensorFlow is not installed.
    """
    from pix2style.teachers.magenta.tensorflow_network import TensorFlowNetwork

    try:
        return TensorFlowNetwork(located.folder, located.source_sha256)
    except ArtifactError as error:
        raise ArtifactError(f"{located.folder}: {error}: {MODULE_HELP}") from error
