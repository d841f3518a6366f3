//! The `keepuntil` command.

fn main() -> std::process::ExitCode {
    keepuntil::cli::main()
}
