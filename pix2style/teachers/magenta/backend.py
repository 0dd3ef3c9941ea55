"""Open Magenta's network: choose the folder and the backend that runs it."""

from __future__ import annotations

from typing import Literal

from pix2style.errors import ArtifactError
from pix2style.teachers.magenta.cache import LocatedNetwork, converted_folder, fetch, locate
from pix2style.teachers.magenta.download import MODULE_HELP
from pix2style.teachers.magenta.network import Backend, MagentaNetwork

BackendChoice = Literal["auto", "tensorflow", "onnx"]


def open_network(
    module: str | None = None, backend: BackendChoice = "auto", *, threads: int | None = None
) -> MagentaNetwork:
    """Load Magenta's network, and download it first if it is not on this machine.

    Args:
        module: SavedModel folder, converted folder or address; None for the environment variable PIX2STYLE_MAGENTA,
            else the cache, else TF-Hub's address, else Kaggle's.
        backend: What runs the network. `auto` is ONNX Runtime if this network has been converted, else TensorFlow.
        threads: Number of photos that ONNX Runtime stylizes at the same time on the CPU; None for the number of cores.

    Raises:
        ArtifactError: If the network cannot be downloaded or loaded, or is another network.
        MissingExtraError: If TensorFlow is needed and not installed.
    """
    located = locate(module)
    if located is None:
        # What can be downloaded is a SavedModel, so find out before the download whether TensorFlow is installed.
        from pix2style.teachers.magenta.tensorflow_network import import_tensorflow

        import_tensorflow()
        located = fetch(module)
    if choose_backend(located, backend) == "tensorflow":
        return open_saved_model(located)
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
            raise ArtifactError(f"{located.folder}: was converted for ONNX Runtime; TensorFlow needs the SavedModel")
        return "onnx"
    if choice == "tensorflow":
        return "tensorflow"
    if converted_folder(located.source_sha256).is_dir():
        return "onnx"
    if choice == "onnx":
        raise ArtifactError(
            f"{located.folder}: has not been converted for ONNX Runtime: run once (with pix2style[convert]):"
            " pix2style teacher convert"
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
