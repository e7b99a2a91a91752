//! The suite: everything that is proven with the programs as built, from outside.
//!
//! One room a subject. What each proves:
//!
//! - [`cluster`]: a person with AWS credentials runs kubectl against a real API server, and RBAC decides.
//! - [`deploy`]: what an operator applies is what a real API server takes, and what our webhook runs on.
//! - [`interop`]: tokens of the AWS CLI and botocore are believed, and not with one bit changed.
//! - [`sts`]: the emulator answers as STS does, to the AWS CLI too.
//!
//! [`people`] is who logs in.

mod cluster;
mod deploy;
mod interop;
mod people;
mod sts;
