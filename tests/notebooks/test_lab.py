"""`cqrs-demo lab` as a person meets it, and systems that belong to a notebook."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil

from cqrs_demo.tooling.runtime.ports import free_port
from cqrs_demo.tooling.runtime.system import data_folder, find_system, running
from tests.e2e.systems import COMMAND, eventually, processes_of

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("CQRS_")}


def test_lab_opens_the_notebooks_with_a_system_ready_and_ends_both(tmp_path: Path) -> None:
    # Given nothing that runs
    folder, port = tmp_path / "data", free_port()

    # When the lab is started
    options = ["--no-browser", f"--port={port}", f"--data-dir={folder}"]
    lab = subprocess.Popen(
        [*COMMAND, "lab", *options], env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        # Then JupyterLab answers
        eventually(lambda: _answers(f"http://127.0.0.1:{port}/api"), within=90)

        # And a system is ready in the folder
        assert find_system(folder).ready

        # And nobody is asked whether they want news, and Markdown opens as a page
        url = f"http://127.0.0.1:{port}"
        token = _token_in(lab)
        news = _get(f"{url}/lab/api/settings/@jupyterlab/apputils-extension:notification", token)
        assert news["schema"]["properties"]["fetchNews"]["default"] == "false"
        viewers = _get(f"{url}/lab/api/settings/@jupyterlab/docmanager-extension:plugin", token)
        assert viewers["schema"]["properties"]["defaultViewers"]["default"] == {
            "markdown": "Markdown Preview"
        }

        # And the learner's folder has nothing in it that is no learner's business
        names = {entry["name"] for entry in _get(f"{url}/api/contents", token)["content"]}
        assert {name for name in names if not name.endswith(".ipynb")} == {
            "README.md",
            "cheat_sheet.md",
            "glossary.md",
            "pictures",
            "solutions",
        }
    finally:
        # When it is ended as Ctrl-C would
        lab.send_signal(signal.SIGINT)
        said, _ = lab.communicate(timeout=60)

    # Then the system ends with it, and nothing is left
    assert lab.returncode == 0, said.decode()
    assert running(data_folder(folder)) is None
    assert processes_of(folder) == []


def _token_in(lab: subprocess.Popen[bytes]) -> str:
    """From the address that JupyterLab prints."""
    assert lab.stdout is not None
    for line in lab.stdout:
        if found := re.search(rb"token=(\w+)", line):
            return found[1].decode()
    raise AssertionError("JupyterLab has printed no token")


def _get(url: str, token: str) -> Any:
    headers = {"Authorization": f"token {token}"}
    return httpx.get(url, headers=headers, trust_env=False).raise_for_status().json()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_notebook_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    # Given a program that has opened a shop of its own
    program = (
        "from cqrs_demo.tooling.workshop import Shop; shop = Shop.open_private(); "
        "print(shop.folder, flush=True); input()"
    )
    kernel = subprocess.Popen(
        [sys.executable, "-c", program],
        env=CLEAN,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert kernel.stdout is not None
    folder = Path(kernel.stdout.readline().strip())
    assert find_system(folder).ready
    theirs = processes_of(folder)

    # When it is killed
    kernel.kill()
    kernel.communicate()

    # Then its system ends, and its data is thrown away
    psutil.wait_procs(theirs, timeout=30)
    assert processes_of(folder) == []
    eventually(lambda: not folder.exists())


def test_a_notebook_attaches_to_a_running_system_and_hides_what_others_made(tmp_path: Path) -> None:
    # Given a system in the folder above the notebook's, in which somebody has made an Alice
    from cqrs_demo.tooling.workshop import Client, Shop
    from cqrs_demo.tooling.workshop.private_systems import PrivateSystem

    folder = tmp_path / ".cqrs-demo"
    kept = PrivateSystem("pgmq", folder)
    below = tmp_path / "notebooks"
    below.mkdir()
    before, variables = Path.cwd(), dict(os.environ)
    os.chdir(below)
    os.environ.pop("CQRS_DATA_DIR", None)
    try:
        with Client(find_system(folder)) as somebody:
            assert somebody.create_user("Alice", "alice@demo.com").ok

        # When a notebook opens a shop, twice, and makes an Alice each time
        for _ in range(2):
            shop = Shop.open()
            alice = shop.create_user("Alice", "alice@demo.com")

            # Then it is on that system, and sees its own Alice alone, as the first user
            assert shop.client.system.services.keys() == find_system(folder).services.keys()
            assert alice["id"] == 1
            assert shop.peek("user_service", "users")["email"].tolist() == ["alice@demo.com"]
            shop.close()

        # And nobody's was deleted
        assert len(shop.client.table("user_service", "users")) == 3
    finally:
        os.chdir(before)
        os.environ.update(variables)
        kept.stop()
    assert processes_of(folder) == []
