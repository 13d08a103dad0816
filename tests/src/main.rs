//! The product's binary, for the tests of this package.

fn main() -> std::process::ExitCode {
    easemob_admin_cli::main()
}
