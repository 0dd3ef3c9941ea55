"""From what a person names to a network that paints: which folder, which backend."""

from __future__ import annotations

from typing import Literal

from pix2style.errors import ArtifactError
from pix2style.teachers.magenta.cache import LocatedNetwork, converted_folder, fetch, locate
from pix2style.teachers.magenta.download import HELP
from pix2style.teachers.magenta.network import Backend, MagentaNetwork

BackendChoice = Literal["auto", "tensorflow", "onnx"]


def open_network(
    module: str | None = None, backend: BackendChoice = "auto", *, threads: int | None = None
) -> MagentaNetwork:
    """Load Magenta's network, downloading it if it is nowhere on this machine.

    Args:
        module: a SavedModel, a converted folder or an address; None: the setting, the cache, TF-Hub, Kaggle.
        backend: `auto` is ONNX Runtime where this very network has been converted, else TensorFlow.
        threads: for ONNX Runtime, photos painted at the same time; None: as many as there are cores.

    Raises:
        ArtifactError: it cannot be reached or loaded, or is another one; says what to do.
        MissingExtraError: TensorFlow is needed and not installed.
    """
    located = locate(module)
    if located is None:
        # Before the download: what comes is a SavedModel.
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


def choose_backend(located: LocatedNetwork, wanted: BackendChoice) -> Backend:
    """Which backend runs a network.

    Raises:
        ArtifactError: the wanted one is not ready; says what to do.
    """
    if located.converted:
        if wanted == "tensorflow":
            raise ArtifactError(f"{located.folder}: was converted for ONNX Runtime; TensorFlow needs the SavedModel")
        return "onnx"
    if wanted == "tensorflow":
        return "tensorflow"
    if converted_folder(located.source_sha256).is_dir():
        return "onnx"
    if wanted == "onnx":
        raise ArtifactError(
            f"{located.folder}: has not been converted for ONNX Runtime: run once (with pix2style[convert]):"
            " pix2style teacher convert"
        )
    return "tensorflow"


def open_saved_model(located: LocatedNetwork) -> MagentaNetwork:
    """Load a SavedModel by TensorFlow.

    Raises:
        ArtifactError: it cannot be loaded, or is another kind of network.
        MissingExtraError: TensorFlow is not installed.
    """
    from pix2style.teachers.magenta.tensorflow_network import TensorFlowNetwork

    try:
        return TensorFlowNetwork(located.folder, located.source_sha256)
    except ArtifactError as error:
        raise ArtifactError(f"{located.folder}: {error}: {HELP}") from error
