"""Asks EC2 and IAM with botocore, through a proxy or of moto.

Reads a JSON object on stdin: `region`, `access_key_id`, `secret_access_key`, `session_token` (or null), `moto` (instances to run in
moto first, or null: then the environment says where AWS is), and `calls`, each a list of an operation and its parameters;
an operation with `paginate:` before its name is asked page by page. Prints the list of results: `{"ok": document}` or
`{"error": code, "status": HTTP status}`. The word `$ID` in a parameter stands for moto's first instance.
"""

import contextlib
import json
import sys

import boto3
import botocore.config
import botocore.exceptions

SERVICES = {"describe_instances": "ec2", "get_instance_profile": "iam"}


def main():
    order = json.load(sys.stdin)
    with moto(order) if order["moto"] else contextlib.nullcontext("$ID") as instance:
        calls = json.loads(json.dumps(order["calls"]).replace("$ID", instance))
        print(json.dumps([call(order, *asked) for asked in calls], default=str))


def call(order, operation, parameters):
    paginate, _, name = operation.rpartition(":")
    try:
        asked = client(order, SERVICES[name])
        if not paginate:
            return {"ok": getattr(asked, name)(**parameters)}
        pages = list(asked.get_paginator(name).paginate(**parameters))
        return {"ok": pages}
    except botocore.exceptions.ClientError as error:
        response = error.response
        return {"error": response["Error"]["Code"], "status": response["ResponseMetadata"]["HTTPStatusCode"]}


def client(order, service):
    return boto3.client(
        service,
        region_name=order["region"],
        aws_access_key_id=order["access_key_id"],
        aws_secret_access_key=order["secret_access_key"],
        aws_session_token=order["session_token"],
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


@contextlib.contextmanager
def moto(order):
    """One instance, whose profile holds a role, all named as the order says."""
    from moto import mock_aws

    names = order["moto"]
    with mock_aws():
        iam, ec2 = client(order, "iam"), client(order, "ec2")
        iam.create_instance_profile(InstanceProfileName=names["profile"])
        iam.create_role(RoleName=names["role"], AssumeRolePolicyDocument="{}")
        iam.add_role_to_instance_profile(InstanceProfileName=names["profile"], RoleName=names["role"])
        image = ec2.describe_images()["Images"][0]["ImageId"]
        run = ec2.run_instances(
            ImageId=image,
            MinCount=1,
            MaxCount=1,
            IamInstanceProfile={"Name": names["profile"]},
            TagSpecifications=[{"ResourceType": "instance", "Tags": names["tags"]}],
        )
        yield run["Instances"][0]["InstanceId"]


if __name__ == "__main__":
    main()
