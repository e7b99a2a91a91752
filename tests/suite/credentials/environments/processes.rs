//! Programs that print credentials.

use super::super::row::Answer::{Refusal, Token};
use super::super::row::Peer::Differs;
use super::super::row::Row;
use super::WEST;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "a process",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process carol until future>'\n")],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process that gives keys without an end",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process alice>'\n")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process with quotes and blanks in its command",
        config: "[default]\ncredential_process = \"<home>/a process\" 'for  me' \\$HOME\n",
        files: &[(
            "a process",
            "#!/bin/sh\n[ \"$#:$1:$2\" = '2:for  me:$HOME' ] || exit 9\nprintf '%s' '<process alice>'\n",
        )],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process is run without a shell",
        config: "[default]\ncredential_process = <home>/process ; true\n",
        files: &[("process", "#!/bin/sh\n[ \"$*\" = '; true' ] || exit 9\nprintf '%s' '<process alice>'\n")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "keys of the credentials file go before a process",
        config: "[default]\ncredential_process = <home>/process\n",
        credentials: "[default]\n<keys bob>",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process alice>'\n")],
        answer: Token("bob", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process goes before keys of the config file",
        config: "[default]\ncredential_process = <home>/process\n<keys bob>",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process alice>'\n")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process that fails",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\necho 'log in first' >&2\nexit 3\n")],
        answer: Refusal(&["credential_process", "3"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process that prints no JSON",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\necho hello\n")],
        answer: Refusal(&["credential_process", "JSON"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process of another version",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\necho '{\"Version\": 2}'\n")],
        answer: Refusal(&["credential_process", "ersion"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process without a secret key",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"<alice.id>\"}'\n")],
        answer: Refusal(&["credential_process", "SecretAccessKey"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose keys have ended",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\nprintf '%s' '<process carol until past>'\n")],
        answer: Refusal(&["credential_process", "expired"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process that does not exist",
        config: "[default]\ncredential_process = <home>/nope\n",
        answer: Refusal(&["credential_process", "nope"]),
        ..Row::NOTHING
    },
    Row {
        name: "an empty credential_process, where there is an instance",
        env: &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "<imds>")],
        config: "[default]\ncredential_process =\n",
        answer: Refusal(&["credential_process", "profile default"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose version is 1.0",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[(
            "process",
            "#!/bin/sh\nprintf '%s' '{\"Version\": 1.0, \"AccessKeyId\": \"<alice.id>\", \"SecretAccessKey\": \"<alice.secret>\"}'\n",
        )],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose version is a text",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[(
            "process",
            "#!/bin/sh\nprintf '%s' '{\"Version\": \"1\", \"AccessKeyId\": \"<alice.id>\", \"SecretAccessKey\": \"<alice.secret>\"}'\n",
        )],
        answer: Refusal(&["Version"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process that says more than it has to",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[(
            "process",
            "#!/bin/sh\necho noise >&2\nprintf '\\n%s\\n\\n' '{\"Version\": 1, \"AccountId\": \"1\", \"More\": [{}], \"AccessKeyId\": \"<alice.id>\", \"SecretAccessKey\": \"<alice.secret>\", \"SessionToken\": null, \"Expiration\": null}'\n",
        )],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose keys end at a time without a zone",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[(
            "process",
            "#!/bin/sh\nprintf '%s' '{\"Version\": 1, \"AccessKeyId\": \"<carol.id>\", \"SecretAccessKey\": \"<carol.secret>\", \"SessionToken\": \"<carol.token>\", \"Expiration\": \"2096-01-02T03:04:05\"}'\n",
        )],
        answer: Refusal(&["Expiration"]),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose keys end by the words of HTTP",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[(
            "process",
            "#!/bin/sh\nprintf '%s' '{\"Version\": 1, \"AccessKeyId\": \"<carol.id>\", \"SecretAccessKey\": \"<carol.secret>\", \"SessionToken\": \"<carol.token>\", \"Expiration\": \"Mon, 02 Jan 2096 03:04:05 GMT\"}'\n",
        )],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose keys end in UTC by its name",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[(
            "process",
            "#!/bin/sh\nprintf '%s' '{\"Version\": 1, \"AccessKeyId\": \"<carol.id>\", \"SecretAccessKey\": \"<carol.secret>\", \"SessionToken\": \"<carol.token>\", \"Expiration\": \"2096-01-02T03:04:05UTC\"}'\n",
        )],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose keys end west of Greenwich",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[(
            "process",
            "#!/bin/sh\nprintf '%s' '{\"Version\": 1, \"AccessKeyId\": \"<carol.id>\", \"SecretAccessKey\": \"<carol.secret>\", \"SessionToken\": \"<carol.token>\", \"Expiration\": \"2096-01-01T19:04:05-08:00\"}'\n",
        )],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose keys never end",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[(
            "process",
            "#!/bin/sh\nprintf '%s' '{\"Version\": 1, \"AccessKeyId\": \"<carol.id>\", \"SecretAccessKey\": \"<carol.secret>\", \"SessionToken\": \"<carol.token>\", \"Expiration\": \"9999-12-31T23:59:59Z\"}'\n",
        )],
        answer: Token("carol", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process whose command goes on in the next line",
        config: "[default]\ncredential_process = <home>/process\n  second\n",
        files: &[("process", "#!/bin/sh\n[ \"$1\" = second ] && printf '%s' '<process alice>'\n")],
        answer: Token("alice", WEST),
        ..Row::NOTHING
    },
    Row {
        name: "a process that prints 100 KiB",
        config: "[default]\ncredential_process = <home>/process\n",
        files: &[("process", "#!/bin/sh\nprintf '%102400s' ' '\nprintf '%s' '<process alice>'\n")],
        answer: Refusal(&["longer than"]),
        v2: Differs(BOUNDED),
        v1: Differs(BOUNDED),
        ..Row::NOTHING
    },
];

const BOUNDED: &str = "wanted: aws-cli reads whatever is printed; here 64 KiB are the most";
