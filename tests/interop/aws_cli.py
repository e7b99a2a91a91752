"""Runs the AWS CLI of the Python that runs this, many times over, and pays for its imports once.

Reads a JSON list of orders on stdin and prints the list of what came of them. Each order: `arguments`, `environment` (the whole of
it) and `home`, which is the working directory too. Each result: `code`, `stdout`, `stderr`.

Each run is a fork of its own, whose main is the CLI's own. The CLI looks up a few folders of the home directory when it is imported:
it is imported with `.` for a home, which is the right one wherever a run then is.
"""

import json
import os
import sys
import tempfile
import traceback

os.environ["HOME"] = "."
before = set(os.environ)
import awscli.clidriver  # noqa: E402

# It tells itself where its data are.
OF_THE_CLI = {name: value for name, value in os.environ.items() if name not in before}
AT_A_TIME = os.cpu_count() or 1


def main():
    orders = json.load(sys.stdin)
    # What it imports when it starts is imported here, once.
    awscli.clidriver.create_clidriver()
    results, running = [None] * len(orders), {}

    def wait_for_one():
        pid, status = os.wait()
        position, files = running.pop(pid)
        results[position] = {"code": os.waitstatus_to_exitcode(status)} | {name: read(file) for name, file in files.items()}

    for position, order in enumerate(orders):
        files = {name: tempfile.TemporaryFile() for name in ("stdout", "stderr")}
        pid = os.fork()
        if pid == 0:
            run(order, files)
        running[pid] = position, files
        if len(running) >= AT_A_TIME:
            wait_for_one()
    while running:
        wait_for_one()
    print(json.dumps(results))


def run(order, files):
    """Becomes the AWS CLI, and does not return."""
    code = 255
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(files["stdout"].fileno(), 1)
        os.dup2(files["stderr"].fileno(), 2)
        os.chdir(order["home"])
        os.environ.clear()
        os.environ.update(OF_THE_CLI | order["environment"], HOME=order["home"])
        # Nobody can be asked: as for a program that no terminal has started.
        os.setsid()
        sys.argv = ["aws", *order["arguments"]]
        code = awscli.clidriver.main()
    except SystemExit as end:
        code = end.code
    except Exception:
        # As Python itself would, if this were all of the program.
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def read(file):
    file.seek(0)
    return file.read().decode(errors="replace")


if __name__ == "__main__":
    main()
