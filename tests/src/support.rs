//! The parts around the two programs.
//!
//! ```text
//! plugin  ──token──▶ review ──TokenReview──▶ server ──GetCallerIdentity──▶ sts
//! ```

pub mod broken_sts;
pub mod clients;
pub mod clock;
pub mod cluster;
pub mod container;
pub mod control_plane;
pub mod crowd;
pub mod draft;
pub mod ec2;
pub mod eks;
pub mod forger;
pub mod gate;
pub mod herd;
pub mod instance;
pub mod kubelet;
pub mod load;
mod loopback;
pub mod numbers;
pub mod pairs;
pub mod patience;
pub mod peer;
pub mod plugin;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod readers;
pub mod review;
pub mod secrets;
pub mod server;
pub mod signers;
pub mod signin;
pub mod sso;
pub mod sts;
pub mod terminal;
pub mod wire;
