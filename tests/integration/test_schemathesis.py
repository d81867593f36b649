"""Each service does what its own OpenAPI says, whatever is sent to it. What is left out, and why,
is in schemathesis_hooks.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.shop import PREFIXES, Shop

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("service", PREFIXES)
def test_no_input_brings_a_service_to_break_its_own_openapi(
    shared_shop: Shop, service: str, tmp_path: Path
) -> None:
    # Given a running service
    location = shared_shop.urls[service].removesuffix(PREFIXES[service]) + "/openapi.json"

    # When schemathesis, with all its checks, sends what the schema allows and what it forbids,
    # alone and in sequences
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", location, "--no-color"),
            *(
                "--max-examples",
                "15",
                "--generation-deterministic",
                "--continue-on-failure",
                "--workers",
                "1",  # two that parse Python at once end in "AST constructor recursion depth"
            ),
        ],
        cwd=tmp_path,  # it leaves a folder behind
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.integration.schemathesis_hooks",
        },
        capture_output=True,
        text=True,
        timeout=180,
    )

    # Then every answer was one that the schema announces, and none a server error
    assert run.returncode == 0, run.stdout + run.stderr
