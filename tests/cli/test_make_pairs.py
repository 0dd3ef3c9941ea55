"""The command `pix2style make-pairs`, for people and for scripts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pix2style.cli.make_pairs_settings import StyleOptions, load_settings
from pix2style.errors import ArtifactError, ConfigError, DataError
from pix2style.images import encode_png
from pix2style.pairs.format.reader import PairReader
from pix2style.teachers.spec import TeacherSpec
from pix2style.teachers.style import style_blends

from holding_teacher import WAIT_S, HoldingTeacher  # isort: skip

# Train on all photos of the small sets.
ALL_TRAIN = ("pairs.val_share=0", "pairs.test_share=0")


@pytest.fixture
def content(tmp_path: Path, photos) -> Path:
    folder = tmp_path / "content" / "deep" / "er"
    folder.mkdir(parents=True)
    for i, rgb in enumerate(photos(5)):
        (folder / f"{i}.png").write_bytes(encode_png(rgb))
    return tmp_path / "content"


def test_make_pairs_writes_a_pair_set(pix2style, content: Path, tmp_path: Path) -> None:
    code, out, err = pix2style(
        "make-pairs", "--content", content, "--out", tmp_path / "set", "--size", 48, *ALL_TRAIN, "pairs.format=jpeg"
    )
    assert code == 0, err
    assert "made 5 pairs" in out
    assert "pairs/s" in out
    assert "train 5, val 0, test 0" in out
    assert str(tmp_path / "set") in out
    manifest = PairReader(tmp_path / "set").manifest
    assert (manifest.size, manifest.format, manifest.pairs.train) == (48, "jpeg", 5)
    assert manifest.teacher.name == "watercolor"
    again = pix2style(
        "make-pairs", "--content", content, "--out", tmp_path / "set", "--size", 48, *ALL_TRAIN, "pairs.format=jpeg"
    )
    assert again[0] == 0
    assert "already finished (5 pairs); nothing was changed" in again[1]


def test_variants_are_made_and_reported(pix2style, content: Path, tmp_path: Path) -> None:
    command = ("make-pairs", "--content", content, "--out", tmp_path / "set", "--size", 48, *ALL_TRAIN)
    code, out, err = pix2style(*command, "pairs.variants=2", "--dry-run")
    assert code == 0, err
    assert "would stylize 5 photos and 10 variants of them" in out
    code, out, err = pix2style(*command, "pairs.variants=2")
    assert code == 0, err
    assert "made 15 pairs" in out
    assert "train 15 (2 variants of each photo among them)" in out
    code, out, err = pix2style("pairs", "show", tmp_path / "set")
    assert "variants    2 of each train photo" in out
    assert pix2style("pairs", "verify", tmp_path / "set")[0] == 0
    assert pix2style(*command, "pairs.variants=-1")[0] == ConfigError.exit_code


def test_settings_come_from_a_file_and_options_override_them(pix2style, content: Path, tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    config.write_text(f"pairs:\n  content: [{content}]\n  path: {tmp_path}/by-config\n  size: 40\n  val_share: 0.5\n")
    assert pix2style("make-pairs", "--config", config)[0] == 0
    assert PairReader(tmp_path / "by-config").manifest.size == 40
    code, _, err = pix2style("make-pairs", "--config", config, "pairs.size=36", "--out", tmp_path / "by-option")
    assert code == 0, err
    assert PairReader(tmp_path / "by-option").manifest.size == 36
    assert PairReader(tmp_path / "by-option").manifest.val_share == 0.5


def test_unreadable_files_are_listed_and_the_exit_code_is_1(pix2style, content: Path, tmp_path: Path) -> None:
    (content / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (content / "none.jpg").write_bytes(b"")
    code, out, err = pix2style("make-pairs", "--content", content, "--out", tmp_path / "set", "--size", 32, *ALL_TRAIN)
    assert code == 1
    assert "failed  2" in out
    assert "failed: none.jpg: the file is empty" in err
    assert "failed: cut.jpg: " in err


def test_json_alone_on_stdout(pix2style, content: Path, tmp_path: Path) -> None:
    (content / "none.jpg").write_bytes(b"")
    arguments = ("make-pairs", "--content", content, "--out", tmp_path / "set", "--size", 32, "--json")
    code, out, _ = pix2style(*arguments, "--dry-run")
    preview = json.loads(out)
    assert (code, preview["state"], sum(preview["photos"].values())) == (0, "new", 6)
    assert not (tmp_path / "set").exists()
    code, out, _ = pix2style(*arguments)
    report = json.loads(out)
    assert (code, report["painted"], sum(report["pairs"].values())) == (1, 5, 5)
    assert report["failures"] == [
        {
            "source": "none.jpg",
            "sha256": report["failures"][0]["sha256"],
            "reason": "the file is empty",
            "style": None,
        }
    ]
    assert report["sha256"] == PairReader(tmp_path / "set").digest
    code, out, _ = pix2style(*arguments)
    assert (code, json.loads(out)["already_finished"]) == (0, True)


def test_missing_and_wrong_options_are_errors_that_say_what_to_do(pix2style, content: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    cases = [
        (("--content", content), ConfigError, "add --out DIR"),
        (("--out", out), ConfigError, "add --content DIR"),
        (("--content", content, "--out", out, "--teacher", "magenta"), ConfigError, "add --style FILE"),
        (("--content", content, "--out", out, "--teacher", "watercolour"), ConfigError, "expected watercolor, magenta"),
        (
            ("--content", content, "--out", out, "--teacher", "watercolor", "--style", content),
            ConfigError,
            "takes no painting",
        ),
        (("--content", content, "--out", out, "pairs.sise=32"), ConfigError, "did you mean 'size'?"),
        (
            ("--content", content, "--out", out, "--cpus-per-worker", 2),
            ConfigError,
            "--cpus-per-worker is an option of a",
        ),
        (("--content", content, "--out", out, "--gpus-per-worker", 1), ConfigError, "add --engine ray"),
        (("--content", content, "--out", out, "--workers", 1), ConfigError, "--workers is an option of a Ray cluster"),
        (("--content", content, "--out", out, "--shard", "1/2", "--dry-run"), ConfigError, "and --dry-run makes none"),
        (("--content", content, "--out", out, "--shard", "1/2", "--plan"), ConfigError, "and --plan makes none"),
        (("--content", content, "--preview", "p.png", "--shard", "9"), ConfigError, "and --preview makes none"),
        (("--content", content, "--preview", "p.png", "--workers", 1), ConfigError, "--workers is an option of a Ray"),
        (("--content", content, "--preview", "p.png", "--plan"), ConfigError, "--preview and --plan are two tasks"),
        (("--content", content, "--out", out, "--engine", "ray", "--plan"), ConfigError, "and --plan makes none"),
        (
            ("--content", content, "--out", out, "--teacher", "cp {input} {output}", "--module", "mobile"),
            ConfigError,
            "[pairs -> module] your own teacher has no such setting",
        ),
        (
            ("--content", content, "--out", out, "--teacher", "cp {input} {output}", "--painting-size", 128),
            ConfigError,
            "[pairs -> painting_size] your own teacher has no such setting",
        ),
        (("--content", content, "--out", out, "--size", 3), ConfigError, "pairs -> size"),
        (("--content", tmp_path / "nowhere", "--out", out), DataError, "nowhere: no such file or folder"),
    ]
    for arguments, kind, message in cases:
        code, printed, err = pix2style("make-pairs", *arguments)
        assert (code, printed) == (kind.exit_code, ""), err
        assert message in err
    assert not out.exists()


def test_a_teacher_that_cannot_be_loaded_is_an_error_before_photos_are_read(pix2style, tmp_path: Path, photos) -> None:
    painting = tmp_path / "painting.png"
    painting.write_bytes(encode_png(photos(1)[0]))
    # The folder of photos does not exist, but the error must be about the teacher.
    code, _, err = pix2style(
        *("make-pairs", "--content", tmp_path / "nowhere", "--out", tmp_path / "set"),
        *("--style", painting, "--module", tmp_path / "no-module"),
    )
    assert code == ArtifactError.exit_code
    assert "no-module" in err
    assert "nowhere" not in err
    code, _, err = pix2style("make-pairs", "--content", tmp_path, "--out", tmp_path / "set", "--style", "no.jpg")
    assert code == DataError.exit_code
    assert "no.jpg" in err


def test_a_painting_chooses_the_teacher_that_takes_one(tmp_path: Path) -> None:
    painting = StyleOptions([tmp_path / "p.jpg"])
    assert load_settings(None, [], {}, painting).teacher == "magenta"
    assert load_settings(None, [f"pairs.style={tmp_path}/p.jpg"], {}).teacher == "magenta"
    assert load_settings(None, [], {"content": []}).teacher == "watercolor"
    config = tmp_path / "c.yaml"
    config.write_text("pairs:\n  teacher: watercolor\n")
    with pytest.raises(ConfigError, match="takes no painting"):
        TeacherSpec(load_settings(config, [], {}, painting)).check()
    with pytest.raises(ConfigError, match="the gatys teacher needs a painting"):
        TeacherSpec(load_settings(None, [], {"teacher": "gatys"})).check()


def test_several_paintings_are_one_style_or_a_style_each(tmp_path: Path) -> None:
    paintings = [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    [blend] = style_blends(load_settings(None, [], {}, StyleOptions(paintings, [3, 1], 0.5)))
    assert (blend.name, blend.normalized_weights, blend.strength) == ("a.jpg+b.jpg", (0.75, 0.25), 0.5)
    styles = style_blends(load_settings(None, [], {}, StyleOptions(paintings, each=True)))
    assert [(style.name, style.paintings) for style in styles] == [
        ("a.jpg", (paintings[0],)),
        ("b.jpg", (paintings[1],)),
    ]
    config = tmp_path / "c.yaml"
    config.write_text(
        "pairs:\n  styles:\n    - {paintings: [a.jpg], name: one}\n    - {paintings: [b.jpg], name: one}\n"
    )
    with pytest.raises(ConfigError, match="two styles have the name one"):
        TeacherSpec(load_settings(config, [], {})).check()
    assert load_settings(config, [], {}, StyleOptions(paintings[:1])).styles == ()  # options override the file


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (StyleOptions(weights=[1.0]), "need a painting: add --style FILE"),
        (StyleOptions([Path("a"), Path("b")], [1.0]), "1 weight for 2 paintings"),
        (StyleOptions([Path("a"), Path("b")], [1.0, 2.0], each=True), "use one of the two"),
    ],
)
def test_style_options_that_contradict_each_other(options: StyleOptions, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        options.to_section()


def test_a_configuration_cannot_start_a_program(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("pairs:\n  teacher: touch {input} {output}\n")
    with pytest.raises(ConfigError, match="pairs -> teacher"):
        load_settings(config, [], {})
    with pytest.raises(ConfigError, match="pairs -> teacher"):
        load_settings(None, ["pairs.teacher=os:system"], {})


def test_parts_list_their_failures(pix2style, content: Path, tmp_path: Path) -> None:
    (content / "broken.png").write_bytes(b"")
    (content / "gone.jpg").symlink_to("nowhere.jpg")
    command = ["make-pairs", "--content", content, "--teacher", "watercolor", "--size", "64", "--out", tmp_path / "set"]
    parts = [pix2style(*command, "--shard", f"{number}/2", "pairs.pairs_per_shard=3") for number in (1, 2)]
    listed = "".join(stderr for _, _, stderr in parts)
    assert listed.count("failed: broken.png: ") == listed.count("failed: gone.jpg: ") == 1
    assert [code for code, _, _ in parts] == [1, 1 if "failed: " in parts[1][2] else 0]
    assert "failed: gone.jpg: " in parts[0][2]
    code, _, stderr = pix2style(*command, "--shard", "1/2", "pairs.pairs_per_shard=3")
    assert (code, "failed: " in stderr) == (0, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_ctrl_c_the_same_command_continues(tmp_path: Path, photos, number: signal.Signals) -> None:
    content = tmp_path / "content"
    content.mkdir()
    for i, rgb in enumerate(photos(24)):
        (content / f"{i}.png").write_bytes(encode_png(rgb))
    teacher = HoldingTeacher(tmp_path / "teacher")
    command = [sys.executable, "-m", "pix2style", "make-pairs", "--content", content, "--size", "96", "--json"]
    command += [*teacher.options, "--out", tmp_path / "set", "pairs.pairs_per_shard=5", *ALL_TRAIN]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    teacher.wait(process)
    process.send_signal(number)
    teacher.go()
    stdout, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert stderr.count("run the same command again to go on") == 1
    assert "Traceback" not in stderr
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    report = json.loads(done.stdout)
    assert (done.returncode, report["pairs"]["train"]) == (0, 24)
    assert report["kept"] > 0


def test_the_built_in_teacher_needs_neither_torch_nor_tensorflow(content: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pix2style.cli import main\n"
        "try:\n    main()\nexcept SystemExit as leaving:\n    assert not leaving.code, leaving.code\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'tensorflow', 'albumentations', 'kornia'}))"
    )
    arguments = [
        "make-pairs",
        "--content",
        content,
        "--out",
        tmp_path / "set",
        "--size",
        "32",
        *ALL_TRAIN,
    ]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pix2style", "make-pairs", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    for option in ("--content", "--style", "--teacher", "--module", "--out", "--size", "--config", "--dry-run"):
        assert option in done.stdout


def test_real_photos_through_magenta(pix2style, assets: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_hub")
    photos = sorted((assets / "data" / "content").glob("*.jpg"))[:3]
    code, out, err = pix2style(
        *("make-pairs", *(part for photo in photos for part in ("--content", photo))),
        *("--style", assets / "data" / "styles" / "style08.jpg", "--module", assets / "assets/teacher/magenta26"),
        *("--out", tmp_path / "set", "--size", 64, *ALL_TRAIN, "--json"),
    )
    assert code == 0, err
    report = json.loads(out)
    assert report["teachers"][0]["name"] == "magenta:style08.jpg"
    assert report["pairs"]["train"] == 3
    reader = PairReader(tmp_path / "set")
    for entry in reader.entries("train"):
        content, target = reader.read(entry)
        assert content.shape == target.shape == (64, 64, 3)
        assert abs(content.astype(int) - target).mean() > 5


def test_a_preview_comes_before_the_work_and_alone(pix2style, content: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    arguments = ("make-pairs", "--content", content, "--size", 64)
    code, out, err = pix2style(*arguments, "--preview", sheet)
    assert (code, err) == (0, "")
    assert out.startswith("watercolor: ")
    assert "of the photos" in out
    assert str(sheet) in out
    assert sheet.is_file()
    code, out, _ = pix2style(*arguments, "--preview", sheet, "--json")
    preview = json.loads(out)
    assert (code, len(preview["photos"]), preview["sheet"]) == (0, 4, str(sheet))
    assert preview["styles"][0]["verdict"] in ("good", "weak")
    assert preview["styles"][0]["advice"] is None  # there is no painting to change
    code, out, err = pix2style(*arguments, "--out", tmp_path / "set")
    assert code == 0
    assert "note: watercolor: " in err
    assert str(tmp_path / "set" / "preview.png") in err
    code, out, err = pix2style(*arguments, "--out", tmp_path / "set")
    assert "watercolor: " not in err
    code, _, err = pix2style(*arguments, "--preview", tmp_path / "sheet.xyz")
    assert (code, "choose a name that ends in .png" in err) == (ConfigError.exit_code, True)
    code, _, err = pix2style("make-pairs", "--preview", sheet)
    assert (code, "add --content DIR" in err) == (ConfigError.exit_code, True)


def test_the_size_of_the_painting_is_for_teachers_that_scale_it(pix2style, content: Path, tmp_path: Path) -> None:
    arguments = ("make-pairs", "--content", content, "--out", tmp_path / "set", "--painting-size")
    code, _, err = pix2style(*arguments, 512)
    assert (code, "[pairs -> painting_size] the watercolor teacher has no such setting" in err) == (2, True)
    code, _, err = pix2style(*arguments, 20)
    assert (code, "pairs -> painting_size" in err) == (2, True)
    assert pix2style(*arguments, 256)[0] == 0  # the default, which stored configurations hold
