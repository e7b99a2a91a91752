//! The TokenReview webhook: a bearer token is turned into the AWS identity that STS vouches for, and
//! that identity into the Kubernetes user that the operator's mappings name.
//!
//! ```text
//!  kube-apiserver ──TokenReview──▶ http ─▶ review ─▶ authenticate ─▶ review ─▶ answer
//!                                                        │
//!          token::parse ─▶ PresignedRequest ─▶ verify ───┤  asks sts, makes the only Verified
//!          mapping::Chain (from sources) ◀───────────────┘  decides who that is
//! ```
//!
//! Read [`verify`] first: it holds the one place where a caller is believed. Then [`authenticate`], the
//! whole pipeline on one screen, and [`denial`], every way to say no.
//!
//! Arrows point inward: [`token`] and the `mapping` crate are pure, nothing under [`authenticate`] knows
//! of HTTP servers, and only the outer rooms touch the clock, the environment, files and sockets.

pub mod admin;
pub mod audit;
pub mod authenticate;
pub mod aws;
pub mod cli;
pub mod clock;
pub mod cluster_id;
pub mod denial;
pub mod ec2;
mod folder_watch;
pub mod home;
pub mod http;
mod json;
pub mod kubeconfig;
mod lines;
pub mod listen;
pub mod logs;
pub mod metrics;
pub mod reload;
pub mod review;
pub mod sources;
pub mod sts;
pub mod tls;
pub mod token;
pub mod verify;
mod whole_file;
