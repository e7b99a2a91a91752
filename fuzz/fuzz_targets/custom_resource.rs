//! The spec of a custom resource.
#![no_main]

#[path = "../laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    laws::mapping::custom_resource(data);
});
