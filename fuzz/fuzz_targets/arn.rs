//! An ARN, as somebody writes it.
#![no_main]

#[path = "../laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    laws::mapping::arn(data);
});
