"""The script that checks and measures GPUs works where there is none."""

import json
import subprocess
import sys

import pytest


def test_a_dry_run_goes_through_every_section(data_dir, repository, tmp_path):
    if not (data_dir / "wiki8.txt.zst").exists():
        pytest.skip("needs wiki8.txt.zst in W2V_DATA_DIR")
    out = tmp_path / "check.json"
    command = [sys.executable, repository / "scripts" / "gpu_check", "--data", data_dir]
    done = subprocess.run(
        [*command, "--out", out, "--dry-run"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(out.read_text())
    assert results["dry_run"] is True and results["failed"] == []
    assert results["parity"]["skipgram 8"]["relative_error"] < 1e-5
    assert set(results["quality"]["cbow"]["means"]) == {"gpu", "cpu"}
    assert results["speed"]["skipgram 8 0.0001"]["words_per_second"] > 0
    assert results["layers"]["cbow"]["words_per_second"] > 0
    assert not any("error" in section for section in results.values() if type(section) is dict)
