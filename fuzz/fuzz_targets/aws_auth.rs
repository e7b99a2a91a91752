//! What `mapRoles` of `aws-auth` says.
#![no_main]

#[path = "../laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    laws::mapping::aws_auth(data);
});
