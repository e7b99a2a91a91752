//! How the plugin is linked on Linux: for a short start, since kubectl waits for one at each call.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |name: &str| std::env::var(name).unwrap_or_default();
    if target("CARGO_CFG_TARGET_OS") != "linux" || target("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    // GCC's unwinder becomes a part of it: to load libgcc_s, which looks at the processor, is a tenth of a start.
    println!("cargo:rustc-link-lib=gcc_eh");
    // Relocation, at each start, of all the tables of AWS's SDK is a fifth of one. What `make dist` ships is linked
    // statically, has few of them, and stays position independent.
    let is_static = target("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    if target("PROFILE") == "release" && !is_static {
        println!("cargo:rustc-link-arg-bin=authenticator-client=-no-pie");
    }
}
