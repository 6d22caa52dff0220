//! The command line entry point; everything else is in the library.

/// Measured against the system allocator and jemalloc by `script/bench allocators`; see bench/README.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {}
