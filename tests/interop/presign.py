"""Makes tokens with botocore's presigner, the way `aws eks get-token` does it.

Reads a JSON list of requests on stdin and prints the list of tokens. Each request: `access_key_id`, `secret_access_key`,
`session_token` (or null), `cluster`, `region`, `endpoint` (regional, global, fips, dualstack) and `at`: the time to sign at as
`20260102T030405Z`, or null for now.
"""

import base64
import contextlib
import datetime
import os
import json
import sys
import unittest.mock

# The C runtime signs by a clock of its own, which cannot be set.
os.environ["BOTO_DISABLE_CRT"] = "true"

import botocore.config
import botocore.session


def main():
    print(json.dumps([token(request) for request in json.load(sys.stdin)]))


def token(request):
    url = presign(request)
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def presign(request):
    endpoint = request["endpoint"]
    session = botocore.session.Session()
    session.set_config_variable("sts_regional_endpoints", "legacy" if endpoint == "global" else "regional")
    client = session.create_client(
        "sts",
        region_name=request["region"],
        aws_access_key_id=request["access_key_id"],
        aws_secret_access_key=request["secret_access_key"],
        aws_session_token=request["session_token"],
        config=botocore.config.Config(
            use_fips_endpoint=endpoint == "fips", use_dualstack_endpoint=endpoint == "dualstack"
        ),
    )

    def name_the_cluster(request, **_):
        request.headers["x-k8s-aws-id"] = cluster

    cluster = request["cluster"]
    client.meta.events.register("before-sign.sts.GetCallerIdentity", name_the_cluster)
    with clock_at(request["at"]):
        return client.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")


def clock_at(time):
    """Makes the signer believe that it is this time; the system's, without one."""
    if time is None:
        return contextlib.nullcontext()
    time = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ")
    return unittest.mock.patch("botocore.auth.get_current_datetime", return_value=time)


if __name__ == "__main__":
    main()
