//! The `easemob-admin` binary.

fn main() -> std::process::ExitCode {
    easemob_admin_cli::main()
}
