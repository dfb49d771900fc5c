//! Sets `cfg(optimized)` in optimized builds, where stack frames are far smaller.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(optimized)");
    let level = std::env::var("OPT_LEVEL").unwrap_or_default();
    if ["2", "3", "s", "z"].contains(&level.as_str()) {
        println!("cargo:rustc-cfg=optimized");
    }
}
