"""report.json holds what is promised, survives the way there and back, and appears whole or not at all."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mindsmirror.errors import StorageError
from mindsmirror.reporting import ArmResult, Report, read_report, write_report


def test_json_round_trip(full_report: Report, bare_report: Report, tmp_path: Path) -> None:
    for name, report in (("full", full_report), ("bare", bare_report)):
        document, page = write_report(report, tmp_path / name)
        assert (document.name, page.name) == ("report.json", "report.html")
        again = read_report(document)
        assert again.model_copy(update={"findings": report.findings}) == report
        assert again.findings
        assert sorted(path.name for path in document.parent.iterdir()) == ["report.html", "report.json", "tables"]


def test_json_has_the_promised_keys(full_report: Report, tmp_path: Path) -> None:
    document, _ = write_report(full_report, tmp_path)
    read = json.loads(document.read_text(encoding="utf-8"))
    assert {"schema", "name", "created", "task", "teacher", "student", "annotation", "arms", "comparisons"} <= set(read)
    assert {"student_judge", "mirror_vs_vote", "examples", "findings", "seconds", "machine"} <= set(read)
    assert read["schema"] == 1
    assert read["annotation"]["verdicts"] == {"correct": 145, "wrong": 81, "uncertain": 8, "unparsed": 2}
    for key in (
        "examples",
        "rationales",
        "evaluations",
        "unparsed",
        "teacher_accuracy",
        "judge_balanced_accuracy",
        "tokens_in",
        "tokens_out",
        "seconds",
    ):
        assert read["annotation"][key] is not None
    assert {"name", "mode", "seed", "n", "accuracy", "ci95"} <= set(read["arms"][0])
    assert {"auroc", "balanced_accuracy", "n"} <= set(read["student_judge"])


def test_given_findings_are_kept(full_report: Report, tmp_path: Path) -> None:
    document, page = write_report(full_report.model_copy(update={"findings": ("As it was.",)}), tmp_path)
    assert read_report(document).findings == ("As it was.",)
    assert "As it was." in page.read_text(encoding="utf-8")


def test_a_second_report_replaces_the_first(full_report: Report, bare_report: Report, tmp_path: Path) -> None:
    write_report(full_report, tmp_path)
    document, _ = write_report(bare_report, tmp_path)
    assert read_report(document).name == "bare"


def test_a_folder_that_cannot_be_is_one_clear_error(bare_report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"cannot write .*file/runs"):
        write_report(bare_report, tmp_path / "file" / "runs")


def test_a_failed_write_leaves_the_old_report(
    full_report: Report, bare_report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, _ = write_report(full_report, tmp_path)
    before = document.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_report(bare_report, tmp_path)
    assert document.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "report.json"
    broken.write_text('{"schema": 2}')
    for path in (broken, tmp_path / "absent.json"):
        with pytest.raises(StorageError, match="cannot be read as a report"):
            read_report(path)


def test_shares_that_are_none_are_refused() -> None:
    for accuracy in (1.2, -0.1, float("nan")):
        with pytest.raises(ValidationError):
            ArmResult(name="a", method="m", mode="think", seed=0, n=1, accuracy=accuracy, ci95=None)


@given(st.text(), st.none() | st.floats(0, 1), st.integers(0, 10**9))
def test_any_arm_survives_json(name: str, accuracy: float | None, n: int) -> None:
    arm = ArmResult(name=name, method=name, mode="vote", seed=1, n=n, accuracy=accuracy, ci95=None)
    assert ArmResult.model_validate_json(arm.model_dump_json()) == arm
