//! What must hold for any bytes whatever. The fuzzer looks for bytes for which it does not; the suite replays the bytes that
//! were interesting so far.
//!
//! A law says whether its bytes were taken (`true`) or refused (`false`), and panics if they were taken wrongly.

#[path = "laws/mapping.rs"]
pub mod mapping;
#[path = "laws/question.rs"]
pub mod question;
#[path = "laws/reply.rs"]
pub mod reply;
#[path = "laws/token.rs"]
pub mod token;
