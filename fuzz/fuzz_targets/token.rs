//! Bytes to [`authenticator_server::token::PresignedRequest`].
#![no_main]

#[path = "../laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    laws::token::token(data);
});
