//! The suite: everything that is proven with the programs as built, from outside.
//!
//! One room a subject. What each proves:
//!
//! - [`add`]: one entry more in aws-auth, and every other byte as it was.
//! - [`audit`]: each decision is recorded, and what cannot be recorded keeps nobody out.
//! - [`bad_input`]: what is wrong on a command line or in a config file is named, with its place and what would be right.
//! - [`broken_sts`]: what is not STS and stands in its place is never believed, and costs no memory.
//! - [`clients`]: client libraries in other languages log in with the plugin, and take the versions that the README says.
//! - [`clock`]: somebody sets the clock of the webhook's machine, and nobody is refused for it.
//! - [`cluster`]: a person with AWS credentials runs kubectl against a real API server, and RBAC decides.
//! - [`corpus`]: each of hundreds of hostile tokens is refused for its own reason, and its twin is let in.
//! - [`credentials`]: the plugin picks the credentials, host and region that the AWS CLI picks, in every environment.
//! - [`custom_resources`]: IAMIdentityMappings and aws-auth on a real API server: edits, garbage, gaps, and the Events about them.
//! - [`deploy`]: what an operator applies is what a real API server takes, and what our webhook runs on.
//! - [`differences`]: the table of differences from the Go program names tests that are there.
//! - [`ec2`]: the emulators of EC2 and IAM answer botocore as the services do, and as moto does.
//! - [`http_face`]: versions of TLS, bounds of HTTP, floods of frames, client certificates.
//! - [`init`]: certificate, key and webhook kubeconfig are made once, and the server serves with them.
//! - [`interop`]: tokens of the AWS CLI and botocore are believed, and not with one bit changed.
//! - [`kubeconfig`]: entries are added and converted as the AWS CLI would, and nothing else in a file changes, whatever happens.
//! - [`login`]: roles, their cache, MFA codes, and what the plugin tells of its credentials.
//! - [`metrics`]: the numbers are those of the Go program and ours, and no caller makes more of them.
//! - [`nodes`]: a kubelet joins as its own instance and as no other, and stays while tokens and webhooks end.
//! - [`outage`]: what callers see while STS is away, slow, cut off or half dead.
//! - [`overload`]: memory, places, files, disks, names and rights run out, and whoever works here gets in.
//! - [`peer`]: the Go program, on the same config files and tokens, says the same but where a difference is wanted.
//! - [`plugin`]: the plugin answers kubectl in the version that it asks for, with tokens that STS takes.
//! - [`reaching_sts`]: where STS is and whom to trust for it: flags, config file, environment, hosts file.
//! - [`secrets`]: nothing secret is ever logged or answered.
//! - [`serving`]: certificates, processes and connections come and go, and no request fails.
//! - [`sources`]: files that hold mappings may change in any way, and nobody is locked out while they do.
//! - [`sts`]: the emulator answers as STS does, to the AWS CLI too.
//! - [`token_review`]: what the webhook answers to all that an API server, or somebody in its place, can send.
//! - [`vectors`]: recorded tokens of the SDKs for JavaScript, Go and Java and of the Go program are read, and rebuilt
//!   signed-equal.
//! - [`yaml`]: a text means to PyYAML, libyaml and kubectl what it means here, or it is refused.
//!
//! [`people`] is who logs in.

mod add;
mod audit;
mod bad_input;
mod broken_sts;
mod clients;
mod clock;
mod cluster;
mod corpus;
mod credentials;
mod custom_resources;
mod deploy;
mod differences;
mod ec2;
mod http_face;
mod init;
mod instances;
mod interop;
mod kubeconfig;
mod login;
mod metrics;
mod nodes;
mod outage;
mod overload;
mod peer;
mod people;
mod plugin;
mod reaching_sts;
mod secrets;
mod serving;
mod sources;
mod sts;
mod token_review;
mod vectors;
mod verify;
mod yaml;
