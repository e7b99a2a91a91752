//! The parts around the two programs.
//!
//! ```text
//! plugin  ──token──▶ review ──TokenReview──▶ server ──GetCallerIdentity──▶ sts
//! ```

pub mod sts;
