"""moto's EKS and STS on a port of loopback, with clusters that the caller describes.

Reads a line of JSON on stdin, a list of clusters: `region`, `name`, and what else is to be true of each (`endpoint`, `authority`,
`status`, `id`, `outpost`). Prints the port, and ends when stdin is closed.
"""

import base64
import json
import logging
import sys

import boto3
from moto.eks.models import eks_backends
from moto.server import ThreadedMotoServer

ACCOUNT = "123456789012"


def main():
    # Its record of requests is nobody's.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for cluster in json.loads(sys.stdin.readline()):
        make(cluster, f"http://{host}:{port}")
    print(port, flush=True)
    sys.stdin.read()
    server.stop()


def make(cluster, url):
    keys = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything"}
    client = boto3.client("eks", region_name=cluster["region"], endpoint_url=url, **keys)
    client.create_cluster(
        name=cluster["name"], roleArn=f"arn:aws:iam::{ACCOUNT}:role/cluster", resourcesVpcConfig={"subnetIds": []}
    )
    made = eks_backends[ACCOUNT][cluster["region"]].clusters[cluster["name"]]
    made.endpoint = cluster["endpoint"]
    made.certificate_authority = {"data": base64.b64encode(cluster["authority"].encode()).decode()}
    made.status = cluster.get("status", "ACTIVE")
    if "outpost" in cluster:
        made.outpost_config = cluster["outpost"]
        made.id = cluster["id"]


if __name__ == "__main__":
    main()
