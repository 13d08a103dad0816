//! How many simulated devices a sandbox holds, and whether messages between them arrive whole and in order.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use easemob_admin_api::{AppRoot, Client, Credentials, NewUser, RateLimit, UserId};
use easemob_admin_sandbox::{DeviceEvent, DeviceLogin, Rates, Sandbox, SimulatedDevice};
use futures_util::StreamExt;
use serde_json::Value;
use tabled::builder::Builder;
use tabled::settings::Style;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Devices of a user on one platform, as many as the service allows.
const PER_USER: usize = 4;

/// How many devices sign in at a time.
const AT_ONCE: usize = 256;

/// Arguments of the benchmark of devices.
#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// How many devices are signed in and logged out
    #[arg(long, default_value_t = 10_000)]
    devices: usize,
    /// How many devices exchange messages
    #[arg(long, default_value_t = 1_000)]
    talking: usize,
    /// For how many seconds they do
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// A sandbox in a process of its own, so that its memory is its own.
struct Served {
    process: Child,
    ready: Value,
    client: Client,
}

/// Runs a sandbox until its stdin ends.
pub(crate) async fn serve() -> Result<(), Failure> {
    let sandbox = Sandbox::builder().rates(Rates::unlimited()).start().await?;
    println!("{}", sandbox.ready_line());
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(sandbox.shutdown().await?)
}

impl Served {
    async fn start() -> Result<Self, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("sandbox")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().ok_or("the sandbox has no stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        let ready: Value = serde_json::from_str(&line)?;
        let text = |key: &str| ready[key].as_str().unwrap_or_default();
        let client = Client::builder(AppRoot::parse(text("app_root"))?)
            .credentials(Credentials::client_secret(
                text("client_id"),
                text("client_secret"),
            ))
            .rate(RateLimit::unlimited())
            .build()?;
        Ok(Self {
            process,
            ready,
            client,
        })
    }

