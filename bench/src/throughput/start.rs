//! How long it takes from the start of a program to its end, with one call or none.

use std::process::Command;

use tabled::builder::Builder;
use tabled::settings::Style;

use super::{Failure, Server, median, ways};
use crate::child::{Output, run as run_child};

/// Starts every program `starts` times, in turn.
pub(super) fn run(starts: usize) -> Result<(), Failure> {
    let server = Server::start(0)?;
    let home = tempfile::tempdir()?;
    let url = format!("{}/users/ann/resources", server.root);
    let tool = |args: &[&str]| -> Result<Command, Failure> {
        let mut command = ways::tool(home.path(), &server.root)?;
        command.env("EASEMOB_TOKEN", "YWMtbench").args(args);
        command
            .env_remove("EASEMOB_CLIENT_ID")
            .env_remove("EASEMOB_CLIENT_SECRET");
        Ok(command)
    };
    let curl = |args: &[&str]| {
        let mut command = Command::new("curl");
        command.args(args);
        command
    };
    let authorization = "Authorization: Bearer YWMtbench";
    let mut programs = [
        ("curl --version", curl(&["--version"])),
        ("curl, one call", curl(&["-sf", "-H", authorization, &url])),
        ("easemob-admin --version", tool(&["--version"])?),
        (
            "easemob-admin devices list ann",
            tool(&["devices", "list", "ann"])?,
        ),
    ];
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); programs.len()];
    for _ in 0..starts {
        for ((_, program), times) in programs.iter_mut().zip(&mut times) {
            times.push(run_child(program, Output::Dropped)?.wall.as_secs_f64() * 1000.0);
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    let mut table = Builder::default();
    table.push_record(["start", "ms", "of curl --version", "of curl, one call"]);
    for ((name, _), own) in programs.iter().zip(&medians) {
        table.push_record([
            (*name).to_owned(),
            format!("{own:.1}"),
            format!("{:.2}", own / medians[0]),
            format!("{:.2}", own / medians[1]),
        ]);
    }
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}
