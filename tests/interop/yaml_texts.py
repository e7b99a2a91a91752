"""What PyYAML makes of YAML texts: one JSON string a line in, one line of JSON out.

Of each text both readers are asked, the one in Python and libyaml: {"python": ..., "libyaml": ...}, where an answer is
{"error": ...} or {"value": ...}. Scalars stay the text that was written, plain nulls are null, a mapping is {"map": [[key, value], ...]}.
Trailing documents that say nothing are dropped. What is not compared is an error: merge keys, keys that are no scalars, more than one
document that says something.
"""

import json
import sys

import yaml

NULL = "tag:yaml.org,2002:null"
MERGE = "tag:yaml.org,2002:merge"


def value(node, depth=0):
    if depth > 64:
        raise ValueError("too deep")
    if node is None:
        return None
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag == NULL else node.value
    if isinstance(node, yaml.SequenceNode):
        return [value(item, depth + 1) for item in node.value]
    return {"map": [[key(name), value(item, depth + 1)] for name, item in node.value]}


def key(node):
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("a key that is no scalar")
    if node.tag == MERGE:
        raise ValueError("a merge key is not expanded here")
    return node.value


def answer(text, loader):
    try:
        documents = [value(node) for node in yaml.compose_all(text, Loader=loader)]
    except (yaml.YAMLError, ValueError, IndexError, OverflowError) as error:
        return {"error": str(error).splitlines()[0]}
    while len(documents) > 1 and documents[-1] is None:
        documents.pop()
    if len(documents) > 1:
        return {"error": "more than one document"}
    return {"value": documents[0] if documents else None}


for line in sys.stdin.buffer.read().decode().split("\n")[:-1]:
    text = json.loads(line)
    print(json.dumps({"python": answer(text, yaml.SafeLoader), "libyaml": answer(text, yaml.CSafeLoader)}))
