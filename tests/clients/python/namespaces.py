#!/usr/bin/env python3
"""Lists a cluster's namespaces with one of five client libraries, as its users do.

    namespaces.py CLIENT KUBECONFIG

Prints {"namespaces": [NAME, ...]} and ends with 0, or {"status": CODE, "error": TEXT} and ends with 1. The status is the API
server's, or null where it was not asked.
"""

import asyncio
import json
import sys


def with_kubernetes(kubeconfig):
    from kubernetes import client, config

    config.load_kube_config(kubeconfig)
    return [item.metadata.name for item in client.CoreV1Api().list_namespace().items]


def with_kubernetes_asyncio(kubeconfig):
    from kubernetes_asyncio import client, config

    async def names():
        await config.load_kube_config(kubeconfig)
        async with client.ApiClient() as api:
            return [item.metadata.name for item in (await client.CoreV1Api(api).list_namespace()).items]

    return asyncio.run(names())


def with_pykube_ng(kubeconfig):
    import pykube

    api = pykube.HTTPClient(pykube.KubeConfig.from_file(kubeconfig))
    return [namespace.name for namespace in pykube.Namespace.objects(api)]


def with_lightkube(kubeconfig):
    from lightkube import Client, KubeConfig
    from lightkube.resources.core_v1 import Namespace

    return [namespace.metadata.name for namespace in Client(KubeConfig.from_file(kubeconfig)).list(Namespace)]


def with_kr8s(kubeconfig):
    import kr8s

    return [namespace.name for namespace in kr8s.api(kubeconfig=kubeconfig).get("namespaces")]


CLIENTS = {
    "kubernetes": with_kubernetes,
    "kubernetes_asyncio": with_kubernetes_asyncio,
    "pykube-ng": with_pykube_ng,
    "lightkube": with_lightkube,
    "kr8s": with_kr8s,
}


def status_of(error):
    """Some exceptions have it, the others have the response that has it."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "status_code", "code"):
            if isinstance(getattr(holder, name, None), int):
                return getattr(holder, name)
    return None


def main(client, kubeconfig):
    try:
        answer = {"namespaces": CLIENTS[client](kubeconfig)}
    except Exception as error:
        answer = {"status": status_of(error), "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
    return 0 if "namespaces" in answer else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