    /// The peak of the memory that the sandbox took, in MiB.
    fn peak_memory(&self) -> Result<u64, Failure> {
        let id = self.process.id().ok_or("the sandbox has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        Ok(kilobytes.ok_or("no VmHWM")?.parse::<u64>()? / 1024)
    }

    async fn token(&self, user: &UserId) -> Result<String, Failure> {
        let token = self.client.inherit_user_token(user, false, None).await?;
        Ok(token.expose().to_owned())
    }

    async fn register(&self, users: usize) -> Result<Vec<UserId>, Failure> {
        let users: Vec<UserId> = (0..users)
            .map(|index| UserId::parse(format!("user{index}")))
            .collect::<Result<_, _>>()?;
        for page in users.chunks(60) {
            let new: Vec<NewUser> = page.iter().map(|user| NewUser::new(user.clone(), "pw")).collect();
            self.client.register_users(new).await?;
        }
        Ok(users)
    }

    /// Signs devices in, `PER_USER` per user and platform if there are more devices than users.
    async fn sign_in(&self, users: &[UserId], each: usize) -> Result<Vec<SimulatedDevice>, Failure> {
        let text = |key: &str| self.ready[key].as_str().unwrap_or_default();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut opening = JoinSet::new();
        for user in users {
            let token = self.token(user).await?;
            for device in 0..each {
                let login = DeviceLogin::new(text("ws"), text("app_key"), &user.to_string(), &token)
                    .resource(&format!("ios_{device}"));
                let place = Arc::clone(&places).acquire_owned().await?;
                opening.spawn(async move {
                    let device = SimulatedDevice::connect(&login).await;
                    drop(place);
                    device
                });
            }
        }
        let mut devices = Vec::new();
        while let Some(opened) = opening.join_next().await {
            devices.push(opened??);
        }
        Ok(devices)
    }
}

/// Runs the benchmark.
pub(crate) async fn run(args: &DevicesArgs) -> Result<(), Failure> {
    let mut table = Builder::default();
    table.push_record(["what", "figure"]);
    let mut row = |what: String, figure: String| table.push_record([what, figure]);
    hold(args.devices, &mut row).await?;
    talk(args.talking, Duration::from_secs(args.seconds), &mut row).await?;
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}

/// Signs many devices in at once, and logs all of them out.
async fn hold(count: usize, row: &mut impl FnMut(String, String)) -> Result<(), Failure> {
    let served = Served::start().await?;
    let users = served.register(count.div_ceil(PER_USER)).await?;
    let started = Instant::now();
    let devices = served.sign_in(&users, PER_USER).await?;
    let held = devices.len();
    row(
        format!("{held} devices signed in"),
        format!("{:.1} s", started.elapsed().as_secs_f64()),
    );
    row(
        "peak memory of the sandbox with them".into(),
        format!("{} MiB", served.peak_memory()?),
    );
    let mut waiting = JoinSet::new();
    for mut device in devices {
        waiting.spawn(async move {
            let told = device.next().await;
            matches!(told, Some(DeviceEvent::SignedOut { code: 217, .. })) && device.next().await.is_none()
        });
    }
    let started = Instant::now();
    let logouts = futures_util::stream::iter(&users)
        .map(|user| served.client.logout_all(user))
        .buffer_unordered(16);
    let refused = logouts
        .filter(|done| std::future::ready(done.is_err()))
        .count()
        .await;
    let mut told = 0;
    while let Some(one) = waiting.join_next().await {
        told += usize::from(one?);
    }
    row(
        format!("logouts of {} users, refused", users.len()),
        refused.to_string(),
    );
    row(
        format!("devices of {held} that were told 217 and closed"),
        format!("{told} in {:.1} s", started.elapsed().as_secs_f64()),
    );
    row(
        "peak memory of the sandbox in all".into(),
        format!("{} MiB", served.peak_memory()?),
    );
    if told != held || refused != 0 {
        return Err("a logout was not delivered".into());
    }
    Ok(())
}

/// What became of the messages to one device.
#[derive(Default)]
struct Received {
    messages: u64,
    out_of_order: u64,
    frames: u64,
}

/// Has devices write to each other in a ring, each as fast as it gets acknowledgements.
async fn talk(count: usize, time: Duration, row: &mut impl FnMut(String, String)) -> Result<(), Failure> {
    let served = Served::start().await?;
    let users = served.register(count).await?;
    let devices = served.sign_in(&users, 1).await?;
    let (sent, stop) = (Arc::new(AtomicU64::new(0)), Instant::now() + time);
    let mut talking = JoinSet::new();
    for device in devices {
        talking.spawn(converse(device, count, Arc::clone(&sent), stop));
    }
    let mut all = Received::default();
    while let Some(received) = talking.join_next().await {
        let received = received?;
        all.messages += received.messages;
        all.out_of_order += received.out_of_order;
        all.frames += received.frames;
    }
    let sent = sent.load(Ordering::Relaxed);
    let seconds = time.as_secs();
    row(
        format!("messages of {count} devices in {seconds} s"),
        format!("{sent}, {} a second", sent / seconds.max(1)),
    );
    row("lost".into(), sent.saturating_sub(all.messages).to_string());
    row(
        "out of order in their conversation".into(),
        all.out_of_order.to_string(),
    );
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let per_message = all.frames as f64 / sent.max(1) as f64;
    row(
        "frames per message, both ends and ways".into(),
        format!("{per_message:.2}"),
    );
    row(
        "peak memory of the sandbox".into(),
        format!("{} MiB", served.peak_memory()?),
    );
    // A message and its answer, a notice, a pull with its answer, an acknowledgement with the end of the queue.
    if sent != all.messages || all.out_of_order != 0 || per_message > 7.1 {
        return Err("messages were lost, out of order, or took too many frames".into());
    }
    Ok(())
}

/// Writes to the next device of the ring until the time is over, and reads until nothing comes any more.
async fn converse(
    mut device: SimulatedDevice,
    count: usize,
    sent: Arc<AtomicU64>,
    stop: Instant,
) -> Received {
    const SILENCE: Duration = Duration::from_secs(5);
    let own: usize = device
        .login_id()
        .trim_start_matches("user")
        .split('/')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_default();
    let next = format!("user{}", (own + 1) % count);
    let (mut received, mut number) = (Received::default(), 0_u64);
    device.send_text(&next, "0").await;
    while let Ok(Some(event)) = tokio::time::timeout(SILENCE, device.next()).await {
        match event {
            DeviceEvent::Sent { .. } => {
                sent.fetch_add(1, Ordering::Relaxed);
                number += 1;
                if Instant::now() < stop {
                    device.send_text(&next, &number.to_string()).await;
                }
            }
            DeviceEvent::Message { text, .. } => {
                received.out_of_order += u64::from(text != received.messages.to_string());
                received.messages += 1;
            }
            _ => {}
        }
    }
    let frames = device.frames();
    received.frames = frames.sent + frames.received;
    received
}
