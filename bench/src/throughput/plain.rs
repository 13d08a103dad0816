//! What one would write without this project: reqwest and `buffer_unordered`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use clap::Args;
use futures_util::StreamExt;
use serde::Deserialize;

/// Arguments of the plain client.
#[derive(Debug, Args)]
pub(crate) struct PlainArgs {
    #[arg(long)]
    root: String,
    #[arg(long)]
    from: PathBuf,
    #[arg(long)]
    connections: usize,
    /// Use one thread instead of one per core
    #[arg(long)]
    one_thread: bool,
}

#[derive(Deserialize)]
struct Devices {
    data: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    res: String,
}

/// Reads the devices of every user of the list, and writes how many there are.
pub(crate) fn run(args: &PlainArgs) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = if args.one_thread {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
    } else {
        tokio::runtime::Runtime::new()?
    };
    runtime.block_on(read(args))
}

async fn read(args: &PlainArgs) -> Result<(), Box<dyn std::error::Error>> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let users = BufReader::new(File::open(&args.from)?).lines();
    let ask = |user: io::Result<String>| {
        let client = &client;
        async move {
            let url = format!("{}/users/{}/resources", args.root, user?);
            let request = client.get(url).bearer_auth("YWMtbench");
            let body = request.send().await?.error_for_status()?.bytes().await?;
            let devices: Devices = serde_json::from_slice(&body)?;
            let named = devices.data.iter().filter(|device| !device.res.is_empty());
            Ok::<_, Box<dyn std::error::Error>>(named.count())
        }
    };
    let mut answers = futures_util::stream::iter(users)
        .map(ask)
        .buffer_unordered(args.connections);
    let mut devices = 0;
    while let Some(answer) = answers.next().await {
        devices += answer?;
    }
    println!("{devices}");
    Ok(())
}
