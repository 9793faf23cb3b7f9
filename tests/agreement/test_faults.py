"""Every fault that we know of, what is said then, and the test that provokes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from steps import command, engine
from support import ROOT

Agree = Callable[[object, str], None]

# Sentences that tests know by their names.
NAMES = {engine.GONE: "engine.GONE", command.INTERRUPTED: "INTERRUPTED"}
WORKS = ""  # nothing is said, because it works all the same
SAYS = [
    ROOT / "inv",
    ROOT / "noxfile.py",
    ROOT / "Dockerfile",
    *(ROOT / "steps").rglob("*.py"),
    *(ROOT / "src").rglob("*.*"),
]
SAYS = sorted(path for path in SAYS if path.suffix in {"", ".py", ".html"})


class Fault(NamedTuple):
    """What happens, what is said (a part of the sentence as it is written in the code), and where it is provoked."""

    happens: str
    said: str
    test: str


# "real" is by the real thing; the others stand in for what it was seen to say and do.
FAULTS = [
    # the engine
    Fault(
        "the engine stops in the middle of build",
        engine.GONE,
        "tasks/test_container.py::test_engine_that_goes_away_meanwhile_is_named",
    ),
    Fault(
        "the engine stops in the middle of run",
        engine.GONE,
        "tasks/test_container.py::test_engine_that_goes_away_meanwhile_is_named",
    ),
    Fault(
        "requirements.txt lacks what one of its packages needs (real)",
        "requirements.txt lacks what its packages need",
        "container/test_image.py::test_lock_that_lacks_a_dependency_is_no_image",
    ),
    Fault(
        "a signal comes when a detached site is ready, before that is said",
        command.INTERRUPTED,
        "tasks/test_container.py::test_signal_before_it_is_said_that_a_detached_site_runs_removes_it",
    ),
    Fault(
        "the engine stops while run --detach waits",
        "The Docker engine does not answer: start it",
        "tasks/test_container.py::test_engine_that_goes_away_while_a_detached_site_is_waited_for_is_named",
    ),
    Fault(
        "the engine accepts and does not answer (real client)",
        "engine did not answer",
        "tasks/test_doctor.py::test_engine_that_accepts_and_does_not_answer",
    ),
    Fault(
        "the engine is silent while run is to be stopped",
        "engine did not answer",
        "tasks/test_command.py::test_child_whose_engine_is_silent_is_killed",
    ),
    Fault("no engine (real)", "here: install Docker", "tasks/test_bad_input.py::test_no_engine"),
    Fault(
        "no permission to the socket",
        "You may not speak to the Docker engine",
        "tasks/test_bad_input.py::test_engine_that",
    ),
    Fault(
        "no Compose 2",
        "install docker-compose-plugin; `inv run` works without",
        "tasks/test_bad_input.py::test_engine_without_compose",
    ),
    Fault(
        "Compose 1 alone",
        "Compose 1, which is here, cannot read the file",
        "tasks/test_bad_input.py::test_compose_1_is_not_taken_for_2",
    ),
    Fault("clean without Compose", WORKS, "tasks/test_container.py::test_clean_needs_no_compose"),
    # what is fetched, and where it is kept
    Fault(
        "the disk is full during venv",
        "make room",
        "tasks/test_venv.py::test_disk_that_is_full_is_told_where_venv_does_not",
    ),
    Fault(
        "the disk is full during install",
        "make room",
        "tasks/test_installer.py::test_words_decide_the_advice",
    ),
    Fault(
        "the disk is full during the first ./inv",
        "make room",
        "tasks/test_installer.py::test_full_disk_is_told_where_nobody_says_it",
    ),
    Fault(
        "the disk is full during build",
        "The image was not built, see above",
        "tasks/test_container.py::test_build_that_fails_ends_the_run_with_its_code",
    ),
    Fault("the disk of images is nearly full", "GB are free in", "tasks/test_doctor.py::test_room_on_the_disk"),
    Fault(
        "the index is unreachable (real)",
        "name one in PIP_INDEX_URL; then type it again",
        "tasks/test_wrapper.py::test_index_out_of_reach_is_one_sentence_with_the_remedy",
    ),
    Fault(
        "the index has a file with another hash",
        "ask whose index that is",
        "tasks/test_installer.py::test_words_decide_the_advice",
    ),
    Fault(
        "a read-only checkout",
        "work in a copy",
        "tasks/test_installer.py::test_words_decide_the_advice",
    ),
    # signals and terminals
    Fault(
        "Ctrl-C or SIGTERM in venv or install (real)",
        command.INTERRUPTED,
        "tasks/test_command.py::test_unattended_command_is_ended_quietly_with_all_it_started",
    ),
    Fault(
        "Ctrl-C in the first ./inv (real)",
        "interrupted; the next ./inv starts this again",
        "tasks/test_wrapper.py::test_interruption_is_one_sentence",
    ),
    Fault("Ctrl-C before Invoke has begun (real)", WORKS, "tasks/test_program.py::test_interrupted_while_it_imports"),
    Fault(
        "Ctrl-C at any moment of run (real)",
        WORKS,
        "container/test_image.py::test_ctrl_c_stops_run_at_any_moment_and_leaves_nothing",
    ),
    Fault(
        "a signal at any moment of run --detach (real)",
        command.INTERRUPTED,
        "container/test_image.py::test_signal_at_any_moment_of_a_detached_run_leaves_nothing",
    ),
    Fault(
        "Ctrl-C at any moment of serve (real)",
        WORKS,
        "local/test_serve.py::test_ctrl_c_at_any_moment_of_the_start_is_no_traceback",
    ),
    Fault("Ctrl-C under up (real)", WORKS, "compose/test_compose.py::test_ctrl_c_stops_it_and_leaves_nothing_running"),
    Fault(
        "SIGTERM under up at a terminal, or that closed (real)", WORKS, "compose/test_compose.py::test_it_ends_too_with"
    ),
    Fault(
        "Ctrl-C or SIGTERM in a build at a terminal (real)",
        WORKS,
        "container/test_image.py::test_signal_in_a_build_at_a_terminal_ends_it_and_the_next_one_works",
    ),
    Fault("SIGTERM under serve (real)", WORKS, "local/test_serve.py::test_sigterm_stops_it_with_exit_code_0"),
    Fault(
        "Ctrl-C between two commands of a task (real)",
        command.INTERRUPTED,
        "tasks/test_program.py::test_interrupted_later",
    ),
    Fault(
        "standard output is closed (real)",
        WORKS,
        "tasks/test_program.py::test_streams_that_are_closed_are_no_traceback",
    ),
    Fault(
        "standard output is a full disk (real)",
        "cannot be used (",
        "tasks/test_program.py::test_disk_that_is_full_is_one_sentence",
    ),
    Fault(
        "the terminal is closed under run (real)",
        WORKS,
        "container/test_image.py::test_closed_terminal_ends_run_and_its_container",
    ),
    Fault(
        "the output of run goes into head (real)",
        WORKS,
        "container/test_image.py::test_run_whose_output_nobody_reads_any_more_ends",
    ),
    Fault(
        "the output of a task goes into head (real)", WORKS, "tasks/test_program.py::test_reader_that_has_read_enough"
    ),
    Fault(
        "no terminal, TERM=dumb, NO_COLOR (real)",
        WORKS,
        "tasks/test_command.py::test_colours_are_for_terminals_that_show_them",
    ),
    # more than one
    Fault(
        "two ./inv for the first time at once (real)",
        "another ./inv is setting up .tools/; waiting for it",
        "tasks/test_wrapper.py::test_next_try_repairs_and_two_at_once_do_it_once",
    ),
    Fault(
        "two checkouts at once, in folders of one name (real)", WORKS, "compose/test_apart.py::test_both_run_at_once"
    ),
    Fault(
        "an image of two checkouts (real)",
        "because of a container that is not this project's",
        "tasks/test_container.py::test_clean_leaves_an_image_that_others_use_and_says_so",
    ),
    Fault(
        "two Nox at once in one checkout (real)",
        "another Nox works there",
        "tasks/test_nox.py::test_second_nox_keeps_out_of_the_way_of_the_first",
    ),
    # the checkout and its surroundings
    Fault("a folder with spaces, quotes, $ and ü (real)", WORKS, "compose/test_apart.py::test_both_run_at_once"),
    Fault(
        "the same, served on this machine (real)",
        WORKS,
        "local/test_serve.py::test_folder_that_a_shell_would_take_apart_is_served_without_a_home",
    ),
    Fault(
        "CRLF and a umask of 077 (real)",
        WORKS,
        "container/test_checkout.py::test_site_runs_from_a_checkout_with_windows_line_ends_and_a_umask_of_077",
    ),
    Fault(
        "no home (real)",
        WORKS,
        "local/test_serve.py::test_folder_that_a_shell_would_take_apart_is_served_without_a_home",
    ),
    Fault(
        "a site that never becomes ready (real)",
        "The site did not become ready and its container was removed",
        "container/test_image.py::test_site_that_never_becomes_ready_says_why",
    ),
    Fault(
        "the same with Compose (real)",
        "Compose did not bring the project up, see above",
        "compose/test_compose.py::test_site_that_never_becomes_ready_says_why",
    ),
    Fault(
        "a setting of inv that is wrong (real)",
        "which is no setting: there are",
        "tasks/test_any_input.py::test_wrong_setting_is_refused",
    ),
    Fault(
        "a word that inv does not know (real)",
        "shows what there is",
        "tasks/test_program.py::test_refusal_of_the_parser_is_one_sentence",
    ),
    Fault(
        "the database cannot be used (real)",
        "may write to its folder and that its disk has room",
        "local/test_serve.py::test_unusable_database_is_one_sentence",
    ),
    # the database, the proxy and the worker beside it
    Fault(
        "the database stops (real)",
        "Back in a moment",
        "compose/test_overlays.py::test_without_its_database_it_says_so_and_recovers_by_itself",
    ),
    Fault(
        "a replica is killed under load (real)",
        WORKS,
        "compose/test_overlays.py::test_not_one_get_fails_when_a_replica_is_killed",
    ),
    Fault(
        "the worker is killed in the middle of a job (real)",
        "is lost: its worker_id=",
        "compose/test_overlays.py::test_job_of_a_worker_that_was_killed_is_seen_as_lost_and_done",
    ),
    Fault(
        "the volume of another version of PostgreSQL (real)",
        "The database's volume was made by PostgreSQL",
        "compose/test_overlays.py::test_volume_of_another_postgresql_is_told_in_a_sentence",
    ),
    Fault(
        "another password than the one the database was started with (real)",
        "first started with another PGPASSWORD than the file's",
        "compose/test_overlays.py::test_another_password_than_the_databases_is_told_in_a_sentence",
    ),
    Fault(
        "a dump that was cut short (real)",
        "is no whole dump: nothing was changed",
        "compose/test_overlays.py::test_dump_is_restored_whole_or_not_at_all",
    ),
    Fault(
        "Windows, where gunicorn does not run",
        "gunicorn does not run on Windows: `inv run` serves",
        "tasks/test_system.py::test_serve_on_windows_names_run_before_anything_is_made",
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.happens)
def test_fault_is_provoked_and_said(agree: Agree, fault: Fault) -> None:
    file, _, name = fault.test.partition("::")
    agree(name in functions(ROOT / "tests" / file), f"tests/{file} has no {name}, which provokes: {fault.happens}.")
    asserted = (ROOT / "tests" / file).read_text(encoding="utf-8")
    agree(NAMES.get(fault.said, fault.said) in asserted, f"tests/{file} does not look for {fault.said!r}.")
    agree(any(fault.said in written(path) for path in SAYS), f"No file says {fault.said!r}, for: {fault.happens}.")


def functions(path: Path) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def written(path: Path) -> str:
    """Return the text of a file with the literals that go over several lines put together."""
    return re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
