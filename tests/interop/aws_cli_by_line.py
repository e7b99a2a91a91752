"""The AWS CLI run as often as somebody wants, each time in a fork of a process that has loaded it already.

Reads a JSON request a line on stdin and answers with a line of JSON. A run: `args`, `env` (all of it), `folder`; its answer: `code`,
`stdout`, `stderr`. The meaning of a YAML text: `yaml`; its answer: `meaning`.
"""

import json
import os
import sys
import tempfile
import traceback

import awscli.clidriver
import awscli.customizations.eks.update_kubeconfig
import awscli.handlers
import botocore.session
import yaml


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if "yaml" in request:
            answer = {"meaning": yaml.safe_load(request["yaml"])}
        else:
            answer = run(request)
        print(json.dumps(answer, default=str), flush=True)


def run(request):
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            become_the_aws_cli(request, stdout, stderr)
        _, status = os.waitpid(child, 0)
        return {"code": os.waitstatus_to_exitcode(status), "stdout": text(stdout), "stderr": text(stderr)}


def become_the_aws_cli(request, stdout, stderr):
    code = 255
    try:
        os.dup2(stdout.fileno(), 1)
        os.dup2(stderr.fileno(), 2)
        os.chdir(request["folder"])
        # awscli sets it when it is loaded: where its own data is.
        data = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}
        os.environ.clear()
        os.environ.update(request["env"] | data)
        # As its own program does: nothing is success.
        code = awscli.clidriver.create_clidriver().main(request["args"]) or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def text(file):
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    main()
