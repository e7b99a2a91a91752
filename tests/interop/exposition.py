"""Reads metrics on stdin as Prometheus's own Python client does, and prints them as JSON.

For each family its type, and for each of its samples `name{label="value",…}` and the number. Fails on whatever that client
does not understand.
"""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser


def main():
    families = {}
    text = sys.stdin.read()
    # OpenMetrics ends with a mark of its own, so that a text cut off is noticed.
    read = openmetrics_parser if text.endswith("# EOF\n") else parser
    for family in read.text_string_to_metric_families(text):
        samples = {}
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}"] = sample.value
        if family.name in families:
            sys.exit(f"{family.name} comes twice")
        families[family.name] = {"type": family.type, "samples": samples}
    print(json.dumps(families, allow_nan=False))


if __name__ == "__main__":
    main()
