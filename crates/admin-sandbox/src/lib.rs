//! A local server that behaves like the Easemob IM service: users, tokens, devices, device limits,
//! eviction and forced logout, over the same REST calls and with the same answers.
//!
//! It serves three purposes: something to try the tools on without an account, a test double whose
//! faults and clock are under control, and a standalone process for other programs.
//!
//! The rules of the service (who may sign in, who is evicted, which token is good) live in the
//! `rules` folder and know nothing of HTTP. The `server` folder answers the imitated calls, the
//! `control` folder answers the sandbox's own `/sandbox/…` calls, and [`Sandbox`] is the handle on
//! all of it. Passwords and tokens are kept in clear text: do not put real ones in.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use easemob_admin_sandbox::{DeviceLimits, Sandbox};
//!
//! let sandbox = Sandbox::start().await?;
//! sandbox.set_limits(DeviceLimits::multi(4).platform("web", 1))?;
//! sandbox.register("ann");
//!
//! let first = sandbox.sign_in("ann", "web")?;
//! let second = sandbox.sign_in("ann", "web")?;
//!
//! assert_eq!(second.evicted, [first.resource]);
//! sandbox.shutdown().await?;
//! # Ok(())
//! # }
//! ```

mod builder;
mod control;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod plain_http;
mod realtime;
mod rules;
mod sandbox;
mod seed;
mod server;
mod service;
mod simulated;
mod state_file;
mod webhooks;

pub use builder::SandboxBuilder;
pub use error::SandboxError;
pub use rules::clock::SandboxClock;
pub use rules::limits::{DeviceLimits, LimitError, LimitMode, UserLimits};
pub use rules::live_event::{Happened, LiveEvent};
pub use rules::sign_in::{SandboxDevice, SignIn, SignInError, SignInPolicy, SignInRequest};
pub use sandbox::Sandbox;
pub use seed::{Seed, SeedDevice, SeedError, SeedUser};
pub use server::calls::Call;
pub use server::faults::Fault;
pub use server::jwt::JwtKey;
pub use server::jwt_signature::JwtKeyError;
pub use server::rate::{RateWindow, Rates};
pub use simulated::{ConnectError, DeviceEvent, DeviceLogin, Frames, SimulatedDevice, is_sandbox};
pub use state_file::StateFileError;
pub use webhooks::Webhook;
