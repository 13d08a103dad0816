//! What clients of many apps cost, that share certificates and connections, and that do not.

use std::time::Instant;

use clap::Args;
use easemob_admin_api::{AppRoot, Client, Credentials};
use tabled::builder::Builder;
use tabled::settings::Style;

type Failure = Box<dyn std::error::Error>;

/// Arguments of the benchmark of tenants.
#[derive(Debug, Args)]
pub(crate) struct TenantsArgs {
    /// How many apps there are
    #[arg(long, default_value_t = 200)]
    apps: usize,
}

pub(crate) fn run(args: &TenantsArgs) -> Result<(), Failure> {
    let mut table = Builder::default();
    table.push_record(["clients", "milliseconds", "MiB more"]);
    // The cheaper way first: memory that was freed is used again.
    measure(&mut table, "of one", args.apps, |first, root| match first {
        Some(first) => first.for_app(root, credentials()),
        None => Client::builder(root).credentials(credentials()).build(),
    })?;
    measure(&mut table, "each by itself", args.apps, |_, root| {
        Client::builder(root).credentials(credentials()).build()
    })?;
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}

fn credentials() -> Credentials {
    Credentials::client_secret("YXA6id", "YXA6secret")
}

fn measure(
    table: &mut Builder,
    name: &str,
    apps: usize,
    make: impl Fn(Option<&Client>, AppRoot) -> Result<Client, easemob_admin_api::ConfigError>,
) -> Result<(), Failure> {
    let (before, start) = (resident()?, Instant::now());
    let mut clients: Vec<Client> = Vec::with_capacity(apps);
    for app in 0..apps {
        let root = AppRoot::parse(&format!("https://im.example.com/acme/app{app}"))?;
        clients.push(make(clients.first(), root)?);
    }
    let (took, after) = (start.elapsed(), resident()?);
    table.push_record([
        name.to_owned(),
        took.as_millis().to_string(),
        format!("{:.1}", (after - before) / 1024.0),
    ]);
    drop(clients);
    Ok(())
}

/// The memory of this process, in KiB.
fn resident() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the system does not say")?.parse()?)
}
