"""Prints the closed table of STS hosts that the server believes.

The hosts are what botocore's own endpoint rules answer for every explicit region of every partition it knows, plus the one
legacy global host. Nothing is typed by hand, so a new region is one run away:

    python tests/interop/endpoint_table.py > authenticator-server/src/token/sts_hosts.txt
"""

import datetime
import itertools

import botocore
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import create_loader

KINDS = {
    # (FIPS, dual stack): kind
    (False, False): "regional",
    (True, False): "fips",
    (False, True): "dualstack",
    (True, True): "fips-dualstack",
}


def main():
    loader = create_loader()
    partitions = loader.load_data("partitions")["partitions"]
    rules = loader.load_service_model("sts", "endpoint-rule-set-1")
    provider = EndpointProvider(rules, {"version": "1.1", "partitions": partitions})

    rows = set()
    for partition in partitions:
        for region in explicit_regions(partition):
            for fips, dual_stack in itertools.product((False, True), repeat=2):
                host = resolve(provider, region, fips, dual_stack)
                if host is not None:
                    rows.add((partition["id"], region, KINDS[fips, dual_stack], host))
    rows.add(legacy_global(provider))

    today = datetime.datetime.now(datetime.timezone.utc).date()
    print(f"# Made by tests/interop/endpoint_table.py from botocore {botocore.__version__} on {today}.")
    print("# partition region kind host")
    for row in sorted(rows):
        print(*row)


def explicit_regions(partition):
    """The regions of a partition, without pseudo-regions such as aws-global that only name a default."""
    return [name for name in partition["regions"] if not name.endswith("-global")]


def resolve(provider, region, fips, dual_stack):
    """The host for one region and variant, or None where botocore's rules say that there is none."""
    try:
        endpoint = provider.resolve_endpoint(
            Region=region, UseFIPS=fips, UseDualStack=dual_stack, UseGlobalEndpoint=False
        )
    except EndpointProviderError:
        return None
    # An endpoint may ask for another signing region than its own; the server's rule (scope region is the host's) needs that none does.
    assert signing_region(endpoint, region) == region, endpoint
    return host_of(endpoint)


def legacy_global(provider):
    endpoint = provider.resolve_endpoint(
        Region="aws-global", UseFIPS=False, UseDualStack=False, UseGlobalEndpoint=True
    )
    return ("aws", signing_region(endpoint, None), "global", host_of(endpoint))


def signing_region(endpoint, default):
    schemes = endpoint.properties.get("authSchemes", [])
    return next((scheme["signingRegion"] for scheme in schemes if "signingRegion" in scheme), default)


def host_of(endpoint):
    scheme, separator, host = endpoint.url.partition("://")
    assert (scheme, separator) == ("https", "://"), endpoint
    assert host and not set(host) & set("/:@?#"), endpoint
    return host


if __name__ == "__main__":
    main()
