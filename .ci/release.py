"""
Build the files of a release and check them before they are published.

    python .ci/release.py           builds dist/ and build/sbom.cdx.json from this checkout
    python .ci/release.py v1.2.3    the same, if the version and the changelog fit that tag
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

__all__ = ["build", "main", "tag_error"]

ROOT = Path(__file__).parent.parent


def tag_error(tag: str, *, version: str, changelog: str) -> str | None:
    """
    Why this tag can't be released, in a sentence; None where it can.
    """
    if tag != f"v{version}":
        return f"the tag is {tag}, and pyproject.toml says version {version}: they must agree"
    head = re.search(rf"^## {re.escape(version)}\b(.*)$", changelog, re.MULTILINE)
    if head is None:
        return f"CHANGELOG.md has no section {version}: say what changes for those who use it"
    if "unreleased" in head[1]:
        return f"CHANGELOG.md calls {version} unreleased: write the day instead"
    return None


def build(dist: Path, sbom: Path) -> None:
    """
    Write the source archive, the wheel made from it, and an SBOM of the wheel installed.

    Raises:
        subprocess.CalledProcessError: One of the tools failed; it has printed why.
    """
    shutil.rmtree(dist, ignore_errors=True)
    _run("-m", "build", "--outdir", dist, ROOT)
    _run("-m", "twine", "check", "--strict", *sorted(dist.iterdir()))
    (wheel,) = dist.glob("*.whl")
    sbom.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "venv"
        # Without pip in it: it is no part of what is released.
        venv.EnvBuilder(symlinks=True).create(home)
        python = home / "bin" / "python"
        _run("-m", "pip", "--python", python, "install", "--quiet", wheel)
        _run(
            *("-m", "cyclonedx_py", "environment", "--pyproject", ROOT / "pyproject.toml"),
            *(
                "--mc-type",
                "application",
                "--output-reproducible",
                "--of",
                "JSON",
                "-o",
                sbom,
                python,
            ),
        )


def _run(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-P", *arguments], check=True)


def main(arguments: list[str]) -> int:
    """
    Refuse a tag that doesn't fit, else build.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for tag in arguments:
        wrong = tag_error(tag, version=project["version"], changelog=changelog)
        if wrong is not None:
            sys.stderr.write(f"{wrong}\n")
            return 1
    build(ROOT / "dist", ROOT / "build" / "sbom.cdx.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
