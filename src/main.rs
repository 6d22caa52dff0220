//! The command line entry point; everything else is in the library.

use std::process::ExitCode;

/// Many small allocations of many threads: what mimalloc is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sportello::cli::main()
}
